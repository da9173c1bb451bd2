"""The note of a secret on its way stays at its registration until it has arrived, whatever others
write there.
"""

from pathlib import Path

import pytest
from mct_s2s.engine.apply.attempts import Attempt
from mct_s2s.engine.request import Session
from mct_s2s.errors import S2SError
from mct_s2s.model.client_credentials import CredentialKind, attempt_tag
from mct_s2s.model.client_sign_in import MadeCredential, SecretCredential
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId
from mct_s2s.stores.files import FileStore
from mct_s2s.stores.remembered_registrations import RememberedAttempts
from mct_s2s.stores.store import OutputStore

from tests.conftest import Json
from tests.engine.conftest import Engine
from tests.planning.scenarios import LATER, TENANT

OURS, THEIRS = "mct-s2s 2026-11-24 a1b2", "mct-s2s 2026-11-24 c3d4"


def attempt_at(registration: Json, session: Session, folder: Path, *names: str) -> Attempt:
    object_id, client_id = ApplicationObjectId(registration["id"]), ClientId(registration["appId"])
    return Attempt(
        session.graph,
        FileStore(folder / "elsewhere.env"),
        OURS,
        "A",
        object_id,
        client_id,
        RememberedAttempts("contosolearn", object_id),
        frozenset(map(attempt_tag, names)),
    )


def made_for(attempt: Attempt, secret: Json) -> MadeCredential:
    """The secret of Graph's answer, on its way to its place."""
    details: Json = {
        "scope": "api://service/.default",
        "tenant_id": TENANT.id,
        "expires": LATER,
        "name": "A",
    }
    return MadeCredential(
        client_id=attempt.client_id,
        key_id=KeyId(secret["keyId"]),
        credential=SecretCredential(secret["secretText"]),
        credential_name=OURS,
        **details,
    )


def tags_of(registration: Json, engine: Engine) -> set[str]:
    return set(engine.inside.azure.graph("GET", f"/applications/{registration['id']}")["tags"])


@pytest.fixture
def registration(engine: Engine) -> Json:
    return engine.register(tags=["team"])


def another_run_writes(*tags: str, registration: Json, engine: Engine) -> None:
    """All tags, as that run read them before this one wrote its own."""
    registrations = engine.inside.state.directory.applications
    registrations.put({**(registrations.latest(registration["id"]) or {}), "tags": list(tags)})


def test_the_note_stays_where_another_run_writes_its_own_at_that_moment(
    registration: Json, engine: Engine
) -> None:

    def others() -> None:
        another_run_writes("team", attempt_tag(THEIRS), registration=registration, engine=engine)

    engine.after(f"/applications/{registration['id']}", others, method="PATCH")

    async def main(session: Session) -> None:
        await attempt_at(registration, session, engine.home).begin()

    engine.run(main)
    assert tags_of(registration, engine) == {"team", attempt_tag(OURS), attempt_tag(THEIRS)}


def test_the_note_of_what_has_arrived_stays_away(registration: Json, engine: Engine) -> None:
    """Another run that read it before it was removed, and removes its own, writes it again."""
    path = f"/applications/{registration['id']}"
    both = [attempt_tag(OURS), attempt_tag(THEIRS)]

    def others() -> None:
        another_run_writes("team", *both, registration=registration, engine=engine)

    def others_go() -> None:
        another_run_writes("team", attempt_tag(OURS), registration=registration, engine=engine)

    engine.after(path, others, others_go, method="PATCH")

    async def main(session: Session) -> None:
        attempt = attempt_at(registration, session, engine.home)
        await attempt.begin()
        await attempt.confirm_arrival()

    engine.run(main)
    assert attempt_tag(OURS) not in tags_of(registration, engine)


def test_no_run_leaves_the_note_of_one_that_ended_while_it_wrote_its_own(
    registration: Json, engine: Engine
) -> None:
    """It had read that note a moment before, and wrote all tags a moment after."""
    path = f"/applications/{registration['id']}"
    another_run_writes("team", attempt_tag(THEIRS), registration=registration, engine=engine)

    def others_end() -> None:
        another_run_writes("team", registration=registration, engine=engine)

    engine.after(path, others_end, method="GET")

    async def main(session: Session) -> None:
        attempt = attempt_at(registration, session, engine.home)
        await attempt.begin()
        assert attempt_tag(THEIRS) in tags_of(registration, engine)
        await attempt.confirm_arrival()

    engine.run(main)
    assert tags_of(registration, engine) == {"team"}


def test_the_secret_of_a_killed_run_that_a_replica_hid_is_removed_by_its_remembered_note(
    registration: Json, engine: Engine
) -> None:
    """Its note is written again first: a later run finds the secret if this one is killed."""
    path = f"/applications/{registration['id']}"

    def made(name: str) -> KeyId:
        body = {"passwordCredential": {"displayName": name}}
        return KeyId(engine.inside.azure.graph("POST", f"{path}/addPassword", json=body)["keyId"])

    made(THEIRS)

    async def main(session: Session) -> None:
        attempt = attempt_at(registration, session, engine.home, THEIRS)
        await attempt.begin()
        assert tags_of(registration, engine) == {"team", attempt_tag(THEIRS), attempt_tag(OURS)}
        attempt.key_id = made(OURS)
        await attempt.confirm_arrival()

    engine.run(main)
    left = engine.inside.azure.graph("GET", path)
    assert [secret["displayName"] for secret in left["passwordCredentials"]] == [OURS]
    assert set(left["tags"]) == {"team"}


def test_an_attempt_is_remembered_on_this_machine_until_its_secret_is_handed_over(
    registration: Json, engine: Engine
) -> None:
    """What is remembered is removed unasked: where a run is killed then, users may have it."""
    remembered = RememberedAttempts("contosolearn", registration["id"])

    async def main(session: Session) -> None:
        attempt = attempt_at(registration, session, engine.home)
        await attempt.begin()
        assert remembered.tags() == {attempt_tag(OURS)}
        (engine.home / "file").touch()
        attempt.store = FileStore(engine.home / "file" / "in.env")
        with pytest.raises(S2SError, match="Cannot save the secret"):
            await attempt.deliver(
                made_for(
                    attempt,
                    {"keyId": "0f3c9a51-7d1e-4a6b-9c58-2f4d6e8a1b30", "secretText": "hidden"},
                )
            )
        assert remembered.tags() == frozenset()

    engine.run(main)


def test_a_tag_of_a_place_that_another_runs_creation_replaced_is_written_again(
    registration: Json, engine: Engine
) -> None:
    """A run that does not see the registration yet creates it, which replaces all tags."""
    place = "mct-s2s:vault:contoso-kv/A"
    another_run_writes("team", place, registration=registration, engine=engine)

    async def main(session: Session) -> None:
        attempt = attempt_at(registration, session, engine.home)
        await attempt.begin()
        another_run_writes("mct-s2s:team", registration=registration, engine=engine)
        await attempt.confirm_arrival()

    engine.run(main)
    assert tags_of(registration, engine) == {"team", "mct-s2s:team", place}


def test_a_secret_that_has_arrived_is_neither_removed_nor_named_for_removal(
    registration: Json, engine: Engine
) -> None:
    """An interrupted delivery turns out to be stored, and its note cannot be removed: the next run
    does that.
    """
    azure = engine.inside.azure
    path = f"/applications/{registration['id']}"
    body = {"passwordCredential": {"displayName": OURS}}
    secret = azure.graph("POST", f"{path}/addPassword", json=body)

    async def main(session: Session) -> Attempt:
        attempt = attempt_at(registration, session, engine.home)
        await attempt.begin()
        attempt.key_id = KeyId(secret["keyId"])
        await attempt.deliver(made_for(attempt, secret))
        engine.misbehave(path, method="PATCH")
        await attempt.take_back()
        return attempt

    attempt = engine.run(main)
    assert (attempt.has_arrived, attempt.is_taken_back, attempt.removal) == (True, False, "")
    azure.behave()
    (held,) = azure.graph("GET", path)["passwordCredentials"]
    assert held["keyId"] == secret["keyId"]


@pytest.mark.parametrize(
    ("is_kept", "reader"),
    [
        (True, "a setup or rotation that does not read file:{home}/elsewhere.env"),
        (False, "the next setup or rotation of this client"),
    ],
    ids=["file", "shown"],
)
def test_a_note_that_stays_is_said_to_cost_the_secret_where_its_place_is_not_read(
    is_kept: bool, reader: str, registration: Json, engine: Engine
) -> None:
    """A run that reads the place takes the note off: the secret is there."""

    async def main(session: Session) -> S2SError:
        attempt = attempt_at(registration, session, engine.home)
        if not is_kept:
            attempt.store = OutputStore(lambda _: True)
        await attempt.begin()
        engine.misbehave(f"/applications/{registration['id']}", method="PATCH")
        with pytest.raises(S2SError) as failed:
            await attempt.confirm_arrival()
        return failed.value

    (warning,) = map(str, engine.run(main).items)
    assert warning == (
        "The secret of 'A' has arrived, and its note could not be removed: "
        f"{reader.format(home=engine.home)} removes this secret and makes another."
    )


def test_the_duplicate_of_a_secret_that_has_arrived_is_removed(
    registration: Json, engine: Engine
) -> None:
    """The answer about it was lost, and no replica has shown it before the second one was made."""
    azure, path = engine.inside.azure, f"/applications/{registration['id']}"
    body = {"passwordCredential": {"displayName": OURS}}
    azure.advance(3600)  # replicas show the registration, and neither secret
    azure.lag(20.0, "adversarial")
    azure.graph("POST", f"{path}/addPassword", json=body)
    second = azure.graph("POST", f"{path}/addPassword", json=body)

    async def main(session: Session) -> None:
        attempt = attempt_at(registration, session, engine.home)
        attempt.key_id, attempt.may_have_duplicate = KeyId(second["keyId"]), True
        await attempt.confirm_arrival()

    engine.run(main)
    azure.lag(0)
    azure.advance(60)
    (secret,) = azure.graph("GET", path)["passwordCredentials"]
    assert secret["keyId"] == second["keyId"]


def test_a_certificate_that_no_replica_shows_yet_is_not_taken_for_removed(
    registration: Json, engine: Engine
) -> None:
    async def main(session: Session) -> Attempt:
        attempt = attempt_at(registration, session, engine.home)
        attempt.kind, attempt.key_id = (
            CredentialKind.CERTIFICATE,
            KeyId("0f3c9a51-7d1e-4a6b-9c58-2f4d6e8a1b30"),
        )
        await attempt.take_back()
        return attempt

    attempt = engine.run(main)
    assert not attempt.is_taken_back
    assert attempt.removal.startswith("az ad app credential delete")
