"""Decisions as tables: a wish and a world in, changes or findings out. No doubles, no I/O."""
