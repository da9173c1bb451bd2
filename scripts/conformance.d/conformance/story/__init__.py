"""What is asked, in its order: the requests that the program itself makes, and the mistakes next to them.

Whatever a request makes is named after the run, and nothing is changed that the run has not made, but for one
application setting, which is added and taken back.
"""

from __future__ import annotations

from conformance.steps import Service, Step
from conformance.story import (
    consent,
    credentials,
    key_vault,
    mct_site,
    principals,
    registrations,
    removal,
    resource_manager,
    token_service,
)


def story(*, with_vault: bool) -> list[Step]:
    """Every step; those of a key vault only where there is one to ask."""
    steps = [
        *resource_manager.READS,
        *registrations.STEPS,
        *principals.STEPS,
        *credentials.STEPS,
        *consent.GRANTED,
        *token_service.STEPS,
        *mct_site.STEPS,
        *resource_manager.IDENTITY,
        *resource_manager.SETTINGS,
        *key_vault.STEPS,
        *consent.REVOKED,
        *removal.STEPS,
    ]
    return [step for step in steps if with_vault or step.service is not Service.VAULT]


def not_asked(operation: str) -> str:
    """Why no step asks for an operation of the sandbox."""
    for beginning, why in _REASONS.items():
        if operation.startswith(beginning):
            return why
    return "no step yet"


_REASONS = {
    "POST /{tenant}/oauth2/v2.0/devicecode": "a person would have to sign in",
    "GET /devicelogin": "a page for people",
    "POST /devicelogin": "a page for people",
    "GET /v1.0/me": "depends on who runs it",
    "GET /v1.0/users": "shows people",
    "GET /v1.0/{principal}/memberOf": "depends on who runs it",
    "GET /v1.0/{principal}/transitiveMemberOf": "depends on who runs it",
    "GET /v1.0/{principal}/ownedObjects": "depends on who runs it",
    "PATCH /v1.0/policies": "would change the tenant's policy",
    "GET /v1.0/roleManagement": "shows people",
    "PUT {scope}/providers/Microsoft.Authorization": "would change who may do what",
    "DELETE {scope}/providers/Microsoft.Authorization": "would change who may do what",
    "POST /subscriptions/{subscription}/providers": "would change the subscription",
    "PUT {site}/config/slotConfigNames": "would change the App Service",
    "POST {site}/slotsswap": "would change the App Service",
    "POST {site}/restart": "would interrupt the App Service",
    "POST {site}/start": "would interrupt the App Service",
    "POST {site}/stop": "would interrupt the App Service",
    "POST {site}/publishxml": "shows passwords",
    "POST {site}/config/connectionstrings/list": "shows passwords",
    "GET /deletedsecrets": "shows other people's secrets by name",
    "GET {IDENTITY_ENDPOINT}": "answers only inside a resource",
    "GET {machine}/metadata": "answers only inside a resource",
}
