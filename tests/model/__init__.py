"""Nouns, and the rules that belong to one noun."""
