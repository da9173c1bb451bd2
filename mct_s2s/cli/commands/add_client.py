"""`mct-s2s add-client`: one more client for a trust that exists."""

from __future__ import annotations

from dataclasses import replace

from mct_s2s import clock
from mct_s2s.cli.change import change, exit_code
from mct_s2s.cli.closing import close_clients
from mct_s2s.cli.options.add_client import AddClientOptions
from mct_s2s.cli.requests import check_role, client_specs, request_for, service_spec
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.session import Session
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import read_client_list
from mct_s2s.inputs.secret_to import ClientPlaces, secret_to
from mct_s2s.inputs.target import caller_resource
from mct_s2s.model.desired import Desired, SettingsScope


def add_client(options: AddClientOptions) -> int:
    """Plan more clients, confirm and apply; return the process exit code."""
    if options.client is None and options.from_file is None and not options.managed_identity:
        raise UsageError(
            "client-missing",
            "No client given: no name, no file and no managed identity.",
            remedy="Run mct-s2s add-client NAME, or mct-s2s add-client --managed-identity RESOURCE",
        )

    now = clock.now()
    names = [] if options.client is None else [options.client]
    if options.from_file is not None:
        names += read_client_list(options.from_file)
    clients = client_specs(options, names, now)
    identities = tuple(dict.fromkeys(caller_resource(text) for text in options.managed_identity))
    check_role(options.role)
    places = ClientPlaces(secret_to(options.secret_to, len(clients)))

    async def body(current: Run, session: Session) -> int:
        reference = options.service_management_reference
        service = service_spec(
            session.target, None, options.role, options.service_app, reference=reference, may_create=False
        )
        desired = Desired(
            service,
            clients,
            SettingsScope.CLIENTS,
            restart=not options.no_restart,
        )
        request = replace(
            request_for(session, desired, now),
            identities=identities,
            verify=options.verifies,
        )
        outcome = await change(current, options, session, request, places)
        close_clients(current.terminal, options, session, outcome)
        return exit_code(options, outcome)

    return run(options, Needs(key_vault=bool(places.vaults)), body)
