"""What the examples of all kinds of credentials have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mct_s2s.model.desired import CredentialSpec
from mct_s2s.planning.changes import AddCredential
from mct_s2s.render.console import Terminal
from mct_s2s.render.next_steps import Call


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


@dataclass(frozen=True)
class CredentialGuide:
    """How the use of a kind of credential is explained."""

    spec: type[CredentialSpec]
    show: Callable[[Terminal, Call, CallingClient], None]
    differs: bool = False
    """Whether the example of one client is of no use to another one."""
