"""The commands that the fault matrix is run over. A new command is a row."""

from __future__ import annotations

from dataclasses import dataclass

from tests.conftest import MACHINE

YES = ("-y", "-o", "json")
WHOLE = ("setup", "--client", "One", "--managed-identity", "reports-func", *YES)


@dataclass(frozen=True)
class Command:
    """One command as it is typed.

    `before` are the commands that make the state it is for; `{home}` stands for the folder that a run has to itself.
    `clients` are those who have a secret afterwards; `code` is the exit code of a run that nothing disturbs. Where
    `every` is not set, each request meets some of the faults, others in turn, and each fault some of the requests.
    """

    words: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    clients: tuple[str, ...] = ()
    code: int = 0
    every: bool = False
    tells: frozenset[int] = frozenset()
    """Exit codes by which its own document tells what is wrong, beside those of an error."""
    leaves: str = ""
    """What a resumed run may leave that a clean one takes away: the file of a secret that is worth nothing any more."""


COMMANDS = {
    "setup": Command(
        ("setup", "--client", "One", "--managed-identity", "reports-func", "--managed-identity", MACHINE, *YES),
        clients=("One",),
        every=True,
        tells=frozenset({3}),
    ),
    "add-client": Command(("add-client", "Two", *YES), before=(WHOLE,), clients=("One", "Two"), tells=frozenset({3})),
    "add-client --managed-identity": Command(
        ("add-client", "--managed-identity", MACHINE, *YES), before=(WHOLE,), clients=("One",)
    ),
    "configure-appservice": Command(
        ("configure-appservice", "--application-id", "{guid}", *YES), before=(WHOLE,), clients=("One",)
    ),
    "configure-appservice --from": Command(
        ("configure-appservice", "--from", "{home}/handoff.json", *YES),
        before=(("setup", "--no-app-service", "--handoff", "{home}/handoff.json", "--client", "One", *YES),),
        clients=("One",),
    ),
    "rotate-secret": Command(("rotate-secret", "One", *YES), before=(WHOLE,), clients=("One",)),
    "remove-client": Command(("remove-client", "One", *YES), before=(WHOLE,), leaves="one-8b12507783.env"),
    "teardown": Command(("teardown", *YES), before=(WHOLE,), leaves="one-8b12507783.env"),
    "verify": Command(("verify", "-o", "json"), before=(WHOLE,), clients=("One",), tells=frozenset({3})),
    "snippet": Command(("snippet", "One", "-o", "json"), before=(WHOLE,), clients=("One",)),
    "doctor": Command(("doctor", "-o", "json"), before=(WHOLE,), clients=("One",)),
    "status": Command(("status", "-o", "json"), before=(WHOLE,), clients=("One",)),
}
