"""`--url` and `--path`: where the MCT API is called, checked before a token goes anywhere."""

from __future__ import annotations

from urllib.parse import urlsplit

from mct_s2s.errors import UsageError


def api_url(text: str) -> str:
    """The https address of an MCT site, without a path. Raises UsageError: anything else."""
    wanted = text.strip().rstrip("/")
    try:
        parts = urlsplit(wanted)
        host, _ = parts.hostname, parts.port  # a port that is no number is found only by asking for it
    except ValueError:
        parts, host = urlsplit(""), None
    beside = parts.path or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme == "https" and host and not beside and wanted.isascii() and wanted.isprintable():
        return wanted
    raise UsageError(
        "malformed-url",
        f"Invalid --url '{text}': not the https address of a site.",
        remedy="Use scheme and host only, such as --url https://contosolearn.azurewebsites.net",
    )


def api_path(text: str) -> str:
    """A path of the MCT API, with its query if it has one. Raises UsageError: anything else."""
    plain = text.isascii() and text.isprintable() and " " not in text
    if text.startswith("/") and not text.startswith("//") and "\\" not in text and "#" not in text and plain:
        return text
    raise UsageError(
        "malformed-path",
        f"Invalid --path '{text}': not a path of the MCT API.",
        remedy="Use a path that starts with a slash, such as --path /api/v1/organization",
    )
