"""A person who sets up a trust by hand, through Graph and Resource Manager, as the document
says.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from tests.conftest import SITE, Json, Sandbox

STRANGER = "99999999-9999-4999-8999-999999999999"


@dataclass
class Registration:
    """An application that a person registered, with its service principal, as the portal
    makes it.
    """

    object_id: str
    app_id: str
    principal_id: str
    secret: str = ""


@dataclass
class Hand:
    """A person with the document open, who works in the portal."""

    azure: Sandbox
    site: str = SITE
    is_ours: bool = False
    """Whether the pipeline that the program is run as is an owner of what they register."""
    service: Registration = field(init=False)
    clients: list[Registration] = field(default_factory=list)
    role_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def register(self, name: str) -> Registration:
        sent = {"displayName": name, "signInAudience": "AzureADMyOrg"}
        application = self.azure.graph("POST", "/applications", json=sent)
        principal = self.azure.graph(
            "POST", "/servicePrincipals", json={"appId": application["appId"]}
        )
        if self.is_ours:
            self.azure.let_own(application["appId"])
        return Registration(application["id"], application["appId"], principal["id"])

    def change_service(self, **properties: Any) -> None:
        self.azure.graph("PATCH", f"/applications/{self.service.object_id}", json=properties)

    def delete(self, which: Registration, *, for_good: bool = False) -> None:
        self.azure.graph("DELETE", f"/applications/{which.object_id}")
        if for_good:
            self.azure.graph("DELETE", f"/directory/deletedItems/{which.object_id}")

    def role(self, value: str = "S2SAppRole", **changed: Any) -> Json:
        words = {
            "allowedMemberTypes": ["Application"],
            "description": "Apps in this role can consume the web api.",
        }
        return {
            "displayName": value,
            "id": self.role_id,
            "isEnabled": True,
            "value": value,
            **words,
            **changed,
        }

    def step_1(self) -> Self:
        self.service = self.register("MCT service")
        self.change_service(identifierUris=[self.uri])
        self.change_service(appRoles=[self.role()])
        return self

    def step_2(
        self,
        name: str = "S2S-client",
        *,
        consent: bool = True,
        lasts: timedelta = timedelta(days=365),
    ) -> Self:
        application = self.register(name)
        self.clients.append(application)
        if lasts:
            end = (self.azure.now() + lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
            wanted = {"passwordCredential": {"displayName": "app secret", "endDateTime": end}}
            path = f"/applications/{application.object_id}/addPassword"
            application.secret = self.azure.graph("POST", path, json=wanted)["secretText"]
        access = [
            {
                "resourceAppId": self.service.app_id,
                "resourceAccess": [{"id": self.role_id, "type": "Role"}],
            }
        ]
        self.azure.graph(
            "PATCH",
            f"/applications/{application.object_id}",
            json={"requiredResourceAccess": access},
        )
        if consent:
            ids = {"principalId": application.principal_id, "resourceId": self.service.principal_id}
            path = f"/servicePrincipals/{self.service.principal_id}/appRoleAssignedTo"
            self.azure.graph("POST", path, json={**ids, "appRoleId": self.role_id})
        return self

    def step_3(self, **changed: str | None) -> Self:
        written = {
            "ServiceAuthEnabled": "true",
            "ServiceAuthAudience": self.uri,
            "ServiceAuthTenantName": self.tenant_name,
            "ServiceAuthTenantId": self.azure.tenant_id,
            **(
                {"ServiceApplicationIds": self.client.app_id, "ServiceAuthRole": "S2SAppRole"}
                if self.clients
                else {}
            ),
            **changed,
        }
        self.write({name: value for name, value in written.items() if value is not None})
        return self

    def write(self, settings: Mapping[str, str | None]) -> None:
        self.azure.write_settings({**self.azure.settings(self.site), **settings}, self.site)

    @property
    def client(self) -> Registration:
        """The one that was made last."""
        return self.clients[-1]

    @property
    def tenant_name(self) -> str:
        """As the directory's overview page shows it."""
        domains = self.azure.graph("GET", "/organization")["value"][0]["verifiedDomains"]
        return str(next(domain["name"] for domain in domains if domain["isInitial"]))

    @property
    def uri(self) -> str:
        return f"api://{self.service.app_id}"
