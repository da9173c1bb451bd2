"""A secret is noted, made, proved where it replaces another, and delivered; what was lost on the way is removed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from mct_s2s.engine.apply.apply import apply_changes
from mct_s2s.engine.apply.credentials import secret as room
from mct_s2s.engine.apply.credentials.base import TOKENS
from mct_s2s.errors import S2SError, ServiceError, UsageError
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.directory_objects import Application, NewApplication
from mct_s2s.model.ids import ClientId, KeyId, TenantId
from mct_s2s.model.secret_stores import StoredCredential
from mct_s2s.planning.changes import AnyChange, CreateApplication, Part, Ref, RemoveCredential, Replacement
from mct_s2s.planning.credentials.certificate import AddCertificate
from mct_s2s.planning.credentials.secret import AddSecret
from mct_s2s.planning.secrets.secret_policy import LIFETIME_FORBIDDEN

from tests.engine.memory import (
    Applying,
    MemoryKeyStore,
    MemoryState,
    MemoryStore,
    MemoryTokens,
    Watcher,
    failing,
    lost,
    memory_state,
    planned,
    refused,
    run,
    session,
)
from tests.planning.scenarios import LATER, NOW, TENANT, credential, site

AUDIENCE = "api://service"
ATTEMPT = "mct-s2s 2026-11-24 a1b2"
NEW = CreateApplication(
    key="A", name="A", resource="client application", new=NewApplication("key.A", "A"), option="--client"
)


def add(application: Application | None = None, **more: object) -> AddSecret:
    """A secret for a registration, or for the one that `NEW` makes."""
    change = AddSecret(
        key="secret",
        name="A",
        client="A",
        object_id=application.object_id if application else Ref("A", Part.OBJECT_ID),
        client_id=application.client_id if application else Ref("A", Part.CLIENT_ID),
        credential_name=ATTEMPT,
        expires=LATER,
        audience=AUDIENCE,
    )
    return replace(change, **more)  # type: ignore[arg-type]


class Run:
    """One run of some changes."""

    def __init__(self, here: MemoryState, *changes: AnyChange, keys: bool = False) -> None:
        kind = MemoryKeyStore if keys else MemoryStore
        self.store = here.stores.setdefault("A", kind(here, "A"))
        self._here = here
        self._outcome = planned(here, *changes, where=site())
        self.journal = self._outcome.journal
        self.tokens = MemoryTokens(here)

    async def go(self) -> None:
        context = Applying(session(self._here, tokens=self.tokens), self._outcome, Watcher())
        await apply_changes(context)

    @property
    def details(self) -> list[str]:
        return [entry.detail for entry in self.journal.done]


def ran(here: MemoryState, *changes: AnyChange, keys: bool = False) -> Run:
    made = Run(here, *changes, keys=keys)
    run(made.go())
    return made


def names(here: MemoryState) -> list[str | None]:
    return [one.name for one in here.application_of("A").credentials]


def events(here: MemoryState, *wanted: str) -> list[str]:
    return [call.split()[0] for call in here.answered if call.split()[0] in wanted]


# --- made and delivered ---


def test_the_place_is_told_of_the_attempt_before_the_secret_is_made() -> None:
    """A run that is killed in between leaves a secret that the next run can tell from a delivered one."""
    here = memory_state()
    made = ran(here, NEW, add())
    assert events(here, "begin", "add_secret", "deliver") == ["begin", "add_secret", "deliver"]
    (held,) = here.application_of("A").credentials
    assert (held.name, held.expires) == (ATTEMPT, LATER)
    stored = made.store.stored
    assert stored is not None
    assert (stored.secret, stored.key_id) == (here.secrets[held.key_id], held.key_id)
    assert (stored.client_id, stored.scope) == (here.application_of("A").client_id, f"{AUDIENCE}/.default")
    assert (stored.url, stored.tenant_id) == ("https://contosolearn.azurewebsites.net", TENANT.id)
    assert made.store.attempts == []
    assert made.journal.results.resolve(Ref[KeyId]("secret", Part.KEY_ID)) == held.key_id


def test_nothing_is_made_where_the_attempt_cannot_be_noted() -> None:
    here = memory_state()
    here.before("begin", failing(UsageError("secret-place-unwritable", "Full.", remedy="Elsewhere.")))
    with pytest.raises(UsageError):
        ran(here, NEW, add())
    assert "add_secret A" not in here.calls


def test_a_secret_that_cannot_be_delivered_is_an_error_and_its_place_knows_of_it() -> None:
    here = memory_state()
    here.before("deliver", failing(UsageError("secret-place-unwritable", "Full.", remedy="Elsewhere.")))
    with pytest.raises(UsageError):
        ran(here, NEW, add())
    assert names(here) == [ATTEMPT]
    assert here.stores["A"].attempts == [ATTEMPT]


def test_a_client_that_another_run_made_with_a_secret_at_this_moment_gets_no_second_one() -> None:
    """`create-if-missing` may return what somebody else has just made: two secrets would be one too many."""
    here = memory_state()
    theirs = credential(name="mct-s2s 2026-11-24 ffff")
    here.register("A", "key.A", credentials=(theirs,), created=NOW)
    made = ran(here, NEW, add())
    assert names(here) == [theirs.name]
    assert "another run" in made.details[-1]
    assert made.store.stored is None


def test_a_secret_that_was_delivered_minutes_ago_is_not_made_again() -> None:
    """Replicas may not show it yet."""
    here = memory_state()
    application = here.register("A")
    first = ran(here, add(application))
    here.applications[application.object_id] = application  # a replica that has not heard of it
    second = ran(here, add(application))
    assert first.store.stored is second.store.stored
    assert here.writes == ["add_secret A"]
    assert "created minutes ago" in second.details[0]


def test_a_secret_that_is_good_for_nothing_is_made_again_even_so() -> None:
    here = memory_state()
    application = here.register("A")
    first = ran(here, add(application)).store.stored
    assert first is not None
    ran(here, add(application, instead_of=first.key_id))
    assert here.writes == ["add_secret A"] * 2
    assert here.stores["A"].stored is not first


# --- answers that were lost ---


def test_a_secret_whose_answer_was_lost_is_removed_before_another_is_made() -> None:
    """Its value is gone: left there it is a way in that nobody knows of."""
    here = memory_state()
    here.after("add_secret", failing(lost()))
    made = ran(here, NEW, add())
    assert here.writes[1:] == ["add_secret A", "remove_secret A", "add_secret A"]
    assert names(here) == [ATTEMPT]
    assert made.store.stored is not None
    assert made.store.stored.key_id == here.application_of("A").credentials[0].key_id


def test_only_the_secret_of_this_attempt_is_removed() -> None:
    here = memory_state()
    others = (credential(name="by hand"), credential(name="mct-s2s 2026-01-01 ffff"))
    application = here.register("A", credentials=others)
    here.after("add_secret", failing(lost()))
    ran(here, add(application))
    assert names(here) == [*(one.name for one in others), ATTEMPT]


def test_an_answer_that_was_lost_with_nothing_made_costs_nothing() -> None:
    here = memory_state()
    here.before("add_secret", failing(lost(status=503)), failing(lost(status=504)))
    ran(here, NEW, add())
    assert names(here) == [ATTEMPT]
    assert "remove_secret A" not in here.calls


def test_when_no_answer_comes_at_all_there_is_an_end_and_the_place_knows() -> None:
    here = memory_state()
    here.after("add_secret", *[failing(lost())] * 100)
    with pytest.raises(ServiceError) as raised:
        ran(here, NEW, add())
    assert raised.value.answer_lost
    assert here.calls.count("add_secret A") == room.SECRET_ATTEMPTS
    assert names(here) == [ATTEMPT], "the last one: no more than that is ever left"
    assert here.stores["A"].attempts == [ATTEMPT]


@pytest.mark.parametrize("error", [refused(), refused("permission-missing", 403), refused(status=429)], ids=str)
def test_a_refusal_is_not_repeated(error: ServiceError) -> None:
    here = memory_state()
    here.before("add_secret", failing(error))
    with pytest.raises(ServiceError) as raised:
        ran(here, NEW, add())
    assert raised.value is error
    assert here.calls.count("add_secret A") == 1


# --- lifetimes ---


@pytest.mark.parametrize(("allowed", "days"), [(200, 180), (100, 90), (8, 7), (1000, 365)])
def test_with_auto_lifetime_the_longest_usual_lifetime_that_the_tenant_allows_is_taken(allowed: int, days: int) -> None:
    here = memory_state()
    here.longest_secret = timedelta(days=allowed)
    made = ran(here, NEW, add(shorten=True))
    (held,) = here.application_of("A").credentials
    assert held.expires is not None
    assert timedelta(days=days - 1) <= held.expires - NOW <= timedelta(days=days)
    assert f"expires {held.expires:%Y-%m-%d}" in made.details[-1]
    assert made.journal.results.end_of("secret", LATER) == held.expires


def test_where_no_lifetime_is_short_enough_the_last_refusal_is_told() -> None:
    here = memory_state()
    here.longest_secret = timedelta(0)
    with pytest.raises(ServiceError) as raised:
        ran(here, NEW, add(shorten=True))
    assert raised.value.code == LIFETIME_FORBIDDEN
    assert names(here) == []


# --- replaced ---


def rotating(here: MemoryState) -> tuple[Application, Credential, Sequence[AnyChange]]:
    """A client with a secret at its place, and the changes that replace it."""
    application = here.register("A")
    first = ran(here, add(application, credential_name="mct-s2s 2026-01-01 ffff")).store
    first.delivered_at = NOW - timedelta(days=100)
    (old,) = here.application_of("A").credentials
    here.forget()
    replacement = Replacement("A", application.client_id, f"{AUDIENCE}/.default")
    removal = RemoveCredential(
        key="old", name="A", object_id=application.object_id, key_id=old.key_id, replaced_by=replacement,
        after=("secret",),
    )  # fmt: skip
    return application, old, (add(application, verify=True), removal)


def test_a_secret_that_replaces_another_gives_a_token_before_it_takes_its_place() -> None:
    """Callers read the place all the time: what lies there must work on every replica."""
    here = memory_state()
    application, old, changes = rotating(here)
    made = ran(here, *changes)
    assert events(here, "begin", "add_secret", "token", "deliver", "remove_secret") == [
        "begin", "add_secret", "token", "deliver", "remove_secret",
    ]  # fmt: skip
    (held,) = here.application_of("A").credentials
    assert held.key_id != old.key_id
    assert made.tokens.asked == [(here.secrets[held.key_id], TOKENS)]
    assert made.store.stored is not None
    assert made.store.stored.key_id == held.key_id
    assert application.client_id == made.store.stored.client_id


def test_callers_have_time_to_change_over_before_the_old_secret_goes() -> None:
    here = memory_state()
    _, _, changes = rotating(here)
    moments: dict[str, float] = {}

    def at(name: str) -> None:
        moments[name] = asyncio.get_running_loop().time()

    here.after("deliver", lambda: at("delivered"))
    here.before("remove_secret", lambda: at("removed"))
    ran(here, *changes)
    assert moments["removed"] - moments["delivered"] == pytest.approx(room.SECONDS_TO_CHANGE_OVER)


def test_a_rotation_that_was_cut_off_before_the_removal_proves_the_new_secret_again() -> None:
    here = memory_state()
    application, old, (adding, removal) = rotating(here)
    here.before("remove_secret", failing(lost()))
    with pytest.raises(ServiceError):
        ran(here, adding, removal)
    here.forget()
    made = ran(here, removal)
    assert events(here, "token", "remove_secret") == ["token", "remove_secret"]
    assert old not in here.application_of("A").credentials
    (held,) = here.application_of("A").credentials
    assert made.tokens.asked == [(here.secrets[held.key_id], TOKENS)]
    assert application.client_id == here.application_of("A").client_id


@pytest.mark.parametrize("there", ["nothing", "another client's", "the old one"])
def test_the_old_secret_stays_where_its_replacement_is_not_at_hand(there: str) -> None:
    """Whoever reads that place would be locked out."""
    here = memory_state()
    _, old, (_, removal) = rotating(here)
    store = here.stores["A"]
    if there == "nothing":
        store.stored = None
    elif there == "another client's":
        store.stored = StoredCredential(TenantId(TENANT.id), ClientId("other"), "value", key_id=KeyId("new"))
    with pytest.raises(S2SError) as raised:
        ran(here, removal)
    assert raised.value.code == "secret-not-at-hand"
    assert "memory:A" in raised.value.message
    assert old in here.application_of("A").credentials


def test_an_orphan_is_removed_at_once() -> None:
    """Nobody has it: there is nothing to prove and nobody to wait for."""
    here = memory_state()
    application = here.register("A", credentials=(credential(name=ATTEMPT),))
    removal = RemoveCredential(
        key="orphan", name="A", object_id=application.object_id, key_id=application.credentials[0].key_id
    )
    made = ran(here, removal)
    assert names(here) == []
    assert made.tokens.asked == []


# --- certificates and federated credentials ---


def certify(application: Application | None = None, **more: object) -> AddCertificate:
    change = AddCertificate(
        key="certificate",
        name="A",
        client="A",
        object_id=application.object_id if application else Ref("A", Part.OBJECT_ID),
        client_id=application.client_id if application else Ref("A", Part.CLIENT_ID),
        credential_name=ATTEMPT,
        starts=NOW,
        expires=LATER,
        audience=AUDIENCE,
    )
    return replace(change, **more)  # type: ignore[arg-type]


def test_a_private_key_is_on_disk_before_its_certificate_is_registered() -> None:
    here = memory_state()
    made = ran(here, NEW, certify(), keys=True)
    assert events(here, "key_pair", "add_certificate", "deliver_certificate") == [
        "key_pair", "add_certificate", "deliver_certificate",
    ]  # fmt: skip
    (held,) = here.application_of("A").credentials
    assert held.kind is CredentialKind.CERTIFICATE
    assert made.store.stored is not None
    assert made.store.stored.key_id == held.key_id
    assert made.journal.results.resolve(Ref[KeyId]("certificate", Part.KEY_ID)) == held.key_id


def test_the_key_of_an_attempt_that_was_cut_off_is_taken_up_again() -> None:
    """A second certificate would be one whose key nobody has delivered."""
    here = memory_state()
    application = here.register("A")
    here.before("deliver_certificate", failing(UsageError("unwritable", "Full.", remedy="Elsewhere.")))
    with pytest.raises(UsageError):
        ran(here, certify(application), keys=True)
    ran(here, certify(application, pending=here.stores["A"].pending), keys=True)
    assert len(here.application_of("A").credentials) == 1
    assert here.stores["A"].pending is None
    stored = here.stores["A"].stored
    assert stored is not None
    assert stored.key_id == here.application_of("A").credentials[0].key_id


def test_a_client_that_another_run_made_with_a_certificate_gets_no_second_one() -> None:
    here = memory_state()
    here.register(
        "A",
        "key.A",
        credentials=(credential(kind=CredentialKind.CERTIFICATE, name="mct-s2s 2026-11-24 ffff"),),
        created=NOW,
    )
    made = ran(here, NEW, certify(), keys=True)
    assert "another run" in made.details[-1]
    assert len(here.application_of("A").credentials) == 1
    assert events(here, "key_pair") == []
