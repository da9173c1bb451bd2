"""The order of events, through the real SDKs and TLS against the sandbox."""
