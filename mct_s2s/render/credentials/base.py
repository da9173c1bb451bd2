"""What the examples for all kinds of credentials are made from."""

from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.planning.changes import AddCredential


@dataclass(frozen=True)
class CallingClient:
    """A client application whose call is shown."""

    client_id: str
    """Empty where it is not known."""
    dotenv: str | None = None
    """The file of variables that its credential was saved to."""
    saved_to: str | None = None
    """Where its credential is, as `--secret-to` takes it."""
    added: AddCredential | None = None
    """What this run adds to it."""
