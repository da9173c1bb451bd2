"""Apply a plan: which requests each type of change sends, and which ids it yields."""

from dataclasses import replace

from mct_s2s import clock
from mct_s2s.activity import Progress
from mct_s2s.azure.graph import applications, recycle_bin, service_principals
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.apply import credentials, settings  # noqa: F401  # their changes are registered
from mct_s2s.engine.apply.registrations import check_principal, create, create_principal, restore
from mct_s2s.engine.apply.run import Run, Skipped, carry_out
from mct_s2s.engine.outcome import LEFT, Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError, outcome_of
from mct_s2s.model.caller_rights import Verdict
from mct_s2s.model.client_credentials import NewCredential
from mct_s2s.model.desired import Rotation
from mct_s2s.model.ids import api_uri
from mct_s2s.planning.belief import is_named_by, touched
from mct_s2s.planning.changes import (
    AddCredential,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    DeleteStoredSecret,
    EnableIdentity,
    Output,
    OutputRef,
    PurgeApplication,
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
    made = [one for one in plan.changes if isinstance(one, AddCredential) and isinstance(one.spec, NewCredential)]
    checks = [outcome.stores[one.name].check(outcome.outputs.known(one.client_id)) for one in made]
    if isinstance(request.desired, Rotation) and request.desired.expiring_within is not None:
        refused = await gather_or_cancel(*map(outcome_of, checks))
        outcome.barred = {one.key: why for one, why in zip(made, refused, strict=True) if isinstance(why, S2SError)}
    else:
        await gather_or_cancel(*checks)
    if request.backup is not None and any(isinstance(one, WriteSettings) for one in plan.changes):
        assert before.app_service is not None  # its settings are planned
        # Written now, as a full disk must be found before anything is changed; and again, just before the settings are.
        request.backup.keep(str(before.app_service.resource), before.settings)
    outcome.applied, outcome.began = True, clock.seconds()
    outcome.remember(*touched(plan.changes, before, request.desired))
    try:
        await Run(session, outcome, progress).all()
    except PermissionMissing as refused:
        _say_all_that_is_missing(refused, outcome)
        raise
    if not outcome.met:
        outcome.forget()


def _say_all_that_is_missing(refused: PermissionMissing, outcome: Outcome) -> None:
    before, access = outcome.before, outcome.access
    is_held = judged_change(outcome.failed[0][0], before, access)[0] is Verdict.YES
    if refused.code == "permission-missing" and refused.missing and is_held:
        refused.missing = ()
        refused.advise(
            "You have the role or permission for this, but it has not taken effect yet. Run the same command again "
            "in a few minutes."
        )
    here = likely_missing([change for change, _ in outcome.failed], before, access)
    rest = likely_missing(outcome.left, before, access)
    refused.missing = tuple(dict.fromkeys((*here, *rest))) or refused.missing
    refused.mention(replace(one, what=f"also not confirmed: {one.what}") for one in asked_for(rest))


@carry_out.register
async def _(change: CreateApplication, run: Run) -> str:
    application, detail = change.application, ""
    if isinstance(change, RestoreApplication):
        principal = await restore(run.session, run.outcome, application, change.resource, is_sure=change.is_sure)
        if principal is None:
            made = await create_principal(run.session, application.client_id, application, as_owner=run.as_owner)
            principal = made.id
        run.outputs[change.key, Output.PRINCIPAL_ID] = principal
    else:
        application, detail = await create(run.session, run.outcome, change, as_owner=run.as_owner)
    run.outcome.remember(application.object_id)
    run.outcome.created[change.key] = application
    run.session.graph.expect_lag(application.client_id)
    run.outputs[change.key, Output.CLIENT_ID] = application.client_id
    run.outputs[change.key, Output.OBJECT_ID] = application.object_id
    run.outputs[change.key, Output.URI] = api_uri(application.client_id)
    return detail


@carry_out.register
async def _(change: UpdateApplication, run: Run) -> str:
    graph, object_id = run.session.graph, run.outputs.resolve(change.object_id)
    try:
        if isinstance(change.object_id, OutputRef):
            application = run.outcome.created[change.object_id.key]
        else:
            application = await applications.by_object_id(graph, object_id)
        for after in edited(application, change.edits, run.outputs):
            await applications.update(graph, application, after)
            application = after
        graph.expect_lag(application.client_id)  # a role that was just added reaches the principal's copy later
    except PermissionMissing as refused:
        if not only_notes_use(change):
            raise
        raise Skipped(f"left out, as you can't update it: {change.detail}") from refused
    except ServiceError as error:
        if error.status != 404 or not change.edits.only_removes:
            raise
        return "already deleted"
    return ""


@carry_out.register
async def _(change: CreateServicePrincipal, run: Run) -> str:
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
    return ""


@carry_out.register
async def _(change: AssignAppRole, run: Run) -> str:
    principal, service = run.outputs.resolve(change.principal), run.outputs.resolve(change.service)
    try:
        assignment = await service_principals.assign(run.session.graph, principal, service, change.role)
    except PermissionMissing as refused:
        need, access = need_of(change, run.outcome.before), run.outcome.access
        is_held = need is not None and judge(need, access)[0] is Verdict.YES
        # A token that is kept does not show yet what its caller holds.
        if need is None or not run.outcome.request.preflight or (is_held and access.signed_in.after_a_grant):
            raise
        run.outcome.leave(change, lacking(need, access))
        raise Skipped(LEFT) from refused
    if assignment is None:
        return "already granted"
    run.outputs[change.key, Output.ASSIGNMENT_ID] = assignment.id
    return ""


OneRequest = RevokeAppRole | DeleteApplication | PurgeApplication | DeleteStoredSecret | EnableIdentity


@carry_out.register
async def _(change: OneRequest, run: Run) -> str:
    session = run.session
    match change:
        case RevokeAppRole():
            await service_principals.revoke(session.graph, change.service, change.assignment)
        case DeleteApplication():
            await applications.delete(session.graph, change.object_id)
        case PurgeApplication():
            # Deleted in this very plan, the recycle bin may not show it yet.
            await recycle_bin.purge(session.graph, change.object_id, just_deleted=bool(change.after))
        case DeleteStoredSecret():
            vault, _, secret = change.place.partition("/")
            try:
                is_deleted = await session.vault(vault).store(secret, owner=change.client_id).delete()
            except NotThere as error:  # the registration's owner writes the tag that names the vault
                raise Skipped(f"kept, if it is there at all: {error.headline}") from error
            if not is_deleted:
                raise Skipped("kept: its tags belong to another client")
        case EnableIdentity():
            principal = str(await session.arm.enable_identity(change.identity_resource))
            session.graph.expect_lag(principal)
            run.outputs[change.key, Output.PRINCIPAL_ID] = principal
    return ""
