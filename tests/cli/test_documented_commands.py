"""Every command line of ours in README and docs/ is run as it is printed, against the sandbox.

It is run where there is what it speaks of: clients, a trust file, a backup. What a person is asked
is answered by `--yes`, since no one is at a terminal.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, run_here
from tests.cli.test_other_apis import hosted
from tests.conftest import Json, Sandbox
from tests.support.apis import ORDERS_FILE
from tests.support.catalogue import ROWS
from tests.support.certificates import RSA, pem_of
from tests.support.printed_commands import known_options, refused_by_az
from tests.support.sandbox_inside import Inside

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

ELSEWHERE = {
    "mct-s2s sandbox": "serves, or asks what is served: test_sandbox_command.py",
    'eval "$(mct-s2s sandbox env': "asks what is served: test_sandbox_command.py",
    "mct-s2s verify --auth managed-identity": "from inside a resource of Azure: test_verify.py",
}
"""Lines that are run by other tests, by their beginnings, with the reason."""
ANOTHER_TIME = ("faketime ",)
"""What says before a line of ours when it is; it is run at this time."""
OF_READERS = {
    "faketime -f +70d ": "",
    "file:/srv/secrets/": "file:secrets/",
    "--cloud sandbox": "",
    "-a orders --api": "-a orders -g apps --api",
}
"""What is the reader's own, and here is called otherwise; the tests' own sandbox is the cloud."""
ATTENTION = ("--dry-run", " status ", " doctor ")
"""These may end with 3: there is something to do."""
FINGERPRINT = re.compile(r"\b[0-9a-f]{64}\b|\bFINGERPRINT\b")


COMMAND_IN_SENTENCE = re.compile(r"`(mct-s2s [a-z-]+ [^`]*-[^`]+)`")
"""One with options, which a reader may type as it stands; a name in capitals is to be replaced."""


def command_lines() -> dict[str, str]:
    """Each line that is to be typed, as it is printed, and the page that has it first."""
    lines: dict[str, str] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```(?:console|sh|bash)\n(.*?)```", text, re.DOTALL):
            for line in re.findall(
                r"^ *(?:\$ |(?=mct-s2s ))(.+)$", block.replace("\\\n", " "), re.MULTILINE
            ):
                typed = re.sub(r"\s+", " ", line.partition("  #")[0]).strip()
                typed = typed.replace("~/mct-s2s/bin/mct-s2s", "mct-s2s")
                if typed.startswith(("mct-s2s ", *ANOTHER_TIME)) or "$(mct-s2s" in typed:
                    lines.setdefault(typed, page.name)
        for line in COMMAND_IN_SENTENCE.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            typed = re.sub(r"\s+", " ", line)
            if "`" not in typed and not any(word.isupper() for word in typed.split()):
                lines.setdefault(typed, page.name)
    return lines


LINES = command_lines()
HERE = {line: page for line, page in LINES.items() if not line.startswith(tuple(ELSEWHERE))}


def words_of(line: str) -> tuple[list[str], str]:
    """The words after `mct-s2s`, and the file that standard output goes to."""
    for theirs, ours in OF_READERS.items():
        line = line.replace(theirs, ours)
    typed, _, file = line.partition(" > ")
    typed, _, _ = typed.partition(" | ")  # what reads it is another program
    program, *words = shlex.split(typed)
    assert program == "mct-s2s"
    return words, file.strip()


def asks(words: list[str]) -> bool:
    """Whether the command asks before it changes something, and has not been answered yet."""
    takes_yes = "--yes" in known_options("mct-s2s", words[0])
    return takes_yes and not {"--yes", "-y", "--dry-run"} & set(words)


@dataclass(frozen=True)
class Stage:
    """Homes and states of Azure in which the lines are run; nothing here changes them."""

    inside: Inside
    home: Path
    folder: Path
    """What the lines name: a trust file, a backup, a certificate."""
    before: Json
    """One client, and an API beside MCT."""
    after: Json
    """All the clients of the pages."""

    def run(self, *words: str, home: Path) -> Ended:
        return run_here(*words, env=self.inside.azure.environment, home=home, inside=self.inside)


@pytest.fixture(scope="module")
def stage(
    inside: Inside, seeded: Json, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("folder")
    tools = home / "tools"
    tools.mkdir()
    for name in ("gh", "vault"):
        (tools / name).write_text("#!/bin/sh\nexec /bin/cat > /dev/null\n")
        (tools / name).chmod(0o755)
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / "secrets").mkdir()
    shutil.copy(ORDERS_FILE, folder / "orders.toml")
    (folder / "theirs.pem").write_bytes(pem_of(RSA))
    inside.become(seeded)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stack.enter_context(hosted("orders", inside, inside.azure))
        made = Stage(inside, home, folder, {}, {})
        done(
            made.run(
                "setup", "--client", "S2S-client", "--backup", "settings.json", "-y", home=home
            )
        )
        made = replace(made, before=inside.keep())
        for name, *more in (
            ("Import",),
            ("Build", "--credential", "federated", "--github", "contoso/learn:main"),
            ("Portal", "--secret-to", f"keyvault:{seed.VAULT}"),
        ):
            done(made.run("add-client", name, *more, "-y", "--no-verify", home=home))
        entra_only = ("--no-app-service", "--handoff", "handoff.json")
        done(made.run("setup", "--client", "S2S-client", *entra_only, "-y", home=home))
        shutil.copy(folder / "settings.json", folder / "before.json")
        (folder / "trust.toml").write_text(done(made.run("export", home=home)).out)
        done(
            made.run(
                "setup",
                "--api",
                "orders.toml",
                "-a",
                "orders",
                "-g",
                "apps",
                "--client",
                "Import",
                "-y",
                home=home,
            )
        )
        (file,) = home.rglob("s2s-client-*.env")
        shutil.copy(file, folder / "S2S-client.env")
        yield replace(made, after=inside.keep())


def done(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended


@pytest.fixture
def typed(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Typing"]:
    home = tmp_path / "home"
    shutil.copytree(stage.home, home)
    shutil.copytree(stage.folder, tmp_path / "folder")
    monkeypatch.chdir(tmp_path / "folder")
    monkeypatch.setenv("PATH", f"{home / 'tools'}:/usr/bin:/bin")
    yield Typing(stage, home)
    stage.inside.leave_alone()


@dataclass(frozen=True)
class Typing:
    stage: Stage
    home: Path

    def __call__(self, line: str) -> Ended:
        """Run a line in a state where what it speaks of is there, or is not there yet."""
        words, file = words_of(line)
        # The program behind the other API has started with the settings of one history.
        is_new = words[0] in {"setup", "add-client"} and "orders" not in words
        self.stage.inside.become(self.stage.before if is_new else self.stage.after)
        words = [FINGERPRINT.sub(lambda _: self._fingerprint(), word) for word in words]
        ended = self.stage.run(*words, *(["--yes"] if asks(words) else []), home=self.home)
        if file:
            Path(file).write_text(ended.out, encoding="utf-8")
        return ended

    def _fingerprint(self) -> str:
        planned = self.stage.run(
            "apply", "-f", "trust.toml", "--dry-run", "-o", "json", home=self.home
        )
        return str(planned.document["fingerprint"])


@pytest.mark.parametrize("line", HERE)
def test_a_command_line_of_the_pages_does_what_it_says(typed: Typing, line: str) -> None:
    ended = typed(line)
    allowed = {0, 3} if any(word in f"{line} " for word in ATTENTION) else {0}
    assert ended.code in allowed, f"{HERE[line]}: {ended.err}"


def test_every_line_that_is_not_run_here_has_a_reason() -> None:
    for beginning in ELSEWHERE:
        assert any(line.startswith(beginning) for line in LINES), beginning
    assert len(HERE) > 55


def test_the_loop_over_files_of_customers_looks_at_all_and_fails_with_any(tmp_path: Path) -> None:
    """In a shell, with a program in the place of ours that finds something at the first one."""
    page = (ROOT / "docs" / "trust-files.md").read_text(encoding="utf-8")
    (loop,) = (
        block for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "for " in block
    )
    customers = tmp_path / "customers"
    customers.mkdir()
    for name in ("contoso.toml", "fabrikam.toml"):
        (customers / name).touch()
    program = tmp_path / "mct-s2s"
    program.write_text('#!/bin/sh\necho "$@"\ncase $3 in *contoso*) exit 3;; esac\n')
    program.chmod(0o755)
    ended = subprocess.run(
        ["/bin/sh", "-euc", loop],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = ended.stdout.splitlines()
    assert lines == [f"status -f customers/{name}.toml" for name in ("contoso", "fabrikam")]
    assert ended.returncode == 3
    assert {"-f"} <= known_options("mct-s2s", "status")


COMMAND_IN_ROW = re.compile(r"`(mct-s2s [^`]+)`")
SERVES = ("mct-s2s sandbox serve",)
"""Runs until Ctrl-C: test_sandbox_command.py."""


def remedies() -> Mapping[str, str]:
    """The commands among the remedies of the catalogue of errors, each with a code that has it."""
    return {
        command: code
        for code, (_, _, remedy) in ROWS.items()
        for command in COMMAND_IN_ROW.findall(remedy)
        if not command.startswith(SERVES)
    }


@pytest.mark.parametrize("command", remedies())
def test_a_command_of_the_error_catalogue_runs(typed: Typing, command: str) -> None:
    needs = {"mct-s2s add-client": " Other", "mct-s2s setup": " --client Other"}
    ended = typed(command.replace("COMMAND", "status") + needs.get(command, ""))
    assert ended.code in {0, 3}, f"{remedies()[command]}: {ended.err}"


RECORDS = {"azure-contract.md"}
"""Pages that say what Azure does, also in words of no command."""


def commands_of_az() -> Iterator[tuple[str, str]]:
    """The commands of the Azure CLI that the pages and the error catalogue have, without quoted
    values.
    """
    for page in [*PAGES, ROOT / "docs" / "errors.toml"]:
        if page.name in RECORDS:
            continue
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for block in re.findall(r"```(?:console|sh|bash)\n(.*?)```", text, re.DOTALL):
            unquoted = re.sub(r"'[^']*'", "VALUE", re.sub(r"  #.*", "", block))
            for line in re.findall(r"\b(az [a-z][^\n)|;&]*)", unquoted):
                yield page.name, line
        for line in re.findall(
            r"`(az [a-z][^`]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        ):
            yield page.name, line


def test_every_command_of_az_on_the_pages_is_one_of_its() -> None:
    lines = list(commands_of_az())
    wrong = [
        f"{page}: {line}: {why}" for page, line in lines if (why := refused_by_az(line.split()[1:]))
    ]
    assert wrong == []
    assert len(lines) > 15


@pytest.mark.as_administrator("the sites of the subscription are listed")
def test_the_sites_of_the_sandboxs_page_are_known_as_mct_sites(
    mct: Program, azure: Sandbox
) -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    bodies = re.findall(r'_sandbox/sites" -d "(.*?)"\n', page, re.DOTALL)
    (body,) = (re.sub(r"\$(n|\{n%\?\})", "1", body).replace('\\"', '"') for body in bodies)
    azure.add_site(**json.loads(body))
    listed = mct("status", "--all")
    assert "customer1" in listed.out, listed
    planned = mct("setup", "-a", "customer1", "--client", "Import", "--dry-run")
    assert "does not look like an MCT site" not in planned.out + planned.err
