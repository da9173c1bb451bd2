"""A device code that brings the claims that a service asks for."""

from functools import partial
from typing import Any

from azure.identity import DeviceCodeCredential


class DeviceCode(DeviceCodeCredential):
    """Sends claims when it asks for the code: azure-identity's come too late for the page where it
    is typed.

    MSAL does it since 1.33 if it is told (Azure/azure-cli#31856;
    AzureAD/microsoft-authentication-library-for-python#839).
    """

    def _get_app(self, **options: Any) -> Any:
        app: Any = super()._get_app(**options)
        app.initiate_device_flow = partial(
            type(app).initiate_device_flow, app, claims_challenge=options.get("claims")
        )
        return app
