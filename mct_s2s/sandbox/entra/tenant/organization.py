"""A tenant: its id and its domains.

Source: graph: resources/organization, resources/verifieddomain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mct_s2s.sandbox.core.files import document


@dataclass(frozen=True)
class Tenant:
    """An Entra tenant. `domains` are the verified ones; the first is the initial one."""

    tenant_id: str
    display_name: str
    domains: tuple[str, ...]
    created: str

    @property
    def initial_domain(self) -> str:
        return self.domains[0]

    @property
    def default_domain(self) -> str:
        """The first custom domain, or the initial one while there is none."""
        return self.domains[1] if len(self.domains) > 1 else self.domains[0]

    def _capabilities(self, domain: str) -> str:
        used = domain in {self.initial_domain, self.default_domain}
        return "Email, OfficeCommunicationsOnline" if used else "None"

    def is_named(self, name: str) -> bool:
        return name.lower() in {self.tenant_id, *self.domains}

    def owns_host(self, host: str) -> bool:
        return any(
            host.lower() == domain or host.lower().endswith("." + domain) for domain in self.domains
        )

    def organization(self) -> dict[str, Any]:
        verified = [
            {
                "capabilities": self._capabilities(domain),
                "isDefault": domain == self.default_domain,
                "isInitial": domain == self.initial_domain,
                "name": domain,
                "type": "Managed",
            }
            for domain in self.domains
        ]
        return {**document("organization", tenant=self), "verifiedDomains": verified}

    def to_dict(self) -> dict[str, Any]:
        return {
            "tenantId": self.tenant_id,
            "displayName": self.display_name,
            "domains": list(self.domains),
            "created": self.created,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["tenantId"], data["displayName"], tuple(data["domains"]), data["created"])


CUSTOMER = Tenant(
    "5f1c6d2e-88a4-4a0b-9c3d-0e6b7f4d21a7",
    "Fabrikam Academy",
    ("fabrikamacademy.onmicrosoft.com",),
    "2019-03-11T08:15:42Z",
)
"""Who delegates subscriptions to this tenant: see `Variations.delegated_subscriptions`."""
