"""Apply a plan: each change, in the order that the plan allows."""
