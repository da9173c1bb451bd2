"""Places where credentials are kept, and the lock of this machine."""
