"""The MCT site of the App Service: what it says to somebody whom it does not know. Nothing but GET is asked."""

from __future__ import annotations

from conformance.steps import Service, Table

_PATH = "/api/v1/organization"
_OPERATION = "/api/v1/{path}"

_steps = Table("mct-site", Service.SITE, is_anonymous=True)
_steps.ask("GET", _PATH, _OPERATION)
_steps.ask("GET", _PATH, _OPERATION, headers={"ClientType": "Service"})
# The token is the throwaway client's for the throwaway API: it opens nothing.
_steps.ask("GET", _PATH, _OPERATION, headers={"ClientType": "Service"}, bearer="clientToken")

STEPS = _steps.steps
