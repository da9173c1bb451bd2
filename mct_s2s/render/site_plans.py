"""What a command would do at one App Service or several."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace

from rich.text import Text

from mct_s2s.errors import Instruction, S2SError, as_instructions
from mct_s2s.plain_text import counted, few_of
from mct_s2s.planning.changes import Action, AddCredential, AnyChange, NoChange
from mct_s2s.planning.permissions.rights import asked_for
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.render import markdown, site_table
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import FAILED, NOTHING, LineConsole, Terminal
from mct_s2s.render.diagnostics import folded, headline_of, print_items
from mct_s2s.render.manual_steps import describe_manual_step, show_manual_steps
from mct_s2s.render.plan import BLOCKED, FOR_OTHERS, show_steps, summary
from mct_s2s.render.site_report import (
    FEW_SITES,
    LEFT_ALONE,
    NOT_SET_UP,
    SiteReport,
    failing_together,
)

_PADDING = re.compile(r"(?<=\S) {3,}")
_ADOPTED = "Adopted registrations"
_KEPT = "Where credentials are kept"
_COUNTED = (Action.CREATE, Action.UPDATE, Action.DELETE)
_PAGE_HEADS = ("Site", "Create", "Change", "Remove", "New credentials", "Loses access", "Note")


def totals(sites: Sequence[SiteReport]) -> str:
    """`3 sites: 8 to create, 1 to change, 0 to remove; 1 up to date`."""
    # Where the settings could not be read, nothing is done: its steps are blocked, too.
    plans = [
        replace(site.plan, steps=()) if site.has_unread_settings else site.plan
        for site in sites
        if site.plan is not None
    ]
    not_set_up = sum(site.is_not_set_up for site in sites)
    up_to_date = sum(site.is_up_to_date and not site.is_not_set_up for site in sites)
    failed = sum(site.error is not None for site in sites)
    left_alone = sum(site.has_clients_left_alone for site in sites)
    parts = [f"{counted(len(sites), 'site')}: {summary(*plans)}"]
    counts = (
        (up_to_date, "up to date"),
        (not_set_up, NOT_SET_UP),
        (left_alone, LEFT_ALONE),
        (failed, "failed"),
    )
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
    _show_statements(console, site, plan, () if has_steps_below else left, is_result=is_result)
    if is_result:
        _show_missing_rights(console, plan)
    if plan.changes:
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
    console: LineConsole,
    site: SiteReport,
    plan: Plan,
    manual_steps: Iterable[ManualStep],
    *,
    is_result: bool,
) -> None:
    """Show what a reader of the plan has to know beside its steps."""
    in_rows = {step.name for step in plan.steps if isinstance(step, AddCredential)}
    statements: list[str | Instruction] = [describe_manual_step(step) for step in manual_steps]
    statements += plan.statements
    if site.is_of_file:
        statements += (*plan.adopted, *plan.destinations(in_rows))
    statements += site.notes
    if not site.is_of_file:
        statements += site.new_folders
    shown = as_instructions(statements)
    if is_result:  # the result of a run will be said by that run
        shown = tuple(Instruction(each.in_dry_run) if each.in_dry_run else each for each in shown)
    print_items(console, shown, "  ", "warn")


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
    terminal: Terminal,
    sites: Sequence[SiteReport],
    fingerprint: str | None,
    refusal: S2SError | None = None,
    *,
    is_result: bool,
) -> None:
    """Show the plans that need reading, what they come to, and their fingerprint or why none.

    `refusal`: of all of them together.
    """
    console = terminal.out if is_result else terminal.err
    # What failed, and the total, is said at the end of a run: right below, if nothing is applied
    is_end_next = not is_result and not any(
        site.plan is not None and not site.plan.is_empty for site in sites
    )
    together = _unchanged_together(sites)
    told_together = {site.title for group in together for site in group}
    shown = [
        site
        for site in sorted(failing_together(sites), key=lambda site: site.plan is None)
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
    if is_result and (adopted := [*_adopted(untold)]):
        console.print(Text(_ADOPTED, style="head"))
        print_items(console, as_instructions(f"{title}: {what}" for title, what in adopted), "  ")
        console.print()
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
    elif is_result and (why := _no_fingerprint_text(sites, refusal)):
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
        if plan is None or plan.blocked or not plan.changes:
            sign = FAILED if plan is None or plan.blocked else NOTHING
            why = f"failed: {site.error.code}" if site.error is not None else why_not
            title = site.title if site.count == 1 else f"{site.count} sites"
            table.add(Text.assemble(sign, (title, "head")), why, "", "")
            continue
        table.add(
            Text.assemble("  ", (site.title, "head")),
            "; ".join(filter(None, (site_table.changes_in_brief(plan), why_not))),
            site_table.new_credentials(plan),
            Text(site_table.who_loses_access(plan), style="delete"),
        )
    return table


def _folders_of(sites: Sequence[SiteReport]) -> tuple[Instruction, ...]:
    return tuple(dict.fromkeys(folder for site in sites for folder in site.new_folders))


def _adopted(sites: Iterable[SiteReport]) -> Iterator[tuple[str, str]]:
    """Site and sentence of each adoption where the site's plan is not shown."""
    for site in sites:
        if site.plan is not None:
            for sentence in site.plan.adopted:
                yield site.title, sentence


def _kept_credentials(sites: Iterable[SiteReport]) -> Iterator[tuple[str, str, str]]:
    """Site, client and place where the site's plan is not shown.

    Who reviews a file sees where secrets go, also of those that exist already.
    """
    for site in sites:
        if site.plan is not None:
            for client, place in site.plan.places:
                yield site.title, client, place.in_words


def plans_page(
    sites: Sequence[SiteReport], fingerprint: str | None, refusal: S2SError | None = None
) -> str:
    """In Markdown, for a comment on a pull request: a table of all sites, and each plan unfolds.

    A comment of GitHub's has room for 65,536 characters: of several sites, columns are not padded.
    """
    title = sites[0].title if len(sites) == 1 else f"{len(sites)} sites"
    lines = [f"# Plan for {markdown.text(title)}", ""]
    if fingerprint is not None:
        lines += [f"Fingerprint: `{fingerprint}`", ""]
    elif why := _no_fingerprint_text(sites, refusal):
        lines += [markdown.text(why), ""]
    lines += [f"**{markdown.text(totals(sites))}.**"]
    changing = [
        site
        for site in sorted(failing_together(sites), key=lambda site: site.plan is None)
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
    untold = [site for site in sites if not site.needs_reading]
    if adopted := [*_adopted(untold)]:
        lines += ["", f"<details><summary>{_ADOPTED}: {len(adopted)}</summary>"]
        lines += [*markdown.table(("Site", "Registration"), adopted), "", "</details>"]
    if kept := [*_kept_credentials(untold)]:
        lines += ["", f"<details><summary>{_KEPT}</summary>"]
        lines += [*markdown.table(("Site", "Client", "Place"), kept), "", "</details>"]
    return "".join(f"{line}\n" for line in lines)


def _page_row(site: SiteReport) -> Sequence[str]:
    plan = site.plan or Plan()
    credentials = site_table.new_credentials(plan)
    losing = site_table.who_loses_access(plan)
    return [site.title, *map(str, _counts(site)), credentials, losing, _state(site)]


def _counts(site: SiteReport) -> list[int]:
    changes = site.plan.changes if site.plan is not None else ()
    return [sum(change.action is action for change in changes) for action in _COUNTED]


def _state(site: SiteReport) -> str:
    """Why a site is not changed, and what a plan without changes says."""
    if site.plan is None:
        why = f": {' '.join(site.error.headline.split())}" if site.error is not None else ""
        return f"failed{why}"
    if site.plan.blocked:
        rights = dict.fromkeys(right.right for right in site.plan.missing_rights)
        return f"blocked: needs {', '.join(rights)}"
    steps = len(site.plan.for_others)
    if site.plan.is_empty:
        steps = steps or len(site.plan.manual_steps)
        left = f"{counted(steps, 'step')} {FOR_OTHERS}" if steps else ""
        return "; ".join(filter(None, [site.left_alone_text, left])) or "no changes, but a note"
    return f"{counted(steps, 'step')} {FOR_OTHERS}" if steps else ""


def _no_fingerprint_text(sites: Sequence[SiteReport], refusal: S2SError | None) -> str:
    """Why there is no fingerprint, and what to do; empty where nothing prevents it."""
    if refusal is not None:
        return f"No fingerprint: {refusal.statement} {refusal.advice}"
    unplanned = [site.title for site in sites if site.plan is None]
    unread = [site.title for site in sites if site.has_unread_settings]
    reasons = [f"{few_of(unplanned)} could not be planned"] if unplanned else []
    reasons += [f"the settings of {few_of(unread)} could not be read"] if unread else []
    if not reasons:
        return ""
    others = ", or plan the others with --only SITE"
    if len({*unplanned, *unread}) == len(sites):
        others = ""
    return f"No fingerprint: {'; '.join(reasons)}. Correct what is wrong there{others}."
