"""The order of events: observe, apply, read back. Async; knows the ports, never an SDK."""
