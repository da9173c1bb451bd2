"""Our own bug: one line on the screen, the traceback in a private file, and nothing secret in either."""

import os
from pathlib import Path

import platformdirs
import pytest
from mct_s2s.cli import mistakes
from mct_s2s.cli.mistakes import crash_text

SECRETS = {
    "a client secret": ("abc8Q~" + "d" * 34, "d" * 34),
    "a token": ("eyJhbGciOi.eyJzdWIi.c2ln", "eyJ"),
    "a value of the environment": ("correct horse battery", "correct horse"),
    "a private key": ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
    "a header": ("Authorization: Bearer opaque-token-1", "opaque-token-1"),
    "a signature": ("https://x.example/?sv=1&sig=c2lnbmF0dXJl&x=1", "c2lnbmF0dXJl"),
}


def failure(text: str) -> Exception:
    try:
        raise KeyError(text)
    except KeyError as error:
        return error


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "logs"
    monkeypatch.setattr(platformdirs, "user_log_path", lambda *_, **__: folder)
    monkeypatch.delenv("COLUMNS", raising=False)
    return folder


@pytest.mark.parametrize(("secret", "part"), SECRETS.values(), ids=SECRETS)
def test_a_traceback_has_no_secret(secret: str, part: str) -> None:
    text = crash_text(failure(secret), "facts", {"AZURE_CLIENT_SECRET": "correct horse battery"})
    assert text.startswith("facts\nTraceback")
    assert ("[removed]" in text, part in text) == (True, False)


def test_a_bug_is_one_line_and_a_private_file(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mistakes.report(failure("x\x1b[31m"), ()) == 1
    out, err = capsys.readouterr()
    (log,) = logs.iterdir()
    assert out == ""
    assert "Traceback (most recent" not in err
    assert err.startswith("error: This is a bug in mct-s2s (KeyError).")
    assert f"    {log}\n" in err
    assert mistakes.ISSUES in err
    assert "KeyError" in log.read_text()
    assert "\x1b" not in log.read_text()
    if os.name == "posix":
        assert (log.stat().st_mode & 0o777, logs.stat().st_mode & 0o777) == (0o600, 0o700)


def test_without_a_place_for_the_file_the_traceback_is_shown(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.write_text("in the way")
    assert mistakes.report(failure("x"), ("-ojson",)) == 1
    out, err = capsys.readouterr()
    assert "Traceback (most recent" in err
    assert '"internal-error"' in out
