"""The caller of a command: ways to sign in, their tokens, and what a service asks of them."""
