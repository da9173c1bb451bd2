"""`mct-s2s setup`: app registration, clients and App Service settings, all in one plan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from mct_s2s import clock
from mct_s2s.cli.binding import option
from mct_s2s.cli.change import change, exit_code
from mct_s2s.cli.closing import close_clients, left_to_others
from mct_s2s.cli.options import CredentialOptions
from mct_s2s.cli.requests import check_role, client_specs, named_target, request_for, service_spec, wire
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.cli.user_files import HandoffFile
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.inputs.handoff import handoff_text
from mct_s2s.inputs.secret_places import secret_to
from mct_s2s.inputs.target import caller_resource
from mct_s2s.model.desired import Desired, SettingsScope
from mct_s2s.model.site_settings import ours
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.render.support_request import support_request


@dataclass(kw_only=True)
class SetupOptions(CredentialOptions):
    """Options of `setup`."""

    client: Annotated[
        list[str], option("--client", metavar="NAME_OR_ID", text="Client application: a name or appId. Repeatable.")
    ] = field(default_factory=list)
    managed_identity: Annotated[
        list[str],
        option(
            "--managed-identity", metavar="RESOURCE", text="Resource whose managed identity is a client. Repeatable."
        ),
    ] = field(default_factory=list)
    service_name: Annotated[
        str | None,
        option("--service-name", metavar="NAME", text="Display name. Default: MCT service (<app service>)."),
    ] = None
    role: Annotated[str | None, option("--role", metavar="VALUE", text="App role value. Default: S2SAppRole.")] = None
    service_app: Annotated[
        str | None,
        option("--service-app", metavar="ID_OR_URI", text="Adopt this registration: its appId or Application ID URI."),
    ] = None
    no_app_service: Annotated[bool, option("--no-app-service", text="Entra ID only; skip the App Service.")] = False
    handoff: Annotated[
        Path | None, option("--handoff", metavar="FILE", text="Write the values for configure-appservice --from FILE.")
    ] = None
    handoff_text: Annotated[
        bool, option("--handoff-text", text="Print the values as a support request to the operator of MCT.")
    ] = False


def setup(options: SetupOptions) -> int:
    """Plan, confirm and apply; return the process exit code."""
    now = clock.now()
    clients = client_specs(options, options.client, now)
    identities = tuple(dict.fromkeys(caller_resource(text) for text in options.managed_identity))
    stores = secret_to(options.secret_to, len(clients), options.secret_format, options.secret_names)
    wired = wire(options.wire, clients, identities, stores)
    named = named_target(options) if options.no_app_service else None
    check_role(options.role)
    handoff = HandoffFile(options.handoff) if options.handoff is not None else None
    if handoff is not None:
        handoff.check(dry_run=options.dry_run)

    async def body(current: Run, session: Session) -> int:
        target = session.target or named
        reference = options.service_management_reference
        service = service_spec(target, options.service_name, options.role, options.service_app, reference=reference)
        label = target.label if target else service.display_name
        desired = Desired(
            service,
            clients,
            settings=SettingsScope.NONE if options.no_app_service else SettingsScope.ALL,
            restart=not options.no_restart,
            wire=wired.spec(session, label) if wired else None,
        )
        request = replace(
            request_for(session, desired, now),
            label=label,
            part="the Entra ID part" if options.no_app_service else None,
            identities=identities,
            wire=wired.resource if wired else None,
            verify=options.verifies and not options.no_app_service,
            handoff=options.handoff,
        )
        outcome = await change(current, options, session, request, stores)
        if not options.dry_run and (options.handoff or options.handoff_text):
            _hand_over(handoff, current, options, session, outcome, target)
        close_clients(current.terminal, options, session, outcome)
        return exit_code(options, outcome)

    arm = not options.no_app_service or bool(identities) or wired is not None
    needs = Needs(arm=arm, target=not options.no_app_service, key_vault=stores.vault is not None)
    return run(options, needs, body)


def _hand_over(
    handoff: HandoffFile | None,
    current: Run,
    options: SetupOptions,
    session: Session,
    outcome: Outcome,
    target: SiteTarget | None,
) -> None:
    site = outcome.after.app_service
    left = left_to_others(options, session, outcome)
    values = next((step.values for step in left if step.values), None) or ours(site.settings if site else {})
    if options.handoff_text:
        # Beside a JSON document, a text for people goes where all talk goes.
        tell = current.terminal.say if current.terminal.json else current.terminal.result
        for line in support_request(values, outcome.request.label).splitlines():
            tell(line)
    if handoff is not None:
        handoff.write(handoff_text(values, target.label if target else None))
