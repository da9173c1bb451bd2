"""Which credentials of a client a rotation creates, removes and keeps, rule by rule."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from mct_s2s.errors import NotThere
from mct_s2s.model.client_credentials import (
    OUR_CREDENTIALS,
    Certificate,
    Credential,
    CredentialKind,
    SecretNote,
)
from mct_s2s.model.desired import Rotation
from mct_s2s.model.ids import ApplicationIdUri, KeyId
from mct_s2s.model.observed import Trust
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.credential_plan import ClientState
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.replacement import Replacement
from mct_s2s.planning.service_facts import CLIENT

from tests.planning.scenarios import NOW, client, guid, observed_state, settings

DAY = timedelta(days=1)
SEVEN_DAYS = Rotation(keep_old=7 * DAY)
AT_ONCE = Rotation(remove_old=True)
IN_VAULT = "keyvault:contoso/import"


def made(name: str, days_ago: float) -> Credential:
    """A secret of a year that this tool made so long ago."""
    begins = NOW - days_ago * DAY
    expires = begins + 365 * DAY
    return Credential(
        CredentialKind.SECRET, KeyId(guid(name)), f"{OUR_CREDENTIALS}{name}", expires, begins
    )


OLDEST, OLD, CURRENT = made("oldest", 60), made("old", 30), made("current", 10)


def replacement(
    rotation: Rotation,
    *credentials: Credential,
    held: Sequence[Credential] = (),
    place: str | None = "file:import.env",
    held_since: Mapping[KeyId, datetime] | None = None,
    sole: Credential | None = None,
) -> Replacement:
    """Of a client whose place had `held`, the last of them now; `sole`: of it, the old ones began
    to be removed here.
    """
    application = client("Import", *credentials).application
    delivered = held[-1] if held else None
    note = SecretNote(
        delivered=delivered.key_id if delivered else None,
        client_id=application.client_id if delivered else None,
        delivered_at=delivered.begins if delivered else None,
        held=tuple(credential.key_id for credential in held),
        held_since=held_since or {},
        place=SecretPlace.parse(place) if place is not None else None,
    )
    state = ClientState(
        "client:Import", CLIENT, application, None, "Import", ApplicationIdUri("api://x"), note, NOW
    )
    return Replacement(state, rotation, frozenset({sole.key_id} if sole is not None else ()))


@pytest.mark.parametrize("held", [(), (OLD, CURRENT)])
def test_a_removal_of_old_ones_is_repeated_without_a_rotation(held: Sequence[Credential]) -> None:
    """It may have been interrupted, and the one that stays is in use."""
    place = IN_VAULT if held else None
    again = replacement(AT_ONCE, CURRENT, held=held, place=place, sole=CURRENT)
    assert not again.needs_new
    assert not again.removed_now
    (note,) = again.notes("remove it")
    assert "without --remove-old" in note.what
    assert replacement(AT_ONCE, CURRENT, held=held, place=place, sole=OLD).needs_new
    assert replacement(Rotation(), CURRENT, held=held, place=place, sole=CURRENT).needs_new


@pytest.mark.parametrize("within", [None, 30 * DAY])
def test_a_repeated_removal_keeps_no_expired_secret_from_being_replaced(
    within: timedelta | None,
) -> None:
    """Nothing uses it any more; whatever was removed before, its client needs a new one."""
    expired = made("expired", 400)
    again = Rotation(remove_old=True, expiring_within=within)
    planned = replacement(again, expired, sole=expired)
    assert planned.needs_new
    assert not [note for note in planned.notes("remove it") if "makes no new" in note.what]


def test_a_secret_that_is_not_due_is_no_repeated_removal() -> None:
    """With `--expiring-within`, time alone decides, and no note advises otherwise."""
    timely = Rotation(remove_old=True, expiring_within=30 * DAY)
    assert replacement(timely, CURRENT, sole=CURRENT).notes("remove it") == []


@pytest.mark.parametrize(
    ("rotation", "place", "removed"),
    [
        (Rotation(), "file:import.env", [OLD, CURRENT]),
        (
            SEVEN_DAYS,
            "file:import.env",
            [OLD],
        ),  # OLD was replaced 10 days ago, CURRENT is replaced now
        (Rotation(keep_old=11 * DAY), "file:import.env", []),
        (Rotation(), IN_VAULT, [OLD]),
        (AT_ONCE, IN_VAULT, [OLD]),
    ],
    ids=["no time", "seven days", "eleven days", "references of a vault", "at once"],
)
def test_a_replaced_secret_goes_once_its_users_had_their_time(
    rotation: Rotation, place: str, removed: list[Credential]
) -> None:
    planned = replacement(rotation, OLD, CURRENT, held=(OLD, CURRENT), place=place)
    assert planned.removed_now == removed


def test_a_secret_that_the_place_never_held_stays_and_is_named() -> None:
    planned = replacement(Rotation(), OLD, CURRENT, held=(CURRENT,))
    assert planned.removed_now == [CURRENT]
    assert planned.elsewhere == [OLD]
    (note,) = planned.notes("remove it")
    assert note.what.startswith("Another secret of 'Import' is not stored in file:import.env.")
    assert "If its users read another place, rotate with --secret-to PLACE." in note.what


@pytest.mark.parametrize(("older", "notes"), [((), 0), ((OLD,), 1)])
def test_a_night_without_a_rotation_names_no_secret_in_use_for_removal(
    older: tuple[Credential, ...], notes: int
) -> None:
    """What a program was given last is in use: a command beside it would take it away."""
    nightly = Rotation(expiring_within=30 * DAY)
    told = replacement(nightly, *older, CURRENT, place=None).notes("remove it")
    assert len(told) == notes
    assert all(f"valid until {OLD.expires:%Y-%m-%d}." in note.what for note in told)


def test_of_a_secret_that_is_given_away_no_note_says_where_the_old_one_is() -> None:
    """Its own file of earlier days may hold it."""
    (note,) = replacement(Rotation(), CURRENT, place=None).notes("remove it")
    assert note.what.startswith("The old secret of 'Import' stays valid until"), note


def test_of_two_old_secrets_each_note_says_which_it_is_about() -> None:
    kept, elsewhere = replacement(SEVEN_DAYS, OLD, CURRENT, held=(CURRENT,)).notes("remove it")
    assert kept.what.startswith("The old secret of 'Import' is kept until")
    assert elsewhere.what.startswith("Another secret of 'Import' is not stored")


def test_at_a_site_of_a_file_that_is_not_set_up_nothing_is_rotated() -> None:
    bare = observed_state(Trust(), settings())
    nightly = Rotation(expiring_within=30 * DAY, only_named=True, clients=("Import",))
    assert make_plan(nightly, bare).notes == ("It is not set up, so there is nothing to rotate.",)
    with pytest.raises(NotThere):
        make_plan(Rotation(clients=("Import",)), bare)


def test_removing_the_old_ones_makes_no_new_one() -> None:
    planned = replacement(AT_ONCE, OLDEST, OLD, CURRENT, held=(CURRENT,))
    assert (planned.needs_new, planned.removed_now) == (False, [OLDEST, OLD])


def test_a_secret_newer_than_the_one_at_its_place_is_no_old_one() -> None:
    """A rotation to another place has handed it over: its users have the latest."""
    planned = replacement(AT_ONCE, OLDEST, OLD, CURRENT, held=(OLD,))
    assert (planned.needs_new, planned.removed_now) == (False, [OLDEST])
    (note,) = planned.notes("remove it")
    assert note.command is not None
    assert CURRENT.key_id in note.command


def test_a_plan_that_removes_the_secret_in_use_says_who_is_refused() -> None:
    (note,) = replacement(AT_ONCE, CURRENT, held=(CURRENT,)).notes("remove it")
    assert "whoever keeps a copy of it is refused" in note.what
    assert replacement(Rotation(), CURRENT, held=(CURRENT,)).notes("remove it") == []


def test_a_second_rotation_within_minutes_says_when_it_would_replace_again() -> None:
    just_made = made("just made", 1 / 24 / 60)
    planned = replacement(Rotation(), OLD, just_made, held=(OLD, just_made), place=IN_VAULT)
    again, kept = planned.notes("remove it")
    assert not planned.needs_new
    assert "so this run made none. To replace that one, too, run the same command after" in (
        again.what
    )
    assert "is kept for 25 hours" in kept.what


def test_without_a_place_the_newest_secret_counts_as_the_current_one() -> None:
    planned = replacement(AT_ONCE, OLDEST, OLD, CURRENT)
    assert (planned.current, planned.removed_now) == (CURRENT, [OLDEST, OLD])


@pytest.mark.parametrize("days_ago", [1 / 24 / 60, 1], ids=["just now", "yesterday"])
@pytest.mark.parametrize("within", [None, DAY], ids=["asked for", "scheduled"])
@pytest.mark.parametrize("place", [IN_VAULT, "file:import.env"])
def test_a_rotation_never_removes_the_last_live_secret(
    place: str, within: timedelta | None, days_ago: float
) -> None:
    """The place names this client, and a key that is another's: who may write it can do so."""
    of_another = made("of another", days_ago)
    rotation = Rotation(remove_old=True, expiring_within=within)
    planned = replacement(rotation, CURRENT, held=(of_another,), place=place)
    assert planned.needs_new or CURRENT not in planned.removed_now


@pytest.mark.parametrize("older", [(), (OLDEST, OLD)], ids=["the only one", "the newest"])
def test_a_secret_that_does_not_end_soon_is_never_removed_without_a_new_one(
    older: tuple[Credential, ...],
) -> None:
    """Also where no place on this machine knows which one the client's users have."""
    rotation = Rotation(remove_old=True, expiring_within=DAY)
    planned = replacement(rotation, *older, CURRENT)
    assert (planned.needs_new, planned.removed_now) == (False, [*older])


@pytest.mark.parametrize(("days", "needs_new"), [(400, True), (300, False)])
def test_a_secret_is_renewed_only_if_all_of_them_end_in_time(days: int, needs_new: bool) -> None:
    rotation = Rotation(expiring_within=days * DAY)
    assert replacement(rotation, OLD, CURRENT, held=(OLD, CURRENT)).needs_new is needs_new


@pytest.mark.parametrize(
    ("rotation", "said"),
    [
        (Rotation(), "is kept for 25 hours"),
        (
            SEVEN_DAYS,
            "is kept until a rotation without --keep-old. After 2026-12-01 12:00 UTC, remove it:",
        ),
    ],
    ids=["of a vault", "as long as was asked for"],
)
def test_an_old_secret_of_a_vault_is_said_to_stay_as_long_as_it_stays(
    rotation: Rotation, said: str
) -> None:
    (note,) = replacement(rotation, CURRENT, held=(CURRENT,), place=IN_VAULT).notes("remove it")
    assert said in note.what


@pytest.mark.parametrize("is_newest", [True, False], ids=["the newest version", "an older version"])
def test_a_tag_of_a_vault_that_names_a_secret_kept_elsewhere_deletes_nothing(
    is_newest: bool,
) -> None:
    """Who may write the vault's tags adds a version that names OLD, which is kept elsewhere;
    CURRENT is the vault's.
    """
    assert CURRENT.begins is not None
    since = {CURRENT.key_id: CURRENT.begins, OLD.key_id: NOW - DAY}
    held = (CURRENT, OLD) if is_newest else (OLD, CURRENT)
    for rotation in (Rotation(), Rotation(expiring_within=400 * DAY)):
        planned = replacement(rotation, OLD, CURRENT, held=held, place=IN_VAULT, held_since=since)
        assert (planned.current, planned.elsewhere, planned.removed_now) == (CURRENT, [OLD], [])


def test_a_certificate_is_replaced_only_once_its_key_has_arrived() -> None:
    pending = Certificate(b"der", "AB" * 20, NOW, NOW + 365 * DAY)
    certificate = replace(CURRENT, kind=CredentialKind.CERTIFICATE, key_id=KeyId(pending.key_id))
    by_hand = replace(certificate, name="by hand", key_id=KeyId(guid("by hand")))
    state = replacement(Rotation(), certificate, by_hand).client
    on_its_way = replace(state, note=replace(state.note, pending=pending))
    assert Replacement(on_its_way, Rotation()).replaceable == []
    arrived = replace(on_its_way, note=replace(on_its_way.note, delivered=pending.key_id))
    assert Replacement(arrived, Rotation()).replaceable == [certificate]


def test_no_tag_of_a_vault_makes_a_certificate_of_a_secret() -> None:
    key_id, begins = KeyId(guid("left")), NOW - 5 * DAY
    left = Credential(
        CredentialKind.CERTIFICATE, key_id, f"{OUR_CREDENTIALS}left", NOW + 3000 * DAY, begins
    )
    since = {CURRENT.key_id: CURRENT.begins or NOW, key_id: begins}
    due = Rotation(expiring_within=400 * DAY)
    planned = replacement(
        due, CURRENT, left, held=(CURRENT, left), place=IN_VAULT, held_since=since
    )
    assert (planned.kind, planned.current, planned.needs_new) == (
        CredentialKind.SECRET,
        CURRENT,
        True,
    )
