"""Clients and trusts that go: whom a name means, what goes with them, and what stays."""
