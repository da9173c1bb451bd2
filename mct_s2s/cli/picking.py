"""What a command was not told is picked on a terminal: the App Service, and for `setup` what else it asks for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from mct_s2s.activity import activity
from mct_s2s.cli.options import AzureOptions, ChangingOptions
from mct_s2s.cli.streams import forget_typed
from mct_s2s.engine.observe.sites import find_subscription, survey_of
from mct_s2s.engine.session import Session
from mct_s2s.errors import CANCELLED, Cancelled, Interrupted, NotThere, S2SError
from mct_s2s.model.commands import option
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.plain_text import plain
from mct_s2s.render.pipelines import is_unattended

T = TypeVar("T")


def may_ask(options: AzureOptions, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether questions may be asked: a person is at the terminal, and has not said that there are none to be asked."""
    if options.output != "text" or (isinstance(options, ChangingOptions) and options.yes):
        return False
    if environ.get("TERM") == "dumb" or is_unattended(environ):  # some give jobs a terminal
        return False
    return all(stream is not None and not stream.closed and stream.isatty() for stream in (sys.stdin, sys.stderr))


async def pick_site(options: AzureOptions, session: Session) -> Session:
    """Ask which App Service is meant; the session is then about it, and the options name it."""
    sites, wanted = session.sites, session.subscription
    if wanted is None and len(several := await sites.subscriptions()) > 1:
        wanted = options.subscription = await select(
            "Subscription:", {f"{one.name}  {one.id}": one.id for one in several}
        )
    subscription = await find_subscription(sites, wanted)
    with activity(f"Reading the web apps of '{subscription.name}'"):
        mct, others = survey_of(await sites.sites(subscription.id), {})
    offered = {_row(one.resource): one.resource for one in mct}
    offered |= {f"{_row(one.resource)}  (not recognized as MCT)": one.resource for one in others}
    if not offered:
        raise NotThere(
            "site-not-found",
            f"The subscription '{subscription.name}' has no web app that you can read.",
            remedy=f"Choose another with {option('--subscription', 'NAME')}, or ask its Owner for the role Reader.",
        )
    chosen = await select("MCT App Service:", offered)
    options.app_service, options.resource_group = chosen.name, chosen.resource_group
    target = replace(SiteTarget.of(chosen), slot=options.slot or None)
    return session.about(target, subscription.id)


async def pick_namesake(options: AzureOptions, session: Session, ambiguous: NotThere) -> Session:
    """Ask which of several App Services of one name is meant; raise the error where no one can be asked."""
    target = session.target
    found = [ResourceId.parse(item) for item, _ in ambiguous.items if item.startswith("/")]
    is_target = target is not None and {one.name.casefold() for one in found} == {target.name.casefold()}
    if target is None or not is_target or not may_ask(options):
        raise ambiguous
    chosen = await select(f"Resource group of '{target.name}':", {one.resource_group: one for one in found})
    options.resource_group = chosen.resource_group
    target = replace(target, group=chosen.resource_group, subscription=chosen.subscription_id)
    return session.about(target, session.subscription)


def _row(resource: ResourceId) -> str:
    return f"{resource.name}  {resource.resource_group}"


async def select(question: str, rows: Mapping[str, T]) -> T:
    """The value of the row that is chosen; typing narrows the list."""
    choices = [{"name": plain(row), "value": row} for row in rows]
    return rows[await _ask("select", question, choices=choices, use_jk_keys=False, use_search_filter=True)]


async def text(question: str, check: Callable[[str], object], hint: str) -> str:
    """A line without blanks around it, once `check` does not refuse it."""

    def verdict(typed: str) -> bool | str:
        try:
            check(typed.strip())
        except S2SError as error:
            return plain(error.headline)
        return True

    typed = await _ask("text", question, instruction=f"({hint})", validate=verdict, validate_while_typing=False)
    return str(typed).strip()


async def _ask(kind: str, question: str, **how: Any) -> Any:
    """Ask on standard error: standard output is for results, and may lead into a file."""
    import questionary  # noqa: PLC0415  # and prompt_toolkit: a tenth of a second, only for who is asked
    from prompt_toolkit.application import create_app_session  # noqa: PLC0415
    from prompt_toolkit.output import create_output  # noqa: PLC0415

    again = "Run the same command again when you are ready."
    output = create_output(stdout=sys.stderr)
    output.enable_cpr = False  # type: ignore[attr-defined]  # a slow terminal's answer would be read as typed text
    try:
        with create_app_session(output=output):
            asked = getattr(questionary, kind)(plain(question), **how)
            if kind == "select":
                _refuse_unmatched(asked.application)
            forget_typed()
            return await asked.unsafe_ask_async()
    except KeyboardInterrupt as pressed:
        raise Interrupted("interrupted", CANCELLED, remedy=again) from pressed
    except EOFError as pressed:
        raise Cancelled("cancelled", CANCELLED, remedy=again) from pressed


def _refuse_unmatched(application: Any) -> None:
    """Say that a filter matches nothing, and take no answer then: questionary shows and takes all rows."""
    from prompt_toolkit.filters import Condition  # noqa: PLC0415
    from questionary.prompts.common import InquirerControl  # noqa: PLC0415

    shown: list[Any] = [window.content for window in application.layout.find_all_windows()]
    control: Any = next(one for one in shown if isinstance(one, InquirerControl))

    def is_unmatched() -> bool:
        wanted = (control.search_filter or "").lower()
        return not any(wanted in str(choice.title).lower() for choice in control.choices)

    rows, none = control.text, [("class:search_none", "   No match")]
    control.text = lambda: none if is_unmatched() else rows()
    application.key_bindings.add("enter", eager=True, filter=Condition(is_unmatched))(lambda _: None)
