"""Admin consent: an app role assignment, granted in one place of the story and revoked in another."""

from __future__ import annotations

from conformance.steps import Service, Table
from conformance.story.registrations import NOBODY

_TO = "/v1.0/servicePrincipals/{apiPrincipalId}/appRoleAssignedTo"
_LIST = "/v1.0/{principal}/appRoleAssignedTo"
_ONE = f"{_LIST}/{{assignment}}"
_GRANT = {"principalId": "{clientPrincipalId}", "resourceId": "{apiPrincipalId}", "appRoleId": "{roleId}"}

_granted = Table("consent", Service.GRAPH)
_granted.ask("POST", _TO, _LIST, body=_GRANT, binds={"assignmentId": "/id"})
_granted.ask("POST", _TO, _LIST, body=_GRANT, needs=(1,))
_granted.ask("GET", _TO, _LIST, needs=(1,))
_granted.ask(
    "GET",
    "/v1.0/servicePrincipals/{clientPrincipalId}/appRoleAssignments",
    "/v1.0/{principal}/appRoleAssignments",
    needs=(1,),
)
_granted.ask(
    "GET", "/v1.0/servicePrincipals(appId='{apiAppId}')/appRoleAssignedTo", _LIST, query={"$top": "999"}, needs=(1,)
)
_granted.ask("POST", _TO, _LIST, body={**_GRANT, "appRoleId": NOBODY})
_granted.ask("POST", _TO, _LIST, body={**_GRANT, "principalId": NOBODY})
_granted.ask("POST", _TO, _LIST, body={**_GRANT, "principalId": "{clientAppId}"})

_revoked = Table("consent-revoked", Service.GRAPH)
_revoked.ask("DELETE", f"{_TO}/{{assignmentId}}", _ONE)
_revoked.ask("DELETE", f"{_TO}/{{assignmentId}}", _ONE, needs=(1,))
_revoked.ask("GET", _TO, _LIST, needs=(1,))

GRANTED = _granted.steps
REVOKED = _revoked.steps
