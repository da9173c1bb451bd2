"""Tests by promise, not by file."""
