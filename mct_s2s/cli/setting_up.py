"""The work of `setup`, whether its options were typed or come from answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from mct_s2s import clock
from mct_s2s.cli.change import change, exit_code
from mct_s2s.cli.closing import close_clients, left_to_others
from mct_s2s.cli.options import CredentialOptions
from mct_s2s.cli.options.setup import SetupOptions
from mct_s2s.cli.requests import (
    check_role,
    client_specs,
    named_target,
    request_for,
    service_spec,
)
from mct_s2s.cli.run import Run
from mct_s2s.cli.session import Needs
from mct_s2s.cli.user_files import HandoffFile
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.inputs.handoff import handoff_text
from mct_s2s.inputs.secret_to import ClientPlaces, secret_to
from mct_s2s.inputs.target import caller_resource
from mct_s2s.model.desired import ClientSpec, Desired, SettingsScope
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.model.site_settings import ours


@dataclass(frozen=True)
class Setup:
    """What the options of `setup` ask for, checked before anyone signs in."""

    options: SetupOptions
    now: datetime
    clients: tuple[ClientSpec, ...]
    identities: tuple[str | ResourceId, ...]
    places: ClientPlaces
    named: SiteTarget | None
    """The App Service that only gives its name, as it is not contacted."""
    handoff: HandoffFile | None

    @classmethod
    def of(cls, options: SetupOptions) -> Setup:
        """Read the options.

        Raises:
            UsageError: an unusable value, or options that contradict each other.
        """
        now = clock.now()
        clients = client_specs(options, options.client, now)
        identities = tuple(dict.fromkeys(caller_resource(text) for text in options.managed_identity))
        place = secret_to(options.secret_to, len(clients))
        named = named_target(options) if options.no_app_service else None
        check_role(options.role)
        handoff = HandoffFile(options.handoff) if options.handoff is not None else None
        if handoff is not None:
            handoff.check(dry_run=options.dry_run)
        return cls(options, now, clients, identities, ClientPlaces(place), named, handoff)

    def with_client(self, options: CredentialOptions, name: str) -> Setup:
        """One more client, whose credential is of other options than the first ones'.

        Raises:
            UsageError: an unusable value.
        """
        more = client_specs(options, [name], self.now)
        place = secret_to(options.secret_to, len(more))
        places = self.places.with_own(more[0].name, place)
        return replace(self, clients=(*self.clients, *more), places=places)

    @property
    def needs(self) -> Needs:
        """The services that the work talks to."""
        site = not self.options.no_app_service
        arm = site or bool(self.identities)
        return Needs(arm=arm, target=site, key_vault=bool(self.places.vaults))

    async def carry_out(self, current: Run, session: Session) -> int:
        """Plan, confirm and apply; return the process exit code.

        Raises:
            S2SError: refused, by Azure or by the user.
        """
        options, target = self.options, session.target or self.named
        outcome = await change(current, options, session, self.request(session), self.places)
        if self.handoff is not None and not options.dry_run:
            site = outcome.after.app_service
            left = (step.values for step in left_to_others(options, session, outcome) if step.values)
            values = next(left, None) or ours(site.settings if site else {})
            self.handoff.write(handoff_text(values, target.label if target else None))
        close_clients(current.terminal, options, session, outcome)
        return exit_code(options, outcome)

    def request(self, session: Session) -> Request:
        """What is asked of the engine, once the session says in which subscription the App Service is."""
        options, target = self.options, session.target or self.named
        reference = options.service_management_reference
        service = service_spec(target, options.service_name, options.role, options.service_app, reference=reference)
        label = target.label if target else service.display_name
        desired = Desired(
            service,
            self.clients,
            settings=SettingsScope.NONE if options.no_app_service else SettingsScope.ALL,
            restart=not options.no_restart,
        )
        return replace(
            request_for(session, desired, self.now),
            label=label,
            part="the Entra ID part" if options.no_app_service else None,
            identities=self.identities,
            verify=options.verifies and not options.no_app_service,
            handoff=options.handoff,
        )
