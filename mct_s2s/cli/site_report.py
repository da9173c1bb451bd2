"""What came of a command at one App Service: what its text and its JSON document both say."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from mct_s2s.cli.site_change import SiteChange
from mct_s2s.engine.credential_stores import new_credentials, useless_files
from mct_s2s.engine.observe.rights_lookup import unconfirmed_notes
from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import Instruction, as_instructions
from mct_s2s.inputs.secret_to import SecretTo
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.desired import Removal, Restore, Rotation, SettingsScope, Setup
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.planning.changes import Action, AddCredential
from mct_s2s.planning.clients import clients_called
from mct_s2s.planning.secret_policy import in_words
from mct_s2s.render.manual_steps import instructions
from mct_s2s.render.pipelines import is_unattended
from mct_s2s.render.plan import target_details
from mct_s2s.render.site_report import SavedCredential, SiteReport, TakenBack
from mct_s2s.stores.files import FileStore
from mct_s2s.stores.store import OutputStore


def report_of(site: SiteChange) -> SiteReport:
    outcome, error = site.outcome, site.error
    if outcome is None:
        return SiteReport(site.title, error=error, is_over=site.is_over)
    unchanged_text = ""
    match outcome.request.desired:
        case Removal():
            unchanged_text = f"There is nothing to remove from {site.title}"
        case Rotation(expiring_within=timedelta() as within):
            unchanged_text = (
                f"At {site.title}, no credential to rotate expires within {in_words(within)}"
            )
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
        not_done=[*outcome.not_done, *outcome.not_begun] if outcome.has_begun or site.error else (),
        credentials=credentials_of(outcome) if outcome.has_begun else (),
        taken_back=[
            TakenBack(attempt.client, attempt.kind)
            for attempt in outcome.attempts.values()
            if attempt.is_taken_back
        ],
        manual_steps=manual_steps(outcome) if outcome.has_begun or site.error is None else (),
        verification=outcome.verification,
        test=_test_to_come(outcome),
        error=error,
        places=_places(site, outcome),
        notes=(
            *_place_refusals(outcome),
            *_not_shown(outcome),
            *_unconfirmed(outcome),
            *lost_with_job(outcome),
            *_describe_files(site, outcome),
        ),
        new_folders=_new_folders(outcome),
        is_of_file=site.is_of_file,
        is_not_set_up=_is_not_set_up(outcome),
        is_over=site.is_over,
        has_unread_settings=site.has_unread_settings,
    )


def _test_to_come(outcome: Outcome) -> str:
    is_wanted = outcome.request.verify and not outcome.plan.manual_steps
    if not is_wanted or outcome.verification is not None or outcome.before.app_service is None:
        return ""
    return outcome.before.command("verify")


def _is_not_set_up(outcome: Outcome) -> bool:
    is_rotation = isinstance(outcome.request.desired, Rotation)
    return is_rotation and outcome.plan.is_empty and outcome.before.trust.service is None


def _places(site: SiteChange, outcome: Outcome) -> dict[str, SecretPlace]:
    """Where credentials go: as paths of this machine, or for reviewers as the plan says."""
    if site.options.output == "markdown":
        return dict(outcome.plan.places)
    return {name: store.secret_place for name, store in outcome.stores.items()}


def manual_steps(outcome: Outcome) -> list[Instruction]:
    return instructions(outcome.plan, outcome.before, outcome.outputs, outcome.request.handoff)


def after_a_grant(outcome: Outcome) -> tuple[Instruction, ...]:
    """What the caller does after a grant, such as signing in again."""
    return outcome.access.signed_in.after_a_grant if outcome.plan.missing_rights else ()


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
        ends = change.ends(outcome.outputs)
        place = store.secret_place if store is not None else None
        attempt = outcome.attempts.get(change.key)
        credential = store.handed_over if store is not None else None
        removal = attempt.removal or None if attempt is not None else None
        place = None if removal else place
        secret = (
            credential.value if credential is not None and isinstance(store, OutputStore) else None
        )
        is_gone = attempt is not None and attempt.is_taken_back
        is_there = change.key in outcome.done or credential is not None or bool(removal)
        if not outcome.has_begun or (is_there and not is_gone):
            credentials.append(
                SavedCredential(
                    change.name, client_id, ends, place, secret, change.kind, removal=removal
                )
            )
    return credentials


def is_only_shown(credential: SavedCredential | None) -> bool:
    """Whether a credential was shown once and is kept nowhere."""
    place = credential.saved_to if credential is not None else None
    return place is not None and place.kind is PlaceKind.SHOWN


def run_notes(outcome: Outcome) -> tuple[Instruction, ...]:
    """What is said of this run on this machine, beside its plan."""
    return (
        *_place_refusals(outcome),
        *_not_shown(outcome),
        *_new_folders(outcome),
        *lost_with_job(outcome),
    )


def _place_refusals(outcome: Outcome) -> tuple[Instruction, ...]:
    """Say which places would refuse a credential."""
    if not outcome.request.dry_run:
        return ()
    notes = list[Instruction]()
    for change in new_credentials(outcome.plan):
        refusal = outcome.place_refusals.get(change.key)
        if refusal is None:
            continue
        # A key vault is the same for each machine.
        is_in_vault = outcome.stores[change.name].secret_place.kind is PlaceKind.KEY_VAULT
        where = "A run is refused" if is_in_vault else "On this machine, a run is refused"
        what = f"{where}: {refusal.headline} {refusal.advice}".rstrip()
        notes.append(Instruction(what, refusal.command))
    return tuple(dict.fromkeys(notes))


def _not_shown(outcome: Outcome) -> Iterator[Instruction]:
    """Say why a setup shows no secret that it was asked to show, and how to get one."""
    desired, before = outcome.request.desired, outcome.before
    if not isinstance(desired, Setup):
        return
    created = {change.name for change in new_credentials(outcome.plan)}
    for spec in desired.clients:
        is_shown = outcome.request.places.of(spec.name).place.kind is PlaceKind.SHOWN
        has_secret = any(
            credential.kind is CredentialKind.SECRET and credential.is_valid_at(before.now)
            for client in clients_called(spec.name, before)
            for credential in client.counted_credentials
        )
        if is_shown and has_secret and spec.name not in created:
            yield Instruction(
                f"'{outcome.plan.client_name(spec.name)}' has a secret already, so that none is "
                "created and shown. To replace it by one that is:",
                before.command("rotate-secret", "--secret-to", "show", about=spec.name),
            )


def _unconfirmed(outcome: Outcome) -> tuple[Instruction, ...]:
    """Say before a run, as the plan of a dry run does, which rights could not be confirmed."""
    if outcome.request.dry_run or outcome.has_begun or not outcome.request.preflight:
        return ()
    return as_instructions(unconfirmed_notes(outcome.plan, outcome.before, outcome.access))


def _new_folders(outcome: Outcome) -> tuple[Instruction, ...]:
    """Say which folders are made for a credential."""
    notes = list[Instruction]()
    for change in new_credentials(outcome.plan):
        store = outcome.stores.get(change.name)
        is_refused = change.key in outcome.place_refusals
        if is_refused or not isinstance(store, FileStore) or store.is_default_place:
            continue
        folder = store.missing_folder
        if folder is not None:
            notes.append(Instruction(f"The folder '{folder}' is created, for no one but you."))
    return tuple(dict.fromkeys(notes))


def _describe_files(site: SiteChange, outcome: Outcome) -> Iterator[Instruction]:
    """Name the files on this machine that will be deleted."""
    if not isinstance(outcome.request.desired, Removal | Rotation) or outcome.has_begun:
        return
    # A file that gets the new one stays.
    stores = [outcome.stores.get(change.name) for change in new_credentials(outcome.plan)]
    renewed = {
        file
        for store in stores
        if isinstance(store, FileStore)
        for file in (store.dotenv, store.pem)
    }
    by_folder = defaultdict[Path, list[Path]](list)
    for path in useless_files(site.session, outcome, outcome.plan.changes):
        if path not in renewed:
            by_folder[path.parent].append(path)
    for folder, paths in by_folder.items():
        if len(paths) == 1:
            what = f"A file with a secret that is removed is deleted, too: '{paths[0]}'."
        else:
            names = ", ".join(f"'{path.name}'" for path in paths)
            what = f"Files of credentials that are removed are deleted, too: {names} in '{folder}'."
        yield Instruction(what)


def lost_with_job(outcome: Outcome) -> tuple[Instruction, ...]:
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
