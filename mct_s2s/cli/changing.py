"""Commands that change one App Service: their options, checked, become a request."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.cli.change import run_change
from mct_s2s.cli.commands import SetupOptions
from mct_s2s.cli.options import CredentialOptions, RemovalOptions
from mct_s2s.cli.requests import (
    api_of,
    caller_resources,
    change_request,
    check_role,
    client_specs,
    where,
)
from mct_s2s.engine.request import Request
from mct_s2s.errors import UsageError, contradiction
from mct_s2s.inputs.clients import management_reference, read_client_list
from mct_s2s.inputs.documents import SettingsFile, given_values, read_backup, read_handoff
from mct_s2s.inputs.secret_to import ClientPlaces, secret_to
from mct_s2s.inputs.target import api_url
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Desired, Removal, Restore, ServiceSpec, SettingsScope, Setup
from mct_s2s.model.documents import Handoff
from mct_s2s.model.observed import SiteOfFile
from mct_s2s.model.site_settings import WORDS, Holds

if TYPE_CHECKING:
    from mct_s2s.cli.commands import (
        AddClientOptions,
        ConfigureAppserviceOptions,
        RemoveClientOptions,
        TeardownOptions,
    )


def setup_request(
    options: SetupOptions, names: Sequence[str], file: SiteOfFile | None = None
) -> Request:
    """Check the options of a setup, which may be those of a trust file's site."""
    now = clock.now()
    clients = client_specs(options, names, now)
    identities = caller_resources(options.managed_identity)
    places = ClientPlaces(secret_to(options.secret_to, len(clients)))
    if options.no_app_service and options.backup is not None:
        raise contradiction(
            "--backup cannot be combined with --no-app-service, which reads no settings."
        )
    if options.handoff is not None:
        SettingsFile(options.handoff, Handoff).check(dry_run=options.dry_run)
    check_role(options.role, api_of(options))
    # Without an App Service, the name says which one is meant.
    names_one = options.app_service is not None or not options.no_app_service
    service = ServiceSpec(
        options.service_name or "",
        is_name_typed=options.service_name is not None and names_one,
        role=options.role,
        adopt=options.service_app,
        management_reference=management_reference(options.service_management_reference),
        url=api_url(options.url) if options.url is not None else None,
        is_in_file=file is not None,
    )
    return change_request(
        options,
        Setup(
            service=service,
            clients=clients,
            settings=SettingsScope.NONE if options.no_app_service else SettingsScope.ALL,
        ),
        now,
        identities=identities,
        places=places,
        verify=options.verifies and not options.no_app_service,
        file=file,
    )


def with_client(request: Request, options: CredentialOptions, name: str) -> Request:
    """Add a client to a setup, with a credential of other options."""
    (client,) = client_specs(options, [name], request.now)
    setup = replace(request.setup, clients=(*request.setup.clients, client))
    places = request.places.with_own(client.name, secret_to(options.secret_to, 1))
    return replace(request, desired=setup, places=places)


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
    now = clock.now()
    clients = client_specs(options, names, now)
    identities = caller_resources(options.managed_identity)
    places = ClientPlaces(secret_to(options.secret_to, len(clients)))
    check_role(options.role, api_of(options))
    service = ServiceSpec(
        role=options.role,
        adopt=options.service_app,
        management_reference=management_reference(options.service_management_reference),
        url=api_url(options.url) if options.url is not None else None,
        may_create=False,
    )
    setup = Setup(service=service, clients=clients, settings=SettingsScope.CLIENTS)
    return run_change(
        options,
        change_request(
            options,
            setup,
            now,
            identities=identities,
            places=places,
            verify=options.verifies,
        ),
    )


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
    return run_change(options, change_request(options, desired, clock.now()))


def remove_client(options: "RemoveClientOptions") -> int:
    name = options.client.strip()
    if not name:
        raise UsageError(
            "client-name-empty",
            "No client given: the name is empty.",
            remedy="List the clients, then run it with the name or ID of one:",
            command=own_command("status", where=where(options)),
        )
    _check_extent(options)
    removal = Removal(
        service=ServiceSpec(adopt=options.service_app),
        clients=(name,),
        ignore_missing=options.ignore_missing,
        keep_registration=options.keep_registration,
        delete_adopted=options.delete_adopted,
        delete_secrets=options.delete_secrets,
        purge=options.purge,
    )
    return run_change(options, change_request(options, removal, clock.now()))


def teardown(options: "TeardownOptions") -> int:
    _check_extent(options)
    removal = Removal(
        service=ServiceSpec(adopt=options.service_app),
        everything=True,
        keep_registration=options.keep_registration,
        delete_adopted=options.delete_adopted,
        delete_secrets=options.delete_secrets,
        purge=options.purge,
    )
    return run_change(options, change_request(options, removal, clock.now()))


def _check_extent(options: RemovalOptions) -> None:
    """Raise UsageError: the options say both that registrations stay and that they go."""
    if options.keep_registration and (options.purge or options.delete_adopted):
        raise contradiction(
            "--keep-registration cannot be combined with --purge or --delete-adopted."
        )
