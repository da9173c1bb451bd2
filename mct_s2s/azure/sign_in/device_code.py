"""Device codes that bring claims along.

azure-identity sends the claims of a challenge when it polls for the token, which is too late: Entra asks for a second
factor on the page where the code is typed, and so it has to know of the claims when the code is asked for. MSAL does
that since 1.33 if it is told (Azure/azure-cli#31856; AzureAD/microsoft-authentication-library-for-python#839).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from azure.identity import DeviceCodeCredential


class _WithClaims(DeviceCodeCredential):
    def _get_app(self, **options: Any) -> Any:
        app: Any = super()._get_app(**options)
        app.initiate_device_flow = partial(type(app).initiate_device_flow, app, claims_challenge=options.get("claims"))
        return app


def credential(**options: Any) -> DeviceCodeCredential:
    """A credential of azure-identity's, with its options."""
    return _WithClaims(**options)
