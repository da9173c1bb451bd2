"""Questions on a terminal: which App Service, and for `setup` which clients."""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import questionary
from prompt_toolkit.filters import Condition
from prompt_toolkit.output import Output, create_output
from questionary.prompts.common import InquirerControl

from mct_s2s.activity import activity
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.options_to_request import api_of
from mct_s2s.cli.streams import ask, forget_typed
from mct_s2s.engine.observe.sites import AmbiguousSite, find_subscription, split_sites
from mct_s2s.engine.request import Session
from mct_s2s.errors import Cancelled, Interrupted, NotThere, S2SError
from mct_s2s.model.commands import option
from mct_s2s.model.resource_id import SiteTarget
from mct_s2s.plain_text import plain
from mct_s2s.render.console import Terminal, has_screen_reader

T = TypeVar("T")
RUN_AGAIN = "Run the same command again when you are ready."


async def pick_site(options: AzureOptions, session: Session) -> Session:
    """The session is then about the App Service, and the options name it."""
    api = api_of(options)
    arm = session.arm
    wanted = session.subscription
    if wanted is None and len(several := await arm.subscriptions()) > 1:
        wanted = options.subscription = await select(
            "Subscription:",
            {
                f"{subscription.name}  {subscription.id}": subscription.id
                for subscription in several
            },
        )
    subscription = await find_subscription(arm, wanted)
    with activity(f"Reading the web apps of '{subscription.name}'"):
        recognized, others = split_sites(await arm.sites(subscription.id), {}, api)
    offered = {
        f"{site.label}  {site.resource.resource_group}": site.resource for site in recognized
    }
    offered |= {
        f"{s.label}  {s.resource.resource_group}  (not recognized as {api.name})": s.resource
        for s in others
    }
    if not offered:
        raise NotThere(
            "site-not-found",
            f"The subscription '{subscription.name}' has no web app that you can read.",
            remedy=f"Choose another with {option('--subscription', 'NAME')}, or ask its Owner for "
            "the role Reader.",
        )
    chosen = await select(f"{api.name} App Service:", offered)
    options.app_service, options.resource_group = chosen.name, chosen.resource_group
    target = replace(SiteTarget.of(chosen), slot=options.slot or None)
    return replace(session, target=target)


async def pick_among_twins(
    options: AzureOptions, session: Session, ambiguous: AmbiguousSite
) -> Session:
    """Ask which App Service is meant of those with the name. Raises `ambiguous`: about another."""
    target, resources = session.target, ambiguous.candidates
    if target is None or {resource.name.casefold() for resource in resources} != {
        target.name.casefold()
    }:
        raise ambiguous  # about another name
    chosen = await select(
        f"Resource group of '{target.name}':",
        {resource.resource_group: resource for resource in resources},
    )
    options.resource_group = chosen.resource_group
    target = replace(target, group=chosen.resource_group, subscription=chosen.subscription_id)
    return replace(session, target=target)


async def select(question: str, rows: Mapping[str, T]) -> T:
    if has_screen_reader():
        return await _select_by_number(question, rows)
    choices = [questionary.Choice(plain(row), row) for row in rows]
    asked = questionary.select(
        plain(question),
        choices,
        use_jk_keys=False,
        use_search_filter=True,
        output=_standard_error(),
    )
    _refuse_unmatched(asked.application)
    return rows[await _answer(asked)]


async def text(question: str, check: Callable[[str], object], hint: str, wrong: str = "") -> str:
    """`wrong`: what is right, where the check's own words would name an option."""
    if has_screen_reader():
        return await _line(question, check, hint, wrong)

    def verdict(typed: str) -> bool | str:
        try:
            check(typed.strip())
        except S2SError as error:
            return plain(wrong or error.headline)
        return True

    shown: dict[str, Any] = {
        "instruction": f"({hint})",
        "validate_while_typing": False,
        "output": _standard_error(),
    }
    return str(await _answer(questionary.text(plain(question), validate=verdict, **shown))).strip()


async def _select_by_number(question: str, rows: Mapping[str, T]) -> T:
    """Ask for a number: a screen reader reads lines, and no list that is drawn anew."""
    terminal = Terminal.open(json=False)
    terminal.say(question)
    for number, row in enumerate(rows, start=1):
        terminal.say(f"  {number}. {row}")
    chosen = dict(enumerate(rows.values(), start=1))
    while True:
        typed = await _typed(terminal, f"Number, 1 to {len(chosen)}: ")
        number = int(typed) if re.fullmatch(r"[0-9]{1,6}", typed) else 0
        if number in chosen:
            return chosen[number]
        terminal.say(f"Type a number from 1 to {len(chosen)}.")


async def _line(question: str, check: Callable[[str], object], hint: str, wrong: str) -> str:
    terminal = Terminal.open(json=False)
    while True:
        typed = await _typed(terminal, f"{question} ({hint}) ")
        try:
            check(typed)
        except S2SError as error:
            terminal.say(wrong or error.headline)
        else:
            return typed


async def _typed(terminal: Terminal, question: str) -> str:
    """Raises Cancelled: standard input has ended."""
    line = await ask(terminal, question)
    if not line:
        terminal.say()  # Ctrl-D, which a terminal does not show
        raise Cancelled("cancelled", "Cancelled.", remedy=RUN_AGAIN, says_unchanged=True)
    return line.strip()


def _standard_error() -> Output:
    """Standard output is for results, and may lead into a file."""
    output = create_output(stdout=sys.stderr)
    output.enable_cpr = False  # type: ignore[attr-defined]  # a slow terminal's answer would be read as typed text
    return output


async def _answer(asked: questionary.Question) -> Any:
    try:
        forget_typed()
        return await asked.unsafe_ask_async()
    except KeyboardInterrupt as pressed:
        raise Interrupted(
            "interrupted", "Cancelled.", remedy=RUN_AGAIN, says_unchanged=True
        ) from pressed
    except EOFError as pressed:
        raise Cancelled(
            "cancelled", "Cancelled.", remedy=RUN_AGAIN, says_unchanged=True
        ) from pressed


def _refuse_unmatched(application: Any) -> None:
    """Where a filter matches nothing, questionary would show and take all rows."""
    shown: list[Any] = [window.content for window in application.layout.find_all_windows()]
    control: Any = next(content for content in shown if isinstance(content, InquirerControl))

    def is_unmatched() -> bool:
        wanted = (control.search_filter or "").lower()
        return not any(wanted in str(choice.title).lower() for choice in control.choices)

    rows, none = control.text, [("class:search_none", "   No match")]
    control.text = lambda: none if is_unmatched() else rows()
    application.key_bindings.add("enter", eager=True, filter=Condition(is_unmatched))(
        lambda _: None
    )
