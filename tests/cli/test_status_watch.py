"""`status` over time: what ends when, looking again and again, and the horizon of expiry."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cli.conftest import Program
from tests.cli.schemas import check
from tests.conftest import Sandbox, program, without_azure

IN_40_DAYS = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}"


def test_expiry_is_a_timeline_with_a_horizon_of_the_users(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "Soon", "--secret-lifetime", IN_40_DAYS, "--no-verify", "-y").code == 0
    assert mct("add-client", "Later", "--no-verify", "-y").code == 0
    well = mct("status")
    assert well.code == 0
    section = well.out.partition("Expiry (to 365 days")[2].splitlines()[1:3]
    assert [line.split()[0] for line in section] == sorted(line.split()[0] for line in section)
    assert (IN_40_DAYS in section[0], "Soon" in section[0], "in 40 days" in section[0]) == (True, True, True)
    assert "Later" in section[1]
    assert section[1].count("━") > section[0].count("━") > 0
    for horizon in ("41d", "6w", "1000h"):
        due = mct("status", "--expiring-within", horizon, "-o", "json")
        assert due.code == 3
        assert [(f["code"], f["subject"]) for f in due.document["findings"]] == [("secret-expiring", "Soon")]
    assert mct("status", "--expiring-within", "5w").code == 0
    wrong = mct("status", "--expiring-within", "soon", "-o", "json")
    assert (wrong.code, wrong.document["error"]["code"]) == (2, "malformed-duration")


def _environment(azure: Sandbox, home: Path) -> dict[str, str]:
    return {**without_azure(), **azure.environment, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")}


def _eventually(seen: list[str], wanted: str, read: subprocess.Popen[str]) -> str:
    assert read.stdout is not None
    for line in read.stdout:
        seen.append(line)
        if wanted in line:
            return line
    raise AssertionError("".join(seen))


def test_watch_prints_a_line_for_each_change_until_interrupted(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    words = ("status", "--watch", "1", "-o", "json")
    with subprocess.Popen(
        program(words), env=_environment(azure, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            seen: list[str] = []
            _eventually(seen, "not-configured", process)
            assert mct("setup", "--client", "A", "--no-verify", "-y").code == 0
            healthy = _eventually(seen, '"healthy": true', process)
            documents = [json.loads(line) for line in seen]
            for document in documents:
                check(document)
            assert len({json.dumps(document) for document in documents}) == len(documents), "the same was said twice"
            assert json.loads(healthy)["findings"] == []
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130


def test_watch_alone_draws_anew_every_30_seconds_on_a_terminal(azure: Sandbox, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**_environment(azure, tmp_path), "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        program(("status", "--watch")), env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        shown, until = "", time.monotonic() + 40
        while "Press Ctrl-C to stop" not in shown and time.monotonic() < until:
            shown += os.read(ours, 4096).decode()
        assert "every 30 s" in shown
        assert "\x1b[2J" in shown
    finally:
        process.send_signal(signal.SIGINT)
        while True:
            try:
                if not os.read(ours, 4096):
                    break
            except OSError:
                break
        os.close(ours)
    assert process.wait(timeout=20) == 130
