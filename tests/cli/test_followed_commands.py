"""Every command of ours that a walk through the program prints, or what it says of a fault, is run
as it is printed, where it was printed; the Azure CLI's are read by its options.
"""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import Sandbox
from tests.support.certificates import RSA, pem_of
from tests.support.printed_commands import printed_commands, unreadable
from tests.support.sandbox_inside import Inside
from tests.support.trust_faults import ADDRESSES, FAULTS, OF_READERS, Fault, Stage, typed

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
LOOKS = ("status", "doctor", "az ")
"""These change nothing, or are not run here."""
UNNAMED = {"MCT_S2S_APP_SERVICE": "", "MCT_S2S_RESOURCE_GROUP": ""}
"""A command that is printed names the App Service itself."""


def test_every_command_that_is_printed_on_the_way_does_something_where_it_is_printed(
    mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clients.txt").write_text("Listed\n")
    theirs = {
        "NAME": "Import",
        "FILE": "clients.txt",
        "https://HOST_OF_THE_SITE": azure.site_url,
    }
    followed = set[str]()
    refused = list[str]()
    for line in WALK:
        ended = mct(*typed(shlex.split(line)))
        commands = [*printed_commands(ended.out), *printed_commands(ended.err)]
        assert unreadable(commands) == []
        for command in commands:
            # What stands for the reader's own is what is there.
            program, *words = [theirs.get(word, word) for word in shlex.split(command)]
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


def as_typed(command: str, azure: Sandbox) -> list[str]:
    """The words of a command, with the reader's own in the place of what stands for them."""
    service = azure.applications("MCT service (contosolearn)")
    theirs = {
        **OF_READERS,
        "APP_ID": service[0]["appId"] if service else "",
        **dict.fromkeys(ADDRESSES, azure.site_url),
    }
    for word in sorted(theirs, key=len, reverse=True):
        command = re.sub(rf"(?<![\w.-]){re.escape(word)}(?![\w.])", theirs[word], command)
    return shlex.split(command)[1:]


def is_begun(prints: str, command: str) -> bool:
    """Whether a command that is printed begins like this."""
    plain = re.sub(r" (-a|-g|--cloud) \S+", "", command.removeprefix("mct-s2s "))
    begins = re.escape(prints).replace("CLIENT_ID", "[0-9a-f-]{36}")
    return re.match(begins, plain) is not None


@pytest.mark.parametrize("fault", FAULTS)
def test_a_command_that_is_printed_of_a_fault_does_something(
    mct: Program,
    azure: Sandbox,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    tools, folder = tmp_path_factory.mktemp("tools"), tmp_path_factory.mktemp("folder")
    (tools / "gh").write_text("#!/bin/sh\nexec /bin/cat > /dev/null\n")
    (tools / "gh").chmod(0o755)
    (folder / "theirs.pem").write_bytes(pem_of(RSA))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    stage, happening = Stage(mct, azure, tmp_path, folder), FAULTS[fault]
    stage.done("setup --client Import --secret-lifetime 40d --no-verify")
    happening.happens(stage)
    ended = mct(*typed(shlex.split(happening.line)), env=happening.by(azure))
    commands = [*printed_commands(ended.out), *printed_commands(ended.err)]
    assert unreadable(commands) == []
    assert any(is_begun(happening.prints, command) for command in commands), ended
    happening.then(stage)
    for command in commands:
        if not command.startswith("mct-s2s "):
            continue
        words = as_typed(command, azure)
        followed = mct(*typed(words), env=UNNAMED)
        if happening.asks and followed.code == 2:
            assert happening.asks in followed.err
            followed = mct(*typed([*words, *happening.asks.split()]), env=UNNAMED)
        assert followed.code in {0, 3}, f"{command}: {followed.err}"
        if is_begun(happening.prints, command) and not happening.prints.startswith(LOOKS):
            assert_is_mended(happening, stage)


def assert_is_mended(fault: Fault, stage: Stage) -> None:
    """What `status` finds, and a command mends, is not found any more."""
    if fault.line.startswith("status"):
        again = stage.mct(*typed(shlex.split(fault.line)))
        said = [*printed_commands(again.out), *printed_commands(again.err)]
        assert not any(is_begun(fault.prints, command) for command in said), again
    if fault.line.startswith("doctor"):
        assert stage.mct(*typed(shlex.split(fault.line))).code == 0
