"""What a place was given, it gives back: to us, and to every other reader of the same file, such as
a shell.
"""

import asyncio
import errno
import os
import shutil
import subprocess
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.client_sign_in import (
    CertificateCredential,
    ClientSignIn,
    MadeCredential,
    SecretCredential,
)
from mct_s2s.model.ids import ClientId, KeyId, TenantId
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.stores.dotenv import assignment, variables_in
from mct_s2s.stores.files import FileStore
from mct_s2s.stores.store import OutputStore, ProgramStore

RECORD = MadeCredential(
    TenantId("11111111-1111-1111-1111-111111111111"),
    ClientId("22222222-2222-2222-2222-222222222222"),
    credential=SecretCredential("hush~hush"),
    authority="https://login.microsoftonline.us",
    scope="api://33333333-3333-3333-3333-333333333333/.default",
    url="https://contosolearn.azurewebsites.net",
    name="Reports",
    key_id=KeyId("44444444-4444-4444-4444-444444444444"),
    credential_name="mct-s2s 2026-11-24 ab12",
    expires=datetime(2027, 1, 1, tzinfo=UTC),
)
OTHER = ClientId("99999999-2222-2222-2222-222222222222")
SECONDS = 30
"""Far more than two files need, and only there against hanging."""


@pytest.mark.parametrize("value", ["plain8Q~x", "it's", 'a "b" c'])
def test_a_file_gives_back_what_was_put_in(value: str, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "a.env")
    record = replace(RECORD, credential=SecretCredential(value))
    asyncio.run(store.deliver(record))
    read = asyncio.run(store.read())
    assert read is not None
    place = SecretPlace(PlaceKind.FILE, str(store.dotenv))
    noted = (record.authority, place, record.scope, record.url, read.made_at)
    assert read == ClientSignIn(
        record.tenant_id, record.client_id, record.credential, *noted, key_id=record.key_id
    )
    assert value not in repr(read)
    script = f'. {store.dotenv}; printf %s "$AZURE_CLIENT_SECRET"'
    assert (
        subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True).stdout.decode()
        == value
    )


def test_a_value_that_a_file_cannot_give_back_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.env"
    with pytest.raises(UsageError, match="dotenv file cannot contain") as refused:
        asyncio.run(
            FileStore(path).deliver(replace(RECORD, credential=SecretCredential("$HOME `id` \\")))
        )
    assert "--secret-to PLACE" in str(refused.value.remedy)
    assert not path.exists()


def test_a_file_that_somebody_else_wrote_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "theirs.env"
    path.write_text(
        "export AZURE_TENANT_ID=t\r\n# ours\nAZURE_CLIENT_ID = "
        "c\nAZURE_CLIENT_SECRET=\"a'b\"\nMCT_S2S_URL=\nBROKEN='\n"
    )
    place = SecretPlace(PlaceKind.FILE, str(path))
    expected = ClientSignIn(TenantId("t"), ClientId("c"), SecretCredential("a'b"), source=place)
    assert asyncio.run(FileStore(path).read()) == expected


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_attempt_is_remembered_whatever_ends_the_line(end: str, tmp_path: Path) -> None:
    """Windows writes what it is told to by lines of its own."""
    store = FileStore(tmp_path / "a.env")
    asyncio.run(store.begin(RECORD.credential_name, RECORD.client_id))
    noted = tmp_path / "a.env.pending"
    noted.write_bytes(noted.read_bytes().replace(b"\n", end.encode()))
    assert asyncio.run(store.note()).attempts == {RECORD.credential_name: RECORD.client_id}


def test_what_a_file_was_given_speaks_for_the_client_that_the_file_names_and_for_no_other(
    tmp_path: Path,
) -> None:
    """Whose credential a nameless file has, only the file could say."""
    store = FileStore(tmp_path / "a.env")
    asyncio.run(store.deliver(RECORD))
    assert asyncio.run(store.note()).attempts == {RECORD.credential_name: RECORD.client_id}
    lines = store.dotenv.read_text().splitlines(keepends=True)
    store.dotenv.write_text("".join(line for line in lines if "AZURE_CLIENT_ID" not in line))
    nameless = asyncio.run(store.note())
    assert (nameless.delivered, nameless.attempts) == (RECORD.key_id, {})


@pytest.mark.parametrize(("client_id", "is_same"), [(RECORD.client_id, True), (OTHER, False)])
def test_a_file_remembers_what_it_had_of_the_same_client_and_of_no_other(
    client_id: ClientId, is_same: bool, tmp_path: Path
) -> None:
    """Who reads the file may still have an earlier one."""
    store = FileStore(tmp_path / "a.env", is_default_place=True)
    asyncio.run(store.deliver(RECORD))
    newer = replace(RECORD, client_id=client_id, key_id=KeyId("new"), credential_name="newer")
    asyncio.run(store.deliver(newer))
    held = asyncio.run(store.note()).held
    assert held == ((RECORD.key_id, newer.key_id) if is_same else (newer.key_id,))


@pytest.mark.parametrize("text", [None, "", "AZURE_TENANT_ID=t\nAZURE_CLIENT_ID=c\n", "\0\xff"])
def test_a_file_without_a_credential_gives_none(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.env"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    assert asyncio.run(FileStore(path).read()) is None


def test_only_this_command_can_read_a_shown_secret() -> None:
    seen: list[MadeCredential | None] = []

    def show(credential: MadeCredential | None) -> bool:
        seen.append(credential)
        return True

    store = OutputStore(show)
    assert asyncio.run(store.read()) is None
    asyncio.run(store.deliver(RECORD))
    assert asyncio.run(store.read()) == RECORD
    assert seen == [RECORD], "at once"
    assert "hush" not in repr(store)


def test_a_reason_that_keeps_a_secret_from_being_shown_is_said() -> None:
    def full(_: MadeCredential | None) -> bool:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(S2SError, match=os.strerror(errno.ENOSPC)):
        asyncio.run(OutputStore(full).deliver(RECORD))


def test_what_a_killed_run_left_half_written_goes_with_the_next_attempt(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "one[1].env", is_default_place=True)
    others = [
        tmp_path / name for name in (".one[1].env.bak", ".one1.env.0123abcd", "one[1].env.0123abcd")
    ]
    leftovers = [
        tmp_path / name for name in (".one[1].env.0123abcd", ".one[1].env.pending.fedc9876")
    ]
    for path in (*others, *leftovers):
        path.write_text("AZURE_CLIENT_SECRET=of a killed run")

    async def attempt() -> None:
        await store.begin("attempt 2", RECORD.client_id)
        assert (tmp_path / "one[1].env.pending").read_text() == f"attempt 2\t{RECORD.client_id}\n"
        await store.deliver(RECORD)

    asyncio.run(attempt())
    assert sorted(tmp_path.iterdir()) == sorted([*others, store.dotenv])
    assert store.dotenv.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "between", ["\n", "\r", "\0", "\u2028", "\u2029", "\x85", "\x0b"], ids=ascii
)
def test_a_value_that_others_choose_is_never_more_than_one_line(
    between: str, tmp_path: Path
) -> None:
    """The address comes from Azure, the scope from a setting, the name from the directory."""
    planted = f"{between}AZURE_CLIENT_SECRET=theirs"
    record = replace(
        RECORD, name=f"A{planted}", scope=f"api://x{planted}", url=f"https://x{planted}"
    )
    store = FileStore(tmp_path / "a.env")
    asyncio.run(store.deliver(replace(record, credential=SecretCredential("ours"))))
    lines = store.dotenv.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "CLIENT_SECRET" in line and not line.startswith("#")] == [
        "AZURE_CLIENT_SECRET=ours"
    ]
    read = asyncio.run(store.read())
    assert read is not None
    assert (read.credential, read.scope, read.url) == (SecretCredential("ours"), None, None)


def test_a_file_planted_beside_a_useless_secret_does_not_keep_it_from_going(tmp_path: Path) -> None:
    """By then, everything in Azure is gone already: that must not look like a failure."""
    store = FileStore(tmp_path / "a.env", is_default_place=True)
    asyncio.run(store.deliver(replace(RECORD, credential=SecretCredential("x"))))
    (tmp_path / "a.env.pending").mkdir()
    store.retire(RECORD.client_id)
    assert not store.dotenv.exists()


def test_a_note_that_has_nothing_more_to_say_goes_with_the_next_look(tmp_path: Path) -> None:
    """A run can be killed between the arrival of its secret and the end of its note; the file may
    be moved later.
    """
    store = FileStore(tmp_path / "a.env")
    pending = tmp_path / "a.env.pending"

    async def look() -> None:
        await store.deliver(RECORD)
        for attempt, stays in ((RECORD.credential_name, False), ("mct-s2s another", True)):
            await store.begin(attempt, RECORD.client_id)
            assert (await store.note()).delivered == RECORD.key_id
            assert pending.exists() == stays, "somebody else's attempt may be under way"

    asyncio.run(look())


# --- keys ---

WISH = ("mct-s2s Reports", datetime.now(UTC).replace(microsecond=0), RECORD.expires)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def keep(store: FileStore, client_id: ClientId = RECORD.client_id) -> None:
    pem, certificate = await store.key_pair(*WISH)
    record = replace(RECORD, client_id=client_id, key_id=certificate.key_id)
    await store.deliver(replace(record, credential=CertificateCredential(pem.encode())))


def test_a_key_is_on_disk_before_it_is_delivered_and_taken_up_by_the_next_run(
    tmp_path: Path,
) -> None:
    async def both_runs() -> None:
        first, second = (
            FileStore(tmp_path / "a.env", is_default_place=True, keeps_key=True) for _ in range(2)
        )
        await first.check(None)
        pem, credential = await first.key_pair(*WISH)
        assert names(tmp_path) == ["a.pem.pending"]
        assert (await second.note()).pending == credential
        assert await second.key_pair(*WISH) == (pem, credential)
        await keep(second)
        assert names(tmp_path) == ["a.env", "a.pem"]
        after = await second.note()
        assert (after.kind, after.delivered, after.pending) == (
            CredentialKind.CERTIFICATE,
            credential.key_id,
            None,
        )
        stored = await second.read()
        assert stored is not None
        assert (stored.credential, stored.key_id) == (
            CertificateCredential(pem.encode()),
            credential.key_id,
        )
        _, other = await second.key_pair(*WISH)
        assert other != credential, "what is delivered is not pending"

    asyncio.run(both_runs())


@pytest.mark.parametrize("name", ["a.pem", "a.env", "a"])
def test_a_place_names_either_file_and_no_file_of_others_is_written_over(
    name: str, tmp_path: Path
) -> None:
    async def kept_beside() -> None:
        store = FileStore(tmp_path / name, keeps_key=True)
        pem = "a" if name == "a" else "a.pem"
        (tmp_path / pem).write_text("theirs")
        with pytest.raises(UsageError) as refused:
            await store.check(None)
        assert (refused.value.code, (tmp_path / pem).read_text()) == (
            "secret-place-taken",
            "theirs",
        )
        (tmp_path / pem).unlink()
        await keep(store)
        assert names(tmp_path) == sorted([pem, "a.env"])
        assert (
            f"AZURE_CLIENT_CERTIFICATE_PATH={tmp_path / pem}"
            in (tmp_path / "a.env").read_text().splitlines()
        )

    asyncio.run(kept_beside())


def test_a_delivery_that_was_cut_off_is_no_strangers_file(tmp_path: Path) -> None:
    async def cut_off() -> None:
        place = FileStore(tmp_path / "a.pem", keeps_key=True)
        await place.key_pair(*WISH)
        (tmp_path / "a.pem").write_bytes((tmp_path / "a.pem.pending").read_bytes())
        await place.check(None)
        await keep(place)
        await place.check(RECORD.client_id)
        with pytest.raises(UsageError) as refused:
            await place.check(OTHER)
        assert refused.value.code == "secret-place-taken"

    asyncio.run(cut_off())


def test_a_key_that_has_arrived_waits_for_no_one(tmp_path: Path) -> None:
    """A run can be killed between the arrival of its key and the end of what was pending: that
    would stay for ever.
    """

    async def killed() -> None:
        place = FileStore(tmp_path / "a.env", keeps_key=True)
        await keep(place)
        (tmp_path / "a.pem.pending").write_bytes((tmp_path / "a.pem").read_bytes())
        (tmp_path / "a.pem.pending").chmod(0o600)
        assert (await place.note()).pending is None
        assert names(tmp_path) == ["a.env", "a.pem"]

    asyncio.run(killed())


def test_a_client_that_goes_takes_its_key_along(tmp_path: Path) -> None:
    place = FileStore(tmp_path / "a.env", is_default_place=True, keeps_key=True)
    assert place.retire(RECORD.client_id) == []
    asyncio.run(keep(place))
    assert place.retire(OTHER) == []
    assert [file.name for file in place.retire(RECORD.client_id)] == ["a.env", "a.pem"]
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "kinds", [["certificate"], ["secret"], ["secret", "certificate"]], ids=" then ".join
)
def test_another_clients_files_of_the_same_name_are_set_aside_whole(
    kinds: list[str], tmp_path: Path
) -> None:
    """A registration was deleted and is made again, or two App Services have the same name."""
    secret, key = (
        FileStore(tmp_path / "a.env", is_default_place=True, keeps_key=keeps)
        for keeps in (False, True)
    )

    async def both() -> None:
        await secret.deliver(RECORD)
        await keep(key)
        theirs = [await FileStore(tmp_path / f"a.env{kind}").read() for kind in (".secret", "")]
        for kind in kinds:
            await (
                keep(key, OTHER)
                if kind == "certificate"
                else secret.deliver(replace(RECORD, client_id=OTHER))
            )
        aside = [
            await FileStore(tmp_path / f"a.env{kind}.{RECORD.client_id}").read()
            for kind in (".secret", "")
        ]
        assert [sign_in and sign_in.credential for sign_in in aside] == [
            sign_in and sign_in.credential for sign_in in theirs
        ]

    asyncio.run(both())


# --- a disk that takes its time to confirm a file ---


def test_no_client_waits_for_the_disk_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)

    async def deliver(client_id: ClientId) -> None:
        store = FileStore(tmp_path / f"{client_id}.env", is_default_place=True)
        await store.begin("made", client_id)
        await store.deliver(replace(RECORD, client_id=client_id))

    async def main() -> None:
        await asyncio.gather(deliver(RECORD.client_id), deliver(OTHER))

    # Each file of one is on its way as long as the same file of the other is.
    monkeypatch.setattr(os, "fsync", lambda _: both.wait(SECONDS))
    asyncio.run(main())
    assert names(tmp_path) == [f"{RECORD.client_id}.env", f"{OTHER}.env"]


def test_a_secret_on_the_way_to_disk_arrives_if_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def confirmed(_: object) -> None:
        begun.set()
        assert go_on.wait(SECONDS)

    async def main() -> None:
        store = FileStore(tmp_path / "a.env", is_default_place=True)
        await store.begin("made", RECORD.client_id)
        monkeypatch.setattr(os, "fsync", confirmed)
        delivering = asyncio.ensure_future(store.deliver(RECORD))
        assert await asyncio.to_thread(begun.wait, SECONDS)
        delivering.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await delivering

    asyncio.run(main())
    assert "hush~hush" in (tmp_path / "a.env").read_text()
    assert names(tmp_path) == ["a.env"]


def test_whether_a_file_can_be_written_waits_for_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("nothing is kept yet"))
    asyncio.run(FileStore(tmp_path / "a.env", is_default_place=True).check(RECORD.client_id))
    assert names(tmp_path) == []


AWKWARD = [
    "Ab1~cd._-e", "~secret", "a b", "a #b", "it's", 'a"b', "$HOME", "`id`",
    "C:\\Users\\job$\\key.pem",
    "\\\\server\\share\\", "C:\\keys\\it's", "é", "'", "!x", "a=b",
]  # fmt: skip


@pytest.mark.parametrize("value", AWKWARD)
@pytest.mark.parametrize("line", ["{}", "export {}", "  {}  ", "\ufeff{}"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_value_is_read_as_it_was_written_in_any_form_of_its_line(
    value: str, line: str, end: str
) -> None:
    assert variables_in(line.format(assignment("A", value)) + end + f"B=1{end}")["A"] == value


@given(st.text(st.sampled_from("aZ0 '\"\\$`~#=é&;"), min_size=1, max_size=8))
def test_any_value_is_read_as_it_was_written_or_refused(value: str) -> None:
    try:
        line = assignment("A", value)
    except UsageError:
        assert "'" in value or "\\" in value
    else:
        assert variables_in(line) == {"A": value}


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
def test_a_shell_reads_a_dotenv_file_as_we_do() -> None:
    script = "\n".join(f"{assignment('A', value)}; printf '%s\\0' \"$A\"" for value in AWKWARD)
    read = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode()
    assert read.split("\0")[:-1] == AWKWARD


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "\x00", "\u2028", "\ud800", "it's $5"])
def test_a_value_that_readers_would_take_differently_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="A"):
        assignment("A", value)


def test_lines_that_users_add_are_read_as_they_mean_them(capfd: pytest.CaptureFixture[str]) -> None:
    text = (
        "# mct-s2s credential {}\r\nexport A='x' # mine\r\n\r\nB = y # "
        "mine\nC=a#b\nD=$A\nE=\nnonsense here\nF='open\n"
    )
    assert variables_in(text) == {"A": "x", "B": "y", "C": "a#b", "D": "$A"}
    assert capfd.readouterr() == ("", "")


def test_a_program_that_does_not_end_is_ended_with_the_time_that_there_is() -> None:
    """What it has started goes on, with its standard error open, and is not waited for."""
    store = ProgramStore(("sh", "-c", "sleep 35 & exec sleep 600"), "contosolearn")

    async def deliver() -> None:
        async with asyncio.timeout(1):
            await store.deliver(RECORD)

    since = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(deliver())
    assert time.monotonic() - since < SECONDS
    assert store.handed_over is None
