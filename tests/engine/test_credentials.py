"""Registrations and secrets are made once, whatever comes in between; the old secret stays until
the new one works.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mct_s2s import clock
from mct_s2s.azure.graph import applications
from mct_s2s.engine.apply.registrations import (
    Restored,
    create_as_owner,
    create_principal,
    create_registration,
)
from mct_s2s.engine.apply.send_changes import apply_plan
from mct_s2s.engine.credential_stores import expire_dead_notes
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import S2SError
from mct_s2s.key_pairs import make_key_pair
from mct_s2s.model.caller_rights import CallerRights
from mct_s2s.model.client_credentials import (
    YOUNG,
    CredentialKind,
    Federation,
    NewCredential,
    attempt_tag,
)
from mct_s2s.model.client_sign_in import CertificateCredential, MadeCredential, SecretCredential
from mct_s2s.model.desired import Rotation, ServiceSpec
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId, Tag, client_unique_name
from mct_s2s.model.observed import ClientApplication, Trust
from mct_s2s.planning.changes import (
    AddCredential,
    CreateApplication,
    Output,
    OutputRef,
    RemoveCredential,
)
from mct_s2s.sandbox.core.wire_errors import graph_error
from mct_s2s.sandbox.state import seed
from mct_s2s.stores.files import FileStore
from mct_s2s.stores.store import ProgramStore
from mct_s2s.waits import APPEARS_LOOKS, DOUBTFUL_TRIES, REGISTERING_TRIES

from tests.engine.conftest import Engine, Watcher, applied, planned
from tests.planning.scenarios import LATER, NOW, SERVICE_KEY, TENANT, guid

ATTEMPT = "mct-s2s 2026-11-24 a1b2"
UNIQUE_NAME = client_unique_name(SERVICE_KEY, "A")
MADE = Application(display_name="A", unique_name=UNIQUE_NAME, tags=("ours",))
NEW = CreateApplication(key="A", name="A", resource="client application", application=MADE)
ADDED: dict[str, Any] = {
    "name": "A",
    "object_id": OutputRef[ApplicationObjectId]("A", Output.OBJECT_ID),
    "client_id": OutputRef[ClientId]("A", Output.CLIENT_ID),
    "audience": "api://service",
}
SECRET = AddCredential(key="secret", spec=NewCredential(LATER), **ADDED)
KINDS = {
    "secret": SECRET,
    "certificate": AddCredential(
        key="certificate", spec=NewCredential(LATER, CredentialKind.CERTIFICATE), **ADDED
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.as_administrator("a pipeline registers first and names afterwards, in two requests")
def test_a_client_that_another_run_makes_at_this_moment_gets_no_second_credential(
    kind: str, engine: Engine
) -> None:
    """`create-if-missing` may return what somebody else has just made: two would be one too
    many.
    """
    azure = engine.inside.azure
    store = FileStore(engine.home / "a.env", keeps_key=kind == "certificate")
    registration = engine.register(uniqueName=UNIQUE_NAME)
    theirs = azure.graph(
        "POST",
        f"/applications/{registration['id']}/addPassword",
        json={"passwordCredential": {"displayName": ATTEMPT}},
    )
    outcome, _, _ = applied(engine, NEW, KINDS[kind], stores={"A": store})
    (credential,) = azure.graph("GET", f"/applications/{registration['id']}")["passwordCredentials"]
    assert credential["keyId"] == theirs["keyId"]
    assert "another run" in [*outcome.done.values()][-1].detail
    assert not (engine.home / "a.env").exists()


def test_federated_credentials_are_written_one_after_another(engine: Engine) -> None:
    """Several at once are refused without reason, also those of several clients."""
    clients = [engine.register() for _ in range(3)]
    changes = [
        replace(
            SECRET,
            key=registration["id"],
            spec=Federation("https://ci.example", "x", "api://AzureADTokenExchange"),
            object_id=ApplicationObjectId(registration["id"]),
            client_id=ClientId(registration["appId"]),
        )
        for registration in clients
    ]
    outcome, seconds, _ = applied(engine, *changes, latency=1.0)
    assert (len(outcome.done), seconds >= 3.0) == (3, True), seconds


def test_a_creation_that_is_never_answered_ends_and_its_secret_stays_noted(engine: Engine) -> None:
    registration = engine.register()
    engine.misbehave("/addPassword", type="lostAnswer")
    adding = replace(
        SECRET,
        object_id=ApplicationObjectId(registration["id"]),
        client_id=ClientId(registration["appId"]),
    )
    outcome, _, _ = applied(engine, adding, stores={"A": FileStore(engine.home / "a.env")})
    ((_, error),) = outcome.failed
    assert getattr(error, "answer_lost", False)
    assert len(engine.requests_to("/addPassword")) == DOUBTFUL_TRIES
    (credential,) = engine.inside.azure.graph("GET", f"/applications/{registration['id']}")[
        "passwordCredentials"
    ]
    assert credential["displayName"] == ATTEMPT, "no more than the last one is ever left"
    assert ATTEMPT in (engine.home / "a.env.pending").read_text()


def test_the_notes_of_a_secret_that_was_refused_go_with_it(engine: Engine) -> None:
    """Unless an answer was lost before: then there may be one, which the next run looks for."""
    registration = engine.register()
    object_id = ApplicationObjectId(registration["id"])
    adding = replace(SECRET, object_id=object_id, client_id=ClientId(registration["appId"]))
    notes = engine.home / "a.env.pending"

    def tags() -> list[str]:
        return list(engine.inside.azure.graph("GET", f"/applications/{object_id}")["tags"])

    def remembered() -> str:
        return "".join(path.read_text() for path in engine.home.rglob("*.attempted"))

    stores = {"A": FileStore(engine.home / "a.env")}
    engine.misbehave("/addPassword", status=400)
    outcome, _, _ = applied(engine, adding, stores=stores)
    assert (tags(), remembered(), notes.exists()) == ([], "", False)
    assert outcome.not_done == (adding,)
    lost = {"match": {"path": "*/addPassword"}, "times": 1, "fault": {"type": "reset"}}
    refused = {"match": {"path": "*/addPassword"}, "fault": {"type": "status", "status": 400}}
    engine.inside.azure.misbehave(lost, refused)
    outcome, _, _ = applied(engine, adding, stores=stores)
    tag = attempt_tag(ATTEMPT)
    assert (tags(), tag in remembered(), notes.exists()) == ([tag], True, True)
    assert outcome.in_doubt == (adding,)


@pytest.mark.parametrize(("status", "code"), [(400, "BadParameter"), (503, "ServiceUnavailable")])
def test_no_secret_is_made_where_its_vault_refuses_to_note_it(
    status: int, code: str, engine: Engine
) -> None:
    """Nobody could find it again: its value would be lost, and the secret would stay."""
    registration = engine.register()
    adding = replace(
        SECRET,
        object_id=ApplicationObjectId(registration["id"]),
        client_id=ClientId(registration["appId"]),
    )
    engine.misbehave("/secrets/a", method="PUT", status=status, code=code)

    async def main(session: Session) -> Outcome:
        outcome = planned(adding, stores={"A": session.vault(seed.VAULT).store("a", "A")})
        with suppress(S2SError):
            await apply_plan(session, outcome, Watcher())
        return outcome

    ((_, error),) = engine.run(main).failed
    assert error.code == "vault-refused"
    assert engine.requests_to("/addPassword") == []
    assert (
        engine.inside.azure.graph("GET", f"/applications/{registration['id']}")[
            "passwordCredentials"
        ]
        == []
    )


@pytest.mark.parametrize(
    ("expiring_within", "failed", "made"),
    [(timedelta(days=30), ["b"], ["POST addPassword"]), (None, [], [])],
    ids=["all that expire", "named ones"],
)
def test_a_place_that_refuses_stops_its_own_client_alone_where_all_that_expire_are_rotated(
    expiring_within: timedelta | None, failed: list[str], made: list[str], engine: Engine
) -> None:
    additions = [
        replace(
            SECRET,
            key=name,
            name=name,
            object_id=ApplicationObjectId(registration["id"]),
            client_id=ClientId(registration["appId"]),
        )
        for name in ("a", "b")
        for registration in [engine.register(name)]
    ]
    missing = ProgramStore(("no-such-program",), "contosolearn")
    outcome = planned(*additions, stores={"a": FileStore(engine.home / "a.env"), "b": missing})
    desired = Rotation(ServiceSpec(), ("a", "b"), expires=LATER, expiring_within=expiring_within)
    outcome.request = replace(outcome.request, desired=desired)
    timed(engine, lambda session: apply_plan(session, outcome, Watcher()))
    assert [change.key for change, _ in outcome.failed] == failed
    assert engine.requests_to("/addPassword") == made


def kept_in(
    store: FileStore, registration: dict[str, str], key_id: str, secret: Any, **noted: Any
) -> None:
    """A credential of the client, or of another one, in its store."""
    noted = {"scope": "api://service/.default", "tenant_id": TENANT.id, "expires": LATER, **noted}
    kept = MadeCredential(
        client_id=ClientId(registration["appId"]),
        key_id=KeyId(key_id),
        credential=secret,
        name="A",
        credential_name=ATTEMPT,
        **noted,
    )
    asyncio.run(store.deliver(kept))


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("was_planned_with", "age", "is_made"),
    [
        pytest.param(False, MINUTE, False, id="stored by another run since this one was planned"),
        pytest.param(True, MINUTE, True, id="known and found wanting when this run was planned"),
        pytest.param(False, YOUNG + MINUTE, True, id="so old that every replica would show it"),
    ],
)
def test_a_secret_that_its_store_got_minutes_ago_is_taken_unless_the_plan_replaces_that_very_one(
    was_planned_with: bool, age: timedelta, is_made: bool, engine: Engine
) -> None:
    """Two runs at once would leave two secrets; but who plans a new one knows that what was stored
    is of no use.
    """
    registration = engine.register()
    store = FileStore(engine.home / "a.env")
    kept_in(store, registration, guid("stored"), SecretCredential("value"))
    note = asyncio.run(store.note())
    assert note.delivered_at is not None
    adding = replace(
        SECRET,
        object_id=ApplicationObjectId(registration["id"]),
        client_id=ClientId(registration["appId"]),
    )
    outcome = planned(adding, stores={"A": store})
    outcome.request = replace(outcome.request, now=note.delivered_at + age)
    outcome.before = replace(outcome.before, secrets={"A": note} if was_planned_with else {})
    engine.run(lambda session: apply_plan(session, outcome, Watcher()))
    (done,) = outcome.done.values()
    assert engine.requests_to("/addPassword") == (["POST addPassword"] if is_made else [])
    assert done.detail.startswith("expires" if is_made else "created minutes ago, saved to file:")


@pytest.mark.parametrize(
    ("is_deleted", "is_made"),
    [
        pytest.param(False, False, id="it was there, and no replica showed it"),
        pytest.param(True, True, id="it is restored, and loses what it had"),
    ],
)
def test_a_client_that_is_met_keeps_the_secret_that_its_store_got_minutes_ago(
    is_deleted: bool, is_made: bool, engine: Engine
) -> None:
    """A plan that takes a client for missing knows its secret, and not that it is of use."""
    registration = engine.register(uniqueName=UNIQUE_NAME)
    store = FileStore(engine.home / "a.env", is_default_place=True)
    kept_in(store, registration, guid("stored"), SecretCredential("value"))
    note = asyncio.run(store.note())
    assert note.delivered_at is not None
    if is_deleted:
        engine.inside.azure.graph("DELETE", f"/applications/{registration['id']}")
    outcome = planned(NEW, SECRET, stores={"A": store})
    outcome.request = replace(outcome.request, now=note.delivered_at + MINUTE)
    unfinished = frozenset({ApplicationObjectId(registration["id"])})
    outcome.before = replace(outcome.before, secrets={"A": note}, unfinished=unfinished)
    engine.run(lambda session: apply_plan(session, outcome, Watcher()))
    assert engine.requests_to("/addPassword") == (["POST addPassword"] if is_made else [])
    assert asyncio.run(store.note()).delivered is not None


@pytest.mark.parametrize(
    ("age", "secret", "stays_young"),
    [
        pytest.param(MINUTE, "no such secret", False, id="it gives no token"),
        pytest.param(MINUTE, None, True, id="it gives a token"),
        pytest.param(YOUNG + MINUTE, "no such secret", True, id="so old that nothing rests on it"),
    ],
)
def test_a_secret_of_minutes_ago_that_no_replica_shows_counts_only_if_it_gives_a_token(
    age: timedelta, secret: str | None, stays_young: bool, engine: Engine
) -> None:
    """A replica may be late, or somebody has removed it."""
    azure, registration = engine.inside.azure, engine.register()
    azure.graph("POST", "/servicePrincipals", json={"appId": registration["appId"]})
    path = f"/applications/{registration['id']}/addPassword"
    added = azure.graph("POST", path, json={"passwordCredential": {}})
    store = FileStore(engine.home / "a.env")
    value = SecretCredential(secret or added["secretText"])
    signs_in = {
        "tenant_id": azure.tenant_id,
        "authority": azure.origin,
        "scope": "https://graph.microsoft.com/.default",
    }
    kept_in(store, registration, added["keyId"], value, **signs_in)
    note = asyncio.run(store.note())
    assert note.delivered_at is not None
    application = Application(
        ApplicationObjectId(registration["id"]), ClientId(registration["appId"]), "A"
    )
    observed = replace(
        planned().before,
        now=note.delivered_at + age,
        trust=Trust(clients=(ClientApplication(application),)),
        secrets={"A": note},
    )
    seen = engine.run(lambda session: expire_dead_notes(session, {"A": store}, observed))
    assert (seen.secrets["A"].delivered_at is not None) is stays_young


def removal_of(
    registration: dict[str, str], key_id: str, scope: str = "api://service/.default"
) -> RemoveCredential:
    replaced_for = ClientId(registration["appId"]), scope
    object_id = ApplicationObjectId(registration["id"])
    return RemoveCredential(
        key="old", name="A", object_id=object_id, key_id=KeyId(key_id), replaced_for=replaced_for
    )


@pytest.mark.parametrize("there", ["nothing", "another client's", "the old one"])
def test_the_old_secret_stays_where_its_replacement_is_not_at_hand(
    there: str, engine: Engine
) -> None:
    """Whoever reads that place would be locked out."""
    registration = engine.register()
    store = FileStore(engine.home / "a.env")
    path = f"/applications/{registration['id']}"
    old = engine.inside.azure.graph("POST", f"{path}/addPassword", json={"passwordCredential": {}})[
        "keyId"
    ]
    if there != "nothing":
        owner = registration if there == "the old one" else {"appId": guid("another")}
        kept_in(store, owner, old, SecretCredential("value"))
    outcome, _, _ = applied(engine, removal_of(registration, old), stores={"A": store})
    ((_, error),) = outcome.failed
    assert error.code == "secret-not-at-hand"
    assert len(engine.inside.azure.graph("GET", path)["passwordCredentials"]) == 1


def test_an_old_certificate_stays_where_the_new_one_does_not_show(engine: Engine) -> None:
    """A list that is behind, written back without the old one, would take the new one away, too."""
    azure = engine.inside.azure
    registration = engine.register()
    path, uri = f"/applications/{registration['id']}", f"api://{registration['appId']}"
    pem, certificate = make_key_pair("A", NOW, datetime.now(UTC) + timedelta(days=30))
    key = {"type": "AsymmetricX509Cert", "usage": "Verify", "keyId": certificate.key_id,
           "displayName": ATTEMPT,
           "key": base64.b64encode(certificate.der).decode()}  # fmt: skip
    azure.graph("PATCH", path, json={"identifierUris": [uri], "keyCredentials": [key]})
    azure.graph("POST", "/servicePrincipals", json={"appId": registration["appId"]})
    store = FileStore(engine.home / "a.env", keeps_key=True)
    where = azure.environment
    noted = {"tenant_id": where["AZURE_TENANT_ID"], "authority": where["AZURE_AUTHORITY_HOST"]}
    kept_in(
        store,
        registration,
        guid("unseen"),
        CertificateCredential(pem.encode()),
        scope=f"{uri}/.default",
        **noted,
    )
    removal = replace(
        removal_of(registration, certificate.key_id, f"{uri}/.default"),
        kind=CredentialKind.CERTIFICATE,
    )
    outcome, seconds, _ = applied(engine, removal, stores={"A": store})
    assert outcome.failed == []
    (change,) = outcome.done.values()
    assert "kept: Entra ID does not show the new one yet" in change.detail
    assert 30 < seconds < 90
    assert len(azure.graph("GET", path)["keyCredentials"]) == 1


DENIED = {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}


@pytest.fixture
def owner(engine: Engine) -> Engine:
    """Signed in by a principal that may change only what it owns."""
    read = ("Application.Read.All", "Organization.Read.All", "Application.ReadWrite.OwnedBy")
    engine.caller = engine.inside.azure.caller(*read)
    return engine


def timed(engine: Engine, work: Callable[[Session], Awaitable[Any]]) -> tuple[Any, float]:
    """What came of it, and how long it took."""

    async def main(session: Session) -> tuple[Any, float]:
        began = clock.seconds()
        outcome = None
        try:
            outcome = await work(session)
        except S2SError as error:
            outcome = error
        return outcome, clock.seconds() - began

    return engine.run(main)


def called_a(engine: Engine) -> list[str]:
    return [row["id"] for row in engine.inside.azure.applications("A")]


# --- by whoever owns them ---


def test_a_strangers_registration_with_our_tag_is_left_alone(owner: Engine) -> None:
    theirs = owner.register(tags=[Tag.NAME.of(UNIQUE_NAME)])
    (registration, _), _ = timed(owner, lambda session: create_as_owner(session, planned(NEW), NEW))
    assert registration.object_id != theirs["id"]
    assert set(called_a(owner)) == {theirs["id"], registration.object_id}


@pytest.mark.parametrize(
    ("place", "code"),
    [("there", "registration-not-ours"), ("in the recycle bin", "permission-missing")],
)
def test_a_unique_name_that_another_registration_holds_is_left_to_it(
    place: str, code: str, owner: Engine
) -> None:
    azure = owner.inside.azure
    other = owner.register(uniqueName=UNIQUE_NAME)
    if place == "in the recycle bin":
        azure.graph("DELETE", f"/applications/{other['id']}")
    error, _ = timed(owner, lambda session: create_as_owner(session, planned(NEW), NEW))
    deleted = azure.graph("GET", "/directory/deletedItems/microsoft.graph.application")["value"]
    assert error.code == code
    assert [*called_a(owner), *(row["id"] for row in deleted)] == [other["id"]]


@pytest.mark.parametrize("fault", ["reset", "lostAnswer"])
def test_a_request_that_was_lost_is_sent_again_only_once_it_is_sure_that_it_was(
    fault: str, owner: Engine
) -> None:
    owner.misbehave("/applications", 1, "POST", type=fault)
    (registration, _), seconds = timed(
        owner, lambda session: create_as_owner(session, planned(NEW), NEW)
    )
    assert called_a(owner) == [registration.object_id]
    assert (seconds >= APPEARS_LOOKS) is (fault == "reset")


@pytest.mark.parametrize("losses", [REGISTERING_TRIES - 1, REGISTERING_TRIES])
def test_a_registration_is_sent_three_times_at_most(losses: int, owner: Engine) -> None:
    owner.misbehave("/applications", losses, "POST", type="reset")
    timed(owner, lambda session: create_as_owner(session, planned(NEW), NEW))
    assert len(called_a(owner)) == REGISTERING_TRIES - losses
    assert owner.requests_to("/applications").count("POST applications") == REGISTERING_TRIES


@pytest.mark.parametrize(
    ("owners", "remark"),
    [((), ""), (("Ada", "Rob"), "; also owned by Ada, Rob")],
    ids=["no one else", "others"],
)
def test_those_who_own_a_restored_registration_beside_the_caller_are_named(
    owners: tuple[str, ...], remark: str
) -> None:
    assert Restored(None, owners).remark == remark


def test_a_registration_that_an_earlier_run_left_unnamed_is_taken_up(owner: Engine) -> None:
    async def work(session: Session) -> Any:
        tagged = replace(NEW.application, tags=(Tag.NAME.of(UNIQUE_NAME),))
        registration = await applications.register(session.graph, tagged, None)
        return registration, *await create_as_owner(session, planned(NEW), NEW)

    (left, registration, _), _ = timed(owner, work)
    assert (registration.object_id, called_a(owner)) == (left.object_id, [left.object_id])


@pytest.mark.parametrize(
    "who", ["someone else created", "a credential was added to", "someone else owns, too"]
)
def test_a_registration_that_only_looks_left_unnamed_is_not_taken_up(
    who: str, owner: Engine
) -> None:
    """Our tag, and the caller as its only owner, can be anyone's doing."""
    azure = owner.inside.azure
    their_app = azure.graph("POST", "/applications", json={"displayName": "Theirs"})["appId"]

    def owned_by(principal: str) -> dict[str, str]:
        return {"@odata.id": f"{azure.graph_url}/v1.0/directoryObjects/{principal}"}

    if who == "someone else created":
        theirs = owner.register(tags=[Tag.NAME.of(UNIQUE_NAME)])
        caller = azure.graph(
            "GET", f"/servicePrincipals(appId='{owner.caller['AZURE_CLIENT_ID']}')"
        )["id"]
        owners = f"/applications/{theirs['id']}/owners"
        azure.graph("POST", f"{owners}/$ref", json=owned_by(caller))
        for row in azure.graph("GET", owners)["value"]:
            if row["id"] != caller:
                azure.graph("DELETE", f"{owners}/{row['id']}/$ref")

    async def work(session: Session) -> Any:
        if who != "someone else created":
            tagged = replace(NEW.application, tags=(Tag.NAME.of(UNIQUE_NAME),))
            left = await applications.register(session.graph, tagged, None)
            if who == "someone else owns, too":  # a pipeline registers for others, too
                other = azure.graph("POST", "/servicePrincipals", json={"appId": their_app})["id"]
                azure.graph(
                    "POST", f"/applications/{left.object_id}/owners/$ref", json=owned_by(other)
                )
            else:
                azure.graph("POST", f"/applications/{left.object_id}/addPassword", json={})
        return await create_as_owner(session, planned(NEW), NEW)

    (registration, _), _ = timed(owner, work)
    assert len(set(called_a(owner)) - {registration.object_id}) == 1


def test_a_replica_that_does_not_know_the_owner_yet_is_waited_for(owner: Engine) -> None:
    owner.misbehave("/applications/*", 2, "PATCH", **DENIED)
    (registration, _), seconds = timed(
        owner, lambda session: create_as_owner(session, planned(NEW), NEW)
    )
    assert (called_a(owner), 0 < seconds < 5) == ([registration.object_id], True)


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_service_principal_waits_for_replicas_only_if_its_application_is_new_and_ours(
    is_ours: bool, owner: Engine
) -> None:
    async def work(session: Session) -> Any:
        registration = (await create_as_owner(session, planned(NEW), NEW))[0] if is_ours else None
        client_id = (
            registration.client_id if registration is not None else ClientId(theirs["appId"])
        )
        outcome = replace(planned(NEW), access=CallerRights())
        return await create_principal(session, outcome, client_id, registration)

    theirs = owner.register()
    owner.misbehave("/servicePrincipals", 2, **DENIED)
    result, seconds = timed(owner, work)
    if is_ours:
        assert 0 < seconds < 5
    else:
        assert (result.code, seconds < 0.5) == ("not-owner", True)


# --- names that are taken ---


def test_a_name_that_nobody_shows_to_hold_is_told_with_what_to_do(engine: Engine) -> None:
    def taken() -> None:
        raise graph_error(
            400,
            "Request_BadRequest",
            "Another object with the same value for property uniqueName already exists.",
        )

    engine.before(f"(uniqueName='{UNIQUE_NAME}')", *[taken] * 20, method="PATCH")
    error, _ = timed(engine, lambda session: create_registration(session, planned(NEW), NEW))
    assert error.code == "name-taken"
    assert f"'{UNIQUE_NAME}'" in error.remedy
    assert "again in a minute" in error.remedy
