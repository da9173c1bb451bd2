"""Everything that can go wrong, at every point where it can."""
