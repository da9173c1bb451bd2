"""How a client application calls the MCT API with its credential: one module a kind, and the table of the kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mct_s2s.model.desired import CredentialSpec
from mct_s2s.planning.credentials.certificate import CertificateSpec
from mct_s2s.planning.credentials.federated import FederatedSpec
from mct_s2s.planning.credentials.secret import SecretSpec
from mct_s2s.render.console import Terminal
from mct_s2s.render.credentials import certificate, federated, secret
from mct_s2s.render.credentials.base import CallingClient
from mct_s2s.render.next_steps import Call

GUIDES: dict[type[CredentialSpec], Callable[[Terminal, Call, list[CallingClient]], None]] = {
    SecretSpec: secret.show,
    CertificateSpec: certificate.show,
    FederatedSpec: federated.show,
}


def show_calls(terminal: Terminal, call: Call, clients: Iterable[tuple[CredentialSpec, CallingClient]]) -> None:
    """Show how clients with each kind of credential call the MCT API."""
    by_kind: dict[type[CredentialSpec], list[CallingClient]] = {}
    for spec, client in clients:
        by_kind.setdefault(type(spec), []).append(client)
    for kind, callers in by_kind.items():
        GUIDES[kind](terminal, call, callers)
