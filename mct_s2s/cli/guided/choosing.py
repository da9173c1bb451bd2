"""The App Service of a command that was not told one, or was told a name that several have: chosen, or refused."""

from __future__ import annotations

from dataclasses import replace

from mct_s2s.cli.completion.seen import remember_sites
from mct_s2s.cli.guided.presence import may_ask
from mct_s2s.cli.guided.prompts import Prompts, TerminalPrompts
from mct_s2s.cli.guided.sites import choose_among, choose_site, choose_subscription, look_around, take
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.requests import where
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.app_service.site_recognition import SiteSurvey
from mct_s2s.render.console import Terminal


async def choose_target(
    options: AzureOptions, terminal: Terminal, session: Session, prompts: Prompts | None = None
) -> tuple[Session, SiteSurvey]:
    """Ask for the App Service; the session is then about it, and the options name it. Also what else there is.

    Raises:
        NotThere: there is none.
        Interrupted: Ctrl-C.
    """
    prompts = prompts or TerminalPrompts(terminal)
    subscription, several = await choose_subscription(prompts, session, options, session.environ)
    found = await look_around(session.azure.sites, subscription)
    remember_sites(options, subscription, found)
    target = take(options, await choose_site(prompts, terminal, found), subscription=several)
    return replace(session, target=target, subscription=subscription.id), found


def say_how_to_skip(options: AzureOptions, terminal: Terminal) -> None:
    """The options that would have made the questions unnecessary."""
    terminal.say("To skip the question next time, add:", style="quiet")
    terminal.say(where(options), style="command")


async def choose_namesake(
    options: AzureOptions, terminal: Terminal, session: Session, ambiguous: NotThere, prompts: Prompts | None = None
) -> Session:
    """Ask which of several App Services of one name is meant.

    Raises:
        NotThere: the error itself, where no one can be asked, or it is not about the App Service.
        Interrupted: Ctrl-C.
    """
    target = session.target
    found = [ResourceId.parse(item) for item, _ in ambiguous.items if item.startswith("/")]
    about_target = target is not None and {one.name.casefold() for one in found} == {target.name.casefold()}
    if target is None or not about_target or not (prompts or may_ask(options)):
        raise ambiguous
    chosen = await choose_among(prompts or TerminalPrompts(terminal), target.name, found)
    options.resource_group = chosen.resource_group
    return replace(session, target=replace(target, group=chosen.resource_group, subscription=chosen.subscription_id))
