"""Whose credentials a rotation replaces.

Which credentials, and when an old one goes, is `planning/replacement.py`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from mct_s2s.errors import Instruction, NotThere, Refused
from mct_s2s.model.client_credentials import replaced_kind
from mct_s2s.model.desired import Rotation
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import is_guid, same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.belief import (
    Doubt,
    Doubted,
    TrustDecision,
    client_trust,
    is_created_by_caller,
    service_trust,
)
from mct_s2s.planning.changes import AnyChange, ApplicationEdits
from mct_s2s.planning.client_setup import refuse_deleted
from mct_s2s.planning.clients import (
    find_registered_client,
    has_unique_name_below,
    identities_called,
    is_listed,
    members_and_created_clients,
    unknown,
)
from mct_s2s.planning.credential_plan import ClientState, held_here, lost_message
from mct_s2s.planning.not_ours import NotOurs, not_ours, service_not_ours, why_doubted
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.replacement import Replacement, all_end_by, deciding_credentials
from mct_s2s.planning.service_application import service_missing
from mct_s2s.planning.service_facts import CLIENT, SERVICE_OPTION, audience_of, is_named_as_service
from mct_s2s.planning.unnamed_credentials import judged_credentials


def clients_to_rotate(rotation: Rotation, observed: ObservedState) -> dict[str, ClientApplication]:
    """Find the clients of a rotation, each by a name of its own. Raises NotThere, Refused.

    The name is what was asked for, the display name, or the appId where two share one. Whether a
    client is believed is judged later.
    """
    within = rotation.expiring_within
    if observed.trust.service is None:
        if rotation.only_named and within is not None:
            return {}  # at a site that is not set up, nothing expires
        raise service_missing(observed)
    if rotation.only_named:
        return _find_named(rotation, observed)
    if within is None:
        clients = [_find_replaceable(name, observed) for name in rotation.clients]
    else:
        # A rotation gives a secret to all who read its place: without names, only clients that were
        # created for this App Service get one.
        base = observed.trust.unique_name
        clients = [
            client
            for client in _find_due(observed, observed.now + within)
            if has_unique_name_below(client.application, base)
        ]
    return _by_own_names(clients)


def _find_named(rotation: Rotation, observed: ObservedState) -> dict[str, ClientApplication]:
    """Find the clients that are named: all, or those that are due. Raises NotThere, Refused."""
    within = rotation.expiring_within
    if within is None:
        return {name: _find_replaceable(name, observed) for name in rotation.clients}
    clients = dict[str, ClientApplication]()
    for name in rotation.clients:
        client = _find_of_file(name, observed)
        if client is not None:
            clients[name] = client
    _refuse_named_twice(clients)
    horizon = observed.now + within
    # The file says that each of them has a secret or a certificate.
    return {
        name: client
        for name, client in clients.items()
        if _is_due(client, horizon) or not client.counted_credentials
    }


def _by_own_names(clients: Iterable[ClientApplication]) -> dict[str, ClientApplication]:
    """Each client once, by its display name, or by its appId where two share a display name."""
    distinct = {client.client_id: client for client in clients}.values()
    counts = Counter(client.display_name for client in distinct)
    return {
        client.display_name if counts[client.display_name] == 1 else client.client_id: client
        for client in distinct
    }


def _refuse_named_twice(clients: Mapping[str, ClientApplication]) -> None:
    """Refuse a name and an appId that mean one client. Raises Refused.

    Whose place counts would be a matter of their order in the file.
    """
    names: dict[str, str] = {}
    for name, client in clients.items():
        other = names.setdefault(client.client_id, name)
        if other != name:
            raise Refused(
                "client-named-twice",
                f"'{other}' and '{name}' are the same client, '{client.display_name}' (appId "
                f"{client.client_id}).",
                remedy="Remove one of the two from the trust file.",
            )


def _find_of_file(name: str, observed: ObservedState) -> ClientApplication | None:
    """Find a client that a file names; `None` where it is missing or ambiguous."""
    # It stops no other client: the plan says that it is left alone.
    try:
        return find_registered_client(name, observed)
    except NotThere:
        return None


def _find_replaceable(name: str, observed: ObservedState) -> ClientApplication:
    """Find a client that has something to replace. Raises NotThere, Refused."""
    client = find_registered_client(name, observed)
    if client is None:
        _refuse_identity(name, observed)
        refuse_deleted(name, observed)
        raise unknown(name, observed, what="client application")
    if replaced_kind(client.counted_credentials) is None:
        raise Refused(
            "no-secret-to-rotate",
            f"'{client.display_name}' has no secret, and no certificate that mct-s2s created.",
            remedy="A federated credential needs no rotation. To register another certificate of "
            "your own:",
            command=observed.command("add-client", "--certificate", "FILE", about=client.client_id),
        )
    return client


def _refuse_identity(name: str, observed: ObservedState) -> None:
    """Refuse the name or ID of a managed identity. Raises Refused."""
    for identity in identities_called(name, observed.trust.identities):
        raise Refused(
            "no-secret-to-rotate",
            f"'{identity.display_name}' is a managed identity: it has no secret to rotate.",
            remedy="Nothing is to be done: Azure renews its credentials.",
        )


def _find_due(observed: ObservedState, horizon: datetime) -> list[ClientApplication]:
    """Find this App Service's clients whose credentials end by then.

    Others that hold the role are clients of other App Services.
    """
    base = observed.trust.unique_name
    return [
        client
        for client in members_and_created_clients(observed)
        if is_listed(client, observed) or has_unique_name_below(client.application, base)
        if _is_due(client, horizon)
    ]


def _is_due(client: ClientApplication, horizon: datetime) -> bool:
    """Whether what is replaced ends in time, or an earlier rotation left something to do."""
    kind = replaced_kind(client.counted_credentials)
    credentials = [
        credential for credential in client.counted_credentials if credential.kind is kind
    ]
    replaceable = [credential for credential in credentials if credential.is_replaceable]
    # Two of ours: the older one waits for its removal.
    is_unfinished = bool(client.application.undelivered) or len(replaceable) > 1
    # One of ours ends, and another one lasts: its place says which of them is in use there.
    is_in_question = any(
        all_end_by([credential], horizon)
        for credential in client.counted_credentials
        if credential.is_replaceable
    )
    all_end = bool(credentials) and all_end_by(client.counted_credentials, horizon)
    return is_unfinished or is_in_question or all_end


def plan_rotation(rotation: Rotation, observed: ObservedState) -> Plan:
    """Plan to replace credentials. Raises NotThere; Refused: nothing to replace, or a doubt."""
    clients = clients_to_rotate(rotation, observed)
    others = _find_others_due(rotation, observed, clients.values())
    service = observed.trust.service
    if service is None:  # `clients_to_rotate` has looked: it is one of many sites
        return Plan(notes=("It is not set up, so there is nothing to rotate.",))
    # Without the settings, a service application that only has the name may hide who is due.
    if clients or others or observed.settings_unread:
        _refuse_doubted_service(service, rotation, observed)

    steps = list[AnyChange]()
    notes = list[Instruction | str]()
    left_alone = list[Instruction]()
    for name, client in clients.items():
        decision = client_trust(client, observed, rotation.service, rotation.clients)
        # A client that is named is refused; of those that are due, the others are rotated.
        if isinstance(decision, Doubted) and rotation.expiring_within is None:
            raise not_ours(client.application, decision, CLIENT)
        reason = _reason_to_leave_alone(name, client, decision, rotation, observed)
        if reason is not None:
            left_alone.append(reason)
            continue
        state = _client_state(name, client, service, observed, rotation.service.adopt)
        sole = observed.sole_here.get(client.application.object_id.casefold(), frozenset())
        replacement = Replacement(state, rotation.of(name), sole)
        steps += [*replacement.changes(), *_plan_arrived_notes(state)]
        notes += replacement.notes(_removal_command(name, client, rotation, observed))
    left_alone += _describe_missing(rotation, observed)
    left_alone += _explain_doubted(others, rotation, observed)
    left_alone += _describe_unasked(others, rotation, observed, are_doubted=False)
    # Whoever may write the settings lists anyone: that makes no scheduled rotation of a file fail.
    if rotation.only_named:
        notes += _describe_unasked(others, rotation, observed, are_doubted=True)
    notes += _describe_unable(rotation, observed)
    notes += _describe_lost(clients, observed)
    return Plan(tuple(steps), notes=tuple(notes), left_alone=tuple(left_alone))


# Where the settings could not be read


def is_service_known(rotation: Rotation, observed: ObservedState) -> bool:
    """Whether the service application is the one that the unread settings name.

    They may name another one than that of this App Service's name, which anyone can register: then
    no client with a credential would be found, and nothing would seem to be due.
    """
    service = observed.trust.service
    if service is None:
        return False
    if rotation.expiring_within is None or is_named_as_service(service, rotation.service):
        return True
    base = observed.trust.unique_name
    return is_created_by_caller(service, observed.caller) or any(
        replaced_kind(client.counted_credentials) is not None
        for client in observed.trust.clients
        if has_unique_name_below(client.application, base)
    )


def find_lasting_doubt(rotation: Rotation, observed: ObservedState) -> NotOurs | None:
    """The doubt about a client that is named, and that the settings would not settle."""
    if rotation.expiring_within is not None:
        return None
    for name in rotation.clients:
        client = _find_replaceable(name, observed)
        decision = client_trust(client, observed, rotation.service, rotation.clients)
        if isinstance(decision, Doubted) and decision.has(Doubt.NOT_BELOW):
            return not_ours(client.application, decision, CLIENT)
    return None


def describe_naming(rotation: Rotation, observed: ObservedState) -> str:
    """Say how to rotate without the settings: by naming what they would name.

    Whose IDs these are, a client's own file says, and not the directory: there, anyone can
    register this App Service's name.
    """
    is_by_name = not all(map(is_guid, rotation.clients))
    if observed.file is not None:
        naming = "write the site's service-app, and each client's appId as its name, into the file"
    else:
        naming = f"run the same command with {SERVICE_OPTION} APP_ID"
        if is_by_name:
            naming += ", and with the client's appId in place of its name"
    return (
        f"Or, without the settings, {naming}. They are in the client's secret file: MCT_S2S_SCOPE "
        "without /.default, and AZURE_CLIENT_ID."
    )


def _client_state(
    name: str,
    client: ClientApplication,
    service: Application,
    observed: ObservedState,
    adopt: str | None,
) -> ClientState:
    return ClientState(
        key=f"client:{name}",
        resource=CLIENT,
        application=client.application,
        service_principal=None,
        name=name,
        audience=audience_of(service, observed, adopt),
        note=observed.note_of(name),
        now=observed.now,
    )


def _refuse_doubted_service(
    service: Application, rotation: Rotation, observed: ObservedState
) -> None:
    """Refuse to store secrets for an API that is not believed. Raises NotOurs."""
    # The scope beside a secret says for which API its tokens are: that must not be the word of the
    # settings alone, which a Website Contributor writes.
    decision = service_trust(service, observed, rotation.service)
    if isinstance(decision, Doubted):
        raise service_not_ours(service, observed, decision)


def _plan_arrived_notes(client: ClientState) -> Iterator[AnyChange]:
    """Plan to take off the notes of secrets that have arrived."""
    tags = client.arrived_attempt_tags()
    if tags:
        detail = "no longer notes that its secret is on its way"
        edits = ApplicationEdits(no_tags=tags)
        yield client.plan_update(f"{client.key}:arrived", CLIENT, client.name, detail, edits)


# Who is left alone, and why


def _find_others_due(
    rotation: Rotation, observed: ObservedState, clients: Iterable[ClientApplication]
) -> list[ClientApplication]:
    """Find clients that expire, too, and that this rotation is not about."""
    if rotation.expiring_within is None:
        return []
    rotated = {client.client_id for client in clients}
    due = _find_due(observed, observed.now + rotation.expiring_within)
    return [
        client
        for client in due
        if client.client_id not in rotated and _is_ending(client, rotation, observed)
    ]


def _is_ending(client: ClientApplication, rotation: Rotation, observed: ObservedState) -> bool:
    """Whether what a client signs in with ends in time: one may also be due for a removal alone."""
    if rotation.expiring_within is None:
        return False
    credentials = judged_credentials(client, observed)
    held = held_here(client, observed)
    deciding = deciding_credentials(
        credentials, replaced_kind(credentials), held if held in credentials else None
    )
    return bool(deciding) and all_end_by(deciding, observed.now + rotation.expiring_within)


def _left_alone(client: ClientApplication, rotation: Rotation, observed: ObservedState) -> str:
    """Say that a client is left alone, and whether that matters soon."""
    is_ending = _is_ending(client, rotation, observed)
    although = ", although a credential expires" if is_ending else ""
    return f"Left alone{although}: '{client.display_name}'"


def _reason_to_leave_alone(
    name: str,
    client: ClientApplication,
    decision: TrustDecision,
    rotation: Rotation,
    observed: ObservedState,
) -> Instruction | None:
    """Say why a client that is due gets no new credential; `None`: it is not left alone."""
    if isinstance(decision, Doubted):
        return _explain_left_alone(client, rotation, observed, why_doubted(decision))
    error = observed.unreadable_stores.get(name)
    if error is not None:
        why = f"the place of its secret could not be read: {error.headline}"
        return _explain_left_alone(client, rotation, observed, why, "--secret-to", "PLACE")
    return None


def _explain_left_alone(
    client: ClientApplication,
    rotation: Rotation,
    observed: ObservedState,
    why: str,
    *options: str,
) -> Instruction:
    """Say how to rotate it all the same; `options`: those that overcome the reason."""
    what = f"{_left_alone(client, rotation, observed)}, as {why.rstrip('.')}."
    if observed.file is None:
        adopting = _adopting_options(rotation)
        rotate = observed.command("rotate-secret", *options, *adopting, about=client.client_id)
        return Instruction(f"{what} To rotate it:", rotate)
    # A file says the place, and by an appId also that the client is believed.
    if options:
        return Instruction(f"{what} To rotate it:", observed.rotating(client))
    by_id = f"To rotate it, name it by its appId in the file, {client.client_id}, then:"
    rotate = observed.file.command("rotate-secret", about=client.client_id)
    return Instruction(f"{what} {by_id}", rotate)


def _describe_missing(rotation: Rotation, observed: ObservedState) -> Iterator[Instruction]:
    """Say which clients of a file are no registrations of this tenant."""
    if not rotation.only_named:
        return
    for name in rotation.clients:
        if _find_of_file(name, observed) is None:
            what = (
                f"Left alone: '{name}', which the file names, is not an app registration of this "
                "tenant. To see it:"
            )
            yield Instruction(what, observed.command("status"))


def _explain_doubted(
    others: Sequence[ClientApplication], rotation: Rotation, observed: ObservedState
) -> Iterator[Instruction]:
    """Say how to rotate clients that are due and not believed."""
    for client in others:
        decision = client_trust(client, observed, rotation.service, rotation.clients)
        if isinstance(decision, Doubted) and not rotation.only_named:
            yield _explain_left_alone(client, rotation, observed, why_doubted(decision))


def _describe_unasked(
    others: Sequence[ClientApplication],
    rotation: Rotation,
    observed: ObservedState,
    *,
    are_doubted: bool,
) -> Iterator[Instruction]:
    """Name clients that end and that neither the file nor the command names.

    `are_doubted`: those that are not believed, or else those that are.
    """
    for client in others:
        decision = client_trust(client, observed, rotation.service, rotation.clients)
        if isinstance(decision, Doubted) is are_doubted:
            what = _left_alone(client, rotation, observed)
            yield Instruction(f"{what}. Nothing asks to rotate it.")


def _describe_unable(rotation: Rotation, observed: ObservedState) -> Iterator[Instruction]:
    """Name this App Service's clients that have no credential which could be replaced."""
    # A file says which of its clients have one: those are due.
    if rotation.expiring_within is None or rotation.only_named:
        return
    base = observed.trust.unique_name
    for client in members_and_created_clients(observed):
        is_ours = client.is_registered_here and has_unique_name_below(client.application, base)
        if is_ours and not client.application.credentials:
            what = f"'{client.display_name}' has no credential, so it cannot sign in. To add one:"
            yield Instruction(what, observed.command("add-client", about=client.client_id))


def _describe_lost(
    rotated: Mapping[str, ClientApplication], observed: ObservedState
) -> Iterator[Instruction]:
    """Say which secrets are not due and not where they should be."""
    due = {client.client_id for client in rotated.values()}
    for client in observed.trust.clients:
        place = observed.missing_secrets.get(client.client_id)
        if place is not None and client.client_id not in due:
            what = lost_message(client.display_name, place)
            yield Instruction(what, observed.rotating(client))


def _removal_command(
    name: str, client: ClientApplication, rotation: Rotation, observed: ObservedState
) -> str:
    """The command that removes the old credential of a client, once nothing uses it."""
    if observed.file is not None:
        return observed.file.command("rotate-secret", "--remove-old", about=name)
    words = ["--remove-old", *_adopting_options(rotation)]
    if rotation.place is not None:
        words += ["--secret-to", rotation.place]
    # Its appId, where that was typed: it may be what the client is believed for.
    is_by_id = any(same_id(typed_name, client.client_id) for typed_name in rotation.clients)
    about = client.client_id if is_by_id else name
    return observed.command("rotate-secret", *words, about=about)


def _adopting_options(rotation: Rotation) -> tuple[str, ...]:
    return ("--service-app", rotation.service.adopt) if rotation.service.adopt else ()
