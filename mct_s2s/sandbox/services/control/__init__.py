"""The control interface of the sandbox."""
