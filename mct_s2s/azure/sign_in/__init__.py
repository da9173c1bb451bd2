"""Whoever runs a command: ways to sign in, their tokens, and what a service asks of them."""
