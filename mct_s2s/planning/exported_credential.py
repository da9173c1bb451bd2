"""How a client signs in, as far as a trust file can say it without asking for anything new."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mct_s2s.model.client_credentials import Credential, CredentialKind, Federation
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import place_in_tag
from mct_s2s.planning.credentials.federated import exchange_audience

Options = dict[str, str | bool]


@dataclass(frozen=True)
class Forms:
    """What options take, and what they mean, as their own parsers say."""

    secret_name: Callable[[str], str]
    """The name that the secret of a client of that name gets in a key vault by itself."""
    takes: Callable[[Federation], bool]
    """Whether a federated credential can be asked for again."""


def exported_credential(
    application: Application, now: datetime, forms: Forms, name: str, cloud: str
) -> tuple[Options, tuple[str, ...]]:
    """The keys that say how a client signs in, and remarks on them.

    Args:
        application: the client's, with its federated credentials.
        now: the moment that decides what has expired.
        forms: what options take.
        name: what the file calls the client.
        cloud: which audience of a federated credential need not be said.
    """
    valid = application.valid_at(now)
    secrets = [one for one in valid if one.kind is CredentialKind.SECRET]
    certificates = [one for one in valid if one.kind is CredentialKind.CERTIFICATE]
    federated = [one for one in valid if one.federation is not None]
    if secrets:
        return {"credential": "secret", **_place(application, forms, name)}, _beside(certificates, federated)
    if certificates:
        if any(one.is_ours for one in certificates):
            return {"credential": "certificate"}, _beside((), federated)
        return {"credential": "none"}, ("Its certificate was not created by mct-s2s.", *_beside((), federated))
    if federated:
        return _federated(federated, forms, cloud)
    if application.credentials:
        return {"credential": "none"}, ('Its last credential has expired. For a new one: credential = "secret"',)
    return {"credential": "none"}, ()


def _place(application: Application, forms: Forms, name: str) -> Options:
    """The key vault that the registration remembers, the last one; files and programs leave no trace in Azure."""
    places = [place for tag in application.tags if (place := place_in_tag(tag)) is not None]
    if not places:
        return {}
    vault, _, secret = places[-1].partition("/")
    return {"secret-to": f"keyvault:{vault}" if secret == forms.secret_name(name) else f"keyvault:{vault}/{secret}"}


def _federated(federated: Sequence[Credential], forms: Forms, cloud: str) -> tuple[Options, tuple[str, ...]]:
    """One of them: a table says one credential. Ours goes before others'."""
    named = ((one, one.federation) for one in sorted(federated, key=lambda one: (not one.is_ours, one.name or "")))
    chosen = next(((one, found) for one, found in named if found is not None and forms.takes(found)), None)
    if chosen is None:
        return {"credential": "none"}, ("Its federated credential is of a form that mct-s2s does not write.",)
    credential, found = chosen
    options: Options = {"credential": "federated", "federated-issuer": found.issuer, "federated-subject": found.subject}
    if found.audience != exchange_audience(cloud):
        options["federated-audience"] = found.audience
    return options, _beside((), [one for one in federated if one is not credential])


def _beside(certificates: Sequence[Credential], federated: Sequence[Credential]) -> tuple[str, ...]:
    """What else it can sign in with, which stays as it is."""
    counted = ((certificates, "certificate"), (federated, "federated credential"))
    found = [f"{len(some)} {noun}{'s' * (len(some) > 1)}" for some, noun in counted if some]
    return (f"It also has {' and '.join(found)}: that is not changed by this file.",) if found else ()
