"""Decisions as tables: a wish and a state in, changes or findings out. No doubles, no I/O."""
