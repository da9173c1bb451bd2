"""Commands that change one App Service: their options as a `Request`, and the words at their end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.cli.change import change, change_command
from mct_s2s.cli.closing import close, close_clients, left_to_others
from mct_s2s.cli.commands.setup import SetupOptions
from mct_s2s.cli.options import ChangingOptions, CredentialOptions, RemovalOptions
from mct_s2s.cli.requests import check_role, client_specs, named_target, request_for, service_spec
from mct_s2s.cli.run import Run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.credential_stores import default_folder
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import read_client_list
from mct_s2s.inputs.documents import HandoffFile, given_values, read_backup, read_handoff
from mct_s2s.inputs.secret_to import ClientPlaces, SecretTo, secret_to
from mct_s2s.inputs.target import caller_resource
from mct_s2s.model import desired as desired_state
from mct_s2s.model.desired import ClientSpec, Desired, GivenValues, Removal, Restore, SettingsScope
from mct_s2s.model.documents import Backup
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import ROLE, ours
from mct_s2s.planning.changes import AddCredential, DeleteApplication, RemoveCredential
from mct_s2s.render.console import Terminal
from mct_s2s.stores.departures import LocalDepartures
from mct_s2s.stores.files import FileStore

if TYPE_CHECKING:
    from mct_s2s.cli.commands.add_client import AddClientOptions
    from mct_s2s.cli.commands.configure_appservice import ConfigureAppserviceOptions
    from mct_s2s.cli.commands.remove_client import RemoveClientOptions
    from mct_s2s.cli.commands.teardown import TeardownOptions


@dataclass(frozen=True)
class Setup:
    """What the options of `setup` or `add-client` ask for, checked before anyone signs in."""

    options: SetupOptions | AddClientOptions
    now: datetime
    clients: tuple[ClientSpec, ...]
    identities: tuple[str | ResourceId, ...]
    places: ClientPlaces

    @classmethod
    def of(cls, options: SetupOptions | AddClientOptions, names: list[str]) -> Setup:
        """Read the options; raise `UsageError` for an unusable value, or options that contradict each other."""
        now = clock.now()
        clients = client_specs(options, names, now)
        identities = tuple(dict.fromkeys(caller_resource(text) for text in options.managed_identity))
        places = ClientPlaces(secret_to(options.secret_to, len(clients)))
        check_role(options.role)
        if isinstance(options, SetupOptions) and options.handoff is not None:
            HandoffFile(options.handoff).check(dry_run=options.dry_run)
        return cls(options, now, clients, identities, places)

    def with_client(self, options: CredentialOptions, name: str) -> Setup:
        """One more client, whose credential is of other options than the first ones'."""
        more = client_specs(options, [name], self.now)
        place = secret_to(options.secret_to, len(more))
        places = self.places.with_own(more[0].name, place)
        return replace(self, clients=(*self.clients, *more), places=places)

    @property
    def scope(self) -> SettingsScope:
        """What becomes of the App Service's settings."""
        if isinstance(self.options, SetupOptions):
            return SettingsScope.NONE if self.options.no_app_service else SettingsScope.ALL
        return SettingsScope.CLIENTS

    @property
    def needs(self) -> Needs:
        """The services that the work talks to."""
        site = self.scope is not SettingsScope.NONE
        return Needs(arm=site or bool(self.identities), target=site, key_vault=bool(self.places.vaults))

    def request(self, session: Session) -> Request:
        """What is asked of the engine, once the session says in which subscription the App Service is."""
        options, target, name, handoff = self.options, session.target, None, None
        if isinstance(options, SetupOptions):
            name, handoff = options.service_name, options.handoff
            target = target or named_target(options)
        reference, may_create = options.service_management_reference, self.scope is not SettingsScope.CLIENTS
        service = service_spec(
            target, name, options.role, options.service_app, reference=reference, may_create=may_create
        )
        desired = desired_state.Setup(service, self.clients, self.scope, restart=not options.no_restart)
        return replace(
            request_for(session, desired, self.now),
            label=target.label if target else service.display_name,
            part=None if self.needs.target else "the Entra ID part",
            identities=self.identities,
            verify=options.verifies and self.needs.target,
            handoff=handoff,
        )

    async def carry_out(self, current: Run, session: Session) -> int:
        """Plan, confirm and apply; return the process exit code."""
        return await change(current, self.options, session, self.request(session), self.places, _close_setup)


def _close_setup(terminal: Terminal, options: ChangingOptions, session: Session, outcome: Outcome) -> None:
    request = outcome.request
    if request.handoff is not None and not options.dry_run:
        site = outcome.after.app_service
        left = (step.values for step in left_to_others(options, session, outcome) if step.values)
        values = next(left, None) or ours(site.settings if site else {})
        target = session.target or named_target(options)
        HandoffFile(request.handoff).write(values, target.label if target else None)
    close_clients(terminal, options, session, outcome)


def add_client(options: AddClientOptions) -> int:
    """Plan more clients, confirm and apply; return the process exit code."""
    if options.client is None and options.from_file is None and not options.managed_identity:
        raise UsageError(
            "client-missing",
            "No client given: no name, no file and no managed identity.",
            remedy="Run mct-s2s add-client NAME, or mct-s2s add-client --managed-identity RESOURCE",
        )
    names = [] if options.client is None else [options.client]
    if options.from_file is not None:
        names += read_client_list(options.from_file)
    wanted = Setup.of(options, names)
    return change_command(options, wanted.request, wanted.places)


def configure_appservice(options: ConfigureAppserviceOptions) -> int:
    """Plan the settings, confirm and apply; return the process exit code."""
    given = _given(options)
    check_role(given.value(ROLE))
    backup = _backup(options)
    directory = not options.disable and backup is None and not given.need_no_directory

    def requested(session: Session) -> Request:
        service = service_spec(session.target, None, adopt=options.service_app, may_create=False)
        scope = SettingsScope.OFF if options.disable else SettingsScope.ALL
        desired: Desired = desired_state.Setup(
            service if directory else None,
            settings=scope,
            given=given,
            settings_only=True,
            restart=not options.no_restart,
        )
        if backup is not None:
            desired = Restore(backup=backup, restart=not options.no_restart)
        return replace(request_for(session, desired, clock.now()), part="the App Service configuration")

    def end(terminal: Terminal, options_: ChangingOptions, session: Session, outcome: Outcome) -> None:
        verb = "Disabled service-to-service authentication on" if options.disable else "Configured"
        close(terminal, options_, session, outcome, f"{verb} {outcome.request.label}")

    return change_command(options, requested, needs=Needs(directory=directory), end=end)


def _backup(options: ConfigureAppserviceOptions) -> Backup | None:
    if options.restore is None:
        return None
    if options.given or options.handoff or options.disable:
        raise UsageError(
            "contradictory-options",
            "--restore cannot be combined with other values: it restores all settings.",
            remedy="Run --restore FILE first, then configure-appservice with the values.",
        )
    return read_backup(options.restore)


def _given(options: ConfigureAppserviceOptions) -> GivenValues:
    typed = {name: [value] if isinstance(value, str) else value for name, value in options.given.items()}
    if options.handoff is None:
        return given_values(typed)
    if typed:
        raise UsageError(
            "contradictory-options",
            "--from cannot be combined with single values: the file contains them all.",
            remedy="Remove either --from or the single values.",
        )
    return read_handoff(options.handoff)


def remove_client(options: RemoveClientOptions) -> int:
    """Remove one client; return the process exit code."""
    name = options.client.strip()
    if not name:
        raise UsageError(
            "client-name-empty",
            "No client given: the name is empty.",
            remedy="List the clients with mct-s2s status, then run mct-s2s remove-client NAME_OR_ID",
        )
    return _remove(options, Removal(clients=(name,), ignore_missing=options.ignore_missing))


def teardown(options: TeardownOptions) -> int:
    """Remove everything; return the process exit code."""
    return _remove(options, Removal(everything=True))


def _remove(options: RemovalOptions, removed: Removal) -> int:
    if options.keep_registration and (options.purge or options.delete_adopted):
        raise UsageError(
            "contradictory-options",
            "--keep-registration cannot be combined with --purge or --delete-adopted.",
            remedy="Remove one of them.",
        )
    now = clock.now()
    wanted = replace(
        removed,
        keep_registration=options.keep_registration,
        delete_adopted=options.delete_adopted,
        delete_secrets=options.delete_secrets,
        purge=options.purge,
    )

    def requested(session: Session) -> Request:
        service = service_spec(session.target, None, adopt=options.service_app, may_create=False)
        desired = replace(wanted, service=service, restart=not options.no_restart)
        return replace(request_for(session, desired, now), departures=LocalDepartures())

    def end(terminal: Terminal, options_: ChangingOptions, session: Session, outcome: Outcome) -> None:
        if outcome.applied:
            retire_files(terminal, session, outcome)
            what = "service-to-service authentication" if wanted.everything else ", ".join(wanted.clients)
            close(terminal, options_, session, outcome, f"Removed {what} from {outcome.request.label}")

    return change_command(options, requested, needs=Needs(key_vault=wanted.delete_secrets), end=end)


def retire_files(terminal: Terminal, session: Session, outcome: Outcome) -> None:
    """Delete the files whose secrets have just become useless, where they are in this tool's own folder."""
    folder = default_folder(session.label, outcome.before, outcome.request.label)
    gone = []
    for name, client_id in _without_secrets(outcome):
        for stem in dict.fromkeys((name, client_id)):
            store = FileStore(SecretTo().file_for(stem, folder), is_ours=True, keeps_key=True)
            gone += [store.path] if store.retire(client_id) else []
    for text in ["Deleted files of secrets that were removed:", *(f"  {path}" for path in gone)] if gone else ():
        terminal.note(text)


def _without_secrets(outcome: Outcome) -> Iterator[tuple[str, str]]:
    done = [entry.change for entry in outcome.journal.done]
    removed = {c.key_id for c in done if isinstance(c, RemoveCredential)}
    usable = {outcome.results.known(c.object_id) for c in done if isinstance(c, AddCredential)}
    for client in outcome.before.trust.clients:
        if client.application is not None:
            left = [one for one in client.application.credentials if one.is_ours and one.key_id not in removed]
            usable |= {client.application.object_id} if left else set()
    emptied = {c.object_id for c in done if isinstance(c, RemoveCredential)} - usable
    emptied |= {c.object_id for c in done if isinstance(c, DeleteApplication)}
    for client in outcome.before.trust.clients:
        if client.application is not None and client.application.object_id in emptied:
            yield client.display_name, client.client_id
