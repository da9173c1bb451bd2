"""In what tenants, their subscriptions and their cloud differ: four of them by name."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Variations:
    """In what a tenant may differ from most.

    Sources: sections of docs/azure-contract.md, in parentheses.

    Attributes:
        tenant: the name of the tenant that it is, or that it was before something was changed.
        default_sign_in_audience: `signInAudience` of an application created without one:
            AzureADMyOrg since 2025, AzureADandPersonalMicrosoftAccount in recordings of 2022 (3.2).
        duplicate_consent_as_grant: the second of the two texts that refuse an existing consent
            (3.1).
        service_management_reference_required: no registration is made or changed without one (3.2).
        upsert_without_owner: who may change only its own, under `Application.ReadWrite.OwnedBy` or
            as a person without an administrator's role, does not own what it upserts (3.10).
        directory_write_seconds: for how long a write to an application, its service principal or a
            resource's assignments has the next one refused (3.1).
        graph_writes: how many writes an application may send to Graph within 150 s; 0: any number.
            Documented are 3,000 (3.12).
        role_cast_status: what the cast to `directoryRole` returns: 400, 500, or 0 for the roles
            (3.9).
        role_assignments_hidden: nobody without a role may list role assignments (3.9).
        recycle_bin_for_members: people without an administrator's role read the recycle bin, too
            (3.8).
        deleted_without_unique_name: `deletedItems` shows no `uniqueName` (3.8).
        refused_tokens: how many token requests of a client may be refused within ten seconds,
            before it is throttled for a minute; 0: any number (2.3).
        throttled_as_loop: whether a throttled client is told of a loop of requests (50196), and not
        429 (2.3).
        blocked_device_codes: who refuses a device code after its user has signed in:
            `conditional-access`, `security-defaults`, or nobody (2.3).
        blocked_people: who refuses every sign-in of a person: `conditional-access` (53003),
            `token-protection` (530084), `platform` (50005), `home-tenant` (50020: no account of
            this tenant), or nobody (2.3).
        sign_in_with_mfa: whether people bring a second factor without being asked (4.10).
        mfa_for_writes: how Resource Manager refuses people's writes without one: `challenge` (as in
            Azure since autumn 2025), `policy` (403 without a challenge, as some clients were
            answered), or `off`, as in clouds that do not ask for it yet (4.10).
        location_challenges: whether Graph accepts only tokens with the claims of its challenge, as
            where it sees another address than Entra saw (3.14).
        delegated_subscriptions: whether the subscriptions are a customer's, who delegated them to
            this tenant by Azure Lighthouse: none of their other callers, identities or vaults is
            this tenant's (4.11).
        arm_page_size: entries on one page of a list; 0: all of them (4.1).
        identity_patch: what becomes of a PATCH of `identity`, App Service apart: `accepted`,
            `ignored` (accepted without effect) or `refused` (405) (4.4).
        strict_setting_names: names of application settings hold letters, digits, `.` and `_` only,
            existing ones too (4.3).
        settings_accept_202: a change of settings is accepted first and completed later, as on the
            Flex Consumption plan (4.3).
        site_write_seconds: how long a write of settings or of a site is carried out, while no other
            is accepted (4.1).
        site_front: what answers calls of a site in place of the API, or beside it: `network` (an
            access restriction, 403), `authentication` (App Service Authentication), `bearer` (the
            API itself, with a challenge in its 401), `front-door` (the site takes calls by its
            Azure Front Door only, 403), or nothing (8).
        api_versions: by namespace, or `KeyVault`, the only ones that are accepted; a namespace that
            is not in it has all there are (4.9).
    """

    tenant: str = "default"
    default_sign_in_audience: str = "AzureADMyOrg"
    duplicate_consent_as_grant: bool = False
    service_management_reference_required: bool = False
    upsert_without_owner: bool = False
    directory_write_seconds: float = 0.0
    graph_writes: int = 0
    role_cast_status: int = 0
    role_assignments_hidden: bool = False
    recycle_bin_for_members: bool = False
    deleted_without_unique_name: bool = False
    refused_tokens: int = 15
    throttled_as_loop: bool = False
    blocked_device_codes: str = ""
    blocked_people: str = ""
    sign_in_with_mfa: bool = True
    mfa_for_writes: str = "challenge"
    location_challenges: bool = False
    delegated_subscriptions: bool = False
    arm_page_size: int = 0
    identity_patch: str = "accepted"
    strict_setting_names: bool = False
    settings_accept_202: bool = False
    site_write_seconds: float = 0.0
    site_front: str = ""
    api_versions: Mapping[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Restore what `asdict` returned.

        Raises TypeError: a value is unknown or of another type.
        """
        variations = cls(**data)
        for name, default in asdict(cls()).items():
            if type(getattr(variations, name)) is not type(default):
                raise TypeError(f"'{name}' has the wrong type")
        return variations


_STRICT = Variations(
    "strict",
    service_management_reference_required=True,
    directory_write_seconds=0.3,
    role_cast_status=400,
    role_assignments_hidden=True,
    sign_in_with_mfa=False,
    arm_page_size=1,
    identity_patch="refused",
    site_write_seconds=0.3,
)
_LEGACY = Variations(
    "legacy",
    default_sign_in_audience="AzureADandPersonalMicrosoftAccount",
    duplicate_consent_as_grant=True,
    upsert_without_owner=True,
    role_cast_status=500,
    deleted_without_unique_name=True,
    mfa_for_writes="off",
    settings_accept_202=True,
    api_versions={"Microsoft.Web": ["2022-09-01", "2023-01-01", "2023-12-01", "2024-04-01"]},
)
"""Its api-versions are those of US Government in August 2025 (Azure/azure-cli#31943)."""
_PARTNER = Variations("partner", delegated_subscriptions=True)
TENANTS = {one.tenant: one for one in (Variations(), _STRICT, _LEGACY, _PARTNER)}
