"""How a client application calls the MCT API with its credential: one module a kind, and the table of the kinds."""

from __future__ import annotations

from collections.abc import Iterable

from mct_s2s.model.desired import CredentialSpec
from mct_s2s.render.console import Terminal
from mct_s2s.render.credentials import certificate, federated, secret
from mct_s2s.render.credentials.base import CallingClient, CredentialGuide
from mct_s2s.render.next_steps import Call

GUIDES: tuple[CredentialGuide, ...] = (
    secret.GUIDE,
    certificate.GUIDE,
    federated.GUIDE,
)
_BY_SPEC = {guide.spec: guide for guide in GUIDES}


def show_calls(terminal: Terminal, call: Call, clients: Iterable[tuple[CredentialSpec, CallingClient]]) -> None:
    """Show an example for the first client with each kind of credential, or for each client where they differ."""
    shown: set[type[CredentialSpec]] = set()
    for spec, client in clients:
        guide = _BY_SPEC[type(spec)]
        if guide.differs or guide.spec not in shown:
            guide.show(terminal, call, client)
        shown.add(guide.spec)
