"""What scripts/reference_pages.py makes the pages of, and holds them to."""
