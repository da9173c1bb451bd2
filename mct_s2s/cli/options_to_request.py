"""Options become a `Request`, and its App Service becomes options again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, assert_never

from mct_s2s import clock
from mct_s2s.cli.binding import option_words
from mct_s2s.cli.options import AzureOptions, ChangingOptions, CredentialOptions
from mct_s2s.engine.observe.observe import observe, read_custody
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import (
    Instruction,
    PermissionMissing,
    UsageError,
    about,
    contradiction,
    malformed,
)
from mct_s2s.inputs.apis import read_api
from mct_s2s.inputs.client_options import client_names, management_reference
from mct_s2s.inputs.secret_to import ClientPlaces, no_key_in_vault, secret_to
from mct_s2s.inputs.target import caller_resource, site_target
from mct_s2s.inputs.user_files import SettingsFile
from mct_s2s.model.api import Api
from mct_s2s.model.azure_resources import Site
from mct_s2s.model.client_credentials import (
    CLOCKS_DIFFER,
    CredentialKind,
    CredentialSpec,
    NewCredential,
)
from mct_s2s.model.client_sign_in import CredentialType
from mct_s2s.model.commands import command
from mct_s2s.model.desired import ClientSpec, Desired, Look, Rotation, ServiceSpec, Setup
from mct_s2s.model.duration import expiry
from mct_s2s.model.ids import is_guid, named_unique_name, service_unique_name
from mct_s2s.model.observed import ObservedState, SiteOfFile
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.model.run_files import Backup
from mct_s2s.planning.federation import federated_spec
from mct_s2s.planning.permissions.rights import SITE_ROLE
from mct_s2s.planning.site import check_site

ROLE_CHARACTERS = frozenset(":!#$%&'()*+,-./;<=>?@[]^_{|}~`")
"""Source: learn.microsoft.com/graph/api/resources/approle, property `value`."""


OF_KIND: dict[str, CredentialType] = {
    **dict.fromkeys(
        ("github", "federated_issuer", "federated_subject", "federated_audience"), "federated"
    ),
    "certificate": "certificate",
}


def api_of(options: AzureOptions) -> Api:
    """Return the API that the App Service serves. Raises UsageError."""
    return read_api(options.api)


def change_request(
    options: ChangingOptions,
    desired: Desired,
    now: datetime,
    *,
    identities: tuple[str | ResourceId, ...] = (),
    places: ClientPlaces | None = None,
    handoff: Path | None = None,
    verify: bool = False,
    file: SiteOfFile | None = None,
) -> Request:
    """Build the request of a command that changes something, before anyone signs in.

    `at_site` completes it. Raises UsageError: the description of the API is wrong.
    """
    return Request(
        replace(desired, restart=not options.no_restart),
        now,
        api=api_of(options),
        credential_suffix=token_hex(4),
        identities=identities,
        # A plan is worth reading without the settings, too. A rotation changes none of them.
        without_settings=isinstance(desired, Rotation)
        or (options.dry_run and isinstance(desired, Setup)),
        places=places or ClientPlaces(),
        backup=SettingsFile(options.backup, Backup) if options.backup is not None else None,
        handoff=handoff,
        preflight=not options.no_preflight,
        dry_run=options.dry_run,
        verify=verify,
        where=partial(where, options),
        file=file,
    )


def look_request(
    options: AzureOptions,
    desired: Desired,
    now: datetime,
    *,
    identities: tuple[str | ResourceId, ...] = (),
    without_settings: bool = False,
    file: SiteOfFile | None = None,
) -> Request:
    """Build the request of a command that changes nothing; `at_site` completes it."""
    return Request(
        desired,
        now,
        api=api_of(options),
        identities=identities,
        without_settings=without_settings,
        where=partial(where, options),
        file=file,
    )


def at_site(request: Request, options: AzureOptions, session: Session) -> Request:
    """Complete a request by the session's App Service, which the user may just have picked.

    A service application is named after it; where the session has none, after the one that the
    options name. Raises UsageError: nothing names it.
    """
    site = session.target or named_target(options)
    label = site.label if site is not None else ""
    service = request.desired.service
    if service is None:
        return replace(request, target=session.target, label=label)
    service, unique_name = named_spec(service, site, request.api)
    return replace(
        request,
        desired=replace(request.desired, service=service),
        target=session.target,
        label=label or service.display_name,
        unique_name=unique_name,
    )


async def look(
    options: AzureOptions,
    session: Session,
    *,
    without_settings: bool = False,
    file: SiteOfFile | None = None,
    url: str | None = None,
    **what: Any,
) -> ObservedState:
    """`what`: members of `Look`; `url`: where the API is reached, as typed."""
    desired = Look(ServiceSpec(url=url), **what)
    request = look_request(
        options, desired, clock.now(), without_settings=without_settings, file=file
    )
    request = at_site(request, options, session)
    observed = await read_custody(session, request, await observe(session, request))
    check_site(observed)
    return observed


async def looked_for_secrets(
    options: AzureOptions, session: Session, of_file: Request | None = None
) -> ObservedState:
    """Look without the settings, too, and at the places that have lost a secret.

    `of_file`: what a trust file asks for, which may name these places.
    """
    from mct_s2s.engine.credential_stores import find_lost_secrets  # noqa: PLC0415  # with the code of key vaults

    file = of_file.file if of_file is not None else None
    try:
        observed = await look(options, session, without_settings=True, file=file)
    except PermissionMissing as refusal:
        if any(missing.right == SITE_ROLE for missing in refusal.missing):
            enough = "Or, for the directory's part alone, without the settings: the role Reader."
            refusal.ways_out += (Instruction(enough),)
        raise
    request = of_file or look_request(options, Look(ServiceSpec()), observed.now)
    return await find_lost_secrets(session, at_site(request, options, session), observed)


def named_target(options: AzureOptions) -> SiteTarget | None:
    if not options.app_service:
        return None
    return site_target(
        options.app_service, options.resource_group, options.subscription, options.slot
    )


def where(options: AzureOptions, site: Site | None = None) -> str:
    """`-a contosolearn -g mct-prod`, and whatever else a second command needs."""
    values = {
        name: getattr(options, name) for name in ("subscription", "tenant", "api", "cloud", "auth")
    }
    if site is not None:
        values |= {
            "app_service": site.name,
            "resource_group": site.resource.resource_group,
            "slot": site.resource.slot,
        }
        # The id named it, and no default need be the same
        if (options.app_service or "").startswith("/"):
            values["subscription"] = site.resource.subscription_id
    elif options.app_service:
        values |= {
            name: getattr(options, name) for name in ("app_service", "resource_group", "slot")
        }
    return command(
        *option_words(AzureOptions, {name: value for name, value in values.items() if value})
    )


def with_client(request: Request, options: CredentialOptions, name: str) -> Request:
    """Add a client to a setup, with a credential of other options."""
    (client,) = client_specs(options, [name], request.now)
    setup = replace(request.setup, clients=(*request.setup.clients, client))
    places = request.places.with_own(client.name, secret_to(options.secret_to, 1))
    return replace(request, desired=setup, places=places)


def caller_resources(texts: Sequence[str]) -> tuple[str | ResourceId, ...]:
    """The resources of `--managed-identity`, each once."""
    return tuple(dict.fromkeys(caller_resource(text) for text in texts))


def client_specs(
    options: CredentialOptions, names: Sequence[str], now: datetime
) -> tuple[ClientSpec, ...]:
    credential = read_credential(options, now)
    reference = management_reference(options.service_management_reference)
    return tuple(
        ClientSpec(name, credential, consent=not options.no_consent, management_reference=reference)
        for name in client_names(names)
    )


def named_spec(spec: ServiceSpec, target: SiteTarget | None, api: Api) -> tuple[ServiceSpec, str]:
    """With its display name; and its `uniqueName`."""
    name = spec.display_name
    if target is not None:
        spec = replace(spec, display_name=name or api.service_name(target.label))
        return spec, service_unique_name(target.name, target.slot)
    if not name.strip():
        raise UsageError(
            "service-name-missing",
            "No name for the service application: neither an App Service nor --service-name was "
            "given.",
            remedy="Add --app-service NAME (the site is not contacted), or --service-name TEXT.",
        )
    return spec, named_unique_name(name)


@about("role")
def check_role(value: str | None, api: Api) -> None:
    if value is None:
        return
    if (
        value
        and len(value) <= 120
        and all((c.isascii() and c.isalnum()) or c in ROLE_CHARACTERS for c in value)
    ):
        return
    remedy = (
        "Use letters, digits and punctuation without spaces, 120 characters at most. The default "
        "is "
    )
    remedy += f"{api.role}."
    raise malformed("malformed-role", "--role", value, remedy)


@about("service-app")
def check_service_app(value: str | None) -> None:
    """Raise UsageError: no registration can have it as its appId or Application ID URI."""
    if value is None or is_guid(value.strip()) or ":" in value:
        return
    remedy = "Use its appId, or its Application ID URI such as api://APP_ID."
    raise malformed("malformed-id", "--service-app", value, remedy)


@about("credential")
def read_credential(options: CredentialOptions, now: datetime) -> CredentialSpec | None:
    kind = _credential_kind(options)
    lifetime = options.secret_lifetime or "1y"
    expires = expiry(lifetime, now)  # checked also where it does not count
    # It begins that much earlier: the clocks of those who check it may be behind
    match kind:
        case "secret":
            spec: CredentialSpec | None = NewCredential(expires, shorten=options.auto_lifetime)
        case "certificate" if options.certificate is not None:
            from mct_s2s.key_pairs import given_certificate  # noqa: PLC0415  # with cryptography

            spec = given_certificate(options.certificate, now)
        case "certificate":
            spec = NewCredential(expiry(lifetime, now - CLOCKS_DIFFER), CredentialKind.CERTIFICATE)
        case "federated":
            issuer, subject = options.federated_issuer, options.federated_subject
            spec = federated_spec(issuer, subject, options.federated_audience, options.github)
        case "none":
            spec = None
        case _:
            assert_never(kind)
    if options.secret_to is not None:
        _check_place(options.secret_to, spec)
    return spec


def _credential_kind(options: CredentialOptions) -> CredentialType:
    """The kind that is typed, or to which a typed option belongs.

    Raises UsageError: they contradict each other.
    """
    belonging = {name: kind for name, kind in OF_KIND.items() if getattr(options, name) is not None}
    kind: CredentialType = options.credential or "secret"
    if options.credential is None and belonging:
        kind = next(iter(belonging.values()))
    for name, other in belonging.items():
        if other != kind:
            key = name.replace("_", "-")
            with about(key):
                raise contradiction(f"--{key} requires --credential {other}, not {kind}.")
    return kind


@about("secret-to")
def _check_place(text: str, spec: CredentialSpec | None) -> None:
    """Raise UsageError: nothing secret is made, or a key for a vault, which takes secrets only."""
    if not isinstance(spec, NewCredential):
        raise contradiction(
            "--secret-to has no effect here: no secret is created.", "Remove --secret-to."
        )
    if spec.kind.is_key and secret_to(text, 1).vault is not None:
        raise no_key_in_vault()
