"""The state of App Services, who can call, and what each client needs next."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_credentials import NEVER, Credential, has_end
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import Tag
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget, site_title
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.plain_text import counted
from mct_s2s.planning.belief import Doubted, client_trust
from mct_s2s.planning.clients import (
    has_wanted_role,
    is_allowed,
    is_allowed_by_object_id,
    is_identity_allowed,
    members,
)
from mct_s2s.planning.membership import is_elsewhere, members_here
from mct_s2s.planning.reports.findings import NOT_CONFIGURED, Finding, Severity, used_credential

_NEEDS = {
    "client-not-consented": "admin consent",
    "client-not-allowed": "allow list",
    "no-credential": "credential",
    "secret-expired": "new credential",
}
BLOCKED = "blocked: see the error above"


@dataclass(frozen=True)
class ClientStatus:
    client: ClientApplication | ServicePrincipal
    allowed: bool | None
    """`None` where the App Service's settings were not read."""
    can_call: bool | None
    needs: str
    """`admin consent`, `new secret by 2027-11-24`, `nothing`."""
    consented: bool | None = None
    """`None` where it needs no admin consent."""
    ends: datetime | None = None
    """When the credential that its users read expires, or else its last one.

    `None` where that one does not, or it is not known.
    """
    is_due: bool = False
    place: SecretPlace | None = None
    """Where its credential is kept, by a file of this machine or by its key vault's tag.

    `None` where neither says it.
    """

    @property
    def is_application(self) -> bool:
        return isinstance(self.client, ClientApplication)

    @property
    def name(self) -> str:
        return self.client.display_name

    @property
    def id(self) -> str:
        """The appId of a client application, the object ID of a managed identity."""
        return (
            self.client.client_id if isinstance(self.client, ClientApplication) else self.client.id
        )

    @property
    def credentials(self) -> tuple[Credential, ...]:
        return self.client.counted_credentials if isinstance(self.client, ClientApplication) else ()

    @property
    def urgency(self) -> tuple[int, date, str, str]:
        order = 0 if self.can_call is False else 1 if self.is_due else 2
        return order, (self.ends or NEVER).date(), self.name.casefold(), self.id


def tagged_vault(
    client: ClientApplication, observed: ObservedState, named: Collection[str] = ()
) -> SecretPlace | None:
    """The key vault that a tag of a client's registration names as its secret's place.

    `named`: the clients that the operator names; their appIds count.
    """
    vaults = Tag.VAULT.values(client.application.tags)
    # Owners write tags, and only of a believed registration is it known who they are.
    if not vaults or isinstance(client_trust(client, observed, ServiceSpec(), named), Doubted):
        return None
    return SecretPlace(PlaceKind.KEY_VAULT, vaults[-1])


@dataclass(frozen=True)
class SiteStatus:
    """An App Service, and what was found there."""

    observed: ObservedState
    findings: tuple[Finding, ...]
    key: str | None = None
    """A trust file's name for it."""

    @property
    def label(self) -> str:
        return self.observed.app_service.label if self.observed.app_service is not None else ""

    @property
    def title(self) -> str:
        return site_title(self.key, self.label)

    @property
    def is_healthy(self) -> bool:
        return all(finding.severity is Severity.NOTE for finding in self.findings)

    @property
    def is_set_up(self) -> bool:
        """Whether anything of service-to-service authentication is there yet."""
        return not any(finding.code == NOT_CONFIGURED for finding in self.findings)

    @cached_property
    def clients(self) -> tuple[ClientStatus, ...]:
        """The clients: those that need attention first, then those that expire first."""
        statuses = [self._status_of(client) for client in members_here(self.observed)]
        statuses += [
            self._status_of_identity(identity) for identity in self.observed.trust.identities
        ]
        return tuple(sorted(statuses, key=lambda status: status.urgency))

    @property
    def all_clients(self) -> tuple[ClientStatus, ...]:
        """The clients, and who else holds the role of an API that is shared."""
        observed = self.observed
        others = [client for client in members(observed) if is_elsewhere(client, observed)]
        return *self.clients, *map(self._status_of, others)

    @cached_property
    def _findings_by_client(self) -> Mapping[str, Sequence[Finding]]:
        """The findings by the appId that they are about; those about all under an empty one."""
        by_client = defaultdict[str, list[Finding]](list)
        for finding in self.findings:
            by_client[finding.client].append(finding)
        return by_client

    @property
    def _stopping(self) -> list[Finding]:
        """The findings that keep all clients from calling, or all that need the role."""
        return [finding for finding in self._findings_by_client.get("", ()) if finding.stops_calls]

    def _is_stopped(self, *, needs_role: bool) -> bool:
        """Whether a finding about all clients keeps one from calling."""
        return any(needs_role or not finding.concerns_role for finding in self._stopping)

    @property
    def _can_call_otherwise(self) -> bool | None:
        """Whether a client without findings can call; `None`: the settings could not be read."""
        return None if self.observed.settings_unread else True

    @property
    def _site_read(self) -> AppService | None:
        return None if self.observed.settings_unread else self.observed.app_service

    def _status_of(self, client: ClientApplication) -> ClientStatus:
        observed = self.observed
        findings = self._findings_by_client.get(client.client_id, ())
        # Who is not listed here cannot call, although nothing is wrong with it.
        is_not_here = is_elsewhere(client, observed)
        needs = [_NEEDS[finding.code] for finding in findings if finding.stops_calls or is_not_here]
        needs_role = not is_allowed_by_object_id(client, observed)
        if not needs and self._is_stopped(needs_role=needs_role):
            needs = [BLOCKED]
        last = used_credential(client, observed)
        if last is None or not last.is_valid_at(observed.now):
            last = max(
                client.counted_credentials,
                key=lambda credential: credential.expires or NEVER,
                default=None,
            )
        ends = last.expires if last is not None and has_end(last.expires) else None
        renewed = "nothing"
        if last is not None and ends is not None:
            renewed = f"new {last.kind.noun} by {ends:%Y-%m-%d}"
        return ClientStatus(
            client,
            allowed=is_allowed(client, observed) if self._site_read is not None else None,
            can_call=False if needs else self._can_call_otherwise,
            needs=", ".join(needs) or renewed,
            consented=has_wanted_role(client, observed),
            ends=ends,
            is_due=any(finding.severity is Severity.WARNING for finding in findings),
            place=self._place_of(client),
        )

    def _place_of(self, client: ClientApplication) -> SecretPlace | None:
        observed = self.observed
        if client.client_id in observed.missing_secrets:  # a finding says so
            return None
        for note in observed.local_notes.get(client.client_id, ()):
            is_its_own = note.is_of_client(client.client_id)
            if is_its_own and note.delivered_of(client.counted_credentials) is not None:
                return note.place
        return tagged_vault(client, observed)

    def _status_of_identity(self, identity: ServicePrincipal) -> ClientStatus:
        allowed: bool | None = None
        if self._site_read is not None:
            allowed = is_identity_allowed(identity, self.observed)
        # An allow list of identities asks for no role.
        has_lists = bool(self.observed.api.lists)
        needed = ""
        if allowed is False:
            needed = "allow list" if has_lists else "admin consent"
        elif self._is_stopped(needs_role=not has_lists):
            needed = BLOCKED
        can_call = False if needed else self._can_call_otherwise
        return ClientStatus(identity, allowed, can_call, needed or "nothing")

    @property
    def calling(self) -> str:
        """How many clients can call: `2 of 3`; `?` where that is not known."""
        if self.observed.settings_unread and not self.clients:
            return "?"
        is_known = all(client.can_call is not None for client in self.clients)
        count = sum(client.can_call is True for client in self.clients)
        return f"{count if is_known else '?'} of {len(self.clients)}"

    @property
    def problems(self) -> tuple[str, ...]:
        """What findings say that are more than notes."""
        worse = (finding for finding in self.findings if finding.severity is not Severity.NOTE)
        return tuple(finding.message for finding in worse)

    @property
    def verdict(self) -> str:
        """The result in two sentences: `2 of 3 clients can call contosolearn. 1 problem.`."""
        who = f"{self.calling} {'client' if len(self.clients) == 1 else 'clients'}"
        if not self.clients:
            who = "It is not known who" if self.observed.settings_unread else "No client"
        elif any(client.can_call is None for client in self.clients):
            who = f"It is not known whether {counted(len(self.clients), 'client')}"
        count = len(self.problems)
        problems = counted(count, "problem") if count else "No problems found"
        return f"{who} can call {self.label or self.observed.api.called}. {problems}."


@dataclass(frozen=True)
class UnreadSite:
    target: SiteTarget
    error: S2SError
    resource: ResourceId | None = None
    """`None` where it could not be found."""
    key: str | None = None

    @property
    def title(self) -> str:
        return site_title(self.key, self.target.label)


@dataclass(frozen=True)
class StatusReport:
    now: datetime
    within: timedelta
    """How long before its end a credential counts as expiring."""
    sites: tuple[SiteStatus, ...]
    failed: tuple[UnreadSite, ...] = ()
    unchecked: tuple[ResourceId, ...] = ()
    """Web apps that may be MCT App Services: the caller cannot read their settings."""
    is_list: bool = False
    setting_up: str = ""
    """The command that sets up the sites of a trust file; empty where no file asks for them."""

    @property
    def sick(self) -> tuple[SiteStatus, ...]:
        """Without those of a subscription that are not set up, and that no one has asked for."""
        is_survey = self.is_list and not self.setting_up
        return tuple(
            site
            for site in self.sites
            if not site.is_healthy and not (is_survey and not site.is_set_up)
        )

    @property
    def is_healthy(self) -> bool:
        """A subscription without any App Service is not the one that was meant."""
        return not self.sick and not (self.is_list and not self.sites)
