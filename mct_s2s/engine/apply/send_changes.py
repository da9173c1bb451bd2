"""Apply a plan: which requests each type of change sends, and which ids it yields."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from mct_s2s import clock
from mct_s2s.activity import Progress
from mct_s2s.azure.graph import applications, recycle_bin, service_principals
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.apply.credential_changes import add_credential, remove_credential
from mct_s2s.engine.apply.plan_run import Run, Skipped
from mct_s2s.engine.apply.registrations import (
    check_principal,
    create_principal,
    create_registration,
    probe_planned_write,
    restore_registration,
)
from mct_s2s.engine.apply.settings import restart_site, write_settings
from mct_s2s.engine.credential_stores import new_credentials
from mct_s2s.engine.outcome import NO_PERMISSION, Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import (
    MissingRight,
    NotOwner,
    PermissionMissing,
    S2SError,
    ServiceError,
    VaultPermissionMissing,
    outcome_of,
)
from mct_s2s.model.caller_rights import Verdict
from mct_s2s.model.desired import Removal, Rotation
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import ClientId, api_uri
from mct_s2s.planning.belief import (
    Belief,
    client_trust,
    is_named_in_command,
    service_trust,
)
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    EnableIdentity,
    NoChange,
    Output,
    OutputRef,
    PurgeApplication,
    RemoveCredential,
    RestartSite,
    RestoreApplication,
    RevokeAppRole,
    UpdateApplication,
    WriteSettings,
    changed_client_id,
    only_notes_use,
)
from mct_s2s.planning.permissions.preflight import judged_change, likely_missing, main_permission
from mct_s2s.planning.permissions.rights import asked_for, judge, missing_rights
from mct_s2s.planning.plan import apply_edits
from mct_s2s.planning.service_facts import CLIENT, SERVICE


async def apply_plan(session: Session, outcome: Outcome, progress: Progress) -> None:
    """Apply the plan of `outcome`, which records how far it comes. Raises the first refusal."""
    await _check_stores(outcome)
    await _check_deletions(session, outcome)
    # Written now, as a full disk must be found before anything is changed; and again, just before
    # the settings are.
    keep_backup(outcome)
    outcome.has_begun = True
    outcome.began = clock.seconds()
    outcome.remember(*_registrations_to_remember(outcome))
    try:
        await Run(session, outcome, progress, send_change).apply_all()
    except PermissionMissing as refusal:
        _name_all_missing_rights(refusal, outcome)
        raise
    # What another run has created is not yet believed: this run goes on once that one has ended.
    if not outcome.awaits_other_run:
        outcome.forget()


def _registrations_to_remember(outcome: Outcome) -> Iterator[str]:
    """Object ids of registrations that the plan changes, noted while it is applied.

    An interrupted run may leave them doubtful: access is revoked first, and a credential counts
    once it is noted. Those that the command names need no note: the next one names them, too.
    """
    observed, desired = outcome.before, outcome.request.desired
    spec, trust = desired.service, observed.trust
    if spec is None:
        return
    changed_ids = {changed_client_id(change) for change in outcome.plan.changes}
    decisions = [
        (client.application, client_trust(client, observed, spec, desired.names))
        for client in trust.clients
        if client.client_id in changed_ids
    ]
    if trust.service is not None:
        decisions.append((trust.service, service_trust(trust.service, observed, spec)))
    for application, decision in decisions:
        # That one is `UNTOUCHED` has to be seen each time.
        if decision in {Belief.REMEMBERED, Belief.OWN_SERVICE, Belief.OWN_CLIENT}:
            yield application.object_id


async def _check_stores(outcome: Outcome) -> None:
    """Try to write where each new credential is to go, before anything is changed.

    A rotation of all clients that expire leaves those out whose store refuses.
    """
    desired = outcome.request.desired
    additions = new_credentials(outcome.plan)
    checks = [
        outcome.stores[change.name].check(outcome.outputs.known(change.client_id))
        for change in additions
    ]
    if not isinstance(desired, Rotation) or desired.expiring_within is None:
        await gather_or_cancel(*checks)
        return
    results = await gather_or_cancel(*map(outcome_of, checks))
    outcome.place_refusals = {
        change.key: result
        for change, result in zip(additions, results, strict=True)
        if isinstance(result, S2SError)
    }


async def _check_deletions(session: Session, outcome: Outcome) -> None:
    """Try to write to what a removal deletes, where nothing else tells whether the caller may.

    A removal closes the App Service first: a refusal after that would leave it half done. Raises
    PermissionMissing.
    """
    request, before = outcome.request, outcome.before
    if not (isinstance(request.desired, Removal) and request.preflight):
        return
    doubtful = {
        change.object_id
        for change in outcome.plan.changes
        if isinstance(change, DeleteApplication) and _may_be_refused(change, outcome)
    }
    registrations = [client.application for client in before.trust.clients]
    if before.trust.service is not None:
        registrations.append(before.trust.service)
    try:
        await gather_or_cancel(
            *(
                probe_planned_write(session, application, outcome)
                for application in registrations
                if application.object_id in doubtful
            )
        )
    except PermissionMissing as refusal:
        lacking_rights = likely_missing(outcome.plan.changes, before, outcome.access)
        refusal.says_unchanged = True
        refusal.missing = lacking_rights or refusal.missing
        refusal.mention(asked_for(lacking_rights))
        raise


def _may_be_refused(change: DeleteApplication, outcome: Outcome) -> bool:
    """Whether a refusal of a deletion would stop the removal, and may come."""
    verdict, _ = judged_change(change, outcome.before, outcome.access)
    return verdict is Verdict.UNKNOWN and not _is_only_untouched(change, outcome)


def keep_backup(outcome: Outcome) -> None:
    """Write the file that was asked for, also if nothing changes: a later command may read it."""
    backup = outcome.request.backup
    site = outcome.before.app_service
    if backup is not None and site is not None and site.refusal is None:
        backup.keep(str(site.resource), site.settings)


def _name_all_missing_rights(refusal: PermissionMissing, outcome: Outcome) -> None:
    """Name in `refusal` every right that the failed changes and those not begun lack."""
    before = outcome.before
    access = outcome.access
    of_others = likely_missing(outcome.not_begun, before, access)
    # What the step takes in the directory says nothing of the key vault that its secret goes to.
    if isinstance(refusal, VaultPermissionMissing):
        _add_missing(refusal, refusal.missing, of_others)
        return
    first_failed, _ = outcome.failed[0]
    verdict, _ = judged_change(first_failed, before, access)
    # A role that was assigned minutes ago is listed before it has an effect. One about a caller's
    # own registrations has no effect on another's, ever.
    is_by_role = refusal.missing and not isinstance(refusal, NotOwner)
    if is_by_role and verdict is Verdict.YES:
        refusal.missing = ()
        refusal.advise(
            "You have the role or permission for this, but it has not taken effect yet. Run the "
            "same command again in a few minutes."
        )
    of_failed = likely_missing([change for change, _ in outcome.failed], before, access)
    _add_missing(refusal, of_failed, of_others)


def _add_missing(
    refusal: PermissionMissing, of_failed: Iterable[MissingRight], of_others: Sequence[MissingRight]
) -> None:
    """Let `refusal` list what the failed steps lack, and say what those not begun lack."""
    refusal.missing = tuple(dict.fromkeys((*of_failed, *of_others))) or refusal.missing
    refusal.mention(
        replace(item, what=f"also not confirmed: {item.what}") for item in asked_for(of_others)
    )


async def send_change(change: AnyChange, run: Run) -> str:  # noqa: C901, PLR0911, PLR0912  # a flat table
    """Send the requests of one change; return a remark on its result, or an empty text."""
    graph = run.session.graph
    match change:
        case RestoreApplication():
            return await restore_application(change, run)
        case CreateApplication():
            return await create_application(change, run)
        case UpdateApplication():
            return await update_application(change, run)
        case CreateServicePrincipal():
            await create_service_principal(change, run)
        case AddCredential():
            return await add_credential(change, run)
        case RemoveCredential():
            return await remove_credential(change, run)
        case AssignAppRole():
            return await assign_app_role(change, run)
        case RevokeAppRole():
            await service_principals.revoke(graph, change.service, change.assignment)
        case DeleteApplication():
            await delete_application(change, run)
        case PurgeApplication():
            # Deleted in this very plan, the recycle bin may not show it yet.
            await recycle_bin.purge(graph, change.object_id, just_deleted=bool(change.after))
        case EnableIdentity():
            await enable_identity(change, run)
        case WriteSettings():
            return await write_settings(change, run)
        case RestartSite():
            return await restart_site(change, run)
        case NoChange():
            raise AssertionError(change)  # no change of a plan: `Plan.changes`
        case _:
            assert_never(change)
    return ""


async def restore_application(change: RestoreApplication, run: Run) -> str:
    application = change.application
    restored = await restore_registration(
        run.session, run.outcome, application, change.resource, is_sure=change.is_sure
    )
    principal = restored.principal
    if principal is None:
        created = await create_principal(
            run.session, run.outcome, application.client_id, application
        )
        principal = created.id
    run.outputs[change.key, Output.PRINCIPAL_ID] = principal
    _note_registration(change, application, run)
    return f"{change.detail}{restored.remark}" if restored.remark else ""


async def create_application(change: CreateApplication, run: Run) -> str:
    creation = replace(change, application=run.with_permission(change.key, change.application))
    application, detail = await create_registration(run.session, run.outcome, creation)
    _note_registration(change, application, run)
    return detail


def _note_registration(change: CreateApplication, application: Application, run: Run) -> None:
    """Remember a registration that this run has created or restored, for later steps and runs."""
    run.outcome.remember(application.object_id)
    run.outcome.created[change.key] = application
    run.session.graph.expect_lag(application.client_id)
    run.outputs[change.key, Output.CLIENT_ID] = application.client_id
    run.outputs[change.key, Output.OBJECT_ID] = application.object_id
    run.outputs[change.key, Output.URI] = api_uri(application.client_id)


async def update_application(change: UpdateApplication, run: Run) -> str:
    graph = run.session.graph
    object_id = run.outputs.resolve(change.object_id)
    try:
        if isinstance(change.object_id, OutputRef):
            application = run.outcome.created[change.object_id.key]
        else:
            application = await applications.by_object_id(graph, object_id)
        for after in apply_edits(application, change.edits, run.outputs):
            await applications.update(graph, application, after)
            application = after
        # A role that was just added reaches the service principal's copy later.
        graph.expect_lag(application.client_id)
    except PermissionMissing as refusal:
        if not only_notes_use(change):
            raise
        raise Skipped(f"left out, as you can't update it: {change.detail}") from refusal
    except ServiceError as error:
        # Nothing is left to remove from a registration that someone has deleted meanwhile.
        if error.status != 404 or not change.edits.only_removes:
            raise
        return "already deleted"
    return ""


async def create_service_principal(change: CreateServicePrincipal, run: Run) -> None:
    client_id = run.outputs.resolve(change.client_id)
    created = run.created_registration(change.client_id)
    principal = await create_principal(run.session, run.outcome, client_id, created)
    if created is None:
        await _check_old_registration(client_id, principal, run)
    run.session.graph.expect_lag(client_id)
    run.outputs[change.key, Output.PRINCIPAL_ID] = principal.id


async def _check_old_registration(
    client_id: ClientId, principal: ServicePrincipal, run: Run
) -> None:
    """Check the service principal of a registration that was found by its name. Raises NotOurs."""
    trust = run.outcome.before.trust
    registrations = [trust.service, *(client.application for client in trust.clients)]
    application = next(
        (row for row in registrations if row is not None and row.client_id == client_id), None
    )
    if application is None or is_named_in_command(application, run.outcome.request.desired):
        return
    kind = SERVICE if application == trust.service else CLIENT
    await check_principal(run.session, application, principal, kind)


async def assign_app_role(change: AssignAppRole, run: Run) -> str:
    principal = run.outputs.resolve(change.principal)
    service = run.outputs.resolve(change.service)
    try:
        assignment = await service_principals.assign(
            run.session.graph, principal, service, change.role
        )
    except PermissionMissing as refusal:
        need = main_permission(change, run.outcome.before)
        # Where the check of rights could not tell, consent that is refused is left to others.
        # Without that check (`--no-preflight`), the refusal is an error.
        if need is None or not run.outcome.request.preflight:
            raise
        access = run.outcome.access
        verdict, _ = judge(need, access)
        # The caller holds the right, and its token, which the Azure CLI keeps, is older.
        if verdict is Verdict.YES and access.signed_in.after_a_grant:
            raise
        run.outcome.leave_to_others(change, missing_rights(need, access))
        raise Skipped(NO_PERMISSION) from refusal
    if assignment is None:
        return "already granted"
    run.outputs[change.key, Output.ASSIGNMENT_ID] = assignment.id
    return ""


async def delete_application(change: DeleteApplication, run: Run) -> None:
    try:
        await applications.delete(run.session.graph, change.object_id)
    except PermissionMissing as refused:
        if not (run.outcome.relies_on_ownership and _is_only_untouched(change, run.outcome)):
            raise
        raise Skipped("kept: it holds no role, and you may delete only what you own") from refused


def _is_only_untouched(change: DeleteApplication, outcome: Outcome) -> bool:
    """Whether it is a client that no one named, and that may be anyone's: untouched, without a
    role.
    """
    before, desired = outcome.before, outcome.request.desired
    client = before.trust.client_of_id(change.client_id)
    if client is None or desired.service is None or not desired.removes_unnamed:
        return False
    return client_trust(client, before, desired.service, desired.names) is Belief.UNTOUCHED


async def enable_identity(change: EnableIdentity, run: Run) -> None:
    principal = str(await run.session.arm.enable_identity(change.identity_resource))
    run.session.graph.expect_lag(principal)
    run.outputs[change.key, Output.PRINCIPAL_ID] = principal
