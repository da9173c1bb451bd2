"""The questions of `setup`: which clients call the API, how each signs in, where secrets go."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from mct_s2s.azure.graph import caller_rights
from mct_s2s.cli.options import ClientOptions
from mct_s2s.cli.picking import select, text
from mct_s2s.engine.observe.observe import read_identity_resource
from mct_s2s.engine.observe.sites import find_subscription
from mct_s2s.engine.request import Session
from mct_s2s.errors import NotThere, or_unknown, outcome_of
from mct_s2s.inputs.client_options import client_names
from mct_s2s.inputs.secret_to import secret_to
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.secret_place import PlaceKind
from mct_s2s.planning.federation import github_subject
from mct_s2s.planning.secret_policy import longest
from mct_s2s.render.console import Terminal

IDENTITY: ClientOptions = {}
SECRET: ClientOptions = {"credential": None}
CERTIFICATE: ClientOptions = {"credential": "certificate"}
GITHUB: ClientOptions = {"github": None, "secret_to": None}
KINDS: dict[str, ClientOptions] = {
    "Client secret": SECRET,
    "Certificate": CERTIFICATE,
    "GitHub Actions (federated, no secret)": GITHUB,
    "Managed identity of an Azure app": IDENTITY,
}
NONE = "None now: clients can be added later"
DONE = "No, that is all"
ELSEWHERE = "Another Azure resource, by its resource ID"
PLACES = {
    "Its own file on this machine": PlaceKind.DEFAULT_FILE,
    "Another file or folder": PlaceKind.FILE,
    "Key vault": PlaceKind.KEY_VAULT,
    "Nowhere: shown here once": PlaceKind.SHOWN,
}
KEY_PLACES = {label: kind for label, kind in PLACES.items() if kind is not PlaceKind.KEY_VAULT}
"""A private key is never sent anywhere."""

WRONG_PLACE = frozenset(
    {
        "vault-not-found",
        "foreign-vault",
        "cloud-without-vaults",
        "secret-place-taken",
        "secret-place-deleted",
        "secret-place-unwritable",
        "secret-place-unproved",
    }
)
"""Codes of errors that another answer to where secrets go mends."""


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
            name = await _ask_for_app(terminal, session)
        else:
            wrong = "Type a name: one line, 120 characters at most."
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


def have_places(clients: Mapping[str, ClientOptions]) -> bool:
    """Whether anything is made that has to be kept."""
    return SECRET in clients.values() or CERTIFICATE in clients.values()


async def with_places(clients: Mapping[str, ClientOptions]) -> dict[str, ClientOptions]:
    """Ask where secrets and keys go, if any are made; return the clients with that option."""
    placed = dict(clients)
    kinds = list(clients.values())
    if secrets := kinds.count(SECRET):
        question = "Where does the secret go?" if secrets == 1 else "Where do the secrets go?"
        _place(placed, SECRET, await _ask_for_place(question, PLACES, secrets))
    if keys := kinds.count(CERTIFICATE):
        question = "Where do certificate and key go?"
        _place(placed, CERTIFICATE, await _ask_for_place(question, KEY_PLACES, keys))
    return placed


def _place(clients: dict[str, ClientOptions], kind: ClientOptions, place: str | None) -> None:
    for name, options in clients.items():
        if options == kind:
            clients[name] = kind | {"secret_to": place}


async def _ask_for_place(question: str, places: Mapping[str, PlaceKind], count: int) -> str | None:
    """Ask for one place for what `count` clients get, as `--secret-to` takes it."""
    kind = await select(question, places)
    if kind is PlaceKind.DEFAULT_FILE:
        return None
    if kind is PlaceKind.SHOWN:
        return kind.value
    is_vault = kind is PlaceKind.KEY_VAULT
    if is_vault:
        hint = "such as contoso-keys"
        wrong = "Type a vault's name: letters, digits and hyphens."
    elif count == 1:
        hint, wrong = "such as import.env", "Type a path."
    else:
        hint, wrong = "a folder, such as secrets/", "Type a folder's path, with / at its end."

    def check(typed: str) -> None:
        secret_to(f"{kind}:{typed}", count)

    name = await text("Name of the vault:" if is_vault else "Path:", check, hint, wrong)
    return f"{kind}:{name}"


async def _ask_for_app(terminal: Terminal, session: Session) -> str:
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
    wrong = "Copy it from the portal's Properties: /subscriptions/…"
    while True:
        typed = await text("Resource ID:", ResourceId.parse, hint="/subscriptions/…", wrong=wrong)
        # What else can be wrong with it, such as a missing role, the plan says.
        resource = await outcome_of(read_identity_resource(session, ResourceId.parse(typed)))
        if not isinstance(resource, NotThere):
            return typed
        terminal.say(resource.headline)


def _check_name(name: str) -> None:
    client_names([name])


async def _kinds(terminal: Terminal, session: Session) -> Mapping[str, ClientOptions]:
    rules = await or_unknown(caller_rights.secret_rules(session.graph))  # few may read the policy
    forbidden = longest(rules or ()) == timedelta(0)
    if forbidden:
        terminal.say("This tenant forbids client secrets.")
    return {name: kind for name, kind in KINDS.items() if not (forbidden and kind == SECRET)}
