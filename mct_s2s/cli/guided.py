"""The questions of `setup`: which clients call the API, and how each signs in."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from mct_s2s.azure.graph import caller_rights
from mct_s2s.cli.options import ClientOptions
from mct_s2s.cli.picking import select, text
from mct_s2s.engine.observe.sites import find_subscription
from mct_s2s.engine.request import Session
from mct_s2s.errors import or_unknown
from mct_s2s.inputs.client_options import client_names
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.federation import github_subject
from mct_s2s.planning.secret_policy import longest
from mct_s2s.render.console import Terminal

IDENTITY: ClientOptions = {}
SECRET: ClientOptions = {"credential": None}
GITHUB: ClientOptions = {"github": None, "secret_to": None}
KINDS: dict[str, ClientOptions] = {
    "Client secret": SECRET,
    "Certificate": {"credential": "certificate"},
    "GitHub Actions (federated, no secret)": GITHUB,
    "Managed identity of an Azure app": IDENTITY,
}
NONE = "No client yet: nothing will be able to call the API"
DONE = "No, that is all"
ELSEWHERE = "Another Azure resource, by its resource ID"


async def ask_for_clients(terminal: Terminal, session: Session) -> dict[str, ClientOptions]:
    """Ask which clients there are; return the options of each, by its name."""
    kinds, clients = await _kinds(terminal, session), dict[str, ClientOptions]()
    question, last = "How does the calling program sign in?", {NONE: None}
    while True:
        offered: dict[str, ClientOptions | None] = (
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
            hint = "OWNER/REPO[:branch] or its URL"
            wrong = "Write OWNER/REPO, such as contoso/learn."
            clients[name] = GITHUB | {
                "github": await text("Repository:", github_subject, hint=hint, wrong=wrong)
            }
        question, last = "Does another program call the API?", {DONE: None}


async def _ask_for_app(session: Session) -> str:
    """A bare name where it is the only one in the subscription; else a resource ID."""
    subscription = await find_subscription(session.arm, session.subscription)
    apps = await session.arm.sites(subscription.id)
    called = Counter(app.name.casefold() for app in apps)
    target = session.target.name.casefold() if session.target is not None else ""
    offered: dict[str, str] = {}
    for app in sorted(apps, key=lambda app: app.name.casefold()):
        if app.name.casefold() != target:
            name = app.name if called[app.name.casefold()] == 1 else str(app.resource)
            offered[f"{app.name}  {app.resource.resource_group}"] = name
    chosen = await select("App whose managed identity calls the API:", {**offered, ELSEWHERE: ""})
    if chosen:
        return chosen
    wrong = "Copy the resource ID from the portal's Properties page: /subscriptions/…"
    return await text("Resource ID:", ResourceId.parse, hint="/subscriptions/…", wrong=wrong)


def _check_name(name: str) -> None:
    client_names([name])


async def _kinds(terminal: Terminal, session: Session) -> Mapping[str, ClientOptions]:
    rules = await or_unknown(caller_rights.secret_rules(session.graph))  # few may read the policy
    forbidden = longest(rules or ()) == timedelta(0)
    if forbidden:
        terminal.say("This tenant forbids client secrets.")
    return {name: kind for name, kind in KINDS.items() if not (forbidden and kind == SECRET)}
