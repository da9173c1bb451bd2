"""The whole of `setup` by questions: who signs in, which App Service, which clients; then the plan, as always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import Any

from mct_s2s.cli.command_line import command_line
from mct_s2s.cli.credential_stores.vaults import check_client
from mct_s2s.cli.guided.choosing import choose_target
from mct_s2s.cli.guided.clients import ClientAnswer, ClientQuestions
from mct_s2s.cli.guided.prompts import Prompts, TerminalPrompts
from mct_s2s.cli.options import CredentialOptions
from mct_s2s.cli.options.add_client import AddClientOptions
from mct_s2s.cli.options.setup import SetupOptions
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.cli.setting_up import Setup
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.session import Session
from mct_s2s.errors import S2SError
from mct_s2s.ports.signed_in_cloud import Azure
from mct_s2s.render.console import Terminal, prose

THINKING_SECONDS = 1800.0
"""Added to the command's deadline: nothing waits for Azure while a person reads and types."""


@dataclass(frozen=True)
class Answers:
    """What was answered, as options: of `setup`, and of `add-client` for each client whose credential is another's."""

    setup: SetupOptions
    more: tuple[AddClientOptions, ...] = ()

    @property
    def commands(self) -> list[str]:
        """The same as command lines."""
        return [command_line("setup", self.setup), *(command_line("add-client", one) for one in self.more)]

    def work(self) -> Setup:
        """All of it as one piece of work: one plan, one confirmation."""
        work = Setup.of(self.setup)
        for one in self.more:
            work = work.with_client(one, one.name or "")
        return work


@dataclass
class Conversation:
    """What has been answered so far."""

    options: SetupOptions
    """They name an App Service once it is chosen."""
    clients: list[ClientAnswer] = field(default_factory=list)

    def answers(self) -> Answers:
        """It as options."""
        return answers_of(self.options, self.clients)


def guided_setup(options: SetupOptions, prompts: Prompts | None = None) -> int:
    """Ask, plan, confirm and apply; return the process exit code."""
    Setup.of(options)  # what was typed is refused before anything is asked
    conversation = Conversation(replace(options))

    async def body(current: Run, session: Session) -> int:
        asking = prompts or TerminalPrompts(current.terminal)
        _introduce(current.terminal)
        prose(current.terminal.err, await _signed_in(session.azure))
        session = await _ask(asking, conversation, current.terminal, session)
        return await conversation.answers().work().carry_out(current, session)

    code = run(replace(options, timeout=options.timeout + THINKING_SECONDS), Needs(target=False), body)
    if conversation.options.app_service:
        _show_commands(Terminal.open(json=False), conversation.answers())
    return code


async def _ask(prompts: Prompts, conversation: Conversation, terminal: Terminal, session: Session) -> Session:
    """All questions, in their order; the session is then about the App Service that was chosen."""
    session, found = await choose_target(conversation.options, terminal, session, prompts)

    def check_vault(name: str) -> None:
        check_client()
        session.vaults.address(name)

    await ClientQuestions(prompts, found.callers, check_vault).ask(conversation.clients)
    return session


def answers_of(options: SetupOptions, clients: Sequence[ClientAnswer]) -> Answers:
    """Clients as options.

    One command gives all its clients the same kind of credential. Clients of the first kind, and all managed
    identities, are `setup`'s; each other one is added by a command of its own.
    """
    applications = [one for one in clients if not one.is_identity]
    first = applications[0].credential if applications else {}
    together = [one for one in applications if one.credential == first]
    setup = replace(
        options,
        client=[one.name for one in together],
        managed_identity=[one.name for one in clients if one.is_identity],
        **first,
    )
    return Answers(setup, tuple(_added(setup, one) for one in applications if one not in together))


def _added(setup: SetupOptions, client: ClientAnswer) -> AddClientOptions:
    shared: Mapping[str, Any] = {
        one.name: getattr(setup, one.name) for one in fields(CredentialOptions) if one.name not in _OF_CREDENTIALS
    }
    return AddClientOptions(name=client.name, **shared, **client.credential)


_OF_CREDENTIALS = {
    "credential",
    "secret_to",
    "secret_format",
    "secret_names",
    "github",
    "federated_issuer",
    "federated_subject",
}
"""The options that answers about clients set."""


def _introduce(terminal: Terminal) -> None:
    prose(terminal.err, "This sets up service-to-service authentication, question by question.")
    prose(terminal.err, "Nothing is changed before you have seen the plan and agreed to it. To cancel, press Ctrl-C.")


async def _signed_in(azure: Azure) -> str:
    """Who signed in, how, and where, as far as the directory says."""
    name, tenant = await gather_or_cancel(_name(azure), _tenant(azure))
    method = azure.directory_access.signed_in.description
    who = f"Signed in with {method} as {name}" if name else f"Signed in with {method}"
    return f"{who}, tenant {tenant}." if tenant else f"{who}."


async def _name(azure: Azure) -> str:
    with suppress(S2SError):
        if (person := await azure.directory_access.person()) is not None:
            return person.name
        if (principal := await azure.directory_access.principal()) is not None:
            return principal.display_name
    return ""


async def _tenant(azure: Azure) -> str:
    with suppress(S2SError):
        return (await azure.directory.tenant()).name
    return ""


def _show_commands(terminal: Terminal, answers: Answers) -> None:
    """What to type to get there without questions; each on a line of its own, to be pasted."""
    commands = answers.commands
    terminal.say()
    several = "" if len(commands) == 1 else " (a command gives all its clients the same type of credential)"
    prose(terminal.err, f"The same without questions{several}:")
    for line in commands:
        terminal.say(line, style="command")
