"""Nouns: frozen data and the rules that belong to one noun alone.

No I/O, no clock, no randomness.
"""
