"""What a changing command prints: plans, how far each App Service has come, the end."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from mct_s2s import clock
from mct_s2s.cli.handover import ways_out
from mct_s2s.cli.requests import named_target
from mct_s2s.cli.site_change import SiteChange
from mct_s2s.engine.credential_stores import new_credentials
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import Instruction, S2SError, as_instructions
from mct_s2s.inputs.documents import SettingsFile
from mct_s2s.inputs.secret_to import SecretTo
from mct_s2s.model.commands import option
from mct_s2s.model.desired import Removal, Restore, Rotation, SettingsScope, Setup
from mct_s2s.model.documents import Handoff
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import (
    Action,
    AddCredential,
    DeleteApplication,
    EnableIdentity,
    Output,
    RemoveCredential,
    WriteSettings,
    identify,
)
from mct_s2s.planning.ownership import clients_called
from mct_s2s.planning.permissions.preflight import others
from mct_s2s.planning.permissions.rights import asked_for
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import print_items
from mct_s2s.render.manual_steps import instructions, show_manual_steps
from mct_s2s.render.markdown import page
from mct_s2s.render.outcome import (
    ClientResult,
    SavedCredential,
    SiteReport,
    plans_page,
    show_closing,
    show_outcomes,
    show_plan,
    show_plans,
)
from mct_s2s.render.pipelines import is_unattended
from mct_s2s.render.plan import target_details
from mct_s2s.render.verification import show_verification
from mct_s2s.stores.files import FileStore
from mct_s2s.stores.store import OutputStore

Json: TypeAlias = dict[str, Any]


def report_of(site: SiteChange) -> SiteReport:
    outcome, error = site.outcome, site.error
    if outcome is None:
        return SiteReport(site.title, error=error)
    unchanged_text = ""
    match outcome.request.desired:
        case Removal():
            unchanged_text = f"There is nothing to remove from {site.title}"
        case Setup(settings=SettingsScope.NONE):
            unchanged_text = (
                f"The Entra ID part of {site.title} is up to date; nothing else was checked"
            )
        case Setup(settings_only=True) | Restore():
            unchanged_text = (
                f"The App Service configuration of {site.title} is up to date; nothing else was "
                "checked"
            )
    return SiteReport(
        site.title,
        outcome.plan,
        target_details(outcome.before),
        unchanged_text,
        done=[change for change in outcome.done.values() if change.action is not Action.NONE],
        in_doubt=outcome.in_doubt,
        not_done=[*outcome.not_done, *outcome.not_begun] if outcome.applied or site.error else (),
        credentials=credentials_of(outcome) if outcome.applied else (),
        taken_back=[
            attempt.client for attempt in outcome.attempts.values() if attempt.is_taken_back
        ],
        manual_steps=manual_steps(outcome) if outcome.applied or site.error is None else (),
        verification=outcome.verification,
        error=error,
        places=_places(site, outcome),
        notes=_run_notes(outcome),
        is_of_file=site.is_of_file,
    )


def _places(site: SiteChange, outcome: Outcome) -> dict[str, str]:
    """Where credentials go: as paths of this machine, or for reviewers as the plan says."""
    if site.options.output == "markdown":
        return dict(outcome.plan.places)
    return {name: store.label for name, store in outcome.stores.items()}


def manual_steps(outcome: Outcome) -> list[Instruction]:
    return instructions(outcome.plan, outcome.before, outcome.outputs, outcome.request.handoff)


def _after_a_grant(outcome: Outcome) -> tuple[Instruction, ...]:
    """What the caller does after a grant, such as signing in again."""
    return outcome.access.signed_in.after_a_grant if outcome.plan.missing_rights else ()


# Before


def show_review(sites: Sequence[SiteChange], fingerprint: str | None) -> None:
    terminal = sites[0].command_run.terminal
    options = sites[0].options
    reports = [report_of(site) for site in sites]
    has_to_be_read = not options.yes and any(site.is_pending for site in sites)
    if options.output == "json" if options.dry_run else terminal.quiet and not has_to_be_read:
        return
    is_markdown = options.output == "markdown"
    if is_markdown and sites[0].is_of_file:
        terminal.verbatim(plans_page(reports, fingerprint))
        return
    shown = Terminal.recording() if is_markdown else terminal
    if not sites[0].is_of_file:
        show_plan(shown, reports[0], is_result=options.dry_run)
        plan = reports[0].plan
        if options.dry_run and plan is not None and plan.blocked:
            show_manual_steps(shown.out, ways_out(options, others(plan.missing_rights)))
    else:
        printed = fingerprint if options.dry_run and not is_markdown else None
        show_plans(shown, reports, printed, is_result=options.dry_run)
    if options.dry_run and not is_markdown and any(_is_ready(site) for site in sites):
        way = "without --dry-run"
        if fingerprint is not None and sites[0].is_of_file:
            way = f"with {option('--expect', fingerprint)} in place of --dry-run"
        terminal.note(f"To apply this, run the same command {way}.")
    if is_markdown:
        digest = [f"Fingerprint: `{fingerprint}`", ""] if fingerprint is not None else []
        terminal.verbatim(page(f"Plan for {reports[0].title}", shown.recorded, *digest))


def _is_ready(site: SiteChange) -> bool:
    if site.outcome is None or site.outcome.place_refusals:
        return False
    return site.is_pending and not site.outcome.plan.blocked


# After


def show_end(sites: Sequence[SiteChange], fingerprint: str | None) -> None:
    first = sites[0]
    terminal = sites[0].command_run.terminal
    is_dry = sites[0].options.dry_run
    if not first.is_of_file and first.outcome is not None:
        if terminal.json:
            terminal.document("result", result_of(first, first.outcome))
        if not is_dry:
            _write_handoff(first, first.outcome)
            if not terminal.json:
                _close(first, first.outcome)
    elif terminal.json:
        terminal.document("apply", applied(sites, fingerprint))
    elif not is_dry:
        show_outcomes(terminal, [report_of(site) for site in sites])
        for site in sites:
            if terminal.quiet and site.outcome is not None and site.outcome.applied:
                print_items(terminal.out, _unsaid(site.outcome))


def _close(site: SiteChange, outcome: Outcome) -> None:
    terminal = site.command_run.terminal
    report = report_of(site)
    before = outcome.before
    if outcome.verification is not None and not outcome.verification.is_proved:
        show_verification(terminal, outcome.verification)
    if outcome.applied:
        headline, clients = _headline(outcome)
        snippet = (
            [] if headline else [_snippet_command(outcome, client.name) for client in clients[:1]]
        )
        sandbox = site.session.connection.reopened_by
        show_closing(
            terminal,
            report,
            clients,
            headline,
            [*snippet, before.command("status")],
            seconds=clock.seconds() - outcome.began,
            sandbox=sandbox if snippet else "",
            remarks=_unsaid(outcome),
        )
    else:
        show_manual_steps(terminal.out, report.manual_steps)
    if outcome.plan.missing_rights:
        terminal.say("To do this yourself:", style="warn")
        show_manual_steps(
            terminal.err, [*asked_for(outcome.plan.missing_rights), *_after_a_grant(outcome)]
        )


def _snippet_command(outcome: Outcome, client: str) -> str:
    """The `snippet` of a client, which looks by itself into the default files alone."""
    store = outcome.stores.get(client)
    file = list[str]()
    if isinstance(store, FileStore) and not store.is_default_place:
        file = ["--credentials", str(store.dotenv)]
    return outcome.before.command("snippet", *file, about=client)


def _headline(outcome: Outcome) -> tuple[str, list[ClientResult]]:
    """What was done, empty where it is that clients can call; and those clients."""
    label = outcome.request.label
    match outcome.request.desired:
        case Removal(everything=everything, clients=names):
            what = "service-to-service authentication" if everything else ", ".join(names)
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
        yield ClientResult(name, client_id, credential=credentials.get(name), can_call=can_call)
    enabling = [change for change in outcome.plan.changes if isinstance(change, EnableIdentity)]
    enabled = {
        change.identity_resource: outcome.outputs.get((change.key, Output.PRINCIPAL_ID))
        for change in enabling
    }
    for resource in outcome.before.identity_resources:
        principal_id = resource.principal_id or enabled.get(resource) or ""
        yield ClientResult(resource.display_name, principal_id, is_identity=True)


def _unsaid(outcome: Outcome) -> tuple[Instruction, ...]:
    """Who gains, loses or keeps access; of a rotation, which old credentials stay valid."""
    plan = outcome.plan
    more = plan.notes if isinstance(outcome.request.desired, Rotation) else plan.left_alone
    return as_instructions((*plan.gaining, *plan.losing, *more, *_lost_with_job(outcome)))


def _run_notes(outcome: Outcome) -> tuple[Instruction, ...]:
    """What is said of this run on this machine, beside its plan."""
    return (*_place_notes(outcome), *_lost_with_job(outcome))


def _place_notes(outcome: Outcome) -> tuple[Instruction, ...]:
    """Say which places would refuse a credential, and which folders are made for one."""
    refusals = outcome.place_refusals.values() if outcome.request.dry_run else ()
    notes = [
        Instruction(f"On this machine, a run is refused: {refusal.headline}")
        for refusal in refusals
    ]
    for change in new_credentials(outcome.plan):
        store = outcome.stores.get(change.name)
        is_refused = change.key in outcome.place_refusals
        if is_refused or not isinstance(store, FileStore) or store.is_default_place:
            continue
        folder = store.missing_folder
        if folder is not None:
            notes.append(Instruction(f"The folder '{folder}' is created, for no one but you."))
    return tuple(dict.fromkeys(notes))


def _lost_with_job(outcome: Outcome) -> tuple[Instruction, ...]:
    """Say of a job which secrets go to files that no option names.

    Most machines of jobs are thrown away.
    """
    if not is_unattended():
        return ()
    places = outcome.request.places
    clients = [
        f"'{change.name}'"
        for change in outcome.plan.changes
        if isinstance(change, AddCredential)
        and isinstance(store := outcome.stores.get(change.name), FileStore)
        and store.is_default_place
        and places.of(change.name) == SecretTo()
        # A machine that has had a secret of this client keeps its files.
        and outcome.before.note_of(change.name).delivered_at is None
    ]
    if not clients:
        return ()
    way = "add --secret-to keyvault:VAULT or exec:COMMAND"
    if outcome.before.file is not None:
        way = 'write secret-to = "keyvault:VAULT" into the trust file'
    what = (
        f"Credentials of {', '.join(clients)} go to the machine of this job, and are lost where "
        f"it is thrown away. To keep them, {way}."
    )
    return (Instruction(what),)


def _write_handoff(site: SiteChange, outcome: Outcome) -> None:
    handoff = outcome.request.handoff
    if handoff is not None:
        left_values = (step.values for step in manual_steps(outcome) if step.values)
        target = site.session.target or named_target(site.options)
        values = next(left_values, None) or outcome.after.api.legible(outcome.after.settings)
        SettingsFile(handoff, Handoff).write(target.label if target else None, values)


# Credentials


def credentials_of(outcome: Outcome) -> list[SavedCredential]:
    """Those that were made; also one that reached no one and could not be removed.

    In a dry run, would be.
    """
    credentials: list[SavedCredential] = []
    for change in outcome.plan.changes:
        if not isinstance(change, AddCredential):
            continue
        client_id = outcome.outputs.known(change.client_id) or ""
        store = outcome.stores.get(change.name)
        ends, place = change.ends(outcome.outputs), store.label if store is not None else None
        attempt = outcome.attempts.get(change.key)
        credential = store.handed_over if store is not None else None
        removal = attempt.removal or None if attempt is not None else None
        place = None if removal else place
        secret = (
            credential.value if credential is not None and isinstance(store, OutputStore) else None
        )
        is_gone = attempt is not None and attempt.is_taken_back
        is_there = change.key in outcome.done or credential is not None or bool(removal)
        if not outcome.applied or (is_there and not is_gone):
            credentials.append(
                SavedCredential(
                    change.name, client_id, ends, place, secret, change.kind, removal=removal
                )
            )
    return credentials


def _all_credentials(outcome: Outcome) -> Iterator[SavedCredential]:
    """With those that the same clients had before and still have."""
    yield from credentials_of(outcome)
    # A key pair of an interrupted run was registered before this one delivers it.
    added = [change for change in outcome.plan.changes if isinstance(change, AddCredential)]
    made_keys = {outcome.outputs.get((change.key, Output.KEY_ID)) for change in added}
    done = outcome.done.values()
    removed: set[str] = {change.key_id for change in done if isinstance(change, RemoveCredential)}
    removed |= {change.client_id for change in done if isinstance(change, DeleteApplication)}
    desired = outcome.request.desired
    names = () if isinstance(desired, Removal) else desired.names
    for name in dict.fromkeys((*names, *outcome.stores)):
        note = outcome.before.note_of(name)
        for client in clients_called(name, outcome.before):
            for credential in client.counted_credentials:
                if (
                    credential.key_id not in made_keys
                    and not {credential.key_id, client.client_id} & removed
                ):
                    place = note.place if note.knows(credential) else None
                    yield SavedCredential(
                        name,
                        client.client_id,
                        credential.expires,
                        place,
                        kind=credential.kind,
                        created=False,
                    )


# Documents


def applied(
    sites: Sequence[SiteChange], fingerprint: str | None, why: S2SError | None = None
) -> Json:
    documents: list[Json] = []
    for site in sites:
        error = site.error or (None if site.is_over else why)
        failed = replace(report_of(site), error=error) if error is not None else None
        result = (
            result_of(site, site.outcome) if site.outcome is not None and failed is None else None
        )
        documents.append({"site": site.key, "result": result, "error": failed})
    return {"dry_run": sites[0].options.dry_run, "fingerprint": fingerprint, "sites": documents}


def result_of(site: SiteChange, outcome: Outcome) -> Json:
    return {
        "dry_run": site.options.dry_run,
        "fingerprint": site.fingerprint if site.options.dry_run else None,
        "api": outcome.before.api.name,
        "changes": list(changes(outcome, dry_run=site.options.dry_run)),
        "credentials": list(_all_credentials(outcome)),
        "manual_steps": [*manual_steps(outcome), *_after_a_grant(outcome)],
        "notes": [*outcome.plan.remarks, *_run_notes(outcome)],
        "missing": list(dict.fromkeys(outcome.plan.missing_rights)),
        "verification": outcome.verification,
        "connection": outcome.after,
    }


def changes(outcome: Outcome, *, dry_run: bool) -> Iterator[Json]:
    for step in outcome.plan.steps:
        change = outcome.done.get(step.key, step)
        ids = identify(change, outcome.outputs)
        row: Json = {
            "action": change.action,
            "resource": change.resource,
            "name": change.name,
            "id": ids.id,
        }
        row |= {"detail": change.detail, "seconds": round(outcome.seconds.get(step.key, 0.0), 3)}
        row |= {"blocked": step.key in outcome.plan.blocked} if dry_run else {}
        row |= (
            {"app_id": ids.app_id, "object_id": ids.object_id}
            if ids.app_id or ids.object_id
            else {}
        )
        if isinstance(change, WriteSettings):
            edits = [edit for edit in change.edits if edit.is_ours]
            shown = outcome.after.api.shown(outcome.after.settings)
            row["before"] = {edit.name: edit.before for edit in edits}
            after = {edit.name: None if edit.pending else edit.after for edit in edits}
            row["after"] = after if outcome.settings is None else {k: shown.get(k) for k in after}
        yield row
