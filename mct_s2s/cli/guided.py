"""`setup`; without an App Service and a client, on a terminal: pick, name, choose; then the plan,
as always.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from mct_s2s.azure.graph import caller_rights
from mct_s2s.cli.binding import command_line
from mct_s2s.cli.change import change, run_change
from mct_s2s.cli.changing import setup_request, with_client
from mct_s2s.cli.commands import AddClientOptions, SetupOptions
from mct_s2s.cli.options import CredentialOptions
from mct_s2s.cli.run import CommandRun, may_ask, run
from mct_s2s.cli.session import Services
from mct_s2s.engine.observe.sites import find_subscription
from mct_s2s.engine.request import Session
from mct_s2s.errors import Cancelled, S2SError, or_unknown
from mct_s2s.inputs.clients import client_names
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.federation import github_subject
from mct_s2s.planning.secret_policy import longest
from mct_s2s.render.console import Terminal

Credential = dict[str, Any]
"""Options by the names of their fields."""

THINKING_SECONDS = 1800.0
"""Added to the command's deadline: nothing waits for Azure while a person reads and types."""
IDENTITY: Credential = {}
SECRET: Credential = {"credential": None}
GITHUB: Credential = {"github": None, "secret_to": None}
KINDS: dict[str, Credential] = {
    "Client secret": SECRET,
    "Certificate": {"credential": "certificate"},
    "GitHub Actions (federated, no secret)": GITHUB,
    "Managed identity of an Azure app": IDENTITY,
}
NONE = "No client yet: nothing will be able to call the API"
DONE = "No, that is all"
ELSEWHERE = "Another Azure resource, by its resource ID"


def setup(options: SetupOptions) -> int:
    named = (
        options.app_service or options.no_app_service or options.client or options.managed_identity
    )
    if not named and may_ask(options):
        return guided_setup(options)
    return run_change(options, setup_request(options, options.client))


def guided_setup(options: SetupOptions) -> int:
    setup_request(options, options.client)  # what was typed is refused before anything is asked
    from mct_s2s.cli.picking import pick_site  # noqa: PLC0415  # with questionary: a tenth of a second

    async def body(current: CommandRun, session: Session) -> int:
        current.terminal.say("Nothing is changed before you agree to the plan. Ctrl-C cancels.")
        current.is_asking = True  # it stays so where Ctrl-C ends it
        session = await pick_site(options, session)
        clients = await _ask_for_clients(current.terminal, session)
        current.is_asking = False
        chosen, more = answers_of(options, clients)
        request = setup_request(chosen, chosen.client)
        for one in more:
            request = with_client(request, one, one.client or "")
        try:
            code = await change(current, session, chosen, request)
        except Cancelled:
            raise  # who said no does not want to repeat it
        except S2SError:
            _show_command(current.terminal, chosen, more)
            raise
        _show_command(current.terminal, chosen, more)
        return code

    return run(
        replace(options, timeout=options.timeout + THINKING_SECONDS), Services(target=False), body
    )


async def _ask_for_clients(terminal: Terminal, session: Session) -> dict[str, Credential]:
    """The credential options of each client, by its name."""
    from mct_s2s.cli.picking import select, text  # noqa: PLC0415  # with questionary

    kinds, clients = await _kinds(terminal, session), dict[str, Credential]()
    question, last = "How does the calling program sign in?", {NONE: None}
    while True:
        offered: dict[str, Credential | None] = (
            {**kinds, **last} if not clients else {**last, **kinds}
        )
        kind = await select(question, offered)
        if kind is None:
            return clients
        if kind == IDENTITY:
            name = await _ask_for_app(session)
        else:
            wrong = "Type the name that Entra ID will show: one line, 120 characters at most."
            name = await text(
                "Name of that program:", _check_name, hint='such as "Nightly import"', wrong=wrong
            )
        clients[name] = kind
        if kind == GITHUB:
            hint, wrong = (
                "OWNER/REPO[:branch] or its URL",
                "Write OWNER/REPO, such as contoso/learn.",
            )
            clients[name] = GITHUB | {
                "github": await text("Repository:", github_subject, hint=hint, wrong=wrong)
            }
        question, last = "Does another program call the API?", {DONE: None}


async def _ask_for_app(session: Session) -> str:
    """A bare name where it is the only one in the subscription; else a resource ID."""
    from mct_s2s.cli.picking import select, text  # noqa: PLC0415  # with questionary

    subscription = await find_subscription(session.arm, session.subscription)
    apps = await session.arm.sites(subscription.id)
    called = Counter(one.name.casefold() for one in apps)
    target = session.target.name.casefold() if session.target is not None else ""
    offered: dict[str, str] = {}
    for one in sorted(apps, key=lambda app: app.name.casefold()):
        if one.name.casefold() != target:
            name = one.name if called[one.name.casefold()] == 1 else str(one.resource)
            offered[f"{one.name}  {one.resource.resource_group}"] = name
    chosen = await select("App whose managed identity calls the API:", {**offered, ELSEWHERE: ""})
    if chosen:
        return chosen
    wrong = "Copy the resource ID from the portal's Properties page: /subscriptions/…"
    return await text("Resource ID:", ResourceId.parse, hint="/subscriptions/…", wrong=wrong)


def _check_name(name: str) -> None:
    client_names([name])


def _show_command(
    terminal: Terminal, chosen: SetupOptions, more: Sequence[AddClientOptions]
) -> None:
    commands = [("setup", chosen), *(("add-client", one) for one in more)]
    terminal.say()
    terminal.say("To repeat this without questions:")
    terminal.say(
        " && ".join(f"{command_line(verb, options)} --yes" for verb, options in commands),
        style="command",
    )


def answers_of(
    options: SetupOptions, clients: Mapping[str, Credential]
) -> tuple[SetupOptions, list[AddClientOptions]]:
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
    return setup, [
        AddClientOptions(client=name, **(shared | credential)) for name, credential in apart.items()
    ]


async def _kinds(terminal: Terminal, session: Session) -> Mapping[str, Credential]:
    rules = await or_unknown(caller_rights.secret_rules(session.graph))  # few may read the policy
    forbidden = longest(rules or ()) == timedelta(0)
    if forbidden:
        terminal.say("This tenant forbids client secrets.")
    return {name: kind for name, kind in KINDS.items() if not (forbidden and kind == SECRET)}
