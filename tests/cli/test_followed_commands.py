"""Every command of ours that a walk through the program prints is run, as it is printed, where it
was printed; the Azure CLI's are read by its options.
"""

import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import Sandbox
from tests.support.printed_commands import known_options, printed_commands, unreadable
from tests.support.sandbox_inside import Inside

WALK = (
    "status --all", "status", "snippet Import", "add-client Import", "rotate-secret Import",
    "verify", "doctor", "export", "status -a zzz", "setup --slot blue",
    "setup --client Import --no-app-service --handoff handoff.json",
    "setup --client Import", "setup --client Import", "setup --clinet A", "nonsense",
    "remove-client nobody", "remove-client", "add-client", "add-client A B", "rotate-secret",
    "snippet nobody", "rotate-secret Import --secret-to exec:cat",
    "rotate-secret Import --keep-old 1d", "rotate-secret --expiring-within 400d",
    "status --expiring-within 400d", "verify", "doctor", "doctor --managed-identity reports-func",
    "configure-appservice --disable", "status", "doctor", "verify", "add-client Late",
    "setup --client New --dry-run", "setup --client New", "remove-client Late",
    "add-client Import --credential federated --github contoso/learn", "snippet Import",
    "export", "teardown --dry-run",
)  # fmt: skip
"""One after another, in one trust."""
ENDLESS = "sandbox serve"


def typed(words: list[str]) -> list[str]:
    """With the answer of a person who says yes."""
    asks = "--yes" in known_options("mct-s2s", words[0])
    return [*words, "-y"] if asks and not {"-y", "--yes", "--dry-run"} & set(words) else words


def test_every_command_that_is_printed_on_the_way_does_something_where_it_is_printed(
    mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    followed, refused = set[str](), list[str]()
    for line in WALK:
        ended = mct(*typed(shlex.split(line)))
        commands = [*printed_commands(ended.out), *printed_commands(ended.err)]
        assert unreadable(commands) == []
        for command in commands:
            # What stands for a name of the reader's is the client's that is there.
            program, *words = [
                "Import" if word == "NAME" else word for word in shlex.split(command)
            ]
            if program != "mct-s2s" or command in followed or ENDLESS in command:
                continue
            followed.add(command)
            kept = inside.keep()
            done = mct(*typed(words))
            inside.become(kept)
            # 3: there is something else to do, which it says.
            if done.code not in {0, 3}:
                refused.append(f"{line}: {command}: {done.err}")
    assert refused == []
    assert len(followed) > 15
