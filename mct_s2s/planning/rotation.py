"""Whose credentials a rotation replaces.

Which ones, and what becomes of the old, is in `replacement`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from mct_s2s.errors import Instruction, NotThere, Refused
from mct_s2s.model.client_credentials import replaced_kind
from mct_s2s.model.desired import Rotation
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.belief import Doubted, client_trust, service_trust
from mct_s2s.planning.changes import AnyChange, ApplicationEdits
from mct_s2s.planning.credentials import ClientState
from mct_s2s.planning.not_ours import not_ours, service_not_ours, why_doubted
from mct_s2s.planning.ownership import (
    CLIENT,
    audience_of,
    has_unique_name_below,
    is_listed,
    members_and_created_clients,
    unknown,
)
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.registrations import find_client
from mct_s2s.planning.replacement import Replacement, all_end_by
from mct_s2s.planning.service_application import service_missing


def rotating(rotation: Rotation, observed: ObservedState) -> dict[str, ClientApplication]:
    """By name as asked for, display name, or appId where two share one.

    Whether they are believed is judged later.

    Without names, those that were made for this App Service: a rotation gives a secret to all who
    read its places.
    """
    if observed.trust.service is None:
        raise service_missing(observed)
    within = rotation.expiring_within
    if within is None and rotation.only_named:
        return {name: _the_client(name, observed) for name in rotation.clients}
    if within is None:
        found = [_the_client(name, observed) for name in rotation.clients]
    elif not rotation.only_named:
        due = _due(observed, observed.now + within)
        found = [
            one for one in due if has_unique_name_below(one.application, observed.trust.unique_name)
        ]
    else:
        clients = {
            name: client
            for name in rotation.clients
            if (client := _client_or_none(name, observed)) is not None
        }
        _refuse_twice(clients)
        return {
            name: client
            for name, client in clients.items()
            if _is_due(client, observed.now + within)
        }
    distinct = {client.client_id: client for client in found}.values()
    names = Counter(client.display_name for client in distinct)
    return {
        one.display_name if names[one.display_name] == 1 else one.client_id: one for one in distinct
    }


def _refuse_twice(clients: Mapping[str, ClientApplication]) -> None:
    """A name and an appId may mean one client: which entry's place counts would be a matter of
    their order.
    """
    names: dict[str, str] = {}
    for name, client in clients.items():
        first = names.setdefault(client.client_id, name)
        if first != name:
            raise Refused(
                "client-named-twice",
                f"'{first}' and '{name}' are the same client, '{client.display_name}' (appId "
                f"{client.client_id}).",
                remedy="Remove one of the two from the trust file.",
            )


def _client_or_none(name: str, observed: ObservedState) -> ClientApplication | None:
    """One that a file names and that is not there, or not told apart, stops no other."""
    try:
        return find_client(name, observed)
    except NotThere:
        return None


def _the_client(name: str, observed: ObservedState) -> ClientApplication:
    client = find_client(name, observed)
    if not client.is_registered:
        raise unknown(name, observed, what="client application")
    if replaced_kind(client.credentials) is None:
        raise Refused(
            "no-secret-to-rotate",
            f"'{client.display_name}' has no secret, and no certificate that mct-s2s created.",
            remedy="A federated credential needs no rotation. To register another certificate of "
            "your own:",
            command=observed.command("add-client", "--certificate", "FILE", about=client.client_id),
        )
    return client


def _due(observed: ObservedState, horizon: datetime) -> list[ClientApplication]:
    """Whom this App Service lists, or who was made for it.

    Who else holds the role is another's client.
    """
    base = observed.trust.unique_name
    mine = (
        one
        for one in members_and_created_clients(observed)
        if is_listed(one, observed) or has_unique_name_below(one.application, base)
    )
    return [one for one in mine if _is_due(one, horizon)]


def _is_due(client: ClientApplication, horizon: datetime) -> bool:
    """Whether what is replaced ends in time, or an earlier rotation left something to do."""
    kind = replaced_kind(client.credentials)
    held = [one for one in client.credentials if one.kind is kind]
    is_left = bool(client.application.undelivered) or sum(one.is_made for one in held) > 1
    return is_left or (bool(held) and all_end_by(client.credentials, horizon))


def plan_rotation(rotation: Rotation, observed: ObservedState) -> Plan:
    """Raises NotThere; Refused: a client without what can be replaced, or not believed."""
    found, service = rotating(rotation, observed), observed.trust.service
    assert service is not None  # `rotating` has looked
    others = _others_due(rotation, observed, found.values())
    # What is stored with a secret says for which API its tokens are: that must not be the settings'
    # word alone.
    of_service = service_trust(service, observed, rotation.service)
    if isinstance(of_service, Doubted) and (found or others):
        raise service_not_ours(service, observed, of_service)
    audience = audience_of(service, observed)
    steps, notes, left_alone = list[AnyChange](), list[str | Instruction](), list[Instruction]()
    for name, client in found.items():
        trusted = client_trust(client, observed, rotation.service, rotation.clients)
        unreadable = observed.unreadable_stores.get(name)
        if isinstance(trusted, Doubted) and rotation.expiring_within is None:
            raise not_ours(client.application, trusted, CLIENT)
        if isinstance(trusted, Doubted):
            left_alone.append(_left_alone(client, rotation, observed, why_doubted(trusted)))
        elif unreadable is not None:
            why = f"the place of its secret could not be read: {unreadable.headline}"
            left_alone.append(_left_alone(client, rotation, observed, why, "--secret-to", "PLACE"))
        else:
            note, key = observed.note_of(name), f"client:{name}"
            state = ClientState(
                key, CLIENT, client.application, None, name, audience, note, observed.now
            )
            replacement = Replacement(state, rotation.of(name))
            steps += [*replacement.changes(), *_settled(state)]
            notes += replacement.notes(_removal(name, rotation, observed))
    for name in rotation.clients if rotation.only_named else ():
        if _client_or_none(name, observed) is None:
            what = (
                f"Left alone: '{name}', which the file names, is not an app registration of this "
                "tenant. To see it:"
            )
            left_alone.append(Instruction(what, observed.command("status")))
    for client in others:
        trusted = client_trust(client, observed, rotation.service, rotation.clients)
        if isinstance(trusted, Doubted) and not rotation.only_named:
            left_alone.append(_left_alone(client, rotation, observed, why_doubted(trusted)))
        else:
            left = f"Left alone, although a credential expires: '{client.display_name}'."
            notes.append(f"{left} Nothing asks to rotate it.")
    return Plan(tuple(steps), notes=tuple(notes), left_alone=tuple(left_alone))


def _others_due(
    rotation: Rotation, observed: ObservedState, found: Iterable[ClientApplication]
) -> list[ClientApplication]:
    """Clients that expire, too, and that this rotation is not about."""
    if rotation.expiring_within is None:
        return []
    known = {client.client_id for client in found}
    due = _due(observed, observed.now + rotation.expiring_within)
    return [client for client in due if client.client_id not in known]


def _left_alone(
    client: ClientApplication, rotation: Rotation, observed: ObservedState, why: str, *options: str
) -> Instruction:
    what = (
        f"Left alone, although a credential expires: '{client.display_name}', as {why.rstrip('.')}."
    )
    if observed.file is not None and options:
        return Instruction(f"{what} To rotate it:", observed.rotating(client))
    if observed.file is not None:
        by_id = f"To rotate it, name it by its appId in the file, {client.client_id}, then:"
        return Instruction(
            f"{what} {by_id}", observed.file.command("rotate-secret", about=client.client_id)
        )
    adopting = ["--service-app", rotation.service.adopt] if rotation.service.adopt else []
    rotate = observed.command("rotate-secret", *options, *adopting, about=client.client_id)
    return Instruction(f"{what} To rotate it:", rotate)


def _removal(name: str, rotation: Rotation, observed: ObservedState) -> str:
    """The command that removes the old credential of a client, once nothing uses it."""
    if observed.file is not None:
        return observed.file.command("rotate-secret", "--remove-old", about=name)
    adopting = ["--service-app", rotation.service.adopt] if rotation.service.adopt else []
    return observed.command("rotate-secret", "--remove-old", *adopting, about=name)


def _settled(client: ClientState) -> Iterator[AnyChange]:
    if settled := client.arrived_attempt_tags():
        edits, told = (
            ApplicationEdits(no_tags=settled),
            "no longer notes that its secret is on its way",
        )
        yield client.plan_update(f"{client.key}:arrived", CLIENT, client.name, told, edits)
