"""Read what exists, before a plan is made."""
