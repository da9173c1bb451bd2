"""`--service-management-reference`: what some tenants demand on every registration."""

from __future__ import annotations

from mct_s2s.errors import UsageError, about

OPTION = "--service-management-reference"
LONGEST = 256
"""Ours: Graph documents no limit, and asset managements use GUIDs or short numbers."""


@about("service-management-reference")
def management_reference(value: str | None) -> str | None:
    """The id as it was given: what it looks like is the tenant's to say, and most use GUIDs.

    Source: learn.microsoft.com/graph/api/resources/application, `serviceManagementReference`.

    Raises:
        UsageError: it is empty, or cannot be an id.
    """
    if value is None:
        return None
    text = value.strip()
    if not text:
        raise UsageError("empty-value", f"{OPTION} is empty.", remedy=f"Add a value to {OPTION}, or remove it.")
    if len(text) > LONGEST or not text.isprintable():
        raise UsageError(
            "malformed-id",
            f"Invalid {OPTION}. Use {LONGEST} printable characters at most.",
            remedy=f"Copy the ID from your organization's service or asset management: {OPTION} ID",
        )
    return text
