"""The outside in memory, behind the ports, and an event loop whose time passes only where nothing else is due.

These stand in for Azure, for places that keep credentials and for people; never for a part of the program. A test can
let somebody else act just before a call arrives, or after it has taken effect and before its answer is back.
"""

# ruff: noqa: ARG002  # the ports say which arguments there are

from __future__ import annotations

import asyncio
import selectors
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from mct_s2s.activity import Activity
from mct_s2s.engine.apply.apply import apply_changes
from mct_s2s.engine.apply.context import ApplyContext
from mct_s2s.engine.change import run_change
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Azure, Interface, Session
from mct_s2s.errors import NotThere, S2SError, ServiceError
from mct_s2s.model.azure_resources import AppService, IdentityResource, Site, SlotConfig, Subscription
from mct_s2s.model.caller_rights import Permission, Person, ResourceLock, RoleAssignment, SecretRule, SignedIn
from mct_s2s.model.client_credentials import Certificate, Credential, CredentialKind, Federation, SecretNote
from mct_s2s.model.client_sign_in import (
    ApiAnswer,
    ApiToken,
    Claims,
    ClientSignIn,
    OwnCredential,
    SecretCredential,
    SignIn,
)
from mct_s2s.model.desired import ClientSpec, Desired, Removal, ServiceSpec
from mct_s2s.model.directory_objects import (
    Application,
    Assignment,
    NewApplication,
    Owner,
    PrincipalKind,
    ServicePrincipal,
    Tenant,
)
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, KeyId, PrincipalId, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.model.secret_stores import KeySpec, NewSecret, SecretRecord, SecretStore, StoredCredential
from mct_s2s.model.site_settings import APPLICATION_IDS, OBJECT_IDS, is_enabled
from mct_s2s.model.trust import Trust
from mct_s2s.planning.changes import AnyChange
from mct_s2s.planning.credentials.federated import FederatedSpec
from mct_s2s.planning.edits import ApplicationPatch
from mct_s2s.planning.permissions.rights import GLOBAL_ADMINISTRATOR
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.secrets.secret_policy import LIFETIME_FORBIDDEN

from tests.planning.scenarios import FOREIGN, NOW, SERVICE_KEY, SUBSCRIPTION, TENANT, guid, site

T = TypeVar("T")
_StandIn: Any = object
"""Passes for any class."""
Hook = Callable[[], Awaitable[None] | None]
Settings = dict[str, str | None]

# --- time ---


class _SkipsAhead(selectors.SelectSelector):
    """Waits for nothing: what would have been waited is added to the clock."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everybody waits for somebody else: nothing will ever happen")
        self.loop.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which an hour of `asyncio.sleep` takes no time."""

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _SkipsAhead()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def elapsed_since(began: float) -> float:
    """Virtual seconds."""
    return asyncio.get_running_loop().time() - began


# --- what can go wrong ---


def refused(code: str = "graph-refused", status: int = 400, message: str = "No.") -> ServiceError:
    """An answer that says no."""
    return ServiceError(code, message, remedy="Ask.", status=status, service_message=message)


def lost(code: str = "graph-unreachable", status: int = 0) -> ServiceError:
    """No answer: whether the request took effect is not known."""
    return ServiceError(code, "No answer came.", remedy="Run it again.", status=status)


def failing(error: BaseException) -> Hook:
    """What happens instead of an answer."""

    def fail() -> None:
        raise error

    return fail


# --- the state ---

ME = Owner(PrincipalId(guid("me")), "me@contoso.com")
"""Who signed in."""

WRITES = frozenset({
    "create_application", "update_application", "create_principal", "add_secret", "remove_secret", "add_certificate",
    "put_federated_credential", "assign", "revoke", "delete_application", "restore_application", "restore_principal",
    "purge_application", "register_application", "name_application", "add_owner",
    "write_settings", "restart", "enable", "disable",
})  # fmt: skip
LOCAL = {"begin", "deliver", "key_pair", "deliver_certificate", "note", "check", "read"}
"""What a place does on this machine: it takes no round trip."""


@dataclass
class SiteState:
    """A web app: what its settings say, and what it has read of them when it started."""

    site: Site
    settings: Settings
    slot_config: SlotConfig | None = None
    started_with: Settings = field(default_factory=dict)
    restarts: int = 0


class MemoryDepartures(_StandIn):  # type: ignore[misc]
    """What removals remember from one run to the next."""

    def __init__(self) -> None:
        self.noted: dict[str, frozenset[str]] = {}

    def of(self, what: str) -> frozenset[str]:
        return self.noted.get(what, frozenset())

    def begin(self, what: str, identities: Iterable[str]) -> None:
        self.noted[what] = self.of(what) | {identity.casefold() for identity in identities}

    def end(self, what: str, identities: Iterable[str]) -> None:
        self.noted[what] = self.of(what) - {identity.casefold() for identity in identities}


@dataclass
class MemoryState:
    """Everything outside of the program."""

    subscriptions: list[Subscription] = field(
        default_factory=lambda: [Subscription(SUBSCRIPTION, "Learning", TENANT.id)]
    )
    applications: dict[str, Application] = field(default_factory=dict)
    deleted: dict[str, Application] = field(default_factory=dict)
    principals: dict[str, ServicePrincipal] = field(default_factory=dict)
    deleted_principals: dict[str, ServicePrincipal] = field(default_factory=dict)
    assignments: list[Assignment] = field(default_factory=list)
    federated: dict[str, list[Credential]] = field(default_factory=dict)
    unwritable: set[str] = field(default_factory=set)
    """Object ids of registrations that reads show and writes refuse: deleted, or made, a moment ago."""
    owners: dict[str, tuple[Owner, ...]] = field(default_factory=dict)
    """Of registrations and of service principals, by object id."""
    principal_credentials: dict[str, tuple[Credential, ...]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    """Values by key id."""
    longest_secret: timedelta | None = None
    """What the tenant's policy allows."""
    sites: dict[str, SiteState] = field(default_factory=dict)
    identity_resources: dict[str, IdentityResource] = field(default_factory=dict)
    azure_roles: dict[str, list[str]] = field(default_factory=dict)
    stores: dict[str, MemoryStore] = field(default_factory=dict)
    departures: MemoryDepartures = field(default_factory=MemoryDepartures)
    carried_out_after: float = 0.0
    """Seconds from the answer to a write of settings until it is carried out."""
    throttled: dict[str, list[float]] = field(default_factory=dict)
    """How many seconds the next call of a name is asked to wait before it is answered: `settings`, `write_settings`."""

    roles: frozenset[str] | None = frozenset({GLOBAL_ADMINISTRATOR})
    permissions: dict[str, tuple[Permission, ...]] = field(default_factory=dict)
    locks: list[ResourceLock] = field(default_factory=list)
    secret_rules: tuple[SecretRule, ...] = ()
    own_secret_rules: dict[str, tuple[SecretRule, ...]] = field(default_factory=dict)

    latency: float = 0.0
    calls: list[str] = field(default_factory=list)
    """Every call with its subject, in the order of arrival: `add_secret Import`."""
    answered: list[str] = field(default_factory=list)
    """The same in the order in which their effects were complete."""
    patient: list[str] = field(default_factory=list)
    """Those of them that are to wait out an answer of *not there yet*."""
    most_at_once: int = 0
    _before: dict[str, list[Hook | None]] = field(default_factory=dict)
    _after: dict[str, list[Hook | None]] = field(default_factory=dict)
    _at_once: int = 0
    _made: int = 0

    def before(self, call: str, *hooks: Hook | None) -> None:
        """What happens when the next calls of that name arrive, one hook a call; `None` lets one pass."""
        self._before.setdefault(call, []).extend(hooks)

    def after(self, call: str, *hooks: Hook | None) -> None:
        """What happens when the next calls of that name have taken effect and are not answered yet."""
        self._after.setdefault(call, []).extend(hooks)

    @property
    def writes(self) -> list[str]:
        """The calls that change something in Azure."""
        return [call for call in self.calls if call.split()[0] in WRITES]

    def forget(self) -> None:
        """Begin a new page of the log; nobody interferes any more."""
        self.calls.clear()
        self.answered.clear()
        self.patient.clear()
        self._before.clear()
        self._after.clear()

    @asynccontextmanager
    async def call(self, name: str, subject: object = "", *, is_new: bool = False) -> AsyncIterator[None]:
        """One call: on its way, taking effect, on its way back."""
        text = f"{name} {subject}".strip()
        self.calls.append(text)
        if is_new:
            self.patient.append(text)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(0 if name in LOCAL else self.latency / 2)
            await _happen(_next(self._before, name))
            yield
            self.answered.append(text)
            await _happen(_next(self._after, name))
            await asyncio.sleep(0 if name in LOCAL else self.latency / 2)
        finally:
            self._at_once -= 1

    def asked_to_wait(self, name: str) -> list[float]:
        """How long the service asks the next such call to wait (`Retry-After`), attempt after attempt."""
        return self.throttled.pop(name, [])

    def new_id(self, kind: str) -> str:
        """An id that nothing has yet."""
        self._made += 1
        return guid(f"{kind} {self._made}")

    def register(self, name: str, unique_name: str | None = None, **more: Any) -> Application:
        """A registration with a service principal, as somebody else would make it."""
        client_id = ClientId(self.new_id("appId"))
        application = Application(ApplicationObjectId(self.new_id("application")), client_id, name, unique_name, **more)
        self.applications[application.object_id] = application
        principal = ServicePrincipal(PrincipalId(self.new_id("principal")), client_id, name)
        self.principals[principal.id] = principal
        return application

    def delete(self, application: Application, when: datetime | None = None) -> None:
        """Into the recycle bin, with its service principal."""
        self.deleted[application.object_id] = replace(self.applications.pop(application.object_id), deleted=when)
        for principal in [p for p in self.principals.values() if same_id(p.client_id, application.client_id)]:
            self.deleted_principals[principal.id] = self.principals.pop(principal.id)

    def add_site(self, where: Site | None = None, settings: Mapping[str, str | None] | None = None) -> SiteState:
        """One more web app."""
        where = where or site()
        state = SiteState(where, dict(FOREIGN if settings is None else settings))
        state.started_with = dict(state.settings)
        self.sites[str(where.resource).lower()] = state
        self.identity_resources.setdefault(str(where.resource).lower(), IdentityResource(where.resource, None))
        return state

    def site_state(self, where: ResourceId) -> SiteState:
        found = self.sites.get(str(where).lower())
        if found is None:
            raise NotThere("not-found", f"{where} is not there.", remedy="Look.")
        return found

    def application_of(self, name: str) -> Application:
        """The only registration of that display name."""
        (found,) = [application for application in self.applications.values() if application.display_name == name]
        return found

    def principal_of(self, client_id: str) -> ServicePrincipal | None:
        return next((p for p in self.principals.values() if same_id(p.client_id, client_id)), None)

    @property
    def azure(self) -> Azure:
        """A session with this state."""
        return Azure(
            "public",
            None,
            "https://graph.microsoft.com",
            MemoryDirectory(self),
            MemorySites(self),
            MemoryIdentities(self),
            MemoryDirectoryAccess(self),
            MemoryResourceAccess(self),
        )


def _next(hooks: dict[str, list[Hook | None]], name: str) -> Hook | None:
    waiting = hooks.get(name)
    return waiting.pop(0) if waiting else None


async def _happen(hook: Hook | None) -> None:
    outcome = hook() if hook else None
    if outcome is not None:
        await outcome


def memory_state(*, settings: Mapping[str, str | None] | None = None) -> MemoryState:
    """A tenant with one App Service and nothing of ours."""
    made = MemoryState()
    made.add_site(settings=settings)
    return made


# --- Microsoft Graph ---


@dataclass
class MemoryDirectory(_StandIn):  # type: ignore[misc]
    """A directory that is always up to date."""

    state: MemoryState

    async def tenant(self) -> Tenant:
        async with self.state.call("tenant"):
            return TENANT

    async def application_by_client_id(self, client_id: ClientId) -> Application | None:
        async with self.state.call("application_by_client_id", client_id):
            return self._first(lambda app: same_id(app.client_id, client_id))

    async def application_by_unique_name(self, unique_name: str) -> Application | None:
        async with self.state.call("application_by_unique_name", unique_name):
            return self._first(lambda app: app.unique_name == unique_name)

    async def applications_by_unique_name(self, unique_names: Sequence[str]) -> list[Application | None]:
        return list(await asyncio.gather(*map(self.application_by_unique_name, unique_names)))

    async def application_by_object_id(self, object_id: ApplicationObjectId, *, is_new: bool) -> Application:
        async with self.state.call("application_by_object_id", object_id, is_new=is_new):
            return self._there(object_id)

    async def applications_with_uri(self, uri: str) -> list[Application]:
        async with self.state.call("applications_with_uri", uri):
            return [app for app in self.state.applications.values() if uri in app.identifier_uris]

    async def applications(self, client_ids: Iterable[ClientId]) -> list[Application]:
        wanted = {entry.lower() for entry in client_ids}
        if not wanted:
            return []
        async with self.state.call("applications", len(wanted)):
            return [app for app in self.state.applications.values() if app.client_id.lower() in wanted]

    async def principal(self, client_id: ClientId) -> ServicePrincipal | None:
        async with self.state.call("principal", client_id):
            return self.state.principal_of(client_id)

    async def principals_of(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        wanted = {entry.lower() for entry in client_ids}
        if not wanted:
            return []
        async with self.state.call("principals_of", len(wanted)):
            return [one for one in self.state.principals.values() if one.client_id.lower() in wanted]

    async def principals(self, ids: Iterable[PrincipalId]) -> list[ServicePrincipal]:
        wanted = {entry.lower() for entry in ids}
        if not wanted:
            return []
        async with self.state.call("principals", len(wanted)):
            return [one for one in self.state.principals.values() if one.id.lower() in wanted]

    async def assignments_to(self, client_id: ClientId, *, is_new: bool = False) -> list[Assignment]:
        async with self.state.call("assignments_to", client_id, is_new=is_new):
            service = self.state.principal_of(client_id)
            return [one for one in self.state.assignments if service and same_id(one.resource_id, service.id)]

    async def federated_credentials(self, object_id: ApplicationObjectId) -> list[Credential]:
        async with self.state.call("federated_credentials", object_id):
            return list(self.state.federated.get(object_id, ()))

    async def applications_with_tag(self, tag: str) -> list[Application]:
        async with self.state.call("applications_with_tag", tag):
            return [app for app in self.state.applications.values() if tag in app.tags]

    async def assignments_of(self, principal: PrincipalId) -> list[Assignment]:
        async with self.state.call("assignments_of", principal):
            return [one for one in self.state.assignments if same_id(one.principal_id, principal)]

    async def owners(self, object_id: ApplicationObjectId, *, is_new: bool) -> tuple[Owner, ...]:
        async with self.state.call("owners", object_id):
            return self.state.owners.get(object_id, ())

    async def principal_owners(self, principal: PrincipalId, *, is_new: bool) -> tuple[Owner, ...]:
        async with self.state.call("principal_owners", principal):
            return self.state.owners.get(principal, ())

    async def credentials(self, object_id: ApplicationObjectId, *, is_new: bool) -> tuple[Credential, ...]:
        async with self.state.call("credentials", object_id):
            federated = self.state.federated.get(object_id, [])
            return (*self.state.applications[object_id].credentials, *federated)

    async def principal_credentials(self, principal: PrincipalId, *, is_new: bool) -> tuple[Credential, ...]:
        async with self.state.call("principal_credentials", principal):
            return self.state.principal_credentials.get(principal, ())

    async def remove_credentials(self, object_id: ApplicationObjectId, keep: Collection[KeyId]) -> None:
        async with self.state.call("remove_credentials", object_id):
            application = self.state.applications[object_id]
            kept = tuple(one for one in application.credentials if one.key_id in keep)
            self.state.applications[object_id] = replace(application, credentials=kept)
            self.state.federated.pop(object_id, None)

    async def remove_principal_credentials(self, principal: PrincipalId) -> None:
        async with self.state.call("remove_principal_credentials", principal):
            self.state.principal_credentials.pop(principal, None)

    async def create_application(self, new: NewApplication) -> tuple[Application, bool]:
        async with self.state.call("create_application", new.display_name):
            if any(app.unique_name == new.unique_name for app in self.state.deleted.values()):
                raise refused("name-taken", message="Another object with the same value for property uniqueName.")
            found = self._first(lambda app: app.unique_name == new.unique_name)
            return (found, False) if found is not None else (self._made(new, new.unique_name), True)

    async def register_application(self, new: NewApplication, owner: PrincipalId | None) -> Application:
        async with self.state.call("register_application", new.display_name):
            made = self._made(new, None)
            self.state.owners[made.object_id] = (ME,)
            return made

    def _made(self, new: NewApplication, unique_name: str | None) -> Application:
        made = Application(
            ApplicationObjectId(self.state.new_id("application")),
            ClientId(self.state.new_id("appId")),
            new.display_name,
            unique_name,
            tags=new.tags,
            notes=new.notes,
            management_reference=new.management_reference,
            required_access=(new.access,) if new.access is not None else (),
            created=NOW,
        )
        self.state.applications[made.object_id] = made
        return made

    async def name_application(self, object_id: ApplicationObjectId, unique_name: str) -> None:
        async with self.state.call("name_application", unique_name):
            others = [*self.state.applications.values(), *self.state.deleted.values()]
            if any(app.unique_name == unique_name for app in others):
                raise refused("name-taken", message="Another object with the same value for property uniqueName.")
            self.state.applications[object_id] = replace(self._there(object_id), unique_name=unique_name)

    async def add_owner(self, object_id: ApplicationObjectId, owner: PrincipalId) -> None:
        async with self.state.call("add_owner", object_id):
            self.state.owners[object_id] = (*self.state.owners.get(object_id, ()), Owner(owner, "me"))

    async def accepts_writes(self, application: Application) -> bool:
        return self._there(application.object_id).object_id not in self.state.unwritable

    async def update_application(
        self, object_id: ApplicationObjectId, patch: ApplicationPatch, *, is_new: bool
    ) -> None:
        application = self._there(object_id)
        async with self.state.call("update_application", application.display_name, is_new=is_new):
            others = [*self.state.applications.values(), *self.state.deleted.values()]
            taken = {uri for other in others if other.object_id != object_id for uri in other.identifier_uris}
            if taken & set(patch.identifier_uris or ()):
                raise refused("uri-taken", message="Another object with the same value for property identifierUris.")
            changed = {
                name: value
                for name in (
                    "identifier_uris", "app_roles", "token_version", "required_access", "tags", "management_reference",
                )
                if (value := getattr(patch, name)) is not None
            }  # fmt: skip
            self.state.applications[object_id] = replace(self._there(object_id), **changed)

    async def create_principal(self, client_id: ClientId, *, is_new: bool) -> ServicePrincipal:
        async with self.state.call("create_principal", self._name(client_id), is_new=is_new):
            found = self.state.principal_of(client_id)
            if found is None:
                identifier = PrincipalId(self.state.new_id("principal"))
                found = self.state.principals[identifier] = ServicePrincipal(
                    identifier, client_id, self._name(client_id)
                )
            return found

    async def add_secret(
        self, object_id: ApplicationObjectId, name: str, expires: datetime, *, is_new: bool
    ) -> NewSecret:
        async with self.state.call("add_secret", self._there(object_id).display_name, is_new=is_new):
            longest = self.state.longest_secret
            if longest is not None and expires - NOW > longest:
                raise refused(LIFETIME_FORBIDDEN, message="Credential lifetime exceeds the max value allowed.")
            key_id = KeyId(self.state.new_id("secret"))
            value = self.state.secrets[key_id] = f"value of {key_id}"
            self._add_credential(object_id, Credential(CredentialKind.SECRET, key_id, name, expires, NOW))
            return NewSecret(key_id, expires, value)

    async def remove_secret(self, object_id: ApplicationObjectId, key_id: KeyId) -> None:
        async with self.state.call("remove_secret", self._there(object_id).display_name):
            application = self._there(object_id)
            kept = tuple(one for one in application.credentials if one.key_id != key_id)
            self.state.applications[object_id] = replace(application, credentials=kept)

    async def remove_certificate(
        self, object_id: ApplicationObjectId, key_id: KeyId, replaced_by: KeyId | None
    ) -> None:
        await self.remove_secret(object_id, key_id)

    async def add_certificate(
        self, object_id: ApplicationObjectId, certificate: Certificate, name: str, *, is_new: bool
    ) -> KeyId:
        async with self.state.call("add_certificate", self._there(object_id).display_name, is_new=is_new):
            if all(one.key_id != certificate.key_id for one in self._there(object_id).credentials):
                kind, made = CredentialKind.CERTIFICATE, certificate
                public = Credential(kind, made.key_id, name, made.expires, made.starts, made.thumbprint)
                self._add_credential(object_id, public)
            return certificate.key_id

    async def put_federated_credential(
        self, object_id: ApplicationObjectId, federation: Federation, *, is_new: bool
    ) -> KeyId:
        async with self.state.call("put_federated_credential", self._there(object_id).display_name, is_new=is_new):
            rows = self.state.federated.setdefault(object_id, [])
            key_id = KeyId(self.state.new_id("federated"))
            rows[:] = [row for row in rows if row.name != federation.name]
            rows.append(Credential(CredentialKind.FEDERATED, key_id, federation.name, None, federation=federation))
            return key_id

    async def assign(
        self, principal: PrincipalId, service: PrincipalId, role: AppRoleId, *, is_new: bool
    ) -> Assignment | None:
        async with self.state.call("assign", self.state.principals[principal].display_name, is_new=is_new):
            made = Assignment(self.state.new_id("assignment"), principal, service, role)
            if any(replace(one, id=made.id) == made for one in self.state.assignments):
                return None
            self.state.assignments.append(made)
            return made

    async def revoke(self, service: PrincipalId, assignment: str) -> None:
        async with self.state.call("revoke", assignment):
            self.state.assignments = [one for one in self.state.assignments if one.id != assignment]

    async def delete_application(self, object_id: ApplicationObjectId) -> None:
        application = self.state.applications.get(object_id)
        async with self.state.call("delete_application", application.display_name if application else ""):
            if object_id in self.state.applications:
                gone = self.state.principal_of(self._there(object_id).client_id)
                self.state.delete(self._there(object_id), NOW)
                self.state.assignments = [
                    one
                    for one in self.state.assignments
                    if gone is None or gone.id not in (one.principal_id, one.resource_id)
                ]

    async def deleted_applications(self) -> list[Application]:
        async with self.state.call("deleted_applications"):
            return list(self.state.deleted.values())

    async def deleted_principals(self, client_ids: Iterable[ClientId]) -> list[ServicePrincipal]:
        wanted = {entry.lower() for entry in client_ids}
        if not wanted:
            return []
        async with self.state.call("deleted_principals", len(wanted)):
            return [one for one in self.state.deleted_principals.values() if one.client_id.lower() in wanted]

    async def restore_application(self, object_id: ApplicationObjectId) -> None:
        async with self.state.call("restore_application", object_id):
            if object_id in self.state.deleted:
                self.state.applications[object_id] = replace(self.state.deleted.pop(object_id), deleted=None)

    async def restore_principal(self, principal: PrincipalId) -> bool:
        async with self.state.call("restore_principal", principal):
            if principal not in self.state.deleted_principals:
                return False
            self.state.principals[principal] = self.state.deleted_principals.pop(principal)
            return True

    async def purge_application(self, object_id: ApplicationObjectId, *, is_new: bool) -> None:
        async with self.state.call("purge_application", object_id, is_new=is_new):
            self.state.deleted.pop(object_id, None)

    def _first(self, fits: Callable[[Application], bool]) -> Application | None:
        return next((app for app in self.state.applications.values() if fits(app)), None)

    def _there(self, object_id: str) -> Application:
        found = self.state.applications.get(object_id)
        if found is None:
            raise refused(status=404, message=f"Resource '{object_id}' does not exist.")
        return found

    def _name(self, client_id: str) -> str:
        found = self._first(lambda app: same_id(app.client_id, client_id))
        if found is None:
            raise refused(message=f"The appId '{client_id}' does not reference a valid application object.")
        return found.display_name

    def _add_credential(self, object_id: str, credential: Credential) -> None:
        application = self._there(object_id)
        self.state.applications[object_id] = replace(application, credentials=(*application.credentials, credential))


# --- Azure Resource Manager ---


@dataclass
class MemorySites(_StandIn):  # type: ignore[misc]
    """App Service, without an ETag for its settings."""

    state: MemoryState

    async def subscriptions(self) -> list[Subscription]:
        async with self.state.call("subscriptions"):
            return list(self.state.subscriptions)

    async def subscription(self, subscription_id: str) -> Subscription | None:
        async with self.state.call("subscription", subscription_id):
            return next((one for one in self.state.subscriptions if same_id(one.id, subscription_id)), None)

    async def sites(self, subscription_id: str, group: str | None = None) -> list[Site]:
        async with self.state.call("sites"):
            rows = [state.site for state in self.state.sites.values() if state.site.resource.slot is None]
            return [row for row in rows if same_id(row.resource.subscription_id, subscription_id)]

    async def sites_named(self, subscription_id: str, name: str) -> list[ResourceId]:
        async with self.state.call("sites_named", name):
            rows = [state.site.resource for state in self.state.sites.values() if state.site.resource.slot is None]
            return [row for row in rows if same_id(row.subscription_id, subscription_id) and same_id(row.name, name)]

    async def site(self, resource: ResourceId) -> Site | None:
        async with self.state.call("site", resource.name):
            found = self.state.sites.get(str(resource).lower())
            return found.site if found else None

    async def settings(self, resource: ResourceId, *, leaves: Callable[[], None] = lambda: None) -> Settings:
        for seconds in self.state.asked_to_wait("settings"):
            leaves()
            await asyncio.sleep(seconds)
        leaves()
        async with self.state.call("settings", resource.name):
            return dict(self.state.site_state(resource).settings)

    async def slot_config(self, resource: ResourceId) -> SlotConfig | None:
        async with self.state.call("swapping", resource.name):
            try:
                return self.state.site_state(resource).slot_config
            except NotThere:
                return None

    async def write_settings(
        self,
        resource: ResourceId,
        merged: Callable[[], Mapping[str, str | None] | None],
        read_again: Callable[[], Awaitable[None]],
    ) -> None:
        for seconds in self.state.asked_to_wait("write_settings"):
            if merged() is not None:
                await asyncio.sleep(seconds)
                await read_again()
        while True:
            try:
                await self._put(resource, merged)
            except ServiceError as error:
                if not error.answer_lost:
                    raise
                await read_again()
            else:
                return

    async def _put(self, resource: ResourceId, merged: Callable[[], Mapping[str, str | None] | None]) -> None:
        sent = merged()
        if sent is None:
            return
        async with self.state.call("write_settings", resource.name):
            if self.state.carried_out_after:
                loop = asyncio.get_running_loop()
                loop.call_later(self.state.carried_out_after, self._replace, resource, dict(sent))
            else:
                self._replace(resource, dict(sent))

    def _replace(self, resource: ResourceId, settings: Settings) -> None:
        """App Service restarts the app by itself: learn.microsoft.com/azure/app-service/configure-common."""
        state = self.state.site_state(resource)
        state.settings, state.started_with = settings, dict(settings)

    async def restart(self, resource: ResourceId) -> None:
        async with self.state.call("restart", resource.name):
            state = self.state.site_state(resource)
            state.started_with, state.restarts = dict(state.settings), state.restarts + 1


@dataclass
class MemoryIdentities(_StandIn):  # type: ignore[misc]
    """Managed identities; each is in the directory at once."""

    state: MemoryState

    async def identity_resource(self, resource: ResourceId) -> IdentityResource | None:
        async with self.state.call("identity_resource", resource.name):
            return self.state.identity_resources.get(str(resource).lower())

    async def enable(self, caller: IdentityResource) -> PrincipalId:
        async with self.state.call("enable", caller.display_name):
            there = self.state.identity_resources[str(caller.resource).lower()]
            if there.principal_id is not None:
                return there.principal_id
            identifier = PrincipalId(self.state.new_id("identity"))
            self.state.identity_resources[str(caller.resource).lower()] = replace(
                there, principal_id=identifier, identity_type="SystemAssigned"
            )
            self.state.principals[identifier] = ServicePrincipal(
                identifier,
                ClientId(self.state.new_id("identity's appId")),
                caller.display_name,
                PrincipalKind.MANAGED_IDENTITY,
                str(caller.resource),
            )
            return identifier

    async def disable(self, caller: IdentityResource) -> None:
        async with self.state.call("disable", caller.display_name):
            there = self.state.identity_resources[str(caller.resource).lower()]
            if there.principal_id is not None:
                self.state.principals.pop(there.principal_id, None)
            self.state.identity_resources[str(caller.resource).lower()] = replace(
                there, principal_id=None, identity_type="None"
            )

    async def roles_of(self, caller: IdentityResource) -> list[str]:
        async with self.state.call("roles_of", caller.display_name):
            return list(self.state.azure_roles.get(str(caller.resource).lower(), ()))


@dataclass
class MemoryDirectoryAccess(_StandIn):  # type: ignore[misc]
    """What the caller may do in the directory: a Global Administrator, unless the state says otherwise."""

    state: MemoryState

    @property
    def signed_in(self) -> SignedIn:
        return SignedIn("your account (browser)", is_person=True)

    @property
    def address(self) -> str:
        return "https://graph.microsoft.com/v1.0"

    async def person(self) -> Person | None:
        async with self.state.call("person"):
            return Person(ME.id, ME.name)

    async def principal(self) -> ServicePrincipal | None:
        async with self.state.call("caller's principal"):
            return None

    async def roles(self) -> frozenset[str] | None:
        async with self.state.call("roles"):
            return self.state.roles

    async def assignments(self, principal: PrincipalId) -> tuple[RoleAssignment, ...]:
        async with self.state.call("role assignments"):
            return tuple(RoleAssignment(role, "/") for role in self.state.roles or ())

    async def permissions(self) -> frozenset[str] | None:
        async with self.state.call("permissions"):
            return None

    async def owned(self) -> frozenset[ApplicationObjectId] | None:
        async with self.state.call("owned"):
            return frozenset()

    async def secret_rules(self) -> tuple[SecretRule, ...]:
        async with self.state.call("secret_rules"):
            return self.state.secret_rules

    async def secret_rules_of(self, object_id: ApplicationObjectId) -> tuple[SecretRule, ...] | None:
        async with self.state.call("secret_rules_of", object_id):
            return self.state.own_secret_rules.get(object_id)


@dataclass
class MemoryResourceAccess(_StandIn):  # type: ignore[misc]
    """What the caller may do to resources: everything, unless the state says otherwise."""

    state: MemoryState

    async def permissions(self, resource: ResourceId) -> tuple[Permission, ...]:
        async with self.state.call("permissions_at", resource.name):
            return self.state.permissions.get(resource.name, (Permission(("*",)),))

    async def locks(self, resource: ResourceId) -> tuple[ResourceLock, ...]:
        async with self.state.call("locks_at", resource.name):
            return tuple(lock for lock in self.state.locks if str(resource).lower().startswith(lock.scope.lower()))


# --- places, tokens, the API ---


@dataclass
class MemoryStore:
    """Where one client's secret goes."""

    state: MemoryState
    name: str
    attempts: list[str] = field(default_factory=list)
    delivered_name: str | None = None
    stored: StoredCredential | None = None
    delivered_at: datetime | None = None
    kind: CredentialKind = CredentialKind.SECRET
    pending: Certificate | None = None
    held: list[KeyId] = field(default_factory=list)

    @property
    def label(self) -> str:
        return f"memory:{self.name}"

    async def note(self) -> SecretNote:
        async with self.state.call("note", self.name):
            stored = self.stored
            return SecretNote(
                (*self.attempts, *([self.delivered_name] if self.delivered_name else [])),
                stored.key_id if stored else None,
                stored.client_id if stored else None,
                self.delivered_at,
                self.kind,
                self.pending,
                tuple(self.held),
                scope=stored.scope if stored else None,
                url=stored.url if stored else None,
            )

    async def check(self, client_id: ClientId | None) -> None:
        async with self.state.call("check", self.name):
            pass

    @property
    def gives_away(self) -> bool:
        return False

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        async with self.state.call("begin", self.name):
            self.attempts.append(attempt)

    async def deliver(self, record: SecretRecord, secret: NewSecret) -> None:
        async with self.state.call("deliver", self.name):
            self._keep(record, secret.key_id, secret.value, CredentialKind.SECRET)

    async def read(self) -> StoredCredential | None:
        async with self.state.call("read", self.name):
            return self.stored

    def _keep(self, record: SecretRecord, key_id: KeyId, value: str, kind: CredentialKind) -> None:
        self.stored = StoredCredential(
            record.tenant_id, record.client_id, value, record.scope, record.url, record.authority_host, key_id
        )
        self.delivered_name, self.delivered_at, self.kind = record.credential_name, NOW, kind
        self.held.append(key_id)
        self.attempts.clear()


@dataclass
class MemoryKeyStore(MemoryStore):
    """A place that makes key pairs, too."""

    async def key_pair(self, record: SecretRecord, wanted: KeySpec) -> tuple[str, Certificate]:
        async with self.state.call("key_pair", self.name):
            if wanted.pending is not None and wanted.pending == self.pending:
                return "", wanted.pending
            thumbprint = self.state.new_id("key pair").replace("-", "").upper()
            self.pending = Certificate(thumbprint.encode(), thumbprint, wanted.starts, wanted.expires)
            return "", self.pending

    async def deliver_certificate(self, record: SecretRecord, certificate: Certificate) -> None:
        async with self.state.call("deliver_certificate", self.name):
            self._keep(record, certificate.key_id, "", CredentialKind.CERTIFICATE)
            self.pending = None


@dataclass
class MemoryTokens(_StandIn):  # type: ignore[misc]
    """A login service that knows every registered secret at once."""

    state: MemoryState
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Which secret, and how many tokens at once."""

    async def token(self, sign_in: SignIn, scope: str, *, is_new: bool, role: str | None, at_once: int = 1) -> ApiToken:
        assert isinstance(sign_in, ClientSignIn)
        assert isinstance(sign_in.credential, SecretCredential)
        self.asked.append((sign_in.credential.value, at_once))
        async with self.state.call("token", sign_in.client_id):
            apps = [app for app in self.state.applications.values() if same_id(app.client_id, sign_in.client_id)]
            held = {self.state.secrets.get(one.key_id) for app in apps for one in app.credentials}
            principal = self.state.principal_of(sign_in.client_id)
            if sign_in.credential.value not in held or principal is None:
                raise ServiceError(
                    "token-refused",
                    "Entra ID refused to issue a token.",
                    remedy="Rotate.",
                    status=401,
                    service_code="7000215",
                )
            return self._token(sign_in, principal, scope.removesuffix("/.default"))

    def _token(self, sign_in: ClientSignIn, principal: ServicePrincipal, audience: str) -> ApiToken:
        services = [app for app in self.state.applications.values() if audience in app.identifier_uris]
        names = {role.id: role.value or "" for app in services for role in app.app_roles}
        roles = [one.role_id for one in self.state.assignments if same_id(one.principal_id, principal.id)]
        claims = Claims(
            audience, "https://sts.windows.net/", sign_in.tenant_id, sign_in.client_id, principal.id,
            tuple(names[role] for role in roles if role in names), "1.0", NOW + timedelta(hours=1),
        )  # fmt: skip
        return ApiToken(claims, f"token of {sign_in.client_id}")


@dataclass
class MemoryApi(_StandIn):  # type: ignore[misc]
    """The MCT API, which judges by the settings that it started with."""

    state: MemoryState
    site: SiteState
    answers: list[ApiAnswer | ServiceError] = field(default_factory=list)
    """What it says instead, call by call."""

    async def get(
        self, path: str, headers: Mapping[str, str], token: ApiToken | None, *, just_restarted: bool
    ) -> ApiAnswer:
        async with self.state.call("get", path):
            said = self.answers.pop(0) if self.answers else self._judged(headers, token)
            if isinstance(said, ServiceError):
                raise said
            return said

    def _judged(self, headers: Mapping[str, str], token: ApiToken | None) -> ApiAnswer:
        settings = self.site.started_with
        if token is None or headers.get("ClientType") != "Service" or not is_enabled(settings):
            return ApiAnswer(401)
        claims = token.claims
        if claims.audience != settings.get("ServiceAuthAudience"):
            return ApiAnswer(401)
        by_object = OBJECT_IDS.list_in(settings).holds(claims.object_id)
        by_role = APPLICATION_IDS.list_in(settings).holds(claims.client_id)
        by_role = by_role and settings.get("ServiceAuthRole") in claims.roles
        return ApiAnswer(200 if by_object or by_role else 401)


# --- whoever runs a command ---


@dataclass
class Watcher:
    """Whoever watches: keeps what it is told."""

    told: list[str] = field(default_factory=list)

    def started(self, change: AnyChange) -> Activity | None:
        self.told.append(f"started {change.key}")
        return None

    def finished(self, change: AnyChange, detail: str) -> None:
        self.told.append(f"finished {change.key}")

    def skipped(self, change: AnyChange, why: str) -> None:
        self.told.append(f"skipped {change.key}")

    def failed(self, change: AnyChange, error: S2SError) -> None:
        self.told.append(f"failed {change.key}")


TARGET = SiteTarget("contosolearn", "mct-prod", SUBSCRIPTION)


@dataclass(frozen=True)
class MemoryStores:
    """The state's own stores, which remember."""

    state: MemoryState
    key_pairs: bool = False
    """Whether they keep private keys."""

    async def open(self, desired: Desired, observed: ObservedState, now: datetime) -> Mapping[str, SecretStore]:
        kind = MemoryKeyStore if self.key_pairs else MemoryStore
        names = (*(client.name for client in desired.clients), *(desired.rotation.clients if desired.rotation else ()))
        return {name: self.state.stores.setdefault(name, kind(self.state, name)) for name in names}

    async def credentials(self, stores: Mapping[str, SecretStore]) -> list[OwnCredential]:
        return []


@dataclass
class Agreeing:
    """Whoever agrees to everything at once, and watches."""

    takes_time: bool = False
    watcher: Watcher = field(default_factory=Watcher)
    outcome: Outcome | None = None
    """What is told on every way out, once something is applied."""

    async def confirm(self, outcome: Outcome) -> bool:
        return not outcome.plan.is_empty

    @contextmanager
    def applying(self, outcome: Outcome) -> Iterator[Watcher]:
        self.outcome = outcome
        yield self.watcher

    def options(self, observed: ObservedState) -> str:
        return ""


@asynccontextmanager
async def nobody_else(name: str, since: float) -> AsyncIterator[bool]:
    """It is our turn, and nobody had theirs since."""
    del name, since
    yield False


def session(here: MemoryState, **changed: Any) -> Session:
    """A command's way to the state."""
    made = Session(
        here.azure,
        MemoryTokens(here),
        lambda _: MemoryApi(here, here.site_state(site().resource)),
        None,  # type: ignore[arg-type]  # there are no vaults
        nobody_else,
        lambda: 60.0,
        "https://login",
        "memory",
        {},
        TARGET,
        SUBSCRIPTION,
    )
    return replace(made, **changed)


def request(
    here: MemoryState,
    desired: Desired,
    *,
    attempt: str = "a1b2",
    now: datetime = NOW,
    key_pairs: bool = False,
    **more: Any,
) -> Request:
    """What a command is asked for; its secrets go to the state's own stores."""
    return replace(
        Request(desired, now, TARGET, attempt, stores=MemoryStores(here, key_pairs), departures=here.departures), **more
    )


def look(
    target: SiteTarget | None = TARGET,
    *,
    adopt: str | None = None,
    clients: Sequence[str] = (),
    federated: bool = False,
    removed_clients: Sequence[str] = (),
    everything: bool = False,
    directory: bool = True,
    **more: Any,
) -> Request:
    """A request that is only looked by."""
    credential = FederatedSpec("https://ci.example", "x") if federated else None
    desired = Desired(
        ServiceSpec(SERVICE_KEY, "MCT service", adopt=adopt) if directory else None,
        tuple(ClientSpec(name, credential) for name in clients),
        removal=Removal(tuple(removed_clients), everything=everything) if removed_clients or everything else None,
    )
    return replace(Request(desired, NOW, target), **more)


async def carry_out(here: MemoryState, wanted: Request, ui: Interface | None = None) -> Outcome:
    """Do what a command does, with everybody agreeing."""
    return await run_change(session(here), wanted, ui or Agreeing())


@dataclass(frozen=True)
class Applying(ApplyContext):
    """A run that begins with a plan that a test has made."""

    lags: bool = False

    def expects_lag(self, change: AnyChange) -> bool:
        return self.lags


async def apply_plan(here: MemoryState, outcome: Outcome, watcher: Watcher, *, lags: bool = False) -> None:
    """Apply it without looking."""
    await apply_changes(Applying(session(here), outcome, watcher, lags))


def planned(here: MemoryState, *changes: AnyChange, where: Site | None = None) -> Outcome:
    """The beginning of a run with these changes."""
    before = ObservedState("public", TENANT, AppService(where, {}, TENANT.id) if where else None, Trust())
    return Outcome(look(), Plan(changes), before, stores=here.stores)
