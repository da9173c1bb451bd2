"""Credentials of a client: secrets, certificates, federated credentials."""

from __future__ import annotations

from conformance.steps import Service, Table
from conformance.story.registrations import NOBODY

_APP, _ONE = "/v1.0/applications/{clientObjectId}", "/v1.0/{application}"
_FEDERATED = f"{_ONE}/federatedIdentityCredentials"
_NAMED = f"{_APP}/federatedIdentityCredentials(name='pipeline')"
_ISSUER = "https://token.actions.githubusercontent.com"
_TRUST = {
    "issuer": _ISSUER,
    "subject": "repo:contoso/{name}:ref:refs/heads/main",
    "audiences": ["api://AzureADTokenExchange"],
}
_CERTIFICATE = {
    "type": "AsymmetricX509Cert",
    "usage": "Verify",
    "keyId": "{certificateId}",
    "displayName": "{name}",
    "startDateTime": "{certificateBegins}",
    "endDateTime": "{certificateEnds}",
    "key": "{certificate}",
}

_steps = Table("credentials", Service.GRAPH)
_ask = _steps.ask
_ask(
    "POST",
    f"{_APP}/addPassword",
    f"{_ONE}/addPassword",
    body={"passwordCredential": {"displayName": "{name}", "endDateTime": "{secretEnds}"}},
    binds={"secretId": "/keyId", "clientSecret": "/secretText"},
)
_ask(
    "POST",
    f"{_APP}/addPassword",
    f"{_ONE}/addPassword",
    body={"passwordCredential": {"displayName": "second"}},
    binds={"secondId": "/keyId", "secondSecret": "/secretText"},
)
_ask("GET", _APP, _ONE, query={"$select": "id,passwordCredentials"}, needs=(1, 2))
_ask("POST", f"{_APP}/removePassword", f"{_ONE}/removePassword", body={"keyId": "{secondId}"})
_ask("POST", f"{_APP}/removePassword", f"{_ONE}/removePassword", body={"keyId": "{secondId}"}, needs=(4,))
_ask("POST", f"{_APP}/removePassword", f"{_ONE}/removePassword", body={"keyId": NOBODY})
_ask(
    "POST",
    f"{_APP}/addPassword",
    f"{_ONE}/addPassword",
    body={"passwordCredential": {"displayName": "{name}", "endDateTime": "2001-01-01T00:00:00Z"}},
)
_ask("PATCH", _APP, _ONE, body={"keyCredentials": [_CERTIFICATE]})
_ask("GET", _APP, _ONE, query={"$select": "id,keyCredentials"}, needs=(8,))
_ask("PATCH", _APP, _ONE, body={"keyCredentials": []})
_ask("PATCH", _NAMED, f"{_ONE}/{{credential}}", body=_TRUST, headers={"Prefer": "create-if-missing"})
_ask("PATCH", _NAMED, f"{_ONE}/{{credential}}", body=_TRUST, headers={"Prefer": "create-if-missing"}, needs=(11,))
_ask("POST", f"{_APP}/federatedIdentityCredentials", _FEDERATED, body={"name": "other", **_TRUST}, needs=(11,))
_ask("POST", f"{_APP}/federatedIdentityCredentials", _FEDERATED, body={"name": "bad", **_TRUST, "audiences": []})
_ask(
    "GET",
    _NAMED,
    f"{_ONE}/{{credential}}",
    binds={"federatedId": "/id"},
)
_ask("GET", f"{_APP}/federatedIdentityCredentials", _FEDERATED, needs=(11,))

STEPS = _steps.steps
