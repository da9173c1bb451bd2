"""The commands that the matrices are run over, and the course of each that nothing disturbs.

A new command is a row.
"""

import json
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.state import seed

from tests.conftest import FUNCTION_APP, JSON, MACHINE, SITE, Json
from tests.reliability.harness import Harness

VAULT = f"keyvault:{seed.VAULT}"
TWO = ("setup", "--client", "One", "--client", "Two")
GIVEN = """exec:sh -c 'cat > "$0/$MCT_S2S_CLIENT.got"' {home}"""
"""A program that keeps what it is given."""
STORING = 'cat > "$HOME/$MCT_S2S_CLIENT.got"'
"""A script that keeps it in the home of the run."""
WHOLE = ("setup", "--client", "One", "--managed-identity", "reports-func", *JSON)


@dataclass(frozen=True)
class Command:
    """One command as it is typed.

    `before` are the commands that make the state it is for; `{home}` stands for the folder that a
    run has to itself. `clients` are those who have a secret afterwards; `code` is the exit code of
    a run that nothing disturbs. Where `every` is not set, each request meets some of the faults,
    others in turn, and each fault some of the requests.
    """

    words: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    clients: tuple[str, ...] = ()
    code: int = 0
    every: bool = False
    tells: frozenset[int] = frozenset()
    """Exit codes by which its own document tells what is wrong, beside those of an error."""
    leaves: str = ""
    """What a resumed run may leave that a clean one takes away: the file of a secret that is worth
    nothing any more.
    """
    kills: int = 1
    """In how many cells of a sample it is killed."""
    owner: bool = False
    """Whether it is run by a principal that may change only what it owns."""
    file: str = ""
    """What a trust file in its home says: `{home}/sites.toml`."""
    fills_disk: bool = False
    """Whether standard output is on a disk that is full."""


FILE = f"""
[sites.learn]
app-service = "{SITE.rpartition("/")[2]}"

[[sites.learn.clients]]
name = "One"

[[sites.learn.clients]]
name = "Two"
secret-to = %s
"""
"""Of two clients, one has its secret in a file, and the other gives it to a program."""
APPLY = ("apply", "-f", "{home}/sites.toml", *JSON)

COMMANDS = {
    "setup": Command(
        (
            "setup",
            "--client",
            "One",
            "--managed-identity",
            "reports-func",
            "--managed-identity",
            MACHINE,
            *JSON,
        ),
        clients=("One",),
        every=True,
        tells=frozenset({3}),
    ),
    "setup --secret-to keyvault": Command(
        ("setup", "--client", "One", "--secret-to", VAULT, *JSON),
        clients=("One",),
        tells=frozenset({3}),
    ),
    "setup --secret-to exec": Command(
        ("setup", "--client", "One", "--secret-to", GIVEN, *JSON),
        clients=("One",),
        tells=frozenset({3}),
    ),
    "setup --secret-to show": Command(
        ("setup", "--client", "One", "--secret-to", "show", *JSON),
        clients=("One",),
        tells=frozenset({3}),
    ),
    "setup --credential federated": Command(
        (*TWO, "--credential", "federated", "--github", "contoso/Learn", *JSON)
    ),
    "add-client": Command(
        ("add-client", "Two", *JSON), before=(WHOLE,), clients=("One", "Two"), tells=frozenset({3})
    ),
    "add-client --secret-to exec": Command(
        ("add-client", "Two", "--secret-to", GIVEN, *JSON),
        before=(WHOLE,),
        clients=("One", "Two"),
        tells=frozenset({3}),
    ),
    "add-client --secret-to show": Command(
        ("add-client", "Two", "--secret-to", "show", *JSON),
        before=(WHOLE,),
        clients=("One", "Two"),
        tells=frozenset({3}),
    ),
    "add-client --managed-identity": Command(
        ("add-client", "--managed-identity", MACHINE, *JSON), before=(WHOLE,), clients=("One",)
    ),
    "configure-appservice": Command(
        ("configure-appservice", "--application-id", "{guid}", *JSON),
        before=(WHOLE,),
        clients=("One",),
    ),
    "configure-appservice --from": Command(
        ("configure-appservice", "--from", "{home}/handoff.json", *JSON),
        before=(
            (
                "setup",
                "--no-app-service",
                "--handoff",
                "{home}/handoff.json",
                "--client",
                "One",
                *JSON,
            ),
        ),
        clients=("One",),
    ),
    "rotate-secret": Command(("rotate-secret", "One", *JSON), before=(WHOLE,), clients=("One",)),
    "rotate-secret --secret-to exec": Command(
        ("rotate-secret", "One", "--secret-to", GIVEN, "--remove-old", *JSON),
        before=(("setup", "--client", "One", "--secret-to", GIVEN, *JSON),),
        clients=("One",),
    ),
    "rotate-secret --secret-to show": Command(
        ("rotate-secret", "One", "--secret-to", "show", "--remove-old", *JSON),
        before=(("setup", "--client", "One", "--secret-to", GIVEN, *JSON),),
        clients=("One",),
    ),
    "apply": Command(
        APPLY,
        clients=("One", "Two"),
        tells=frozenset({3}),
        file=FILE % json.dumps(f"exec:sh -c '{STORING}'"),
    ),
    "remove-client": Command(
        ("remove-client", "One", "--ignore-missing", *JSON),
        before=(WHOLE,),
        leaves="one-8b12507783.env",
    ),
    "teardown": Command(("teardown", *JSON), before=(WHOLE,), leaves="one-8b12507783.env"),
    "verify": Command(
        kills=0,
        words=("verify", "-o", "json"),
        before=(WHOLE,),
        clients=("One",),
        tells=frozenset({3}),
    ),
    "snippet": Command(
        kills=0, words=("snippet", "One", "-o", "json"), before=(WHOLE,), clients=("One",)
    ),
    "doctor": Command(kills=0, words=("doctor", "-o", "json"), before=(WHOLE,), clients=("One",)),
    "status": Command(kills=0, words=("status", "-o", "json"), before=(WHOLE,), clients=("One",)),
}


KILLED = {
    **{name: command for name, command in COMMANDS.items() if command.kills},
    "setup": Command(
        (*TWO, "--managed-identity", "reports-func", "--managed-identity", MACHINE, *JSON),
        clients=("One", "Two"),
        kills=3,
    ),
    "setup by an owner": Command(
        ("setup", "-a", SITE, "--client", "One", *JSON), clients=("One",), owner=True
    ),
    "setup after teardown": Command(WHOLE, before=(WHOLE, ("teardown", *JSON)), clients=("One",)),
    "certificates": Command((*TWO, "--credential", "certificate", *JSON), clients=("One", "Two")),
    "out of a key vault": Command(
        ("remove-client", "One", "--ignore-missing", *JSON),
        before=(("setup", "--client", "One", "--secret-to", VAULT, *JSON),),
    ),
    "an identity leaves": Command(
        ("remove-client", "reports-func", "--ignore-missing", *JSON),
        before=(WHOLE,),
        clients=("One",),
    ),
}

SCRIPT = """exec:sh -c '. "$HOME/store.sh"'"""
"""A program that fails until someone has written its script, such as `STORING`."""
FAILING = {
    "setup": Command(
        ("setup", "--client", "One", "--secret-to", SCRIPT, *JSON), clients=("One",), code=1
    ),
    "add-client": Command(
        ("add-client", "Two", "--secret-to", SCRIPT, *JSON),
        before=(WHOLE,),
        clients=("One", "Two"),
        code=1,
    ),
    "rotate-secret": Command(
        ("rotate-secret", "One", "--secret-to", SCRIPT, "--remove-old", *JSON),
        before=(("setup", "--client", "One", "--secret-to", GIVEN, *JSON),),
        clients=("One",),
        code=1,
    ),
    "apply": Command(APPLY, clients=("One", "Two"), code=1, file=FILE % json.dumps(SCRIPT)),
    **{
        f"{name} --secret-to show": replace(
            COMMANDS[f"{name} --secret-to show"], code=1, fills_disk=True
        )
        for name in ("setup", "add-client", "rotate-secret")
    },
}
"""Commands whose place for secrets fails."""


@dataclass(frozen=True)
class Course:
    """A command's clean run: where it begins, which requests it sends, where it ends."""

    state: Json
    home: Path
    caller: dict[str, str]
    requests: list[Entry]
    end: Counter[str]
    files: Counter[str]
    calls: dict[str, int]


def otherwise(harness: Harness, command: Command, known: Course) -> list[str]:
    """What is there otherwise than after the clean run: facts, secrets, files, and what leaked."""
    now = harness.normalized()
    files = Counter(harness.files())
    found = [f"lost {fact[:3000]}" for fact in known.end - now] + [
        f"added {fact[:3000]}" for fact in now - known.end
    ]
    found += (
        harness.orphans(*command.clients)
        + harness.leaks()
        + [f"no file {path}" for path in known.files - files]
    )
    more = files - known.files
    return found + [
        f"a file {path}" for path in more if not (command.leaves and path.endswith(command.leaves))
    ]


def mended(harness: Harness, command: Command, where: str) -> None:
    """Run a command whose place has failed once more, now that it works: it gives each client the
    one secret that it has.
    """
    (harness.home / "store.sh").write_text(STORING)
    again = harness.run(typed(command.words, harness))
    wrong = harness.orphans(*command.clients) + harness.leaks()
    assert (again.code, wrong) == (0, []), f"{where}: {again.out}{again.err}"


def typed(words: tuple[str, ...], harness: Harness) -> list[str]:
    return [
        word.format(home=harness.home, guid="9f6f2c53-43a6-4a8c-a39d-6a9f2f1f7b10")
        for word in words
    ]


def course(command: Command, harness: Harness, folder: Path) -> Course:
    """Make the state that the command is for, and run it there undisturbed."""
    home = harness.home = folder / "before"
    home.mkdir()
    if command.file:
        (home / "sites.toml").write_text(command.file)
    if command.owner:
        graph = ("Application.Read.All", "Organization.Read.All", "Application.ReadWrite.OwnedBy")
        arm = [("Website Contributor", resource) for resource in (SITE, FUNCTION_APP)]
        harness.caller = harness.inside.azure.caller(
            *graph, "AppRoleAssignment.ReadWrite.All", arm=arm
        )
    for words in command.before:
        assert harness.run(typed(words, harness)).code == 0
    state = harness.state
    harness.go_to(state, Path(shutil.copytree(home, folder / "clean")))
    typed_words = typed(command.words, harness)
    if command.fills_disk:
        ended = harness.ended(harness.process(typed_words, fills_disk=True))
    else:
        ended = harness.run(typed_words)
    assert ended.code == command.code, ended.out + ended.err
    requests = harness.inside.log()
    end = harness.normalized()
    files = Counter(harness.files())
    return Course(
        state, home, harness.caller, requests, end, files, {} if command.leaves else harness.calls()
    )
