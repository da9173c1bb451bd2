"""What client applications sign in with: one module a kind, and the table of the kinds.

Each kind decides what a client lacks of it. How it is made is in `engine.apply.credentials`, how it is asked for in
`cli.credentials`, how a client uses it in `render.snippets`. docs/contributing.md says how to add one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mct_s2s.model.desired import CredentialSpec
from mct_s2s.planning.changes import AddCredential, AnyChange
from mct_s2s.planning.credentials import certificate, federated, secret
from mct_s2s.planning.credentials.base import ClientState, ExportedCredential, ExportState
from mct_s2s.planning.credentials.certificate import CertificateSpec
from mct_s2s.planning.credentials.federated import FederatedSpec
from mct_s2s.planning.credentials.secret import SecretSpec

PLANNERS: dict[type[CredentialSpec], Callable[[Any, ClientState], list[AnyChange]]] = {
    SecretSpec: secret.plan,
    CertificateSpec: certificate.plan,
    FederatedSpec: federated.plan,
}

EXPORTERS: tuple[Callable[[ExportState], ExportedCredential | None], ...] = (
    secret.export,
    certificate.export,
    federated.export,
)
"""What a trust file says of a client that has a credential of that kind: the first that says anything counts."""


def export_credential(state: ExportState) -> ExportedCredential:
    """How a trust file says what a client signs in with; what else it can sign in with is a remark."""
    found = next((one for export in EXPORTERS if (one := export(state)) is not None), None)
    if found is None:
        expired = 'Its last credential has expired. For a new one: credential = "secret"'
        return ExportedCredential({"credential": "none"}, remarks=(expired,) if state.application.credentials else ())
    nouns = Counter(one.kind.noun for one in state.valid if one not in found.said)
    others = " and ".join(f"{count} {noun}{'s' * (count > 1)}" for noun, count in sorted(nouns.items()))
    more = (f"It also has {others}: that is not changed by this file.",) if others else ()
    return replace(found, remarks=(*found.remarks, *more))


def plan_credential(spec: CredentialSpec | None, client: ClientState) -> list[AnyChange]:
    """What a client lacks of the credential that it is to have. One that will do is enough, no matter who created it.

    Raises:
        Refused: a credential of that kind cannot be added.
    """
    return [] if spec is None else PLANNERS[type(spec)](spec, client)


def one_after_another(changes: list[AnyChange]) -> list[AnyChange]:
    """The same changes, each credential of a kind that Entra takes one by one after the one before it."""
    before: str | None = None
    ordered: list[AnyChange] = []
    for change in changes:
        if isinstance(change, AddCredential) and change.one_by_one:
            if before is not None:
                change = replace(change, after=(*change.after, before))  # noqa: PLW2901
            before = change.key
        ordered.append(change)
    return ordered
