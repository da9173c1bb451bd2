"""What came of a command that changes something, at several App Services or cut off."""

from collections.abc import Iterable, Sequence
from enum import Enum

from rich.text import Text

from mct_s2s.errors import Instruction
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import Action, AnyChange, noun_of
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import DONE, FAILED, NOTHING, OPEN, Terminal
from mct_s2s.render.credentials import credential_lines
from mct_s2s.render.diagnostics import print_items, show_error
from mct_s2s.render.manual_steps import show_manual_steps
from mct_s2s.render.site_report import (
    FEW_SITES,
    LEFT_ALONE,
    NOT_SET_UP,
    SiteReport,
    failing_together,
)
from mct_s2s.render.verification import show_verification

NOTHING_TO_RESUME = "All changes were made: there is nothing to resume."
_WORDS = {Action.CREATE: "created", Action.UPDATE: "changed", Action.DELETE: "removed"}


def show_outcomes(terminal: Terminal, sites: Sequence[SiteReport]) -> None:
    table = Columns()
    told = failing_together(sites)
    shown = [
        site for site in told if len(sites) == 1 or not site.is_up_to_date or site.error is not None
    ]
    # Failures last; the last line counts those that did not change
    for site in sorted(shown, key=_has_failed):
        sign, summary_text = _summary(site)
        title = site.title if site.count == 1 else f"{site.count} sites"
        table.add(Text.assemble(sign, (title, "head")), summary_text)
        if site.credentials:
            terminal.out.print(table)
            table = Columns()
        for line in credential_lines(*site.credentials):
            terminal.result(Text.assemble("    ", line))
    terminal.out.print(table)
    for site in told:
        _show_unfinished(terminal, site)
    for site in told:
        if site.error is not None:
            terminal.say()
            terminal.say(_heading(site))
            show_error(terminal, site.error, site.title if len(sites) > 1 else "")
            show_done_and_not_done(terminal, site)
    if len(sites) > 1:
        if shown:
            terminal.result()
        terminal.result(f"{_total(sites)}.", style="head")


def _show_unfinished(terminal: Terminal, site: SiteReport) -> None:
    """A test that failed, the steps of others, and old credentials, each under the site's name."""
    if site.verification is not None and not site.verification.is_proved:
        terminal.result()
        terminal.result(_heading(site))
        show_verification(terminal, site.verification)
    if site.manual_steps:
        terminal.result()
        terminal.result(_heading(site))
        show_manual_steps(terminal.out, site.manual_steps)
    if site.left_valid:
        terminal.result()
        terminal.result(_heading(site))
        print_items(terminal.out, site.left_valid, "")


def _total(sites: Sequence[SiteReport]) -> str:
    """`30 sites: 28 done, 1 up to date, 1 failed; 29 clients called the API`."""
    failed = sum(_has_failed(site) for site in sites)
    not_set_up = sum(site.is_not_set_up and site.error is None for site in sites)
    up_to_date = sum(site.is_up_to_date and site.error is None for site in sites) - not_set_up
    left_alone = sum(site.has_clients_left_alone and site.error is None for site in sites)
    done = len(sites) - failed - up_to_date - not_set_up - left_alone
    counts = (
        (done, "done"),
        (up_to_date, "up to date"),
        (not_set_up, NOT_SET_UP),
        (left_alone, LEFT_ALONE),
        (failed, "failed"),
    )
    outcomes = ", ".join(f"{count} {what}" for count, what in counts if count or what == "failed")
    calls = sum(site.verification.calls for site in sites if site.verification is not None)
    calling = f"; {counted(calls, 'client')} called the API" if calls else ""
    return f"{len(sites)} sites: {outcomes}{calling}"


def _has_failed(site: SiteReport) -> bool:
    return site.error is not None or (
        site.verification is not None and bool(site.verification.failed)
    )


def show_stopped(
    terminal: Terminal,
    sites: Sequence[SiteReport],
    resume: Instruction,
    *,
    with_credentials: bool = True,
) -> None:
    """Say how far a command has come that was interrupted, or ran out of time."""
    if len(sites) == 1:
        _show_account(terminal, sites[0], with_credentials=with_credentials)
    elif sites:
        _show_stopped_sites(terminal, sites, with_credentials=with_credentials)
    if is_all_done(sites):
        print_items(terminal.err, nothing_to_resume(sites), "")
    elif any(site.done or site.in_doubt for site in sites):
        print_items(terminal.err, [resume], "")


def nothing_to_resume(sites: Sequence[SiteReport]) -> list[Instruction]:
    """Say that every change was made, and how the tests are done that were cut off."""
    tests = [site.test for site in sites if site.test]
    if not tests:
        return [Instruction(NOTHING_TO_RESUME)]
    what = f"{NOTHING_TO_RESUME} Not tested yet:"
    return [Instruction(what, tests[0]), *(Instruction("Then:", test) for test in tests[1:])]


def is_all_done(sites: Sequence[SiteReport]) -> bool:
    """Whether every change was made before the run was cut off.

    To repeat a rotation of a client by its name would make another credential.
    """
    return any(site.done for site in sites) and not any(
        site.error is not None or site.in_doubt or site.not_done for site in sites
    )


def is_finished(site: SiteReport) -> bool:
    """Whether nothing is left to do at an App Service."""
    return _progress(site) in {SiteProgress.DONE, SiteProgress.UP_TO_DATE}


def _show_stopped_sites(
    terminal: Terminal, sites: Sequence[SiteReport], *, with_credentials: bool
) -> None:
    """A line for each site that is done, the account of each other one, and a total."""
    by_progress: dict[SiteProgress, list[SiteReport]] = {progress: [] for progress in SiteProgress}
    for site in sites:
        by_progress[_progress(site)].append(site)
    for site in by_progress[SiteProgress.DONE]:
        sign, summary_text = _summary(site)
        terminal.say(Text.assemble(sign, (site.title, "head"), "  ", summary_text))
        if with_credentials:
            _show_saved(terminal, site, "    ")
        _show_unfinished(terminal, site)
    stopped = [*by_progress[SiteProgress.FAILED], *by_progress[SiteProgress.STOPPED]]
    for site in stopped:
        terminal.say(_heading(site))
        if site.error is not None:
            show_error(terminal, site.error, site.title)
        in_brief = len(stopped) > FEW_SITES
        _show_account(terminal, site, with_credentials=with_credentials, in_brief=in_brief)
    untouched = by_progress[SiteProgress.NOT_BEGUN]
    if len(untouched) + len(by_progress[SiteProgress.UP_TO_DATE]) == len(sites):
        terminal.say(f"Nothing was changed at any of the {len(sites)} sites.")
        return
    if untouched:
        terminal.say(f"Nothing was changed at {', '.join(site.title for site in untouched)}.")
    counts = [(len(some), progress.value) for progress, some in by_progress.items() if some]
    parts = ", ".join(f"{count} {what}" for count, what in counts)
    terminal.say(f"{len(sites)} sites: {parts}.", "head")


class SiteProgress(Enum):
    """How far a command has come at an App Service, in the words of the total."""

    DONE = "done"
    UP_TO_DATE = "up to date"
    FAILED = "failed"
    STOPPED = "stopped"
    NOT_BEGUN = "not begun"


def _progress(site: SiteReport) -> SiteProgress:
    if site.error is not None:
        return SiteProgress.FAILED
    if site.is_up_to_date:
        return SiteProgress.UP_TO_DATE
    remains = site.in_doubt or site.not_done
    # What is cut off at most is the test of its clients.
    if site.is_over or (site.done and not remains):
        return SiteProgress.DONE
    return SiteProgress.STOPPED if site.done or remains else SiteProgress.NOT_BEGUN


def _show_account(
    terminal: Terminal, site: SiteReport, *, with_credentials: bool, in_brief: bool = False
) -> None:
    show_done_and_not_done(terminal, site, in_brief=in_brief)
    if with_credentials:
        _show_saved(terminal, site)


def _show_saved(terminal: Terminal, site: SiteReport, indent: str = "") -> None:
    saved = [credential for credential in site.credentials if credential.secret is None]
    for line in credential_lines(*saved):
        terminal.say(Text.assemble(indent, line))


def _heading(site: SiteReport) -> Text:
    """The site's name does not begin the line: a pipeline reads commands there."""
    return Text(f"{'Site' if site.count == 1 else 'Sites'} {site.title}", style="head")


def _done_counts(site: SiteReport) -> str:
    """`8 created, 2 changed`; empty where nothing is done."""
    counts = {action: sum(change.action is action for change in site.done) for action in _WORDS}
    return ", ".join(f"{count} {_WORDS[action]}" for action, count in counts.items() if count)


def _summary(site: SiteReport) -> tuple[tuple[str, str], Text]:
    done = _done_counts(site)
    tested, verification = "", site.verification
    if verification is not None:
        calls = verification.calls
        tested = "not tested yet, see below"
        if calls:
            count = verification.untested
            untested = f", {count} not tested from here" if count else ""
            tested = f"{counted(calls, 'client')} called the API{untested}"
    if site.error is not None:
        why = site.error.code
        if site.has_reached_no_one:
            why = f"the secret reached no one ({why})"
        if site.in_doubt or any(saved.removal for saved in site.credentials):
            otherwise = "may have changed, see below"
        elif site.taken_back:
            otherwise = "it was removed again"
        else:
            otherwise = "nothing was changed"
        return FAILED, Text(f"failed: {why}; {done or otherwise}")
    if verification is not None and verification.failed:
        return FAILED, Text(
            "; ".join(filter(None, [done, "the test of its clients failed, see below"]))
        )
    if site.manual_steps:
        return OPEN, Text(
            "; ".join(filter(None, [done, tested, "steps left for someone else, see below"]))
        )
    if not done:
        return NOTHING, Text("; ".join(filter(None, ["no changes", site.left_alone_text])))
    return DONE, Text("; ".join(filter(None, [done, tested, site.left_alone_text])))


def show_done_and_not_done(terminal: Terminal, site: SiteReport, *, in_brief: bool = False) -> None:
    """Say what is done, what may be, and what is not. `in_brief`: count what is done."""
    if site.taken_back:
        what = ", ".join(f"the {credential}" for credential in site.taken_back)
        terminal.say(Text.assemble(("Removed again: ", "head"), f"{what}, which reached no one"))
    for label, what in (
        ("Done", _done_counts(site) if in_brief else _named(site.done)),
        # Its request may be on the way: no one knows yet.
        ("May have happened", _named(site.in_doubt)),
        ("Not done", _named(site.not_done)),
    ):
        if what:
            terminal.say(Text.assemble((f"{label}: ", "head"), what))


def _named(changes: Iterable[AnyChange]) -> str:
    return "; ".join(f"{noun_of(change)} {change.name}" for change in changes)
