"""What a place was given, it gives back: to us, and to every other reader of the same file."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mct_s2s.errors import UsageError
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential, SecretCredential
from mct_s2s.model.ids import ClientId, KeyId, TenantId
from mct_s2s.stores.files import FileStore
from mct_s2s.stores.store import OutputStore

RECORD = MadeCredential(
    TenantId("11111111-1111-1111-1111-111111111111"),
    ClientId("22222222-2222-2222-2222-222222222222"),
    credential=SecretCredential("hush~hush"),
    authority="https://login.microsoftonline.us",
    scope="api://33333333-3333-3333-3333-333333333333/.default",
    url="https://contosolearn.azurewebsites.net",
    name="Reports",
    key_id=KeyId("44444444-4444-4444-4444-444444444444"),
    attempt="mct-s2s 2026-11-24 ab12",
    expires=datetime(2027, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize("value", ["plain8Q~x", "it's", 'a "b" c'])
def test_a_file_gives_back_what_was_put_in(value: str, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "a.env")
    made = replace(RECORD, credential=SecretCredential(value))
    asyncio.run(store.deliver(made))
    read = asyncio.run(store.read())
    assert read is not None
    noted = (made.authority, f"file:{store.path}", made.scope, made.url, read.made)
    assert read == ClientSignIn(made.tenant_id, made.client_id, made.credential, *noted, key_id=made.key_id)
    assert value not in repr(read)
    script = f'. {store.path}; printf %s "$AZURE_CLIENT_SECRET"'
    assert subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True).stdout.decode() == value


def test_what_a_file_cannot_give_back_is_not_put_into_it(tmp_path: Path) -> None:
    path = tmp_path / "a.env"
    with pytest.raises(UsageError, match="dotenv file cannot contain") as refused:
        asyncio.run(FileStore(path).deliver(replace(RECORD, credential=SecretCredential("$HOME `id` \\"))))
    assert "--secret-to keyvault:" in str(refused.value.remedy)
    assert not path.exists()


def test_a_file_that_somebody_else_wrote_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "theirs.env"
    path.write_text(
        "export AZURE_TENANT_ID=t\r\n# ours\nAZURE_CLIENT_ID = c\nAZURE_CLIENT_SECRET=\"a'b\"\nMCT_S2S_URL=\nBROKEN='\n"
    )
    expected = ClientSignIn(TenantId("t"), ClientId("c"), SecretCredential("a'b"), source=f"file:{path}")
    assert asyncio.run(FileStore(path).read()) == expected


@pytest.mark.parametrize("text", [None, "", "AZURE_TENANT_ID=t\nAZURE_CLIENT_ID=c\n", "\0\xff"])
def test_where_no_credential_is_none_is_read(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.env"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    assert asyncio.run(FileStore(path).read()) is None


def test_what_is_shown_can_be_read_by_this_command_only() -> None:
    seen: list[MadeCredential | None] = []
    store = OutputStore(seen.append)
    assert asyncio.run(store.read()) is None
    asyncio.run(store.deliver(RECORD))
    assert asyncio.run(store.read()) == RECORD
    assert seen == [RECORD], "at once"
    assert "hush" not in repr(store)


def test_what_a_killed_run_left_half_written_goes_with_the_next_attempt(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "one[1].env", is_ours=True)
    others = [tmp_path / name for name in (".one[1].env.bak", ".one1.env.0123abcd", "one[1].env.0123abcd")]
    left = [tmp_path / name for name in (".one[1].env.0123abcd", ".one[1].env.pending.fedc9876")]
    for path in (*others, *left):
        path.write_text("AZURE_CLIENT_SECRET=of a killed run")

    async def attempt() -> None:
        await store.begin("attempt 2", RECORD.client_id)
        assert (tmp_path / "one[1].env.pending").read_text() == f"attempt 2\t{RECORD.client_id}\n"
        await store.deliver(RECORD)

    asyncio.run(attempt())
    assert sorted(tmp_path.iterdir()) == sorted([*others, store.path])
    assert store.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("between", ["\n", "\r", "\0", "\u2028", "\u2029", "\x85", "\x0b"], ids=ascii)
def test_what_others_can_choose_is_never_more_than_one_line(between: str, tmp_path: Path) -> None:
    """The address comes from Azure, the scope from a setting, the name from the directory."""
    planted = f"{between}AZURE_CLIENT_SECRET=theirs"
    record = replace(RECORD, name=f"A{planted}", scope=f"api://x{planted}", url=f"https://x{planted}")
    store = FileStore(tmp_path / "a.env")
    asyncio.run(store.deliver(replace(record, credential=SecretCredential("ours"))))
    lines = store.path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "CLIENT_SECRET" in line and not line.startswith("#")] == [
        "AZURE_CLIENT_SECRET=ours"
    ]
    read = asyncio.run(store.read())
    assert read is not None
    assert (read.credential, read.scope, read.url) == (SecretCredential("ours"), None, None)


def test_what_is_planted_beside_it_does_not_keep_a_useless_secret_from_going(tmp_path: Path) -> None:
    """By then, everything in Azure is gone already: that must not look like a failure."""
    store = FileStore(tmp_path / "a.env", is_ours=True)
    asyncio.run(store.deliver(replace(RECORD, credential=SecretCredential("x"))))
    (tmp_path / "a.env.pending").mkdir()
    store.retire(RECORD.client_id)
    assert not store.path.exists()


def test_a_note_that_has_nothing_more_to_say_goes_with_the_next_look(tmp_path: Path) -> None:
    """A run can be killed between the arrival of its secret and the end of its note; the file may be moved later."""
    store, pending = FileStore(tmp_path / "a.env"), tmp_path / "a.env.pending"

    async def look() -> None:
        await store.deliver(RECORD)
        for attempt, stays in ((RECORD.attempt, False), ("mct-s2s another", True)):
            await store.begin(attempt, RECORD.client_id)
            assert (await store.note()).delivered == RECORD.key_id
            assert pending.exists() == stays, "somebody else's attempt may be under way"

    asyncio.run(look())
