"""Whose credentials a rotation is about: the clients that were named, or those whose credential ends soon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.client_credentials import replaced_kind
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Rotation, ServiceSpec
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.nearest import did_you_mean
from mct_s2s.planning.registrations.clients import find_client
from mct_s2s.planning.registrations.membership import members
from mct_s2s.planning.registrations.ownership import is_below


def rotating(rotation: Rotation, observed: ObservedState, spec: ServiceSpec, now: datetime) -> dict[str, Application]:
    """The registrations that a rotation is about, by display name, or where two share one, by appId.

    Those of a rotation that is only about named clients are called as they were named. Whose they are is not judged
    yet: where their secrets are stored has a say in that.

    Raises:
        NotThere: there is no such client, or no trust at all.
        Refused: a client that has nothing that can be replaced.
    """
    service = observed.trust.service
    if service is None:
        raise NotThere(
            "service-application-missing",
            "This App Service has no service application yet, so it has no clients.",
            remedy="Create it first: run mct-s2s setup with the same options.",
        )
    base = service.unique_name or spec.unique_name
    if rotation.expiring_within is None:
        return _called(_the_client(name, base, observed) for name in rotation.clients)
    horizon = now + rotation.expiring_within
    if rotation.only_named:
        named = ((name, _application_of(name, base, observed)) for name in rotation.clients)
        due = {one.client_id: (name, one) for name, one in named if one is not None and _is_due(one, horizon)}
        return dict(due.values())
    return _called(_due(observed, horizon, base))


def left_alone(
    rotation: Rotation, observed: ObservedState, now: datetime, rotated: Iterable[Application], base: str
) -> Iterator[str]:
    """The clients whose credential ends as soon and that were not named."""
    if not rotation.only_named or rotation.expiring_within is None:
        return
    known = {application.client_id for application in rotated}
    others = [one for one in _due(observed, now + rotation.expiring_within, base) if one.client_id not in known]
    if others:
        names = ", ".join(f"'{one.display_name}'" for one in others)
        yield f"Left alone, although a credential expires: {names}. Nothing asks to rotate it."


def ends_within(application: Application, horizon: datetime) -> bool:
    """Whether nothing that it can sign in with lasts beyond `horizon`."""
    return all(
        credential.expires is not None and credential.expires <= horizon for credential in application.credentials
    )


def _application_of(name: str, base: str, observed: ObservedState) -> Application | None:
    client = find_client(name, base, observed)
    return client.application if client is not None else None


def _due(observed: ObservedState, horizon: datetime, base: str) -> list[Application]:
    of_trust = members(observed)
    made = (one for one in observed.trust.clients if one.application and is_below(one.application, base))
    applications = (client.application for client in dict.fromkeys((*of_trust, *made)))
    return [one for one in applications if one is not None and _is_due(one, horizon)]


def _called(applications: Iterable[Application]) -> dict[str, Application]:
    distinct = {application.client_id: application for application in applications}
    names = Counter(application.display_name for application in distinct.values())
    return {a.display_name if names[a.display_name] == 1 else a.client_id: a for a in distinct.values()}


def _the_client(name: str, base: str, observed: ObservedState) -> Application:
    client = find_client(name, base, observed)
    if client is None or client.application is None:
        there = [member.display_name for member in members(observed) if member.application is not None]
        raise NotThere(
            "client-unknown",
            f"No client application is named '{name}'. "
            + (f"The client applications are: {', '.join(there)}." if there else "There are none."),
            remedy=did_you_mean(name, there, "Use one of these names or an appId. To list them, run mct-s2s status."),
        )
    if replaced_kind(client.application.credentials) is None:
        raise Refused(
            "no-secret-to-rotate",
            f"'{client.display_name}' has no secret, and no certificate that mct-s2s created.",
            remedy="A federated credential needs no rotation. To register another certificate of your own:",
            command=own_command("add-client", "--certificate", "FILE", about=client.client_id),
        )
    return client.application


def _is_due(application: Application, horizon: datetime) -> bool:
    """Whether what is replaced ends in time, or an earlier rotation left something to do."""
    kind = replaced_kind(application.credentials)
    held = [one for one in application.credentials if one.kind is kind]
    return bool(held) and (ends_within(application, horizon) or sum(one.is_made for one in held) > 1)
