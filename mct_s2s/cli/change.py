"""The flow of every changing command: plan, show, ask once, apply, report."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mct_s2s.activity import activity, counting
from mct_s2s.cli.command_run import CommandRun, may_ask, run_in_session, run_with_deadline
from mct_s2s.cli.file_site import FileSite
from mct_s2s.cli.fleet import open_sessions
from mct_s2s.cli.handover import ways_out
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.report import show_end, show_review
from mct_s2s.cli.session import services_for
from mct_s2s.cli.site_change import SiteChange
from mct_s2s.cli.site_report import report_of
from mct_s2s.cli.streams import ask
from mct_s2s.concurrency import finish_even_if_cancelled, gather_or_cancel
from mct_s2s.engine.apply.credential_changes import end_attempts
from mct_s2s.engine.apply.send_changes import keep_backup
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import Cancelled, Instruction, PermissionMissing, S2SError, UsageError
from mct_s2s.exit_codes import worst
from mct_s2s.model.desired import Removal, Setup
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import changed_registration
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.pruning import TooManyRemovals, refused_together
from mct_s2s.planning.reviewed import combined
from mct_s2s.render.diagnostics import print_items
from mct_s2s.render.outcome import is_finished
from mct_s2s.render.pipelines import is_unattended
from mct_s2s.render.plan import summary

if TYPE_CHECKING:
    from mct_s2s.render.documents import ApplyDocument

YES_OR_NO = {"y": True, "yes": True, "n": False, "no": False, "": False}
NEITHER = "Please answer y or n."
FingerprintCheck = Callable[[Sequence[SiteChange], str | None], None]
"""Refuses plans by their fingerprint before anything is written."""
PlanSite = Callable[[FileSite, Request], Awaitable[SiteChange]]
"""Plans what is asked for at a site of a trust file; an error of it is kept with the site."""
Resume = Callable[[Sequence[str]], Instruction]
"""Says how to complete a run at those sites of a trust file that it names."""


def run_change(options: ChangingOptions, request: Request) -> int:
    """Do what is asked for at one App Service; return the exit code."""

    async def body(command_run: CommandRun, session: Session) -> int:
        return await change(command_run, session, options, request)

    return run_in_session(options, services_for(request), body)


async def change(
    command_run: CommandRun, session: Session, options: ChangingOptions, request: Request
) -> int:
    site = SiteChange(command_run, options, request, _show_and_ask)
    try:
        try:
            await site.plan(session)
        except NotOurs as error:
            request = await _adopting(command_run, options, request, error)
            site = SiteChange(command_run, options, request, _show_and_ask)
            await site.plan(session)
    except PermissionMissing as error:
        error.ways_out += ways_out(options, error.missing)
        raise
    return await _review_and_apply([site])


async def _adopting(
    command_run: CommandRun, options: ChangingOptions, request: Request, refused: NotOurs
) -> Request:
    """Ask whether to use the service application that the settings name: what --service-app says.

    Raises the refusal itself: there is no one to ask, or the answer is no.
    """
    desired, adoptable = request.desired, refused.adoptable
    is_setup = isinstance(desired, Setup) and not desired.settings_only
    if adoptable is None or desired.service is None or not is_setup or not may_ask(options):
        raise refused
    command_run.terminal.say(adoptable.whose)
    question = "Use it as the service application of this App Service? [y/N] "
    if not await _answered(command_run, question, YES_OR_NO, NEITHER):
        raise refused
    command_run.adopted = adoptable.client_id
    service = replace(desired.service, adopt=adoptable.client_id)
    return replace(request, desired=replace(desired, service=service))


def run_change_of_file(
    options: ChangingOptions,
    file_sites: Sequence[FileSite],
    *,
    check: FingerprintCheck | None = None,
    digest: str | None = None,
    expects_fingerprint: bool = False,
    resume: Resume | None = None,
    allowing: str = "",
) -> int:
    """Do what is asked for at sites of a trust file; an error at one stops no other.

    `digest` is shown and reviewed instead of the plans' own.

    `expects_fingerprint`: by `--expect`, so that what `check` lets pass has been read and agreed
    to: neither is asked for again.

    `resume`: how a run that was cut off is completed, if not by the same command. It takes the
    names of the sites at which something is left to do.

    `allowing`: the command that shows the plan with as many removals as the file says.
    """

    async def body(command_run: CommandRun) -> int:
        async with open_sessions(file_sites, command_run.terminal) as session_of:

            async def plan_site(file_site: FileSite, request: Request) -> SiteChange:
                site = SiteChange(command_run, file_site.options, request, _show_and_ask, file_site)
                try:
                    await site.plan(await session_of(file_site))
                except S2SError as error:
                    file_site.name_keys(error)
                    site.error = error
                return site

            sites = await _plan_sites(file_sites, plan_site)
            refused = [error for site in sites if (error := _file_refusal(site)) is not None]
            if refused:
                refusal = refused_together(refused)
                if options.dry_run:
                    shown = await _plan_refused_removals(file_sites, sites, plan_site)
                    show_review(shown, None, refusal=refusal)
                what = "Add to the file what is missing. If it is complete, review the removals:"
                refusal.advise(what, allowing)
                raise refusal
            if resume is not None:
                command_run.resume = partial(_resume_rest, resume, sites)
            return await _review_and_apply(
                sites, check, digest, expects_fingerprint=expects_fingerprint
            )

    return run_with_deadline(options, body)


async def _plan_sites(file_sites: Sequence[FileSite], plan_site: PlanSite) -> Sequence[SiteChange]:
    with counting(f"Reading {counted(len(file_sites), 'site')}", covers=True) as count_site:

        async def plan_counted(file_site: FileSite) -> SiteChange:
            site = await plan_site(file_site, file_site.request)
            count_site()
            return site

        return await gather_or_cancel(*map(plan_counted, file_sites))


def _file_refusal(site: SiteChange) -> TooManyRemovals | None:
    """The error by which nothing is done at any site: the file is likely to be incomplete."""
    error = site.error
    return error if isinstance(error, TooManyRemovals) and error.is_about_file else None


async def _plan_refused_removals(
    file_sites: Sequence[FileSite], sites: Sequence[SiteChange], plan_site: PlanSite
) -> Sequence[SiteChange]:
    """Plan again, for a person to see the removals that were refused at some of the sites."""
    requests = [
        file_site.request if _file_refusal(site) is None else _with_any_removals(file_site.request)
        for file_site, site in zip(file_sites, sites, strict=True)
    ]
    return await gather_or_cancel(*map(plan_site, file_sites, requests))


def _resume_rest(resume: Resume, sites: Sequence[SiteChange]) -> Instruction:
    return resume(
        [site.key for site in sites if site.key is not None and not is_finished(report_of(site))]
    )


def _with_any_removals(request: Request) -> Request:
    pruning = request.setup.pruning
    if pruning is None:
        return request
    setup = replace(request.setup, pruning=replace(pruning, any_number=True))
    return replace(request, desired=setup)


async def _review_and_apply(
    sites: Sequence[SiteChange],
    check: FingerprintCheck | None = None,
    digest: str | None = None,
    *,
    expects_fingerprint: bool = False,
) -> int:
    command_run = sites[0].command_run
    shown_fingerprint = digest if digest is not None else _fingerprint(sites)
    if await _show_and_ask(
        sites, shown_fingerprint, check, expects_fingerprint=expects_fingerprint
    ):
        command_run.site_reports = lambda: [report_of(site) for site in sites]
        async with _delivering_by_document(sites[0]):
            if not sites[0].is_of_file:
                await sites[0].apply()
            else:
                command_run.error_document = partial(_error_document, sites, shown_fingerprint)
                try:
                    await _apply_all(sites)
                finally:  # an interruption reports what failed before it, too
                    _advise_rest(sites)
            show_end(sites, shown_fingerprint)
    else:
        for site in sites:
            if site.outcome is not None and not site.options.dry_run:
                keep_backup(site.outcome)
        show_end(sites, shown_fingerprint)
    was_written = _was_written(sites)
    for site in sites:
        if site.error is not None and was_written:  # at this site, or at another one of the file
            site.error.mark_as_after_write()
    resume = command_run.resume()
    if resume.command and was_written and any(site.error for site in sites):
        print_items(command_run.terminal.err, [resume], "")
    return worst(site.exit_code for site in sites)


def _was_written(sites: Sequence[SiteChange]) -> bool:
    return any(site.outcome is not None and site.outcome.has_written for site in sites)


def _advise_rest(sites: Sequence[SiteChange]) -> None:
    """Take back that the same command resumes, where the end of the run says which one does."""
    if not (sites[0].command_run.resume().command and _was_written(sites)):
        return
    for site in sites:
        if site.error is not None:
            site.error.advise_rest()


def _error_document(
    sites: Sequence[SiteChange], fingerprint: str | None, why: S2SError
) -> "ApplyDocument":
    from mct_s2s.cli.result_document import apply_document  # noqa: PLC0415  # text needs none of it

    return apply_document(sites, fingerprint, why)


def _fingerprint(sites: Sequence[SiteChange]) -> str | None:
    """That of all plans; `None` where one could not be made."""
    fingerprints = [site.fingerprint for site in sites]
    known = [fingerprint for fingerprint in fingerprints if fingerprint is not None]
    return combined(known) if len(known) == len(fingerprints) else None


@asynccontextmanager
async def _delivering_by_document(site: SiteChange) -> AsyncIterator[None]:
    """Count secrets that only the JSON document shows as delivered once it is written.

    It is written when the block ends, or about the error that ends it. Where no reader takes it,
    these secrets are removed again. A trust file's secrets are not shown.
    """

    async def end(*, is_shown: bool) -> None:
        if site.outcome is None:
            return
        try:
            await end_attempts(site.session.graph, site.outcome, is_shown=is_shown)
        except S2SError as error:
            error.mark_as_after_write()
            raise

    try:
        yield
    except BaseException as error:
        if site.outcome is not None and site.outcome.unshown:
            is_shown = _write_error_document(site.command_run, error)
            # The error that ended the run is told; what stays noted is removed by the next run.
            with suppress(S2SError):
                await finish_even_if_cancelled(end(is_shown=is_shown))
        raise
    await finish_even_if_cancelled(end(is_shown=True))


def _write_error_document(command_run: CommandRun, error: BaseException) -> bool:
    """Write the document about the error that ends the run; return whether a reader took it."""
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        return False  # the document could not be written just now
    try:
        command_run.write_error_document(error)
    except OSError:
        return False
    return True


async def _apply_all(sites: Sequence[SiteChange]) -> None:
    locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
    pending = [site for site in sites if site.is_pending]

    async def apply_counted(site: SiteChange) -> None:
        await _apply(site, locks)
        one_more()

    activity_text = f"Applying to {len(pending)} sites" if len(pending) > 1 else ""
    folding = pending[0].command_run.display.folding(activity_text) if activity_text else None
    with folding or nullcontext(), counting(activity_text, covers=False) as one_more:
        await gather_or_cancel(*map(apply_counted, pending))
    for site in sites:
        site.is_over = True


async def _apply(site: SiteChange, locks: Mapping[str, asyncio.Lock]) -> None:
    """Apply at one site, alone with each registration that several sites change.

    Graph replaces a registration's lists whole, so that two writers would lose entries.
    """
    changes = site.outcome.plan.changes if site.outcome is not None else ()
    registrations = {
        object_id for change in changes if (object_id := changed_registration(change)) is not None
    }
    try:
        with site.command_run.display.about(site.key or ""):
            async with AsyncExitStack() as held:
                # In one order, so that no two sites wait for each other.
                for object_id in sorted(registrations):
                    with (
                        activity("Waiting for another site")
                        if locks[object_id].locked()
                        else nullcontext()
                    ):
                        await held.enter_async_context(locks[object_id])
                await site.apply()
    except S2SError as error:
        site.session.graph.credential.signed_in.remind(error)
        site.error = error
    except Exception as bug:
        # What went wrong at one site stops no other, and what was made there is reported
        from mct_s2s.cli.mistakes import bug_report  # noqa: PLC0415  # hardly ever

        site.error = bug_report(bug)
    site.is_over = True


async def _show_and_ask(
    sites: Sequence[SiteChange],
    shown_fingerprint: str | None = None,
    check: FingerprintCheck | None = None,
    *,
    expects_fingerprint: bool = False,
) -> bool:
    """Show the plans, check them and ask about them; return whether to apply them.

    Raises what `check` raises, and what `confirmed` does.
    """
    options = sites[0].options
    # A dry run only compares: its plan is shown all the same.
    is_reviewed = expects_fingerprint and not options.dry_run
    if not is_reviewed:
        show_review(sites, shown_fingerprint, expects_fingerprint=expects_fingerprint)
    if check is not None:
        check(sites, shown_fingerprint)
    pending = [site for site in sites if site.is_pending]
    if pending and not options.dry_run and not options.yes and not is_reviewed:
        await confirmed(pending)
    return bool(pending) and not options.dry_run


async def confirmed(sites: Sequence[SiteChange]) -> None:
    """Raises Cancelled: the answer is no; UsageError: there is no one to ask."""
    command_run = sites[0].command_run
    plans = [site.outcome.plan for site in sites if site.outcome is not None]
    is_job = is_unattended()  # some give jobs a terminal
    if is_job or command_run.terminal.json or not command_run.terminal.talks_to_person:
        why = "this is a CI job" if is_job else "not an interactive terminal"
        raise UsageError(
            "confirmation-missing",
            f"Cannot ask for confirmation ({summary(*plans)}): {why}.",
            remedy="Add --yes to apply the changes, or --dry-run to see the plan only.",
            says_unchanged=True,
        )
    desired, name = sites[0].request.desired, sites[0].title
    if isinstance(desired, Removal) and desired.everything:
        question = f"To remove all of this, type {name}: "
        answers = {name.casefold(): True, "": False}
        again = f"That is not '{name}'. To cancel, press Enter."
    else:
        question = f"Apply{f' to {len(plans)} sites' if len(plans) > 1 else ''}? [y/N] "
        answers, again = YES_OR_NO, NEITHER
    agreed = await _answered(command_run, question, answers, again)
    if not agreed:
        raise Cancelled(
            "cancelled",
            "Cancelled.",
            says_unchanged=True,
            remedy="Run the same command again when you are ready.",
        )


async def _answered(
    command_run: CommandRun, question: str, answers: Mapping[str, bool], again: str
) -> bool:
    """Ask until the answer is one of these, and say `again` where it is not."""
    agreed: bool | None = None
    while agreed is None:
        command_run.is_asking = True  # it stays so where Ctrl-C ends it
        line = await ask(command_run.terminal, question)
        command_run.is_asking = False
        if not line.endswith("\n"):
            command_run.terminal.say()  # Ctrl-D, which a terminal does not show
        agreed = answers.get(line.strip().casefold())
        if agreed is None:
            command_run.terminal.say(again)
    return agreed
