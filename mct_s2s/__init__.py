"""Service-to-service authentication for Microsoft Community Training.

Its packages: docs/architecture.md.
"""

__version__ = "0.1.0"
