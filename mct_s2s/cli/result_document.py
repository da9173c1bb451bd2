"""The JSON documents of the commands that change something, made of their `Outcome`.

Imported where one is written: text needs none of their models.
"""

from collections.abc import Iterator, Sequence

from mct_s2s.cli.site_change import SiteChange
from mct_s2s.cli.site_report import (
    after_a_grant,
    credentials_of,
    manual_steps,
    report_of,
    run_notes,
)
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import S2SError
from mct_s2s.model.client_credentials import Credential, SecretNote
from mct_s2s.model.desired import Removal
from mct_s2s.model.observed import ClientApplication
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    DeleteApplication,
    Output,
    RemoveCredential,
    WriteSettings,
    identify,
)
from mct_s2s.planning.clients import clients_called
from mct_s2s.render.documents import (
    LEFT_OUT,
    AppliedSitePart,
    ApplyDocument,
    ChangePart,
    ConnectionPart,
    ErrorDocument,
    ManualStepPart,
    MissingRightPart,
    NotePart,
    ResultDocument,
    SavedCredentialPart,
    VerifyDocument,
)
from mct_s2s.render.site_report import SavedCredential

POSTPONED = "; it is removed once this document is written"


def apply_document(
    sites: Sequence[SiteChange], fingerprint: str | None, why: S2SError | None = None
) -> ApplyDocument:
    """`why`: the error that ended the run, which is that of each site that is not over."""
    return ApplyDocument(
        dry_run=sites[0].options.dry_run,
        fingerprint=fingerprint,
        sites=[_applied_site(site, why) for site in sites],
    )


def _applied_site(site: SiteChange, why: S2SError | None) -> AppliedSitePart:
    error = site.error
    if error is None and not site.is_over:
        error = why
    result = None
    if error is None and site.outcome is not None:
        result = result_document(site, site.outcome)
    return AppliedSitePart(
        site=site.key or "",
        result=result,
        error=ErrorDocument.of(report_of(site), error) if error is not None else None,
    )


def result_document(site: SiteChange, outcome: Outcome) -> ResultDocument:
    is_dry, plan, verification = site.options.dry_run, outcome.plan, outcome.verification
    steps = (*manual_steps(outcome), *after_a_grant(outcome))
    notes = (*plan.remarks, *run_notes(outcome))
    return ResultDocument(
        dry_run=is_dry,
        fingerprint=site.fingerprint if is_dry else None,
        api=outcome.before.api.name,
        changes=change_parts(outcome, dry_run=is_dry),
        # By the name that was typed, as whoever asked looks for it; `appId` tells which one it is.
        credentials=[SavedCredentialPart.of(saved) for saved in _all_credentials(outcome)],
        manual_steps=[ManualStepPart.of(step) for step in steps],
        notes=[NotePart.of(note) for note in notes],
        missing=[MissingRightPart.of(right) for right in dict.fromkeys(plan.missing_rights)],
        verification=VerifyDocument.of(verification) if verification is not None else None,
        connection=ConnectionPart.of(outcome.after),
    )


def change_parts(outcome: Outcome, *, dry_run: bool) -> list[ChangePart]:
    return [_change_part(step, outcome, dry_run=dry_run) for step in outcome.plan.steps]


def _change_part(step: AnyChange, outcome: Outcome, *, dry_run: bool) -> ChangePart:
    change = outcome.done.get(step.key, step)
    ids = identify(change, outcome.outputs)
    is_registration = bool(ids.app_id or ids.object_id)
    before: dict[str, str | None] | None = None
    after: dict[str, str | None] | None = None
    if isinstance(change, WriteSettings):
        edits = [edit for edit in change.edits if edit.is_ours]
        before = {edit.name: edit.before for edit in edits}
        after = {edit.name: None if edit.pending else edit.after for edit in edits}
        if outcome.settings is not None:
            read_back = outcome.after.api.shown(outcome.after.settings)
            after = {name: read_back.get(name) for name in after}
    return ChangePart(
        action=change.action,
        resource=change.resource,
        name=outcome.plan.shown_name(change),
        id=ids.id,
        app_id=(ids.app_id or None) if is_registration else LEFT_OUT,
        object_id=(ids.object_id or None) if is_registration else LEFT_OUT,
        detail=f"{change.detail}{POSTPONED}" if outcome.is_postponed(step) else change.detail,
        seconds=round(outcome.seconds.get(step.key, 0.0), 3),
        blocked=step.key in outcome.plan.blocked | outcome.plan.for_others if dry_run else None,
        before=before,
        after=after,
    )


def _all_credentials(outcome: Outcome) -> Iterator[SavedCredential]:
    """With those that the same clients had before and still have."""
    yield from credentials_of(outcome)
    # A key pair of an interrupted run was registered before this one delivers it.
    added = [change for change in outcome.plan.changes if isinstance(change, AddCredential)]
    made_keys = {outcome.outputs.get((change.key, Output.KEY_ID)) for change in added}
    done = outcome.done.values()
    removed: set[str] = {change.key_id for change in done if isinstance(change, RemoveCredential)}
    removed |= {change.key_id for change, _ in outcome.postponed_removals}
    removed |= {change.client_id for change in done if isinstance(change, DeleteApplication)}
    desired = outcome.request.desired
    names = () if isinstance(desired, Removal) else desired.names
    for name in dict.fromkeys((*names, *outcome.stores)):
        note = outcome.before.note_of(name)
        for client in clients_called(name, outcome.before):
            for credential in _arrived_credentials(client, note):
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


def _arrived_credentials(client: ClientApplication, note: SecretNote) -> Iterator[Credential]:
    """The credentials that count, with those of a killed run that their place shows.

    Until a later run takes it off, a tag still notes the attempt at them.
    """
    for credential in client.application.credentials:
        is_noted = credential.key_id in client.application.undelivered
        if not is_noted or note.has_received(credential):
            yield credential
