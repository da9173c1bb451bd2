"""Service-to-service authentication for Microsoft Community Training, in one command."""

__version__ = "0.1.0"
