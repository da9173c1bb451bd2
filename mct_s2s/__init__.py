"""Service-to-service authentication for Microsoft Community Training. Its rooms: docs/architecture.md."""

__version__ = "0.1.0"
