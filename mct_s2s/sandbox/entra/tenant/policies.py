"""The tenant's app management policy, and what services ask of a sign-in: a second factor, or other
claims.

Only the policy's parts on applications are enforced. Source: graph:
resources/tenantappmanagementpolicy, resources/passwordcredentialconfiguration,
resources/identifieruriconfiguration; the refusals are as users report them, e.g.
Azure/azure-cli#28522; docs/azure-contract.md, sections 3.14 and 4.10.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from mct_s2s.sandbox.core.files import document
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error, service_error
from mct_s2s.sandbox.entra.tenant.variations import Variations
from mct_s2s.sandbox.entra.validation import bad_request

_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


class Policies:
    """The tenant's app management policy, and checks against it: by default that of tenants since
    mid-2025.
    """

    def __init__(self, saved: dict[str, Any] | None = None) -> None:
        self.document = saved or document("defaultAppManagementPolicy")

    def change(self, values: dict[str, Any]) -> None:
        self.document = _merged(self.document, values, read_only=("id", "deletedDateTime"))

    def uri_restrictions(self) -> tuple[bool, bool]:
        """Return whether only URIs made of ids are allowed, and whether URIs need an id or a domain
        of the tenant.
        """
        if not self.document["isEnabled"]:
            return False, False
        rules = self.document["applicationRestrictions"]["identifierUris"]
        return (
            rules["nonDefaultUriAddition"]["state"] == "enabled",
            rules["uriAdditionWithoutUniqueTenantIdentifier"]["state"] == "enabled",
        )

    def check_secret(self, lifetime: timedelta, *, application_created: str) -> None:
        for rule in self._in_force("passwordCredentials", application_created):
            if rule["restrictionType"] == "passwordAddition":
                raise service_error(
                    "CredentialTypeNotAllowedAsPerAppPolicy", id=self.document["id"]
                )
            if rule["restrictionType"] == "passwordLifetime" and lifetime > duration(
                rule["maxLifetime"]
            ):
                raise _too_long(self.document["id"])

    def check_certificate(self, lifetime: timedelta, *, application_created: str) -> None:
        for rule in self._in_force("keyCredentials", application_created):
            if rule["restrictionType"] == "asymmetricKeyLifetime" and lifetime > duration(
                rule["maxLifetime"]
            ):
                raise _too_long(self.document["id"])

    def _in_force(self, kind: str, application_created: str) -> Iterator[dict[str, Any]]:
        if not self.document["isEnabled"]:
            return
        for rule in self.document["applicationRestrictions"][kind]:
            since = rule.get("restrictForAppsCreatedAfterDateTime")
            if rule.get("state", "enabled") == "enabled" and (
                not since or application_created >= since
            ):
                yield rule


def _merged(
    old: dict[str, Any], values: dict[str, Any], read_only: tuple[str, ...] = ()
) -> dict[str, Any]:
    for name, value in values.items():
        if name not in old or name in read_only:
            raise bad_request(f"Invalid property '{name}'.")
        if old[name] is not None and value is not None and type(old[name]) is not type(value):
            raise bad_request(f"Invalid value specified for property '{name}'.")
    inner = {
        name: _merged(old[name], value)
        for name, value in values.items()
        if isinstance(value, dict) and old[name]
    }
    return {**old, **values, **inner}


def duration(text: str) -> timedelta:
    """Read an ISO 8601 duration; a year counts 365 days and a month 30."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise bad_request(
            f"Cannot convert the literal '{text}' to the expected type 'Edm.Duration'."
        )
    years, months, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(
        days=365 * years + 30 * months + days, hours=hours, minutes=minutes, seconds=seconds
    )


def _too_long(policy_id: str) -> WireError:
    # Recorded as a whole in OfficeDev/microsoft-365-agents-toolkit#10998.
    message = (
        f"Credential lifetime exceeds the max value allowed as per assigned policy '{policy_id}'."
    )
    detail = {"code": "InvalidKeyEndDate", "message": message, "target": "EndDate"}
    return graph_error(400, "CredentialInvalidLifetimeAsPerAppPolicy", message, details=[detail])


MFA_CLAIMS = {"access_token": {"acrs": {"essential": True, "values": ["p1"]}}}
_ADDRESS = "xms_rp_ipaddr"


def lacks_location(variations: Variations, token: Mapping[str, Any]) -> bool:
    return variations.location_challenges and _ADDRESS not in token


def asks_for_mfa(claims: str) -> bool:
    return "p1" in _values(claims, "acrs")


def granted(claims: str) -> dict[str, Any]:
    values = _values(claims, _ADDRESS)
    return {_ADDRESS: values[0]} if values else {}


def location_claims(now: float) -> str:
    wanted = {"nbf": {"essential": True, "value": str(int(now))}, _ADDRESS: {"value": "192.0.2.7"}}
    return encoded({"access_token": wanted})


def encoded(claims: Mapping[str, Any]) -> str:
    return base64.b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()


def _values(claims: str, name: str) -> list[Any]:
    try:
        asked = json.loads(claims)["access_token"][name]
        return list(asked.get("values") or [asked["value"]])
    except (ValueError, LookupError, TypeError, AttributeError):
        return []
