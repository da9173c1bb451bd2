"""What came of a command that changes something, at one App Service or several."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from pathlib import PurePath

from rich.console import RenderableType
from rich.text import Text

from mct_s2s.errors import Instruction, S2SError, as_instructions
from mct_s2s.model.client_credentials import CredentialKind, ending
from mct_s2s.model.commands import command, secret_reading
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import Action, AddCredential, AnyChange, NoChange
from mct_s2s.planning.permissions.rights import asked_for
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.planning.reports.verification import Verification
from mct_s2s.render import markdown, site_table
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import DONE, FAILED, NOTHING, OPEN, LineConsole, Terminal, one_line
from mct_s2s.render.diagnostics import folded, headline_of, print_items, show_error, told_once
from mct_s2s.render.manual_steps import describe_manual_step, show_manual_steps
from mct_s2s.render.plan import BLOCKED, show_steps, summary
from mct_s2s.render.verification import show_verification

NOTHING_TO_RESUME = "All changes were made: there is nothing to resume."
LABELS = 12
"""Columns of the words before the values; the longest is `Certificate`."""
FEW_SITES = 5
"""Of more than these, what is the same at most of them is counted, not told."""
_PADDING = re.compile(r"(?<=\S) {3,}")
_ELSEWHERE = "kept elsewhere, or lost"
_LEFT = "with clients left alone"
_KEPT = "Where credentials are kept"
_WORDS = {Action.CREATE: "created", Action.UPDATE: "changed", Action.DELETE: "removed"}


@dataclass(frozen=True)
class SavedCredential:
    client: str
    client_id: str
    expires: datetime | None
    """`None` for federated credentials, which do not expire."""
    saved_to: SecretPlace | None
    """`None` if there was nothing to save: a given certificate, a federated credential."""
    secret: str | None = None
    kind: CredentialKind = CredentialKind.SECRET
    created: bool = True
    removal: str | None = None
    """The command that removes it, where it reached no one and this run could not."""


@dataclass(frozen=True)
class ClientResult:
    name: str
    id: str = ""
    """The appId of a client application, the object ID of a managed identity."""
    is_identity: bool = False
    credential: SavedCredential | None = None
    can_call: bool | None = None
    """`None` where it was not tested."""
    is_secret_elsewhere: bool = False
    """Whether the place that was named for its secret does not hold it."""


@dataclass(frozen=True)
class SiteReport:
    title: str
    """Of several sites, that one error keeps from being planned: all of theirs."""
    plan: Plan | None = None
    """`None` where it could not be made."""
    about: Sequence[str] = ()
    unchanged_text: str = ""
    """What is said of an empty plan, if not that the App Service is up to date."""
    done: Sequence[AnyChange] = ()
    in_doubt: Sequence[AnyChange] = ()
    """Cut off on the way."""
    not_done: Sequence[AnyChange] = ()
    """Not begun, or refused."""
    credentials: Sequence[SavedCredential] = ()
    taken_back: Sequence[str] = ()
    """The clients whose secrets reached no one, and were removed again."""
    manual_steps: Sequence[Instruction] = ()
    verification: Verification | None = None
    error: S2SError | None = None
    places: Mapping[str, SecretPlace] = field(default_factory=dict)
    """Where the credentials of clients go, as `--secret-to` takes it, by their names."""
    notes: Sequence[Instruction] = ()
    """What is said of this run, beside its plan."""
    new_folders: Sequence[Instruction] = ()
    """Which folders are made for credentials: said once for all sites."""
    is_of_file: bool = False
    """Whether a trust file names it, whose reader reviews where secrets go."""
    has_unread_settings: bool = False
    """Whether its plan cannot say what would change there."""
    is_over: bool = False
    """Whether nothing more is done there by this run."""
    count: int = 1
    """How many sites it is about."""

    @property
    def needs_reading(self) -> bool:
        """Whether its plan says more than that there is nothing to do."""
        return not self.has_nothing_to_do or bool(
            self.plan is not None and (self.plan.statements or self.plan.manual_steps)
        )

    @property
    def has_reached_no_one(self) -> bool:
        """Whether it made something secret that did not arrive."""
        return bool(self.taken_back) or any(credential.removal for credential in self.credentials)

    @property
    def has_nothing_to_do(self) -> bool:
        return (
            self.plan is not None
            and self.plan.is_empty
            and not self.plan.missing_rights
            and not self.plan.blocked
        )

    @property
    def left_alone_text(self) -> str:
        """`2 clients left alone`; empty where there are none."""
        count = len(self.plan.left_alone) if self.plan is not None else 0
        return f"{counted(count, 'client')} left alone" if count else ""

    @property
    def is_up_to_date(self) -> bool:
        return self.has_nothing_to_do and not self.left_alone_text

    @property
    def has_clients_left_alone(self) -> bool:
        return self.has_nothing_to_do and bool(self.left_alone_text)


# Plans


def totals(sites: Sequence[SiteReport]) -> str:
    """`3 sites: 8 to create, 1 to change, 0 to remove; 1 up to date`."""
    # Where the settings could not be read, nothing is done: its steps are blocked, too.
    plans = [
        replace(site.plan, steps=()) if site.has_unread_settings else site.plan
        for site in sites
        if site.plan is not None
    ]
    up_to_date = sum(site.is_up_to_date for site in sites)
    failed = sum(site.error is not None for site in sites)
    left_alone = sum(site.has_clients_left_alone for site in sites)
    parts = [f"{counted(len(sites), 'site')}: {summary(*plans)}"]
    counts = ((up_to_date, "up to date"), (left_alone, _LEFT), (failed, "failed"))
    parts += [f"{count} {what}" for count, what in counts if count]
    return "; ".join(parts)


def show_plan(terminal: Terminal, site: SiteReport, *, is_result: bool = False) -> None:
    """Show what a command would do at one App Service, or why it could not be planned.

    `is_result`: of a dry run, on standard output, with the steps of others and their commands.
    Else, what the user is asked to agree to, on standard error.
    """
    console = terminal.out if is_result else terminal.err
    plan = site.plan
    if plan is None:
        _show_planning_error(console, site, with_advice=is_result)
        return
    _show_plan_header(console, site, plan)
    _show_plan_steps(console, site, plan)
    # Of a blocked plan nothing is done, so nothing is left to others after it.
    left = () if plan.blocked else plan.manual_steps
    # A result has the manual steps below, with their commands.
    has_steps_below = is_result and bool(site.manual_steps)
    _show_statements(console, site, plan, () if has_steps_below else left)
    if is_result:
        _show_missing_rights(console, plan)
    if not plan.is_empty:
        console.prose(f"Plan: {summary(plan)}.", "head")
    if is_result and not plan.blocked:
        show_manual_steps(console, site.manual_steps)


def _show_planning_error(console: LineConsole, site: SiteReport, *, with_advice: bool) -> None:
    error = site.error
    if error is None:
        return
    console.prose(Text.assemble(FAILED, f"{site.title}: {headline_of(error)}"))
    print_items(console, error.items)
    if with_advice and error.advice:
        print_items(console, [Instruction(error.advice, error.command)])


def _show_plan_header(console: LineConsole, site: SiteReport, plan: Plan) -> None:
    if site.has_nothing_to_do:
        style = "warn" if site.left_alone_text else "good"
        console.prose(f"No changes. {_why_nothing_to_do(site, plan)}.", style)
    elif plan.is_empty:
        text = f"No changes that you can make. Other steps remain for {site.title}."
        console.print(Text(text), style="warn")
    else:
        where = f"  ({', '.join(site.about)})" if site.about else ""
        console.prose(Text.assemble(("Plan", "head"), f" for {site.title}", (where, "quiet")))


def _why_nothing_to_do(site: SiteReport, plan: Plan) -> str:
    if site.left_alone_text:
        return f"{site.left_alone_text} at {site.title}"
    if site.unchanged_text:
        return site.unchanged_text
    but = ", except for steps that someone else must do" if plan.manual_steps else ""
    return f"{site.title} is up to date{but}"


def _show_plan_steps(console: LineConsole, site: SiteReport, plan: Plan) -> None:
    if not site.has_nothing_to_do:
        show_steps(console, plan, site.places)
        return
    # What was asked for, and is not done, is said with its reason.
    kept = _kept_steps(plan)
    if kept:
        show_steps(console, replace(plan, steps=kept))


def _kept_steps(plan: Plan) -> tuple[AnyChange, ...]:
    return tuple(step for step in plan.steps if isinstance(step, NoChange) and step.is_kept)


def _show_statements(
    console: LineConsole, site: SiteReport, plan: Plan, manual_steps: Iterable[ManualStep]
) -> None:
    """Show what a reader of the plan has to know beside its steps."""
    in_rows = {step.name for step in plan.steps if isinstance(step, AddCredential)}
    statements: list[str | Instruction] = [describe_manual_step(step) for step in manual_steps]
    statements += plan.statements
    if site.is_of_file:
        statements += plan.destinations(in_rows)
    statements += site.notes
    if not site.is_of_file:
        statements += site.new_folders
    print_items(console, as_instructions(statements), "  ", "warn")


def _show_missing_rights(console: LineConsole, plan: Plan) -> None:
    """Show what the caller lacks, and how to get it."""
    if plan.blocked:
        steps = "step" if len(plan.blocked) == 1 else "steps"
        missing = (
            f"You don't have the permissions for the {steps} marked {BLOCKED}. Without them, "
            "nothing is changed:"
        )
        console.prose(missing, "bad")
    elif plan.missing_rights:
        console.prose("To do these steps yourself:", "warn")
    show_manual_steps(console, asked_for(plan.missing_rights))


def show_plans(
    terminal: Terminal, sites: Sequence[SiteReport], fingerprint: str | None, *, is_result: bool
) -> None:
    console = terminal.out if is_result else terminal.err
    # What failed, and the total, is said at the end of a run: right below, if nothing is applied
    is_end_next = not is_result and not any(
        site.plan is not None and not site.plan.is_empty for site in sites
    )
    together = _unchanged_together(sites)
    told_together = {site.title for group in together for site in group}
    shown = [
        site
        for site in sorted(_failing_together(sites), key=lambda site: site.plan is None)
        if site.needs_reading
        and not (is_end_next and site.plan is None)
        and site.title not in told_together
    ]
    for group in together:
        _show_unchanged(console, group)
        console.print()
    for site in shown:
        # A failure is not folded; nor is a result, which is the text of standard output.
        is_foldable = site.plan is not None and not is_result
        with folded(terminal, f"Plan for {site.title}") if is_foldable else nullcontext():
            show_plan(terminal, site, is_result=is_result)
            console.print()
    if len(shown) > FEW_SITES:
        console.print(_site_table(shown))
        console.print()
    print_items(console, _folders_of(sites), "")
    untold = [site for site in sites if not site.needs_reading or site.title in told_together]
    if is_result and (rows := [*_kept_credentials(untold)]):
        console.print(Text(_KEPT, style="head"))
        table = Columns()
        for title, client, place in rows:
            table.add(f"  {title}", client, place)
        console.print(table)
        console.print()
    if not is_end_next:
        console.prose(f"{totals(sites)}.", "head")
    if fingerprint is not None:
        console.print(Text.assemble(("Fingerprint: ", "quiet"), fingerprint))
    elif is_result and (why := _unplanned_text(sites)):
        console.prose(why, "warn")


def _unchanged_together(sites: Sequence[SiteReport]) -> list[list[SiteReport]]:
    """Sites where nothing is to be done, and the same is to be said of several of them."""
    by_words: dict[tuple[str, ...], list[SiteReport]] = {}
    for site in sites:
        plan = site.plan
        if plan is None or not site.is_up_to_date or _kept_steps(plan) or plan.manual_steps:
            continue
        if plan.statements and not site.notes:
            words = tuple(statement.sentence for statement in plan.statements)
            by_words.setdefault(words, []).append(site)
    return [group for group in by_words.values() if len(group) > 1]


def _show_unchanged(console: LineConsole, sites: Sequence[SiteReport]) -> None:
    """Say once what is the same at each of these sites, with the command of each."""
    titles = ", ".join(site.title for site in sites)
    console.prose(f"No changes at {len(sites)} sites: {titles}.", "good")
    statements = [site.plan.statements for site in sites if site.plan is not None]
    for of_sites in zip(*statements, strict=True):
        console.prose(Text(f"  {of_sites[0].sentence}", style="warn"))
        for instruction in of_sites:
            if instruction.command:
                console.print(Text.assemble("    ", (instruction.command, "command")))


def _site_table(sites: Sequence[SiteReport]) -> Columns:
    """A row for each site, so that a screen shows what its plans, above, are about."""
    table = Columns([f"  {site_table.HEADS[0]}", *site_table.HEADS[1:]])
    for site in sites:
        plan = site.plan
        why_not = _state(site)
        if plan is None or why_not:
            sign = FAILED if plan is None or plan.blocked else NOTHING
            why = f"failed: {site.error.code}" if site.error is not None else why_not
            title = site.title if site.count == 1 else f"{site.count} sites"
            table.add(Text.assemble(sign, (title, "head")), why, "", "")
            continue
        table.add(
            Text.assemble("  ", (site.title, "head")),
            site_table.changes_in_brief(plan),
            site_table.new_credentials(plan),
            Text(site_table.who_loses_access(plan), style="delete"),
        )
    return table


def _failing_together(sites: Sequence[SiteReport]) -> list[SiteReport]:
    """The same, but for sites that the same error keeps from being planned: they are one."""
    failed = told_once(
        (site.title, site.error) for site in sites if site.plan is None and site.error is not None
    )
    together = {titles[0]: titles for titles, _ in failed if len(titles) > 1}
    others = {title for titles in together.values() for title in titles[1:]}
    return [
        replace(site, title=", ".join(together[site.title]), count=len(together[site.title]))
        if site.title in together
        else site
        for site in sites
        if site.title not in others
    ]


def _folders_of(sites: Sequence[SiteReport]) -> tuple[Instruction, ...]:
    return tuple(dict.fromkeys(folder for site in sites for folder in site.new_folders))


def _kept_credentials(sites: Iterable[SiteReport]) -> Iterator[tuple[str, str, str]]:
    """Site, client and place where the site's plan is not shown.

    Who reviews a file sees where secrets go, also of those that exist already.
    """
    for site in sites:
        if site.plan is not None:
            for client, place in site.plan.places:
                is_default = place.kind is PlaceKind.DEFAULT_FILE
                kept_in = f"the {place} of this machine" if is_default else str(place)
                yield site.title, client, kept_in


def plans_page(sites: Sequence[SiteReport], fingerprint: str | None) -> str:
    """In Markdown, for a comment on a pull request: a table of all sites, and each plan unfolds.

    A comment of GitHub's has room for 65,536 characters: of several sites, columns are not padded.
    """
    title = sites[0].title if len(sites) == 1 else f"{len(sites)} sites"
    lines = [f"# Plan for {markdown.text(title)}", ""]
    if fingerprint is not None:
        lines += [f"Fingerprint: `{fingerprint}`", ""]
    elif why := _unplanned_text(sites):
        lines += [markdown.text(why), ""]
    lines += [f"**{markdown.text(totals(sites))}.**"]
    changing = [
        site
        for site in sorted(_failing_together(sites), key=lambda site: site.plan is None)
        if site.needs_reading
    ]
    lines += markdown.table(_PAGE_HEADS, map(_page_row, changing))
    for folder in _folders_of(sites):
        lines += ["", markdown.text(folder.sentence)]
    for site in changing:
        shown = Terminal.recording()
        show_plan(shown, site, is_result=True)
        shown_lines = [
            line.rstrip() if len(changing) == 1 else _PADDING.sub("  ", line)
            for line in shown.recorded.splitlines()
            if line.strip()
        ]
        open_attribute = " open" if len(sites) == 1 else ""
        lines += [
            "",
            f"<details{open_attribute}><summary>{markdown.text(site.title)}</summary>",
            "",
        ]
        lines += [*markdown.fenced(*shown_lines, language="text"), "", "</details>"]
    if kept := [*_kept_credentials(site for site in sites if not site.needs_reading)]:
        lines += ["", f"<details><summary>{_KEPT}</summary>"]
        lines += [*markdown.table(("Site", "Client", "Place"), kept), "", "</details>"]
    return "".join(f"{line}\n" for line in lines)


_PAGE_HEADS = ("Site", "Create", "Change", "Remove", "New credentials", "Loses access", "Note")


def _page_row(site: SiteReport) -> Sequence[str]:
    plan = site.plan or Plan()
    credentials = site_table.new_credentials(plan)
    losing = site_table.who_loses_access(plan)
    return [site.title, *map(str, _counts(site)), credentials, losing, _state(site)]


def _counts(site: SiteReport) -> list[int]:
    changes = site.plan.changes if site.plan is not None else ()
    return [sum(change.action is action for change in changes) for action in _WORDS]


def _state(site: SiteReport) -> str:
    """Why a site is not changed, and what a plan without changes says."""
    if site.plan is None:
        why = f": {' '.join(site.error.headline.split())}" if site.error is not None else ""
        return f"failed{why}"
    if site.plan.blocked:
        rights = dict.fromkeys(right.right for right in site.plan.missing_rights)
        return f"blocked: needs {', '.join(rights)}"
    if site.plan.is_empty:
        steps = len(site.plan.manual_steps)
        left = f"{counted(steps, 'step')} for someone else" if steps else ""
        return "; ".join(filter(None, [site.left_alone_text, left])) or "no changes, but a note"
    return ""


def _unplanned_text(sites: Sequence[SiteReport]) -> str:
    """Why there is no fingerprint; empty where every site could be planned."""
    unplanned = ", ".join(site.title for site in sites if site.plan is None)
    unread = ", ".join(site.title for site in sites if site.has_unread_settings)
    reasons = [f"{unplanned} could not be planned"] if unplanned else []
    reasons += [f"the settings of {unread} could not be read"] if unread else []
    if not reasons:
        return ""
    return (
        f"No fingerprint: {'; '.join(reasons)}. Correct what is wrong there, or plan the others "
        "with --only SITE."
    )


# What came of several


def show_outcomes(terminal: Terminal, sites: Sequence[SiteReport]) -> None:
    table = Columns()
    told = _failing_together(sites)
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
    """A test that failed, and the steps of others, each under the site's name."""
    if site.verification is not None and not site.verification.is_proved:
        terminal.result()
        terminal.result(_heading(site))
        show_verification(terminal, site.verification)
    if site.manual_steps:
        terminal.result()
        terminal.result(_heading(site))
        show_manual_steps(terminal.out, site.manual_steps)


def _total(sites: Sequence[SiteReport]) -> str:
    """`30 sites: 28 done, 1 up to date, 1 failed; 29 clients called the API`."""
    failed = sum(_has_failed(site) for site in sites)
    up_to_date = sum(site.is_up_to_date and site.error is None for site in sites)
    left_alone = sum(site.has_clients_left_alone and site.error is None for site in sites)
    done = len(sites) - failed - up_to_date - left_alone
    counts = ((done, "done"), (up_to_date, "up to date"), (left_alone, _LEFT), (failed, "failed"))
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
        terminal.say(NOTHING_TO_RESUME)
    elif any(site.done or site.in_doubt for site in sites):
        print_items(terminal.err, [resume], "")


def is_all_done(sites: Sequence[SiteReport]) -> bool:
    """Whether every change was made before the run was cut off.

    To repeat a rotation of a client by its name would make another credential.
    """
    return any(site.done for site in sites) and not any(
        site.error is not None or site.in_doubt or site.not_done for site in sites
    )


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
        may_be_changed = site.in_doubt or any(saved.removal for saved in site.credentials)
        otherwise = "may have changed, see below" if may_be_changed else "nothing was changed"
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
        whose = ", ".join(site.taken_back)
        terminal.say(
            Text.assemble(
                ("Removed again: ", "head"), f"the secret of {whose}, which reached no one"
            )
        )
    for label, what in (
        ("Done", _done_counts(site) if in_brief else _named(site.done)),
        # Its request may be on the way: no one knows yet.
        ("May have happened", _named(site.in_doubt)),
        ("Not done", _named(site.not_done)),
    ):
        if what:
            terminal.say(Text.assemble((f"{label}: ", "head"), what))


def _named(changes: Iterable[AnyChange]) -> str:
    return "; ".join(f"{change.resource} {change.name}" for change in changes)


# What came of one


def show_closing(
    terminal: Terminal,
    site: SiteReport,
    clients: Sequence[ClientResult],
    headline: str,
    next_commands: Sequence[str],
    *,
    seconds: float = 0.0,
    sandbox: str = "",
    remarks: Sequence[Instruction] = (),
) -> None:
    """Show what a change at one App Service has come to, and what comes next.

    `sandbox`: the command that starts the sandbox again that ends with this run; empty where none
    does.
    """
    for sign, line, detail in _headlines(site, clients, headline, f"{max(1, round(seconds))} s"):
        terminal.result(Text.assemble(sign, (line, "head"), (f"   ({detail})", "quiet")))
    terminal.result()
    for row in _rows([client for client in clients if client.id]):
        terminal.out.print(row)
    if site.manual_steps:  # without them, what comes next fails
        terminal.result()
        show_manual_steps(terminal.out, site.manual_steps)
        terminal.result()
    if sandbox:
        _show_commands(
            terminal, "To run the program, start the sandbox again in another terminal", [sandbox]
        )
    if next_commands:
        _show_commands(terminal, "Next", next_commands)
    if remarks:
        terminal.result()
    print_items(terminal.out, remarks, "", "warn")


def _show_commands(terminal: Terminal, label: str, commands: Sequence[str]) -> None:
    for row in _labelled(label, "", *(Text(each, style="command") for each in commands)):
        terminal.out.print(row)


def _headlines(
    site: SiteReport, clients: Sequence[ClientResult], headline: str, took: str
) -> Iterator[tuple[tuple[str, str], str, str]]:
    verification = site.verification
    is_partial = bool(
        site.manual_steps or site.left_alone_text or (site.plan is not None and site.plan.losing)
    )
    if headline:
        yield OPEN if is_partial else DONE, headline, took
        return
    for can_call in (True, False, None):
        names = [client.name for client in clients if client.can_call is can_call]
        if not names:
            continue
        who, are = (names[0], "is") if len(names) == 1 else (f"{len(names)} clients", "are")
        if can_call and verification is not None:
            yield DONE, f"{who} can call {site.title}", f"200 from GET {verification.path}, {took}"
        elif can_call is False:
            yield FAILED, f"{who} cannot call {site.title}", f"the test failed, see above; {took}"
        elif is_partial:
            yield OPEN, f"{who} can call {site.title} when the steps below are done", took
        else:
            is_open = verification is not None and not verification.is_proved
            detail = "not tested"
            if is_open:
                detail = f"not tested yet, see above; {took}"
            elif all(client.is_secret_elsewhere for client in clients if client.can_call is None):
                detail = "not tested: the secret is not where it goes"
            elif all(client.is_identity for client in clients if client.can_call is None):
                detail = "not tested: only the resource itself can call"
            yield OPEN if is_open else DONE, f"{who} {are} set up to call {site.title}", detail


def _rows(clients: Sequence[ClientResult]) -> Iterator[RenderableType]:
    credentials = [client.credential for client in clients if client.credential is not None]
    if len(clients) == 1:
        yield from _labelled("Object ID" if clients[0].is_identity else "Client ID", clients[0].id)
        if clients[0].is_secret_elsewhere:
            yield from _labelled("Secret", _ELSEWHERE)
        for credential in credentials:
            label = credential.kind.noun.capitalize().split()[0]
            yield from _labelled(label, ending(credential.expires), *_places(credential))
        return
    ends = {ending(credential.expires) for credential in credentials}
    folders = {file.parent for credential in credentials if (file := _file(credential)) is not None}
    table = Columns()
    for client in clients:
        place, end = f"secret {_ELSEWHERE}" if client.is_secret_elsewhere else "", ""
        if client.credential is not None:
            place = str(next(_places(client.credential), ""))
            end = ending(client.credential.expires)
            file = _file(client.credential)
            place = file.name if file is not None and len(folders) == 1 else place
        table.add(f"  {client.name}", client.id, place, end if len(ends) > 1 else "")
    if clients:
        yield table
    if credentials and (len(folders) == 1 or len(ends) == 1):
        are_several = len(credentials) > 1
        end = ending(credentials[0].expires, are_several=are_several) if len(ends) == 1 else ""
        label = "Credentials" if are_several else "Credential"
        yield from _labelled(label, end, *(map(str, folders) if len(folders) == 1 else ()))


def _places(credential: SavedCredential) -> Iterator[str | Text]:
    place = credential.saved_to
    if place is None:
        return
    yield "shown above, once" if credential.secret is not None else _path_or_place(place)
    if place.is_vault:
        yield Text(vault_reading(place), style="command")


def _file(credential: SavedCredential) -> PurePath | None:
    place = credential.saved_to
    return PurePath(place.name) if place is not None and place.is_file else None


def _path_or_place(place: SecretPlace) -> str:
    return place.name if place.is_file else str(place)


def _labelled(label: str, value: str, *below: str | Text) -> Iterator[Text]:
    yield Text.assemble((f"  {label.ljust(LABELS) if value else label}", "quiet"), one_line(value))
    yield from (Text.assemble("    ", one_line(line)) for line in below)


# A credential


def credential_lines(*credentials: SavedCredential) -> Iterator[Text]:
    """Say of each when it ends, and where it is."""
    for credential in credentials:
        what = f"{credential.kind.noun.capitalize()} of {credential.client}"
        where, below = _whereabouts(credential)
        yield Text.assemble((what, "head"), f"  {ending(credential.expires)}{where}")
        yield from map(Text, below)


def _whereabouts(credential: SavedCredential) -> tuple[str, list[str]]:
    """What is said of a credential on its line, and the lines below that."""
    if credential.removal:
        return ", reached no one. Remove it:", [f"  {credential.removal}"]
    if credential.secret:
        lines = credential.secret.rstrip().split("\n")
        is_key = len(lines) > 1
        return (", shown here once:", lines) if is_key else (f", shown here once: {lines[0]}", [])
    place = credential.saved_to
    if place is not None:
        # As in the plan: a program may keep it or not.
        verb = "given" if place.kind is PlaceKind.PROGRAM else "saved"
        return f", {verb} to {_path_or_place(place)}", []
    return "", []


def vault_reading(place: SecretPlace) -> str:
    """The command that reads a secret from its key vault."""
    return command(*secret_reading(*place.vault_and_secret))
