"""What a changing command prints: plans, how far each App Service has come, the end."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mct_s2s import clock
from mct_s2s.azure.clouds import PUBLIC
from mct_s2s.cli.handover import ways_out
from mct_s2s.cli.next_commands import next_commands, snippet_command, testing_by_others
from mct_s2s.cli.options_to_request import named_target
from mct_s2s.cli.site_change import SiteChange
from mct_s2s.cli.site_report import (
    after_a_grant,
    credentials_of,
    is_only_shown,
    lost_with_job,
    manual_steps,
    report_of,
)
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import Instruction, S2SError, as_instructions
from mct_s2s.inputs.user_files import SettingsFile
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.commands import option, webapp_command
from mct_s2s.model.desired import Removal, Rotation, SettingsScope, Setup
from mct_s2s.model.run_files import Handoff
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import (
    DeleteApplication,
    EnableIdentity,
    Output,
    PurgeApplication,
    WriteSettings,
)
from mct_s2s.planning.clients import clients_called
from mct_s2s.planning.permissions.rights import asked_for
from mct_s2s.planning.reports.status import tagged_vault
from mct_s2s.render.closing import show_closing
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import annotate, print_items, told_once
from mct_s2s.render.manual_steps import show_manual_steps
from mct_s2s.render.markdown import page
from mct_s2s.render.outcome import show_outcomes
from mct_s2s.render.site_plans import plans_page, show_plan, show_plans
from mct_s2s.render.site_report import ClientResult, SiteReport
from mct_s2s.render.verification import show_verification

# Before


def show_review(
    sites: Sequence[SiteChange],
    fingerprint: str | None,
    *,
    refusal: S2SError | None = None,
    expects_fingerprint: bool = False,
) -> None:
    """Show what would be done.

    `refusal`: of the whole, so that it is not to be applied. `expects_fingerprint`: by `--expect`,
    the command itself has one.
    """
    terminal = sites[0].command_run.terminal
    options = sites[0].options
    reports = [report_of(site) for site in sites]
    has_to_be_read = not options.yes and any(site.is_pending for site in sites)
    if options.output == "json" if options.dry_run else terminal.quiet and not has_to_be_read:
        return
    is_markdown = options.output == "markdown"
    if is_markdown and sites[0].is_of_file:
        terminal.verbatim(plans_page(reports, fingerprint, refusal))
        return
    shown = Terminal.recording() if is_markdown else terminal
    if not sites[0].is_of_file:
        show_plan(shown, reports[0], is_result=options.dry_run)
        plan = reports[0].plan
        if options.dry_run and plan is not None and plan.blocked:
            show_manual_steps(shown.out, ways_out(options, plan.missing_rights))
    else:
        printed = fingerprint if options.dry_run and not is_markdown else None
        show_plans(shown, reports, printed, refusal, is_result=options.dry_run)
    if shown is terminal and _is_fingerprint_of_file(sites[0], fingerprint):
        terminal.inform(
            "The fingerprint is of the file at these sites, not of this plan: every rotation there "
            "has the same one."
        )
    is_whole = fingerprint is not None or not sites[0].is_of_file
    # `--expect` does all or nothing.
    is_blocked = sites[0].is_of_file and any(map(_is_blocked, sites))
    is_doable = is_whole and not is_blocked and refusal is None
    is_ready = is_doable and any(_is_ready(site) for site in sites)
    if options.dry_run and not is_markdown and is_ready:
        way = "without --dry-run"
        if fingerprint is not None and sites[0].is_of_file and not expects_fingerprint:
            way = f"with {option('--expect', fingerprint)} in place of --dry-run"
        terminal.inform(f"To apply this, run the same command {way}.")
    if is_markdown:
        digest = [f"Fingerprint: `{fingerprint}`", ""] if fingerprint is not None else []
        terminal.verbatim(page(f"Plan for {reports[0].title}", shown.recorded, *digest))


def _is_fingerprint_of_file(site: SiteChange, fingerprint: str | None) -> bool:
    """Whether a dry run shows the fingerprint of a file, which says nothing of the plan above."""
    is_rotation = isinstance(site.request.desired, Rotation)
    return is_rotation and site.is_of_file and site.options.dry_run and fingerprint is not None


def _is_ready(site: SiteChange) -> bool:
    if site.outcome is None or site.outcome.place_refusals:
        return False
    return site.is_pending and not site.outcome.plan.blocked


def _is_blocked(site: SiteChange) -> bool:
    return site.outcome is not None and bool(site.outcome.plan.blocked)


# After


def show_end(sites: Sequence[SiteChange], fingerprint: str | None) -> None:
    first = sites[0]
    terminal = sites[0].command_run.terminal
    is_dry = sites[0].options.dry_run
    if not first.is_of_file and first.outcome is not None:
        if terminal.json:
            from mct_s2s.cli.result_document import result_document  # noqa: PLC0415  # text needs none of it

            terminal.document(result_document(first, first.outcome))
        if not is_dry:
            _write_handoff(first, first.outcome)
            if not terminal.json:
                _close(first, first.outcome)
    elif terminal.json:
        from mct_s2s.cli.result_document import apply_document  # noqa: PLC0415  # text needs none of it

        terminal.document(apply_document(sites, fingerprint))
    elif not is_dry:
        show_outcomes(terminal, [_with_old_credentials(site) for site in sites])
        for site in sites:
            outcome = site.outcome
            if terminal.quiet and outcome is not None and outcome.has_begun:
                # What a rotation has left is among the outcomes.
                print_items(terminal.out, () if _has_rotated(outcome) else _unsaid(outcome))
    if is_dry or (terminal.json and first.is_of_file):
        _annotate_errors(sites)


def _with_old_credentials(site: SiteChange) -> SiteReport:
    """What came of a site, with what a rotation has left of old credentials.

    A plan that was reviewed before is not shown again, and that of many sites has scrolled by.
    """
    report = report_of(site)
    if site.outcome is None or not _has_rotated(site.outcome):
        return report
    return replace(report, left_valid=_unsaid(site.outcome))


def _has_rotated(outcome: Outcome) -> bool:
    return isinstance(outcome.request.desired, Rotation) and bool(outcome.done)


def _annotate_errors(sites: Sequence[SiteChange]) -> None:
    """Show which sites have no plan, or failed, also apart from a job's log."""
    errors = ((site.title, site.error) for site in sites if site.error is not None)
    for titles, error in told_once(errors):
        annotate(sites[0].command_run.terminal, error, ", ".join(titles))


def _close(site: SiteChange, outcome: Outcome) -> None:
    terminal = site.command_run.terminal
    report = report_of(site)
    if outcome.verification is not None and not outcome.verification.is_proved:
        show_verification(terminal, outcome.verification)
    if outcome.has_begun:
        headline, clients = _headline(outcome)
        snippet = [] if headline else snippet_command(outcome, clients)
        sandbox = site.session.connection.reopened_by
        show_closing(
            terminal,
            report,
            clients,
            headline,
            [*snippet, *next_commands(outcome, site.options, clients)],
            seconds=clock.seconds() - outcome.began,
            sandbox=sandbox if snippet else "",
            remarks=(*_unsaid(outcome), *testing_by_others(outcome, site.options, clients)),
        )
    else:
        show_manual_steps(terminal.out, report.manual_steps)
    if outcome.plan.missing_rights:
        terminal.say("To do this yourself:", style="warn")
        show_manual_steps(
            terminal.err, [*asked_for(outcome.plan.missing_rights), *after_a_grant(outcome)]
        )


def _headline(outcome: Outcome) -> tuple[str, list[ClientResult]]:
    """What was done, empty where it is that clients can call; and those clients."""
    label = outcome.request.label
    match outcome.request.desired:
        case Removal(everything=everything, clients=names):
            what = (
                "service-to-service authentication"
                if everything
                else ", ".join(map(outcome.plan.client_name, names))
            )
            count = len(outcome.plan.left_alone)
            keeping = (
                f"; {counted(count, 'client')} keep{'s its' if count == 1 else ' their'} access"
                if count
                else ""
            )
            return f"Removed {what} from {label}{keeping}", []
        case Rotation():
            credentials = credentials_of(outcome)
            kinds = {credential.kind.noun for credential in credentials}
            noun = kinds.pop() if len(kinds) == 1 else "credential"
            if not credentials:  # what an earlier rotation had kept
                resources = dict.fromkeys(
                    f"{change.resource} of {change.name}" for change in outcome.plan.changes
                )
                return f"Removed the old {', '.join(resources)}", []
            what = (
                f"the {noun} of {credentials[0].client}"
                if len(credentials) == 1
                else f"{len(credentials)} {noun}s"
            )
            return f"Rotated {what}", [
                ClientResult(credential.client, credential.client_id, credential=credential)
                for credential in credentials
            ]
        case Setup(settings=SettingsScope.OFF):
            return f"Disabled service-to-service authentication on {label}", []
    clients = list(_clients(outcome))
    return "" if clients else f"Configured {label}", clients


def _clients(outcome: Outcome) -> Iterator[ClientResult]:
    credentials = {credential.client: credential for credential in credentials_of(outcome)}
    verification = outcome.verification
    for name in outcome.request.desired.names:
        client_id = outcome.client_id(name) or ""
        can_call = verification.can_call(name) if verification is not None else None
        shown = outcome.plan.client_name(name)
        credential = credentials.get(name)
        is_elsewhere = credential is None and _is_elsewhere(outcome, name)
        yield ClientResult(
            shown,
            client_id,
            credential=credential,
            can_call=can_call,
            is_secret_elsewhere=is_elsewhere,
            tagged_vault=_tagged_vault(outcome, name) if is_elsewhere else None,
        )
    enabling = [change for change in outcome.plan.changes if isinstance(change, EnableIdentity)]
    enabled = {
        change.identity_resource: outcome.outputs.get((change.key, Output.PRINCIPAL_ID))
        for change in enabling
    }
    for resource in outcome.before.identity_resources:
        principal_id = resource.principal_id or enabled.get(resource) or ""
        yield ClientResult(resource.display_name, principal_id, is_identity=True)


def _is_elsewhere(outcome: Outcome, name: str) -> bool:
    """Whether a client's place did not hold its credential, of which the plan has a note."""
    before = outcome.before
    note = before.note_of(name)
    valid = [
        credential
        for client in clients_called(name, before)
        for credential in client.counted_credentials
        if credential.is_valid_at(before.now)
    ]
    return note.place is not None and bool(valid) and note.has_lost(valid)


def _tagged_vault(outcome: Outcome, name: str) -> SecretPlace | None:
    before, named = outcome.before, outcome.request.desired.names
    vaults = (tagged_vault(client, before, named) for client in clients_called(name, before))
    return next(filter(None, vaults), None)


def _unsaid(outcome: Outcome) -> tuple[Instruction, ...]:
    """Who gains, loses or keeps access, and what is left to do.

    Of a rotation, which old credentials stay valid.
    """
    plan, desired = outcome.plan, outcome.request.desired
    more: Sequence[str | Instruction] = plan.left_alone
    if isinstance(desired, Rotation):
        more = plan.notes
    elif isinstance(desired, Removal):
        # What is to be done by hand has scrolled by: the plan was above the question.
        to_do = (note for note in as_instructions(plan.notes) if note.command)
        more = (*to_do, *plan.left_alone, *_way_back(outcome))
    return as_instructions(
        (
            *_repeated_notes(outcome),
            *more,
            *_due_restart(outcome),
            *_programs_of_shown(outcome),
            *lost_with_job(outcome),
        )
    )


def _repeated_notes(outcome: Outcome) -> tuple[Instruction, ...]:
    """Say again who loses access, and what else the plan repeats.

    As done once the settings are written, which decide it.
    """
    notes = as_instructions((*outcome.plan.repeated_notes, *outcome.plan.warnings))
    is_written = any(isinstance(change, WriteSettings) for change in outcome.done.values())
    return tuple(note.as_done for note in notes) if is_written else notes


def _way_back(outcome: Outcome) -> Iterator[str]:
    """Say after a removal how long the registrations that it deleted can be restored."""
    done = outcome.done.values()
    deleted = {change.object_id for change in done if isinstance(change, DeleteApplication)}
    purged = {change.object_id for change in done if isinstance(change, PurgeApplication)}
    if deleted - purged:
        yield (
            "Deleted app registrations can be restored for 30 days: by setup or add-client with "
            "the same names, or in the portal."
        )


def _due_restart(outcome: Outcome) -> Iterator[Instruction]:
    """Say who restarts the App Service, where an option left the restart out.

    Source: docs/azure-contract.md, section 4.3.
    """
    written = [change for change in outcome.done.values() if isinstance(change, WriteSettings)]
    if outcome.request.desired.restart or not written:
        return
    what = (
        "App Service restarts by itself when settings change. If calls are still refused in some "
        "minutes, restart it:"
    )
    site = written[0].site
    yield Instruction(what, webapp_command("restart", site, "--subscription", site.subscription_id))


def _programs_of_shown(outcome: Outcome) -> Iterator[Instruction]:
    """Say what a program needs whose secret was only shown: `snippet` has no file to read."""
    tenant, login = outcome.before.tenant, outcome.before.login
    # Where it is not that of the public cloud, `verify --credentials FILE` and programs need it.
    authority = "" if login == PUBLIC.login else f", AZURE_AUTHORITY_HOST={login}"
    for credential in credentials_of(outcome):
        is_secret = credential.kind is CredentialKind.SECRET
        if tenant is None or not (is_secret and is_only_shown(credential)):
            continue
        what = (
            f"For a program of '{credential.client}', write the secret to a file as "
            f"AZURE_CLIENT_SECRET=…, with AZURE_TENANT_ID={tenant.id}{authority} and "
            f"AZURE_CLIENT_ID={credential.client_id}. Then:"
        )
        command = outcome.before.command(
            "snippet", "--credentials", "FILE", about=credential.client
        )
        yield Instruction(what, command)


def _write_handoff(site: SiteChange, outcome: Outcome) -> None:
    handoff = outcome.request.handoff
    if handoff is not None:
        left_values = (step.values for step in manual_steps(outcome) if step.values)
        target = site.session.target or named_target(site.options)
        values = next(left_values, None) or outcome.after.api.legible(outcome.after.settings)
        SettingsFile(handoff, Handoff).write(target.label if target else None, values)
