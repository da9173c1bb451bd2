"""What every changing command does: show the plan, ask, apply with progress, show the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from secrets import token_hex

from mct_s2s.cli.backing_up import BackupFile
from mct_s2s.cli.made_credentials import Stores, in_vault, made_so_far, saved
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.question import ask
from mct_s2s.cli.run import Run
from mct_s2s.cli.showing import OutputViewer
from mct_s2s.cli.where import where
from mct_s2s.cli.wiring import Session
from mct_s2s.engine.converge import Answer, Convergence, Goal, Keep, converge
from mct_s2s.engine.observe.query import Query
from mct_s2s.errors import Cancelled, PermissionMissing, UsageError
from mct_s2s.inputs.clients import SecretTo
from mct_s2s.model.desired import Desired
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import AddCredential, DisableIdentity
from mct_s2s.planning.findings import diagnose
from mct_s2s.planning.plan import Facts, Plan
from mct_s2s.planning.rotation import rotating
from mct_s2s.planning.verification import Verification
from mct_s2s.ports.secret_stores import SecretStore, StoredSecrets
from mct_s2s.render.documents import (
    SavedCredential,
    Step,
    planned_steps,
    result_document,
    status_document,
)
from mct_s2s.render.handover import Instruction, instructions
from mct_s2s.render.plan import show_plan, summary
from mct_s2s.render.progress import progress
from mct_s2s.render.verification import verification_document
from mct_s2s.stores.departures import LocalDepartures
from mct_s2s.stores.host_lock import turn
from mct_s2s.stores.output_store import Viewer

PENDING = 3
"""The exit code of a dry run that found something to do, and of a run whose proof failed."""


@dataclass(frozen=True)
class Change:
    """What one changing command wants."""

    query: Query
    desired: Desired
    label: str
    """What the plan is for: the App Service's name."""
    now: datetime
    part: str | None = None
    """What of it the command is about, where it leaves the rest alone: `step 3`."""
    secret_to: SecretTo = field(default_factory=SecretTo)
    handoff: Path | None = None
    """Where the values for the App Service go."""
    prove: bool = False
    """Whether the clients are proved when it is done."""


@dataclass(frozen=True)
class Changed:
    """What came of it, for the command's own closing words."""

    convergence: Convergence
    credentials: list[SavedCredential]
    stores: Mapping[str, SecretStore]
    applied: bool
    left: list[Instruction] = field(default_factory=list)
    """What somebody else has to do."""
    verification: Verification | None = None


async def change(run: Run, options: ChangingOptions, session: Session, wanted: Change) -> tuple[int, Changed]:
    """Do it, and show it as text or JSON; the exit code comes first.

    Raises:
        S2SError: refused, by Azure or by the user.
    """
    stores: dict[str, SecretStore] = {}
    run.stores = stores
    watcher = progress(run.terminal)
    if wanted.secret_to.vault is not None:
        session.cloud.vault(wanted.secret_to.vault.vault)  # before anything is looked at

    def stores_for(observed: ObservedState) -> Mapping[str, SecretStore]:
        stores.clear()
        stores.update(_places(wanted, session, observed, OutputViewer(run.terminal, watcher)))
        return stores

    async def agree(plan: Plan) -> Answer:
        if not run.terminal.json or not options.dry_run:
            show_plan(run.terminal, plan, wanted.label, is_result=options.dry_run, part=wanted.part)
        if plan.is_empty or options.dry_run:
            return Answer(go=False)
        return await _ask(run, options, plan)

    goal = Goal(
        wanted.query,
        wanted.desired,
        Facts(wanted.now, token_hex(4)),
        stores_for,
        _keep_for(run, options.backup) if options.backup is not None else None,
        session.clientele.tokens,
        _stored(wanted, session),
        LocalDepartures(),
        preflight=not options.no_preflight,
    )
    with watcher:
        convergence = await converge(session.azure, goal, agree, watcher, run.watch, turn)
    changed = replace(_changed(convergence, stores), left=_left(options, session, wanted, convergence))
    if wanted.prove and changed.applied and not convergence.left_to_others:
        changed = replace(changed, verification=await _prove(run, options, session, wanted, changed))
    if run.terminal.json:
        run.terminal.document(_document(options, wanted, changed))
    return _code(options, changed), changed


def _code(options: ChangingOptions, changed: Changed) -> int:
    plan = changed.convergence.plan
    if options.dry_run and not plan.is_empty:
        return PENDING
    if changed.convergence.lacks:
        return PermissionMissing.exit_code
    return PENDING if changed.verification is not None and changed.verification.failed else 0


async def _prove(
    run: Run, options: ChangingOptions, session: Session, wanted: Change, changed: Changed
) -> Verification | None:
    from mct_s2s.cli.proof import prove_changed  # noqa: PLC0415  # only where something was done

    if changed.stores and not run.terminal.json:
        run.terminal.say("Testing each client (waiting for the App Service to restart) …")
    after = changed.convergence.after
    facts = Facts(wanted.now, "")
    return await prove_changed(session, after, changed.stores, facts, where(options, after))


def _left(options: ChangingOptions, session: Session, wanted: Change, convergence: Convergence) -> list[Instruction]:
    after = convergence.after
    return instructions(
        convergence.left_to_others,
        after,
        convergence.results,
        where=where(options, after),
        login=session.cloud.login,
        handoff=wanted.handoff,
    )


def _keep_for(run: Run, path: Path) -> Callable[[str], Keep]:
    file = BackupFile(path)

    def keep_for(app_service: str) -> Keep:
        file.check(app_service)
        return file.keeper(app_service, run.terminal.say)

    return keep_for


async def _ask(run: Run, options: ChangingOptions, plan: Plan) -> Answer:
    if options.yes:
        return Answer(go=True)
    if run.terminal.json or not run.terminal.talks_to_person:
        raise UsageError(
            "confirmation-missing",
            f"Cannot ask for confirmation ({summary(plan)}): this is not an interactive terminal. Nothing was changed.",
            remedy="Add --yes to apply the changes, or --dry-run to see the plan only.",
        )
    off = [change.name for change in plan.changes if isinstance(change, DisableIdentity)]
    identities = f"; disables the managed identity of {', '.join(off)}" if off else ""
    answer = await ask(run.terminal, f"Apply these changes? ({summary(plan)}{identities}) [y/N] ")
    if answer.strip().lower() in {"y", "yes"}:
        return Answer(go=True, asked=True)
    raise Cancelled("cancelled", "Nothing was changed.", remedy="Run the same command again when you are ready.")


def _stored(wanted: Change, session: Session) -> StoredSecrets | None:
    if wanted.desired.removal is None or not wanted.desired.removal.delete_secrets:
        return None
    from mct_s2s.stores.vault_store import VaultSecrets  # noqa: PLC0415  # an extra

    return VaultSecrets(cache(session.open_vault))


def _places(wanted: Change, session: Session, observed: ObservedState, viewer: Viewer) -> Mapping[str, SecretStore]:
    vaults = cache(session.open_vault)  # one for all clients: what it asks for in patience, it asks of all
    stores = Stores(
        wanted.secret_to,
        default_folder(session.label, observed, wanted.label),
        lambda to, name: in_vault(vaults(to.vault), to, wanted.label, name),
        {client.client_id.lower(): client.display_name for client in observed.trust.clients},
        viewer,
    )
    rotation = wanted.desired.rotation
    if rotation is None or wanted.desired.service is None:
        return stores.for_specs(wanted.desired.clients)
    clients = rotating(rotation, observed, wanted.desired.service.unique_name, wanted.now)
    return {name: stores.of_standing(name, client.client_id) for name, client in clients.items()}


def default_folder(cloud: str, observed: ObservedState, label: str) -> Path:
    """Where secrets go that nobody asked to have elsewhere: by cloud, tenant and App Service."""
    from platformdirs import user_data_path  # noqa: PLC0415  # only commands that make a secret need it

    tenant = observed.tenant.id if observed.tenant else "unknown-tenant"
    site = label.lower().replace("/", "/slots/")
    return user_data_path("mct-s2s", appauthor=False) / "secrets" / cloud / tenant / site


def _changed(convergence: Convergence, stores: Mapping[str, SecretStore]) -> Changed:
    journal = convergence.journal
    if journal is None:
        planned = [change for change in convergence.plan.changes if isinstance(change, AddCredential)]
        would_be = [saved(change, convergence.results, stores) for change in planned]
        return Changed(convergence, would_be, stores, applied=False)
    made = made_so_far(convergence.plan, journal, stores)
    return Changed(convergence, made, stores, applied=True)


def _document(options: ChangingOptions, wanted: Change, changed: Changed) -> dict[str, object]:
    convergence = changed.convergence
    after = convergence.after if changed.applied else convergence.before
    findings = diagnose(after, wanted.now, where(options, after))
    journal = convergence.journal
    if journal is None:
        steps = planned_steps(convergence.plan)
    else:
        done = {entry.change.key: entry for entry in journal.done}
        steps = [
            Step(
                done[step.change.key].change,
                done[step.change.key].id,
                done[step.change.key].detail,
                done[step.change.key].seconds,
            )
            if step.change.key in done
            else step
            for step in planned_steps(convergence.plan)
        ]
    return result_document(
        steps,
        changed.credentials,
        status_document(after, findings),
        dry_run=options.dry_run,
        left=changed.left,
        verification=verification_document(changed.verification) if changed.verification else None,
    )
