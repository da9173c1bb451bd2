"""`status` in formats of others, each read back by a parser that is not ours."""
