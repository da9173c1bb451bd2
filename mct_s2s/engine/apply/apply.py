"""Apply a plan: which requests each type of change sends, and which ids it yields."""

from dataclasses import replace
from typing import assert_never

from mct_s2s import clock
from mct_s2s.activity import Progress
from mct_s2s.azure.graph import applications, recycle_bin, service_principals
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.apply.credentials import add_credential, remove_credential
from mct_s2s.engine.apply.registrations import check_principal, create, create_principal, restore
from mct_s2s.engine.apply.run import Run, Skipped
from mct_s2s.engine.apply.settings import restart_site, write_settings
from mct_s2s.engine.outcome import LEFT, Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError, outcome_of
from mct_s2s.model.caller_rights import Verdict
from mct_s2s.model.client_credentials import NewCredential
from mct_s2s.model.desired import Rotation
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import api_uri
from mct_s2s.planning.belief import is_named_by, touched
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    DeleteStoredSecret,
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
    only_notes_use,
)
from mct_s2s.planning.ownership import CLIENT, SERVICE
from mct_s2s.planning.permissions.preflight import judged_change, likely_missing, need_of
from mct_s2s.planning.permissions.rights import asked_for, judge, lacking
from mct_s2s.planning.plan import edited


async def apply(session: Session, outcome: Outcome, progress: Progress) -> None:
    request, plan, before = outcome.request, outcome.plan, outcome.before
    made = [
        one
        for one in plan.changes
        if isinstance(one, AddCredential) and isinstance(one.spec, NewCredential)
    ]
    checks = [outcome.stores[one.name].check(outcome.outputs.known(one.client_id)) for one in made]
    if isinstance(request.desired, Rotation) and request.desired.expiring_within is not None:
        refused = await gather_or_cancel(*map(outcome_of, checks))
        outcome.place_refusals = {
            one.key: why
            for one, why in zip(made, refused, strict=True)
            if isinstance(why, S2SError)
        }
    else:
        await gather_or_cancel(*checks)
    # Written now, as a full disk must be found before anything is changed; and again, just before
    # the settings are.
    keep_backup(outcome)
    outcome.applied, outcome.began = True, clock.seconds()
    outcome.remember(*touched(plan.changes, before, request.desired))
    try:
        await Run(session, outcome, progress, send_change).all()
    except PermissionMissing as refused:
        _say_all_that_is_missing(refused, outcome)
        raise
    if not outcome.met:
        outcome.forget()


def keep_backup(outcome: Outcome) -> None:
    """Write the file that was asked for, also where nothing is changed: a later command may read
    it.
    """
    backup, site = outcome.request.backup, outcome.before.app_service
    if backup is not None and site is not None and site.refusal is None:
        backup.keep(str(site.resource), site.settings)


def _say_all_that_is_missing(refused: PermissionMissing, outcome: Outcome) -> None:
    before, access = outcome.before, outcome.access
    is_held = judged_change(outcome.failed[0][0], before, access)[0] is Verdict.YES
    if refused.code == "permission-missing" and refused.missing and is_held:
        refused.missing = ()
        refused.advise(
            "You have the role or permission for this, but it has not taken effect yet. Run the "
            "same command again in a few minutes."
        )
    here = likely_missing([change for change, _ in outcome.failed], before, access)
    rest = likely_missing(outcome.left, before, access)
    refused.missing = tuple(dict.fromkeys((*here, *rest))) or refused.missing
    refused.mention(replace(one, what=f"also not confirmed: {one.what}") for one in asked_for(rest))


async def send_change(change: AnyChange, run: Run) -> str:  # noqa: C901, PLR0911, PLR0912  # a flat table
    """Send the requests of one change; return a word on what came of it, or nothing."""
    graph = run.session.graph
    match change:
        case RestoreApplication():
            await restore_application(change, run)
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
            await applications.delete(graph, change.object_id)
        case PurgeApplication():
            # Deleted in this very plan, the recycle bin may not show it yet.
            await recycle_bin.purge(graph, change.object_id, just_deleted=bool(change.after))
        case DeleteStoredSecret():
            await delete_stored_secret(change, run)
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


async def restore_application(change: RestoreApplication, run: Run) -> None:
    application = change.application
    principal = await restore(
        run.session, run.outcome, application, change.resource, is_sure=change.is_sure
    )
    if principal is None:
        created = await create_principal(
            run.session, application.client_id, application, as_owner=run.as_owner
        )
        principal = created.id
    run.outputs[change.key, Output.PRINCIPAL_ID] = principal
    _note_registration(change, application, run)


async def create_application(change: CreateApplication, run: Run) -> str:
    application, detail = await create(run.session, run.outcome, change, as_owner=run.as_owner)
    _note_registration(change, application, run)
    return detail


def _note_registration(change: CreateApplication, application: Application, run: Run) -> None:
    """Remember a registration that this run has created or restored, for later steps and for a run
    after this one.
    """
    run.outcome.remember(application.object_id)
    run.outcome.created[change.key] = application
    run.session.graph.expect_lag(application.client_id)
    run.outputs[change.key, Output.CLIENT_ID] = application.client_id
    run.outputs[change.key, Output.OBJECT_ID] = application.object_id
    run.outputs[change.key, Output.URI] = api_uri(application.client_id)


async def update_application(change: UpdateApplication, run: Run) -> str:
    graph, object_id = run.session.graph, run.outputs.resolve(change.object_id)
    try:
        if isinstance(change.object_id, OutputRef):
            application = run.outcome.created[change.object_id.key]
        else:
            application = await applications.by_object_id(graph, object_id)
        for after in edited(application, change.edits, run.outputs):
            await applications.update(graph, application, after)
            application = after
        # A role that was just added reaches the principal's copy later
        graph.expect_lag(application.client_id)
    except PermissionMissing as refused:
        if not only_notes_use(change):
            raise
        raise Skipped(f"left out, as you can't update it: {change.detail}") from refused
    except ServiceError as error:
        if error.status != 404 or not change.edits.only_removes:
            raise
        return "already deleted"
    return ""


async def create_service_principal(change: CreateServicePrincipal, run: Run) -> None:
    client_id, of = run.outputs.resolve(change.client_id), change.client_id
    made = run.outcome.created.get(of.key) if isinstance(of, OutputRef) else None
    principal = await create_principal(run.session, client_id, made, as_owner=run.as_owner)
    before = run.outcome.before.trust
    there = [before.service, *(client.application for client in before.clients)]
    known = next((one for one in there if one is not None and one.client_id == client_id), None)
    if made is None and known is not None and not is_named_by(known, run.outcome.request.desired):
        kind = SERVICE if known == before.service else CLIENT
        await check_principal(run.session, known, principal, kind)
    run.session.graph.expect_lag(client_id)
    run.outputs[change.key, Output.PRINCIPAL_ID] = principal.id


async def assign_app_role(change: AssignAppRole, run: Run) -> str:
    principal, service = run.outputs.resolve(change.principal), run.outputs.resolve(change.service)
    try:
        assignment = await service_principals.assign(
            run.session.graph, principal, service, change.role
        )
    except PermissionMissing as refused:
        need, access = need_of(change, run.outcome.before), run.outcome.access
        is_held = need is not None and judge(need, access)[0] is Verdict.YES
        # A token that is kept does not show yet what its caller holds.
        if (
            need is None
            or not run.outcome.request.preflight
            or (is_held and access.signed_in.after_a_grant)
        ):
            raise
        run.outcome.leave(change, lacking(need, access))
        raise Skipped(LEFT) from refused
    if assignment is None:
        return "already granted"
    run.outputs[change.key, Output.ASSIGNMENT_ID] = assignment.id
    return ""


async def delete_stored_secret(change: DeleteStoredSecret, run: Run) -> None:
    vault, _, secret = change.place.partition("/")
    try:
        is_deleted = await run.session.vault(vault).store(secret, owner=change.client_id).delete()
    except NotThere as error:  # the registration's owner writes the tag that names the vault
        raise Skipped(f"kept, if it is there at all: {error.headline}") from error
    if not is_deleted:
        raise Skipped("kept: its tags belong to another client")


async def enable_identity(change: EnableIdentity, run: Run) -> None:
    principal = str(await run.session.arm.enable_identity(change.identity_resource))
    run.session.graph.expect_lag(principal)
    run.outputs[change.key, Output.PRINCIPAL_ID] = principal
