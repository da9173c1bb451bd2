"""The order of events: observe, apply, read back. Async; never knows an SDK."""
