"""Recorded exchanges that are not sent to the sandbox, and where the sandbox answers otherwise on
purpose.

Both are counted by `test_real_traffic.py`: whoever adds to them says why.
"""

from typing import NamedTuple

NOT_COMPARED = {
    "errors/arm-11": (
        "a limit of Microsoft.Authorization that the sandbox has not: it would repeat what a fault "
        "says"
    ),
    "errors/graph-06": (
        "app management policies of the sandbox restrict no audiences; the status is not quoted"
    ),
    "errors/graph-12": "about certificate-based authentication, which the sandbox has not",
    "errors/graph-13": "about cross-tenant access, which the sandbox has not",
    "errors/login-05": (
        "of version 1 and 2017; the sandbox answers newer texts, which name the application"
    ),
}


class Deviation(NamedTuple):
    """What the sandbox answers at a place of a recorded response, as a JSON pointer, and why."""

    pointer: str
    answered: str
    why: str


_NAMED = "the first name is the application's in newer answers"
_LONGER = "newer answers go on after the recorded sentence"
_PRINCIPAL = (
    "Principal {id without dashes} does not exist in the directory {tenantId}. Check that you have "
    "the correct principal ID. <rest>"
)
_UNAUTHORIZED = (
    "The client '<application id>' with object id '{objectId}' does not have authorization to "
    "perform action "
    "'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, "
    "please refresh your credentials."
)
_DENIED = (
    "The client '<application id>' with object id '{objectId}' has permission to perform action "
    "'{action}' on scope "
    "'{scope}'; however, the access is denied because of the deny assignment <rest>"
)
_UNREGISTERED = (
    "No registered resource provider found for location '<region>' and API version '2024-11-01' "
    "for type 'sites'. The supported api-versions are '2024-04-01, 2023-12-01'. The supported "
    "locations are '<regions>'."
)
_SECOND_FACTOR = (
    "<begins: Resource was disallowed by policy. ...; contains: Users must authenticate with "
    "multi-factor authentication to create or update resources.>"
)
DEVIATIONS = {
    "errors/arm-01": Deviation(
        "/body/error/message", _UNREGISTERED, "of another region, with fewer versions"
    ),
    "errors/arm-06": Deviation("/body/error/message", _UNAUTHORIZED, _NAMED),
    "errors/arm-07": Deviation("/body/error/message", _DENIED, _NAMED),
    "errors/arm-09": Deviation(
        "/body/error/message", _SECOND_FACTOR, "the operation is named in two ways"
    ),
    "errors/arm-12": Deviation(
        "/body/error/message", _PRINCIPAL.replace("id w", "objectId w"), _LONGER
    ),
    "key-vault-secrets/01": Deviation(
        "/headers/www-authenticate",
        'Bearer authorization="{login}/{tenantId}", resource="{vault audience}"',
        "each cloud names its own resource",
    ),
    "site-identity/04": Deviation(
        "/body/error/message", _PRINCIPAL.replace("id w", "principalId w"), _LONGER
    ),
}
"""One for each exchange at most."""
