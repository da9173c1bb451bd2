"""Commands that change one App Service: their options, checked, as `Work`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mct_s2s import clock
from mct_s2s.cli.change import change_command
from mct_s2s.cli.commands import SetupOptions
from mct_s2s.cli.options import CredentialOptions, RemovalOptions
from mct_s2s.cli.requests import api_of, check_role, client_specs, where
from mct_s2s.cli.work import Work
from mct_s2s.errors import UsageError, contradiction
from mct_s2s.inputs.clients import management_reference, read_client_list
from mct_s2s.inputs.documents import SettingsFile, given_values, read_backup, read_handoff
from mct_s2s.inputs.secret_to import ClientPlaces, secret_to
from mct_s2s.inputs.target import api_url, caller_resource
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Desired, Removal, Restore, ServiceSpec, SettingsScope, Setup
from mct_s2s.model.documents import Handoff
from mct_s2s.model.site_settings import WORDS, Holds

if TYPE_CHECKING:
    from mct_s2s.cli.commands import (
        AddClientOptions,
        ConfigureAppserviceOptions,
        RemoveClientOptions,
        TeardownOptions,
    )


def setup_work(
    options: "SetupOptions | AddClientOptions", names: Sequence[str], *, is_in_file: bool = False
) -> Work:
    now, scope, name, may_create = clock.now(), SettingsScope.CLIENTS, None, False
    clients = client_specs(options, names, now)
    identities = tuple(dict.fromkeys(caller_resource(text) for text in options.managed_identity))
    places = ClientPlaces(secret_to(options.secret_to, len(clients)))
    if isinstance(options, SetupOptions):
        scope = SettingsScope.NONE if options.no_app_service else SettingsScope.ALL
        name, may_create = options.service_name, True
        if options.no_app_service and options.backup is not None:
            raise contradiction(
                "--backup cannot be combined with --no-app-service, which reads no settings."
            )
        if options.handoff is not None:
            SettingsFile(options.handoff, Handoff).check(dry_run=options.dry_run)
    check_role(options.role, api_of(options))
    reference = management_reference(options.service_management_reference)
    service = ServiceSpec(
        name or "",
        # Without an App Service, the name says which one is meant.
        is_name_typed=name is not None
        and (options.app_service is not None or scope is not SettingsScope.NONE),
        role=options.role,
        adopt=options.service_app,
        management_reference=reference,
        url=api_url(options.url) if options.url is not None else None,
        may_create=may_create,
        is_in_file=is_in_file,
    )
    return Work(options, Setup(service, clients, scope), places, identities, now)


def with_client(work: Work, options: CredentialOptions, name: str) -> Work:
    """One more client, with a credential of other options."""
    (more,) = client_specs(options, [name], work.now)
    places = work.places.with_own(more.name, secret_to(options.secret_to, 1))
    return replace(
        work, desired=replace(work.setup, clients=(*work.setup.clients, more)), places=places
    )


def add_client(options: "AddClientOptions") -> int:
    if options.client is None and options.from_file is None and not options.managed_identity:
        raise UsageError(
            "client-missing",
            "No client given: no name, no file and no managed identity.",
            remedy="Name one; for a managed identity, add --managed-identity RESOURCE in place of "
            "NAME:",
            command=own_command("add-client", about="NAME", where=where(options)),
        )
    names = [] if options.client is None else [options.client]
    if options.from_file is not None:
        names += read_client_list(options.from_file)
    return change_command(setup_work(options, names))


def configure_appservice(options: "ConfigureAppserviceOptions") -> int:
    typed = options.given
    whole = {
        "--restore": options.restore is not None,
        "--from": options.handoff is not None,
        "--disable": options.disable,
    }
    alone = [option for option, is_given in whole.items() if is_given]
    if alone and len(alone) + len(typed) > 1:
        raise contradiction(f"{alone[0]} cannot be combined with other values.")
    api, given_for = api_of(options), None
    for holds in (*typed, *([Holds.SWITCH] if options.disable else [])):
        if api.setting(holds) is None:
            name = WORDS[holds].option or "--disable"
            raise UsageError(
                "no-such-setting",
                f"{api.called[0].upper()}{api.called[1:]} has no setting for {name}.",
                remedy=f"Remove {name}. What its settings hold is said by its description.",
            )
    if options.handoff is not None:
        given, given_for = read_handoff(options.handoff, api)
    else:
        given = given_values(typed, api)
    check_role(api.value(Holds.ROLE, given), api)
    if options.restore is None:
        asks_directory = not options.disable and not api.need_no_directory(given)
        service = (
            ServiceSpec(adopt=options.service_app, may_create=False) if asks_directory else None
        )
        scope = SettingsScope.OFF if options.disable else SettingsScope.ALL
        desired: Desired = Setup(
            service, settings=scope, given=given, given_for=given_for, settings_only=True
        )
    else:
        desired = Restore(backup=read_backup(options.restore))
    return change_command(Work(options, desired))


def remove_client(options: "RemoveClientOptions") -> int:
    name = options.client.strip()
    if not name:
        raise UsageError(
            "client-name-empty",
            "No client given: the name is empty.",
            remedy="List the clients, then run it with the name or ID of one:",
            command=own_command("status", where=where(options)),
        )
    return _remove(options, clients=(name,), ignore_missing=options.ignore_missing)


def teardown(options: "TeardownOptions") -> int:
    return _remove(options, everything=True)


def _remove(options: RemovalOptions, **whom: Any) -> int:
    if options.keep_registration and (options.purge or options.delete_adopted):
        raise contradiction(
            "--keep-registration cannot be combined with --purge or --delete-adopted."
        )
    extent = ("keep_registration", "delete_adopted", "delete_secrets", "purge")
    how = {name: getattr(options, name) for name in extent}
    spec = ServiceSpec(adopt=options.service_app)
    return change_command(Work(options, Removal(spec, **whom, **how)))
