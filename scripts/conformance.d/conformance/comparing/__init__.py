"""Answers compared with recorded ones: placeholders, tables, rules."""
