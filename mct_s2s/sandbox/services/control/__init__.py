"""The control of the sandbox, for whoever runs it."""
