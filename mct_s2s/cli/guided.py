"""`setup`; without an App Service and a client, on a terminal: pick, name, choose; then the plan, as always."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from mct_s2s.cli.binding import command_line
from mct_s2s.cli.change import change, change_command
from mct_s2s.cli.changing import setup_work, with_client
from mct_s2s.cli.commands import AddClientOptions, SetupOptions
from mct_s2s.cli.options import CredentialOptions
from mct_s2s.cli.run import CommandRun, may_ask, run
from mct_s2s.cli.session import Services
from mct_s2s.engine.request import Session
from mct_s2s.errors import or_unknown
from mct_s2s.inputs.clients import client_names
from mct_s2s.inputs.target import caller_resource
from mct_s2s.planning.federation import github_subject
from mct_s2s.planning.secret_policy import longest
from mct_s2s.render.console import Terminal

Credential = dict[str, Any]
"""Options by the names of their fields."""

THINKING_SECONDS = 1800.0
"""Added to the command's deadline: nothing waits for Azure while a person reads and types."""
SECRET: Credential = {"credential": None}
GITHUB: Credential = {"github": None, "secret_to": None}
KINDS: dict[str, Credential] = {
    "Client secret": SECRET,
    "Certificate": {"credential": "certificate"},
    "GitHub Actions (federated credential, no secret)": GITHUB,
    "Managed identity (the name is its app's name or resource ID)": {},
}


def setup(options: SetupOptions) -> int:
    named = options.app_service or options.no_app_service or options.client or options.managed_identity
    if not named and may_ask(options):
        return guided_setup(options)
    return change_command(setup_work(options, options.client))


def guided_setup(options: SetupOptions) -> int:
    setup_work(options, options.client)  # what was typed is refused before anything is asked
    from mct_s2s.cli.picking import pick_site, select, text  # noqa: PLC0415  # with questionary: a tenth of a second

    def check(name: str) -> None:
        if name:
            caller_resource(name) if name.startswith("/") else client_names([name])

    async def body(current: CommandRun, session: Session) -> int:
        current.terminal.say("Nothing is changed before you agree to the plan. Ctrl-C cancels.")
        session = await pick_site(options, session)
        kinds, clients = await _kinds(current.terminal, session), dict[str, Credential]()
        while name := await text("Name of a client that calls the API:", check, hint="Enter: no more"):
            clients[name] = {} if name.startswith("/") else await select(f"What is {name}?", kinds)
            if clients[name] == GITHUB:
                repository = await text("Repository:", github_subject, hint="OWNER/REPO[:branch] or its URL")
                clients[name] = GITHUB | {"github": repository}
        chosen, more = answers_of(options, clients)
        work = setup_work(chosen, chosen.client)
        for one in more:
            work = with_client(work, one, one.client or "")
        try:
            return await change(current, session, work)
        finally:
            current.terminal.say()
            current.terminal.say("The same without questions:")
            same = (command_line("setup", chosen), *(command_line("add-client", one) for one in more))
            current.terminal.say(" && ".join(same), style="command")

    return run(replace(options, timeout=options.timeout + THINKING_SECONDS), Services(target=False), body)


def answers_of(options: SetupOptions, clients: Mapping[str, Credential]) -> tuple[SetupOptions, list[AddClientOptions]]:
    """A command gives all its clients the same credential: others get an `add-client` of their own.

    `clients`: the credential options of each, by its name; none for a managed identity.
    """
    applications = {name: credential for name, credential in clients.items() if credential}
    first = next(iter(applications.values()), {})
    together = [name for name, credential in applications.items() if credential == first]
    identities = [name for name, credential in clients.items() if not credential]
    setup = replace(options, client=together, managed_identity=identities, **first)
    reset = {"credential": None, "github": None}
    shared = {one.name: getattr(options, one.name) for one in fields(CredentialOptions)} | reset
    apart = {name: credential for name, credential in applications.items() if credential != first}
    return setup, [AddClientOptions(client=name, **(shared | credential)) for name, credential in apart.items()]


async def _kinds(terminal: Terminal, session: Session) -> Mapping[str, Credential]:
    rules = await or_unknown(session.directory.secret_rules())  # few may read the policy
    forbidden = longest(rules or ()) == timedelta(0)
    if forbidden:
        terminal.say("This tenant forbids client secrets.")
    return {name: kind for name, kind in KINDS.items() if not (forbidden and kind == SECRET)}
