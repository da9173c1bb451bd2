"""Bytes as text."""

from __future__ import annotations

import base64


def base64url(data: bytes) -> str:
    """Encode bytes for URLs and tokens, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
