"""A disk takes its time to confirm a file: meanwhile everything else goes on, and what was begun is ended."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.model.client_sign_in import MadeCredential, SecretCredential
from mct_s2s.model.ids import ClientId, KeyId, TenantId
from mct_s2s.stores.files import FileStore

CLIENTS = [ClientId(f"00000000-0000-4000-8000-00000000000{at}") for at in range(2)]
TENANT = TenantId("11111111-1111-4111-8111-111111111111")
SECONDS = 30
"""Far more than two files need, and only there against hanging."""


def _made(at: int) -> MadeCredential:
    key_id, ends = KeyId(f"22222222-2222-4222-8222-22222222222{at}"), datetime(2030, 1, 1, tzinfo=UTC)
    noted: dict[str, Any] = {"scope": "api://x/.default", "name": "Import", "attempt": "made", "expires": ends}
    return MadeCredential(TENANT, CLIENTS[at], credential=SecretCredential(f"s~{at}"), key_id=key_id, **noted)


async def _keep(folder: Path, at: int) -> None:
    store = FileStore(folder / f"{at}.env", is_ours=True)
    await store.check(CLIENTS[at])
    await store.begin("made", CLIENTS[at])
    await store.deliver(_made(at))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir(mode=0o700)
    return tmp_path / "secrets"


def test_no_client_waits_for_the_disk_of_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def confirmed(descriptor: Any) -> None:
        del descriptor
        both.wait(SECONDS)  # each file of one is on its way as long as the same file of the other is

    monkeypatch.setattr(os, "fsync", confirmed)

    async def main() -> None:
        await asyncio.gather(_keep(folder, 0), _keep(folder, 1))

    asyncio.run(main())
    assert sorted(file.name for file in folder.iterdir()) == ["0.env", "1.env"]


def test_a_secret_on_its_way_to_the_disk_arrives_though_the_command_is_interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def confirmed(descriptor: Any) -> None:
        del descriptor
        begun.set()
        assert go_on.wait(SECONDS)

    async def main() -> None:
        store = FileStore(folder / "0.env", is_ours=True)
        await store.begin("made", CLIENTS[0])
        monkeypatch.setattr(os, "fsync", confirmed)
        delivering = asyncio.ensure_future(store.deliver(_made(0)))
        assert await asyncio.to_thread(begun.wait, SECONDS)
        delivering.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await delivering

    asyncio.run(main())
    assert "s~0" in (folder / "0.env").read_text()
    assert [file.name for file in folder.iterdir()] == ["0.env"]


def test_that_a_file_can_be_written_is_tried_without_waiting_for_the_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("nothing is kept yet"))
    asyncio.run(FileStore(folder / "0.env", is_ours=True).check(CLIENTS[0]))
    assert list(folder.iterdir()) == []
