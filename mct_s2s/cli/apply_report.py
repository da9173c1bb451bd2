"""What is shown and written of an `apply`: its plans, its outcome, and how far it had come when it was ended."""

from __future__ import annotations

from collections.abc import Sequence

from mct_s2s.cli.closing import left_to_others, result_of, unsaid
from mct_s2s.cli.credential_stores import credentials_of
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.site_run import SiteRun
from mct_s2s.errors import S2SError
from mct_s2s.plain_text import plain
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import print_items
from mct_s2s.render.documents import Json, error_document
from mct_s2s.render.fleet import (
    SiteAccount,
    SiteDocument,
    SitePlan,
    apply_document,
    plans_markdown,
    show_accounts,
    show_plans,
    show_stopped,
)
from mct_s2s.render.plan import target_details


def show_review(
    terminal: Terminal, options: ChangingOptions, sites: Sequence[SiteRun], fingerprint: str | None
) -> None:
    """Show the plans that have to be agreed to, or that are all that was asked for."""
    plans = [_plan(site) for site in sites]
    if options.dry_run:
        if options.output == "text":
            show_plans(terminal, plans, is_result=True, fingerprint=fingerprint)
        elif options.output == "markdown":
            lines = plans_markdown(plans, fingerprint)
            terminal.verbatim("".join(f"{plain(line)}\n" for line in lines))
        return
    if not (terminal.quiet and (options.yes or not any(site.is_pending for site in sites))):
        show_plans(terminal, plans, is_result=False, fingerprint=None)


def show_outcome(
    terminal: Terminal, options: ChangingOptions, sites: Sequence[SiteRun], fingerprint: str | None
) -> None:
    """What came of each site; a dry run in text has said all of it."""
    if terminal.json:
        terminal.document(_document(options, sites, fingerprint))
    elif not options.dry_run:
        show_accounts(terminal, [_account(site) for site in sites])
        for site in sites:
            if terminal.quiet and site.outcome is not None and site.outcome.applied:
                print_items(terminal.out, unsaid(terminal, options, site.outcome))


def show_end(
    terminal: Terminal,
    options: ChangingOptions,
    sites: Sequence[SiteRun],
    fingerprint: str | None,
    why: S2SError,
    *,
    resumes: bool,
) -> None:
    """How far each site had come when the deadline or a signal ended the command; whether it `resumes` if repeated."""
    for site in sites:
        if not site.is_over and site.error is None:
            site.error = why
    again = f" {why.remedy}" if resumes else ""
    if terminal.json:
        terminal.document(_document(options, sites, fingerprint))
        terminal.say(f"{why.headline}{again}", style="warn")
        return
    accounts = [_account(site, without=why) for site in sites]
    show_stopped(terminal, accounts, f"{why.headline}{again}")


def _plan(site: SiteRun) -> SitePlan:
    outcome, session = site.outcome, site.session
    if outcome is None or session is None:
        return SitePlan(site.title, error=site.error)
    left = left_to_others(site.options, session, outcome)
    return SitePlan(site.title, outcome.plan, target_details(outcome.before), left)


def _account(site: SiteRun, *, without: S2SError | None = None) -> SiteAccount:
    outcome, session = site.outcome, site.session
    error = site.error if site.error is not without else None
    if outcome is None or session is None or not outcome.applied:
        left = outcome.plan.changes if outcome is not None and site.error is not None else ()
        others = left_to_others(site.options, session, outcome) if outcome and session and site.error is None else ()
        done = [entry.change for entry in outcome.restored] if outcome else ()
        return SiteAccount(site.key, site.title, done=done, left=left, handed_over=others, error=error)
    journal = outcome.journal
    return SiteAccount(
        site.key,
        site.title,
        done=[entry.change for entry in outcome.done],
        doubtful=journal.in_doubt,
        left=[*(change for change, _ in journal.failed), *journal.left],
        credentials=credentials_of(outcome),
        handed_over=left_to_others(site.options, session, outcome),
        verification=outcome.verification,
        error=error,
    )


def _document(options: ChangingOptions, sites: Sequence[SiteRun], fingerprint: str | None) -> Json:
    return apply_document([_site(site) for site in sites], dry_run=options.dry_run, fingerprint=fingerprint)


def _site(site: SiteRun) -> SiteDocument:
    outcome, session = site.outcome, site.session
    if site.error is not None or outcome is None or session is None:
        told = _account(site)
        error = site.error
        assert error is not None  # noqa: S101  # without an outcome there is one
        done, doubtful, left = told.done, told.doubtful, told.left
        return SiteDocument(site.key, error=error_document(error, done, doubtful, left, told.credentials))
    return SiteDocument(site.key, result=result_of(site.options, session, outcome, site.fingerprint))
