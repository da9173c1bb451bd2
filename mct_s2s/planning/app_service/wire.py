"""An app that calls the MCT API finds in its own settings what it needs for that: no more, and nothing of its own lost.

azure-identity's environment variables are used as they are. Source: learn.microsoft.com/azure/app-service/
app-service-key-vault-references.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from mct_s2s.errors import Refused
from mct_s2s.model.azure_resources import WiredApp
from mct_s2s.model.commands import command, grant_on_vault, own_command
from mct_s2s.model.desired import WireSpec
from mct_s2s.model.ids import ClientId, api_uri
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import AppSettings, spelling_in, value_of
from mct_s2s.planning.app_service.site import changed_names, describe
from mct_s2s.planning.changes import (
    AddCredential,
    AlreadyRight,
    AnyChange,
    Later,
    Ref,
    ScopeOf,
    SettingSpec,
    SettingsSpec,
    WireApp,
)
from mct_s2s.planning.plan import Left, ManualStep, Results
from mct_s2s.planning.registrations.service import CREATE, EXPOSE, Service

CLIENT_ID, CLIENT_SECRET, TENANT_ID = "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"
AUTHORITY_HOST, SCOPE, URL = "AZURE_AUTHORITY_HOST", "MCT_S2S_SCOPE", "MCT_S2S_URL"
WRITTEN = (CLIENT_ID, CLIENT_SECRET, TENANT_ID, AUTHORITY_HOST, SCOPE, URL)
"""All that is ever written."""
_REFERENCE = re.compile(r"@Microsoft\.KeyVault\(SecretUri=https://([^./]+)\.[^/]+/secrets/([0-9A-Za-z-]+)/\)")
"""As it is written below: without a version, so that it follows every rotation."""
RESOLVED = "Resolved"
READER = "Key Vault Secrets User"


def plan_wire(
    spec: WireSpec,
    client_id: Later[ClientId] | None,
    service: Service,
    observed: ObservedState,
    before: Sequence[AnyChange],
) -> tuple[AnyChange, tuple[ManualStep, ...]]:
    """One write of the app's settings, or none where they are right already; and what the app may still lack.

    Args:
        spec: what is wanted.
        client_id: the client application that the app signs in as; `None` where it has a managed identity.
        service: whose API it calls.
        observed: the app, the App Service and the tenant.
        before: what is done for the client first: its secret is in the vault before the app looks there.

    Raises:
        Refused: the app is the MCT App Service itself, or signs in as someone else already; or the client has a
            secret, but not in the vault.
    """
    app = observed.wired
    assert app is not None  # noqa: S101  # looked at whenever it is asked for
    _refuse_mct(app, observed)
    if client_id is not None:
        _refuse_other_client(app, client_id)
        _refuse_missing_secret(spec, observed, before)
    wanted = SettingsSpec(values=tuple(_values(spec, client_id, service, observed)), tidy=False)
    changed = changed_names(app.settings, wanted, Results())
    # App Service resolves references anew when settings change: what it says of an old one is still true.
    left = _reading(spec, app) if spec.secret_uri is not None and app.reference != RESOLVED else ()
    if not changed:
        name, settings = app.site.label, f"{app.site.resource}/config/appsettings"
        return AlreadyRight(key="wire", resource="application settings", name=name, id=settings), left
    write = WireApp(
        key="wire",
        name=app.site.label,
        detail=describe(app.settings, changed),
        site=app.site,
        spec=wanted,
        changed=changed,
        after=(CREATE, EXPOSE, *(change.key for change in before)),  # it is remembered first
    )
    return write, left


def secret_read_by(app: WiredApp, client_id: str) -> str | None:
    """The secret, as `VAULT/NAME`, that an app reads by our reference to sign in as that client; or `None`."""
    if (value_of(app.settings, CLIENT_ID) or "").casefold() != client_id.casefold():
        return None
    match = _REFERENCE.fullmatch(value_of(app.settings, CLIENT_SECRET) or "")
    return f"{match[1]}/{match[2]}" if match else None


def written_by_us(
    app: WiredApp, client_ids: Collection[str], observed: ObservedState, *, is_caller: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """The settings of an app that still are as `--wire` wrote them, under the spellings that they have there.

    Args:
        app: the app.
        client_ids: appIds, in lower case, of the clients in question.
        observed: whose API it called, in which tenant.
        is_caller: whether the app calls by its own identity, and is in question by that.

    Returns:
        What it calls by, and what it signs in with. Both are empty where the app is none of those in question.
    """
    settings, service, site = app.settings, observed.trust.service, observed.app_service
    is_client = (value_of(settings, CLIENT_ID) or "").casefold() in client_ids
    if not (is_client or is_caller) or service is None:
        return {}, {}
    scopes = {f"{uri}/.default" for uri in (*service.identifier_uris, api_uri(service.client_id))}
    tenant = observed.tenant.id.casefold() if observed.tenant else ""
    calling = {SCOPE: scopes.__contains__, URL: lambda value: site is not None and value == site.site.url}
    signing = {
        CLIENT_ID: lambda value: value.casefold() in client_ids,
        TENANT_ID: lambda value: value.casefold() == tenant,
        AUTHORITY_HOST: lambda value: value == observed.authority_host,
        CLIENT_SECRET: lambda value: _REFERENCE.fullmatch(value) is not None,
    }
    return _still(settings, calling), _still(settings, signing) if is_client else {}


def _still(settings: AppSettings, ours: Mapping[str, Callable[[str], bool]]) -> dict[str, str]:
    found = {name: value_of(settings, name) for name in ours}
    return {spelling_in(settings, name): value for name, value in found.items() if value and ours[name](value)}


def _values(
    spec: WireSpec, client_id: Later[ClientId] | None, service: Service, observed: ObservedState
) -> Iterable[SettingSpec]:
    yield SettingSpec(SCOPE, ScopeOf(service.uri))
    if observed.app_service is not None:
        yield SettingSpec(URL, observed.app_service.site.url)
    if client_id is None or observed.tenant is None:
        return
    same = frozenset({client_id.casefold()}) if isinstance(client_id, str) else frozenset[str]()
    yield SettingSpec(CLIENT_ID, client_id, same)
    yield SettingSpec(TENANT_ID, observed.tenant.id, frozenset({observed.tenant.id.casefold()}))
    if spec.authority_host is not None:
        yield SettingSpec(AUTHORITY_HOST, spec.authority_host)
    if spec.secret_uri is not None:
        yield SettingSpec(CLIENT_SECRET, f"@Microsoft.KeyVault(SecretUri={spec.secret_uri}/)")


def _refuse_mct(app: WiredApp, observed: ObservedState) -> None:
    mct = observed.app_service
    if mct is None or app.site.resource.names[0].casefold() != mct.site.name.casefold():
        return
    raise Refused(
        "wire-to-itself",
        f"Invalid --wire '{app.site.label}': it is the MCT App Service itself.",
        remedy="Use the app that calls the MCT API.",
    )


def _refuse_other_client(app: WiredApp, client_id: Later[ClientId]) -> None:
    """The app may be someone already: its user-assigned identity, or another application."""
    current, secret = value_of(app.settings, CLIENT_ID), value_of(app.settings, CLIENT_SECRET)
    known = "" if isinstance(client_id, Ref) else client_id
    if current is not None and current.casefold() == known.casefold():
        return
    if not current and not secret:
        return
    name = CLIENT_ID if current else CLIENT_SECRET
    raise Refused(
        "wire-taken",
        f"'{app.site.label}' already signs in as another client: its setting {name} belongs to that one. Nothing "
        "was changed.",
        remedy=f"If it is no longer needed, delete {CLIENT_ID}, {CLIENT_SECRET} and {TENANT_ID} from the app's "
        "settings, then run the same command again.",
    )


def _refuse_missing_secret(spec: WireSpec, observed: ObservedState, before: Sequence[AnyChange]) -> None:
    """A client that has its secret elsewhere gets no other one by itself; the vault would stay empty."""
    if spec.secret_uri is None or any(isinstance(change, AddCredential) for change in before):
        return
    note = observed.secrets.get(spec.client or "")
    if note is not None and note.delivered is not None:
        return
    raise Refused(
        "wire-without-secret",
        f"The client already has a secret, but not in the key vault '{spec.vault}'.",
        remedy="Store a new one there first:",
        command=own_command("rotate-secret", "--secret-to", f"keyvault:{spec.vault}", about="NAME"),
    )


def _reading(spec: WireSpec, app: WiredApp) -> tuple[ManualStep, ...]:
    """Whether the app may read the vault is known only when App Service has tried."""
    vault, resource = spec.vault or "", app.site.resource
    principal = app.identity_resource.principal_id if app.identity_resource is not None else None
    role = grant_on_vault(vault, READER, principal or "PRINCIPAL-ID", "ServicePrincipal")
    lack: tuple[ManualStep, ...] = ()
    if principal is None:
        where = ["--resource-group", resource.resource_group, "--name", app.site.name]
        where += ["--slot", resource.slot] if resource.slot else []
        identify = command("az", "webapp", "identity", "assign", *where)
        what = f"'{app.site.label}' has no managed identity yet. It needs one to read the key vault '{vault}'."
        lack = (ManualStep(Left.VAULT, what, command=identify),)
    what = f"'{app.site.label}' needs permission to read the key vault '{vault}'."
    return (*lack, ManualStep(Left.VAULT, what, command=role))
