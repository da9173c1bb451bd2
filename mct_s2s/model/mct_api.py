"""How the MCT API is called, as far as the document says it."""

from __future__ import annotations

API_PATH = "/api/v1/organization"
"""A read that every deployment answers to a caller with access; what is called where no other path is given."""
SERVICE_HEADER = {"ClientType": "Service"}
"""The document's warning: the header that every service call carries."""
