"""Completion: commands, options, values and names; whatever a name holds, no shell runs any of it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from mct_s2s import clock
from mct_s2s.azure.clouds import BY_NAME
from mct_s2s.cli.app import app
from mct_s2s.cli.completion import known_names
from mct_s2s.cli.completion.answer import answer
from mct_s2s.cli.completion.candidates import CLOUDS, candidates
from mct_s2s.cli.completion.known_names import FRESH_SECONDS, remember
from mct_s2s.cli.completion.quoting import typed_words
from mct_s2s.cli.completion.shell import VARIABLE, WORDS, Shell, script

from tests.cli.conftest import Program
from tests.conftest import Sandbox

PROGRAM = typer.main.get_command(app)
HOSTILE = (
    "$(touch MARK)",
    "`touch MARK`",
    "x; touch MARK",
    "x' ; touch MARK; '",
    'x" ; touch MARK; "',
    "x & touch MARK & y",
    "(touch MARK)",
    "x | touch MARK #",
    "*",
    "~root",
    "x\\",
    "!! !$",
    "{a,b} [c] ?",
    "> MARK",
    "\N{RIGHT SINGLE QUOTATION MARK}; touch MARK",
    "x\N{NO-BREAK SPACE}y\N{IDEOGRAPHIC SPACE}z",
)
HIDDEN = ("a\ntouch MARK", "\x1b]52;c;eA==\x07", "-y", "--purge", "a\u202eb", "")
"""Names that are not offered at all: they steer a terminal, or are options."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's private cache, empty, and no variable that stands for an option."""
    for name in [name for name in os.environ if name.startswith(("MCT_S2S_", "AZURE_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "names"
    monkeypatch.setattr(known_names, "_folder", lambda: folder)
    return folder


@pytest.fixture
def names() -> None:
    """What two commands have just seen, in two subscriptions."""
    sites = {"contosolearn": "mct-prod", "fabrikam": "mct-test"}
    for at, (site, group) in enumerate(sites.items()):
        remember(
            cloud="public", tenant=["t", "contoso.com"], subscription=[f"s{at}"], sites=[(site, group)],
            clients=[f"Import of {site}"],
        )  # fmt: skip


def completed(line: str, **environ: str) -> list[str]:
    *complete, last = shlex.split(line) if not line.endswith(" ") else [*shlex.split(line), ""]
    return [one.value for one in candidates(PROGRAM, complete, last, environ)]


def test_commands_are_completed() -> None:
    assert completed("st") == ["status"]
    assert completed("sandbox s") == ["serve", "save"]
    assert "add-client" in completed(" ")
    assert completed("nosuch ") == []


def test_options_are_completed_once_and_those_that_repeat_again() -> None:
    assert completed("verify --a") == ["--audience", "--app-service", "--auth"]
    assert completed("verify --auth cli --a") == ["--audience", "--app-service"]
    assert completed("setup --client A --cl") == ["--client", "--cloud"]
    assert "--no-restart" in completed("setup --no-")
    assert completed("status --expiring-within 3d --he") == ["--help"]
    assert completed("rotate-secret -- --he") == []


def test_values_are_completed() -> None:
    assert completed("status --auth c") == ["cli"]
    assert completed("status --auth=c") == ["--auth=cli"]
    assert completed("verify -o ") == ["text", "json"]
    assert "csv" in completed("status -o ")
    assert completed("status --cloud us") == ["usgov", "usgov-dod"]
    assert completed("setup --secret-to ") == ["file:", "keyvault:", "exec:", "github:", "show"]
    assert completed("completion ") == ["bash", "zsh", "fish", "powershell"]
    assert completed("setup --certificate ") == [""]  # the shell's own completion of files
    assert completed("verify --credentials x") == [""]
    assert completed("status --timeout ") == []


def test_every_cloud_is_completed() -> None:
    assert {*CLOUDS} == {name for name in BY_NAME if not name.startswith("azure")} | {"sandbox"}


@pytest.mark.usefixtures("names")
def test_names_are_those_of_the_options_that_were_typed() -> None:
    assert sorted(completed("status -a ")) == ["contosolearn", "fabrikam"]
    assert completed("status -a CON") == ["contosolearn"]
    assert sorted(completed("status -g ")) == ["mct-prod", "mct-test"]
    assert completed("status -s s1 -a ") == completed("status -a ", AZURE_SUBSCRIPTION_ID="S1") == ["fabrikam"]
    assert completed("status --tenant other -a ") == completed("status -a ", AZURE_TENANT_ID="other") == []
    assert completed("status --cloud usgov -a ") == completed("status -a ", MCT_S2S_CLOUD="usgov") == []
    assert sorted(completed("rotate-secret ")) == ["Import of contosolearn", "Import of fabrikam"]
    assert completed("remove-client -a fabrikam ") == ["Import of fabrikam"]
    assert completed("verify --client I", MCT_S2S_APP_SERVICE="fabrikam") == ["Import of fabrikam"]
    assert completed("snippet -a fabrikam ") == ["Import of fabrikam"]
    assert completed("rotate-secret X ") == []
    assert completed("setup --client I") == completed("add-client I") == []  # their names are to come


@pytest.mark.usefixtures("names")
def test_names_are_forgotten_within_a_minute(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = clock.now() + timedelta(seconds=FRESH_SECONDS + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert completed("status -a ") == []


@pytest.mark.usefixtures("names")
def test_names_are_private_and_what_others_planted_is_not_read(cache: Path) -> None:
    files = sorted(cache.glob("*"))
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600, 0o600]
    assert cache.stat().st_mode & 0o777 == 0o700
    files[0].chmod(0o666)
    files[1].write_text("[")
    assert completed("status -a ") == []


@pytest.mark.parametrize("content", ["", "null", '{"at": "x"}', '{"at": 1e999}', '{"sites": 3}', "[" * 10_000])
def test_a_cache_that_is_broken_is_silent(cache: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    cache.mkdir(mode=0o700)
    (cache / "x.json").write_text(content)
    (cache / "x.json").chmod(0o600)
    assert answer(PROGRAM, ["status", "-a", ""], {VARIABLE: "bash"}) == 0
    assert tuple(capsys.readouterr()) == ("", "")


def test_a_place_that_cannot_be_written_stops_no_command(cache: Path) -> None:
    cache.write_text("in the way")
    remember(cloud="public", tenant=[], subscription=[], sites=[("a", "b")])
    assert completed("status -a ") == []


@pytest.mark.parametrize("environ", [{VARIABLE: "nosuch"}, {VARIABLE: ""}, {VARIABLE: "powershell", WORDS: "{"}])
def test_a_shell_that_is_not_known_gets_nothing(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(PROGRAM, ["st"], environ) == 0
    assert tuple(capsys.readouterr()) == ("", "")


def test_an_ordinary_command_leaves_the_names_that_it_has_seen(mct: Program, cache: Path, azure: Sandbox) -> None:
    assert mct("setup", "--client", "Import", "-y", "--no-verify").code == 0
    cloud = azure.environment["MCT_S2S_CLOUD"]
    seen = json.loads(next(cache.glob("*.json")).read_text())
    assert (seen["cloud"], seen["sites"], seen["clients"]) == (cloud, [["contosolearn", "mct-prod"]], ["Import"])
    secret = azure.environment["AZURE_CLIENT_SECRET"]
    assert secret not in json.dumps(seen)


@pytest.mark.parametrize(
    ("words", "complete", "last", "quote"),
    [
        (["status", "--auth", "=", "cl"], ["status", "--auth"], "cl", ""),
        (["status", "--auth", "="], ["status", "--auth"], "", ""),
        (["rotate-secret", '"My cl'], ["rotate-secret"], "My cl", '"'),
        (["rotate-secret", "My\\ cl"], ["rotate-secret"], "My cl", ""),
        (["rotate-secret", "'a b'", ""], ["rotate-secret", "a b"], "", ""),
        ([], [], "", ""),
    ],
)
def test_what_bash_passes_is_read_as_bash_would(words: list[str], complete: list[str], last: str, quote: str) -> None:
    typed = typed_words(Shell.BASH, words, None)
    assert (list(typed.complete), typed.unfinished, typed.quote) == (complete, last, quote)


# What a shell does with a hostile name


@pytest.fixture
def hostile() -> None:
    remember(cloud="public", tenant=[], subscription=[], sites=[("a", "b")], clients=[*HOSTILE, *HIDDEN, "Good"])


@pytest.fixture
def lines_for(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    def lines(shell: Shell, words: Sequence[str]) -> list[str]:
        answer(PROGRAM, words, {VARIABLE: shell.value, WORDS: json.dumps(words)})
        return capsys.readouterr().out.splitlines()

    return lines


@pytest.mark.usefixtures("hostile")
def test_every_name_is_one_line_and_none_that_steers_is_offered(lines_for: Callable[..., list[str]]) -> None:
    for shell in Shell:
        found = lines_for(shell, ["rotate-secret", ""])
        assert any("Good" in line for line in found)
        assert not any("\x1b" in line or line.startswith(("-", "touch")) for line in found)
    assert [line.split("\t")[0] for line in lines_for(Shell.FISH, ["rotate-secret", ""])] == [*HOSTILE, "Good"]


@pytest.mark.usefixtures("hostile")
def test_bash_takes_each_name_for_one_word_and_runs_nothing(
    lines_for: Callable[..., list[str]], tmp_path: Path
) -> None:
    found = [line.split("\t")[0] for line in lines_for(Shell.BASH, ["rotate-secret", ""])]
    (tmp_path / "file.txt").write_text("for the globs")
    typed = "".join(f"printf '%s\\0' {word}\n" for word in found)
    done = subprocess.run(["bash", "--norc"], input=typed, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stderr == ""
    assert done.stdout.split("\0")[:-1] == [*HOSTILE, "Good"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.txt", "names"]


@pytest.mark.usefixtures("hostile")
def test_within_quotation_marks_bash_gets_only_names_without_a_meaning(lines_for: Callable[..., list[str]]) -> None:
    for quote in ("'", '"'):
        found = lines_for(Shell.BASH, ["rotate-secret", quote])
        assert [line.split("\t")[0] for line in found] == ["(touch MARK)", "Good"]


@pytest.mark.usefixtures("hostile")
def test_powershell_gets_each_name_in_single_quotation_marks(lines_for: Callable[..., list[str]]) -> None:
    inserted = [json.loads(line)[0] for line in lines_for(Shell.POWERSHELL, ["rotate-secret", ""])]
    assert not any('"' in word for word in inserted)
    for word in inserted:
        if word != "Good":
            assert word.startswith("'")
            assert word.endswith("'")
            inner = word[1:-1]
            for mark in "'\u2018\u2019\u201a\u201b":
                inner = inner.replace(mark * 2, "")
            assert not set(inner) & set("'\u2018\u2019\u201a\u201b")


PRESSED = """
eval "$(mct-s2s completion bash)"
COMP_WORDS=(mct-s2s rotate-secret "$1") COMP_CWORD=2
_mct_s2s mct-s2s "$1" rotate-secret
printf '%s\\n' "${COMPREPLY[@]}"
"""


def test_the_script_for_bash_completes_in_a_real_bash(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "mct-s2s" / "names"
    folder.mkdir(mode=0o700, parents=True)
    seen = {"at": clock.now().timestamp(), "cloud": "public", "tenant": [], "subscription": [], "sites": []}
    (folder / "x.json").write_text(json.dumps({**seen, "clients": ["*", "My $(touch MARK) app"]}))
    (folder / "x.json").chmod(0o600)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
    }
    command = ["bash", "--norc", "-c", PRESSED, "bash", ""]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (["\\*", "My\\ \\$\\(touch\\ MARK\\)\\ app"], "")
    assert not (tmp_path / "MARK").exists()


@pytest.mark.parametrize("shell", Shell)
def test_each_shell_has_a_script_that_its_own_parser_takes(shell: Shell, tmp_path: Path) -> None:
    text = script(shell)
    assert VARIABLE in text
    assert "mct-s2s completion" in text
    parser = shutil.which(shell.value)
    if parser is not None:
        path = tmp_path / "script"
        path.write_text(text)
        subprocess.run([parser, "-n", str(path)], check=True)


def test_completion_imports_nothing_that_it_does_not_need() -> None:
    text = (
        "import os, sys; os.environ['_MCT_S2S_COMPLETE'] = 'bash'; from mct_s2s.cli.app import main;"
        "main(['setup', '--client', 'x', '--h']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("--handoff\t")
    loaded = set(done.stderr.split())
    heavy = {"asyncio", "pydantic", "rich.console", "msal", "aiohttp", "mct_s2s.engine", "mct_s2s.cli.commands.setup"}
    assert loaded & heavy == set()
