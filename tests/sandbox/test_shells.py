"""What `sandbox env` prints: each shell reads back the very value, and removes it again, whatever is in a path."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from mct_s2s.sandbox.hosting.environment import VARIABLES, exports, real_exports
from mct_s2s.sandbox.hosting.shells import Shell, of_user, reading, removal, running, setting

HOSTILE = (
    "/home/Ada O'Neill/it's \"here\"",
    "/tmp/$(touch pwned) `touch pwned` ${HOME} $HOME %PATH% !x!",
    "C:\\Users\\ada\\",
    "two\nlines; touch pwned # & | > pwned",
    "\u2018curly\u2019 \u201alow\u201b",
    "-n ü ✓ \\' \\\\",
    "",
)
PROGRAMS = {
    "bash": (Shell.BASH, ["bash", "-c"]),
    "sh": (Shell.BASH, ["sh", "-c"]),
    "zsh": (Shell.ZSH, ["zsh", "-f", "-c"]),
    "fish": (Shell.FISH, ["fish", "--no-config", "-c"]),
    "pwsh": (Shell.POWERSHELL, ["pwsh", "-NoProfile", "-Command"]),
}
SHOW = "printenv MCT_S2S_TEST"


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_shell_reads_back_the_value(tmp_path: Path, program: str, value: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    shell, start = PROGRAMS[program]
    lines = [setting(shell, "MCT_S2S_TEST", value), SHOW, removal(shell, "MCT_S2S_TEST")]
    lines += [removal(shell, "MCT_S2S_TEST"), f"{SHOW} {'||' if shell is not Shell.FISH else '; or'} echo gone"]
    ended = subprocess.run([*start, "\n".join(lines)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ended.stdout, ended.stderr) == (f"{value}\ngone\n", "")
    assert list(tmp_path.iterdir()) == [], "nothing in it was run"


@pytest.mark.parametrize(
    ("shell", "value", "line"),
    [
        (Shell.FISH, "it's \\", r"set -gx A 'it\'s \\'"),
        (Shell.POWERSHELL, "it's $x \u2019", "$env:A = 'it''s $x \u2019\u2019'"),
        (Shell.CMD, "C:\\Users\\Ada & Bob\\100%", 'set "A=C:\\Users\\Ada & Bob\\100%"'),
        (Shell.ZSH, "it's", "export A='it'\"'\"'s'"),
    ],
)
def test_a_value_is_spelled_as_the_shell_wants_it(shell: Shell, value: str, line: str) -> None:
    assert setting(shell, "A", value) == line


@pytest.mark.parametrize("value", ['a"b', "a\nb", "a\rb"])
def test_what_cmd_cannot_spell_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cmd cannot set A"):
        setting(Shell.CMD, "A", value)


def test_the_lines_are_run_by_a_command_for_each_shell() -> None:
    folder = {"MCT_S2S_SANDBOX_DIR": "/a b"}
    assert running(Shell.BASH, "mct-s2s sandbox env", {}) == ['eval "$(mct-s2s sandbox env)"']
    assert running(Shell.ZSH, "x", folder) == ["eval \"$(MCT_S2S_SANDBOX_DIR='/a b' x)\""]
    assert running(Shell.FISH, "x", folder) == ["set -gx MCT_S2S_SANDBOX_DIR '/a b'", "x --shell fish | source"]
    assert running(Shell.POWERSHELL, "x", {}) == ["x --shell powershell | Out-String | Invoke-Expression"]
    assert running(Shell.CMD, "x", {}) == ["for /f \"delims=\" %i in ('x --shell cmd') do @%i"]


def test_a_variable_is_read_as_the_shell_does() -> None:
    found = {shell: reading(shell, "A") for shell in Shell}
    assert found == {"bash": '"$A"', "zsh": '"$A"', "fish": '"$A"', "powershell": "$env:A", "cmd": "%A%"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no login shell")
@pytest.mark.parametrize(
    ("login", "shell"),
    [("/usr/bin/fish", "fish"), ("/bin/zsh", "zsh"), ("/opt/pwsh", "powershell"), ("/bin/bash", "bash"), ("", "bash")],
)
def test_the_banner_is_for_the_shell_of_the_user(login: str, shell: str) -> None:
    assert of_user({"SHELL": login}) == shell


def test_all_that_is_set_can_be_removed(tmp_path: Path) -> None:
    assert tuple(exports(8443, state_dir=tmp_path)) == VARIABLES
    assert set(real_exports(state_dir=tmp_path)) < set(VARIABLES)


def test_every_client_is_told_whom_to_trust(tmp_path: Path) -> None:
    for found in (exports(8443, state_dir=tmp_path), real_exports(state_dir=tmp_path)):
        trusted = {
            found[name] for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        }
        assert len(trusted) == 1
        assert Path(trusted.pop()).is_absolute()
