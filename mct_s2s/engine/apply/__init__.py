"""Apply a plan: each change against the ports, in the order that the plan allows."""
