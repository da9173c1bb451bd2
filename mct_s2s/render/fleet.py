"""What is shown of a command about several sites: plans before, outcomes after, for people and as documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import Action, AnyChange
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reports.verification import Verification
from mct_s2s.render.closing import DONE, FAILED, OPEN, credential_lines
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import Terminal, prose
from mct_s2s.render.diagnostics import print_items, show_account, show_error
from mct_s2s.render.documents import Json, SavedCredential
from mct_s2s.render.manual_steps import Instruction, show_manual_steps
from mct_s2s.render.plan import show_plan, summary
from mct_s2s.render.plan_markdown import headline, listed, paragraphs, plan_sections, text
from mct_s2s.render.verification import show_verification


@dataclass(frozen=True)
class SitePlan:
    """What would be done at one site, or why that cannot be told."""

    title: str
    """What the file calls it, and the App Service."""
    plan: Plan | None = None
    about: Sequence[str] = ()
    """Where the App Service is."""
    left: Sequence[Instruction] = ()
    """What someone else has to do."""
    error: S2SError | None = None

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing has to be done, by anyone."""
        return self.plan is not None and self.plan.is_empty and not self.plan.lacks and not self.plan.blocked


def totals(sites: Sequence[SitePlan]) -> str:
    """`3 sites: 8 to create, 1 to change, 0 to remove; 1 up to date`."""
    steps = tuple(step for site in sites if site.plan is not None for step in site.plan.changes)
    blocked = tuple(step for site in sites if site.plan is not None for step in site.plan.blocked)
    unchanged, failed = sum(site.is_unchanged for site in sites), sum(site.error is not None for site in sites)
    several = f"{len(sites)} site{'s' * (len(sites) != 1)}: {summary(Plan(steps, blocked=blocked))}"
    return "; ".join(
        [several, *([f"{unchanged} up to date"] * bool(unchanged)), *([f"{failed} failed"] * bool(failed))]
    )


def removes(sites: Sequence[SitePlan]) -> bool:
    """Whether any of them would lose something."""
    return any(step.action is Action.DELETE for site in sites if site.plan for step in site.plan.changes)


def show_plans(terminal: Terminal, sites: Sequence[SitePlan], *, is_result: bool, fingerprint: str | None) -> None:
    """A block for each site, one line for those without changes, and the sum.

    Args:
        is_result: whether the plans are all that was asked for, and so go to standard output.
    """
    console = terminal.out if is_result else terminal.err
    for site in sites:
        if site.plan is not None:
            show_plan(terminal, site.plan, site.title, about=site.about, is_result=is_result)
        elif site.error is not None:
            prose(console, Text.assemble(("✗ ", "bad"), f"{site.title}: {' '.join(site.error.headline.split())}"))
            print_items(console, site.error.items)
        if not site.is_unchanged:
            console.print()
    console.print(Text(f"{totals(sites)}.", style="head"))
    if fingerprint is not None:
        console.print(Text.assemble(("Fingerprint: ", "quiet"), fingerprint))


def plans_markdown(sites: Sequence[SitePlan], fingerprint: str | None) -> Iterator[str]:
    """The lines of the document: a section for each site that changes or fails, and the names of the others."""
    yield f"# Plan for {text(sites[0].title) if len(sites) == 1 else f'{len(sites)} sites'}"
    yield from paragraphs(f"**{text(totals(sites))}**", f"Fingerprint: `{fingerprint}`" if fingerprint else "")
    unchanged = [site.title for site in sites if site.is_unchanged and not (site.plan and site.plan.remarks)]
    for site in sites:
        if site.title not in unchanged:
            yield ""
            yield f"## {text(site.title)}"
            yield from _section(site)
    if unchanged:
        yield from paragraphs(f"No changes: {text(', '.join(unchanged))}")


def _section(site: SitePlan) -> Iterator[str]:
    if site.error is not None:
        yield from paragraphs(f"**Failed:** {text(site.error.headline)} {text(site.error.answer)}".rstrip())
        yield from listed(site.error.items)
        yield from listed([(site.error.advice, site.error.command)] if site.error.remedy else [])
    elif site.plan is not None:
        yield from paragraphs(text(", ".join(site.about)), f"**{headline(site.plan)}**")
        yield from plan_sections(site.plan, site.left, "###")


NOTHING = ("· ", "quiet")
_WORDS = {Action.CREATE: "created", Action.UPDATE: "changed", Action.DELETE: "removed"}


@dataclass(frozen=True)
class SiteAccount:
    """What has become of one site."""

    key: str
    title: str
    """What the file calls it, and the App Service."""
    done: Sequence[AnyChange] = ()
    doubtful: Sequence[AnyChange] = ()
    """Cut off on the way."""
    left: Sequence[AnyChange] = ()
    """Not begun, or refused."""
    credentials: Sequence[SavedCredential] = ()
    """Those that were made: they are told on every way out."""
    handed_over: Sequence[Instruction] = ()
    verification: Verification | None = None
    error: S2SError | None = None
    """Why it did not come to its end."""

    @property
    def changes(self) -> list[AnyChange]:
        """What was written."""
        return [change for change in self.done if change.action is not Action.NONE]


def show_accounts(terminal: Terminal, accounts: Sequence[SiteAccount]) -> None:
    """A line for each site with the credentials that it got; then failed tests, what others must do, and the errors."""
    table = Columns([None, None])
    for account in accounts:
        sign, text = _summary(account)
        table.add(Text.assemble(sign, (account.title, "head")), text)
        for credential in account.credentials:
            terminal.out.print(table)
            for line in credential_lines(credential):
                terminal.result(Text.assemble("    ", line))
            table = Columns([None, None])
    terminal.out.print(table)
    for account in accounts:
        if account.verification is not None and not account.verification.is_proved:
            terminal.result()
            terminal.result(_heading(account))
            show_verification(terminal, account.verification)
        if account.handed_over:
            terminal.result()
            terminal.result(_heading(account))
            show_manual_steps(terminal.out, account.handed_over)
    for account in accounts:
        if account.error is not None:
            terminal.say()
            terminal.say(_heading(account))
            show_error(terminal, account.error)
            show_account(terminal, account.changes, account.doubtful, account.left, again=False)


def show_stopped(terminal: Terminal, accounts: Sequence[SiteAccount], why: str) -> None:
    """How far each site had come when the command was ended from outside, on standard error."""
    terminal.say()
    terminal.say(why, style="warn")
    for account in accounts:
        terminal.say(_heading(account))
        if account.error is not None:
            show_error(terminal, account.error)
        if not (account.changes or account.doubtful or account.left or account.error):
            terminal.say("  Nothing was changed.")
        show_account(terminal, account.changes, account.doubtful, account.left, again=False)
        for credential in account.credentials:
            for line in credential_lines(credential):
                terminal.say(Text.assemble("  ", line))


def _heading(account: SiteAccount) -> Text:
    """A line of its own; what the file calls a site does not begin it, as a pipeline reads commands there."""
    return Text(f"Site {account.title}", style="head")


def _summary(account: SiteAccount) -> tuple[tuple[str, str], Text]:
    counts = {action: sum(change.action is action for change in account.changes) for action in _WORDS}
    done = ", ".join(f"{count} {_WORDS[action]}" for action, count in counts.items() if count)
    if account.error is not None:
        return FAILED, Text(f"failed: {account.error.code}{f'; {done}' if done else '; nothing was changed'}")
    test = _tested(account.verification)
    if account.verification is not None and account.verification.failed:
        return FAILED, Text("; ".join(filter(None, [done, test])))
    if account.handed_over:
        return OPEN, Text("; ".join(filter(None, [done, test, "steps left for someone else, see below"])))
    return (DONE, Text("; ".join(filter(None, [done, test])))) if done else (NOTHING, Text("no changes"))


def _tested(verification: Verification | None) -> str:
    if verification is None:
        return ""
    if verification.failed:
        return "the test of its clients failed, see below"
    calls = verification.calls
    return f"{calls} client{'s' * (calls != 1)} can call" if calls else "not tested yet, see below"


@dataclass(frozen=True)
class SiteDocument:
    """What came of one site: its result, or the error in which it ended."""

    key: str
    result: Json | None = None
    error: Json | None = None


def apply_document(sites: Iterable[SiteDocument], *, dry_run: bool, fingerprint: str | None) -> Json:
    """What was done at each site, or would be.

    Args:
        fingerprint: of all plans together; `None` where one of them could not be made.
    """
    return {
        "schema": "mct-s2s/apply/v1",
        "dryRun": dry_run,
        "fingerprint": fingerprint,
        "sites": [{"site": site.key, "result": site.result, "error": site.error} for site in sites],
    }
