"""How a command about several sites ends: a line for each, and the detail of what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from mct_s2s.errors import S2SError
from mct_s2s.planning.changes import Action, AnyChange
from mct_s2s.planning.reports.verification import Verification
from mct_s2s.render.closing import DONE, FAILED, OPEN, credential_lines
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_account, show_error
from mct_s2s.render.documents import Json, SavedCredential
from mct_s2s.render.manual_steps import Instruction, show_manual_steps
from mct_s2s.render.verification import show_verification

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
