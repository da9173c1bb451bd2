"""A key vault: the life of one secret of the run's own. Other secrets are neither read nor listed."""

from __future__ import annotations

from conformance.steps import Kind, Service, Table

_SECRET, _DELETED = "/secrets/{name}", "/deletedsecrets/{name}"
_ONE, _NEWEST = "/secrets/{name}/{version}", "/secrets/{name}"
_BODY = {"value": "nothing to hide", "contentType": "text/plain", "tags": {"run": "{run}"}}

_steps = Table("key-vault", Service.VAULT, query={"api-version": "7.4"})
_ask = _steps.ask
_ask("GET", _SECRET, _ONE, is_anonymous=True)
_ask("GET", _SECRET, _ONE)
_ask("GET", _SECRET, _ONE, query={})
_ask("PUT", _SECRET, _NEWEST, body={"value": 1})
_ask("PUT", _SECRET, _NEWEST, body=_BODY, makes=Kind.SECRET)
_ask("GET", _SECRET, _ONE, needs=(5,))
_ask("GET", f"{_SECRET}/versions", f"{_NEWEST}/versions", needs=(5,))
_ask("DELETE", _SECRET, _NEWEST, needs=(5,))
_ask("GET", _DELETED, _DELETED, needs=(8,))
_ask("PUT", _SECRET, _NEWEST, body=_BODY, needs=(8,))
_ask("GET", _SECRET, _ONE, needs=(8,))
_ask("POST", f"{_DELETED}/recover", f"{_DELETED}/recover", needs=(8,))
_ask("GET", _SECRET, _ONE, needs=(12,))
_ask("DELETE", _SECRET, _NEWEST, needs=(12,))
_ask("GET", _DELETED, _DELETED, needs=(14,))
_ask("DELETE", _DELETED, _DELETED, needs=(14,))
_ask("GET", _DELETED, _DELETED, needs=(16,))

STEPS = _steps.steps
