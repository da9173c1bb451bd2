"""Decisions: (desired, observed) -> data.

Pure: no I/O, no clock, no randomness; what is new comes as an argument.
"""
