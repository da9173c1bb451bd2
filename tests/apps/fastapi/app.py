"""An API on FastAPI: fastapi-azure-auth checks the token, the app its role.

Every name of a setting is its own.
"""

import os
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Security
from fastapi_azure_auth import SingleTenantAzureAuthorizationCodeBearer
from fastapi_azure_auth.exceptions import ForbiddenHttp
from fastapi_azure_auth.user import User

signed_in = SingleTenantAzureAuthorizationCodeBearer(
    app_client_id=os.environ["APP_CLIENT_ID"],
    tenant_id=os.environ["TENANT_ID"],
    allow_guest_users=True,
    # the sandbox's time may be ahead of this process's, as waits pass in no time in a test
    leeway=300,
)
signed_in.openid_config.config_url = f"{os.environ['AUTHORITY']}/.well-known/openid-configuration"
app = FastAPI()


@app.get("/orders")
async def orders(user: Annotated[User, Security(signed_in)]) -> list[str]:
    if os.environ["REQUIRED_ROLE"] not in user.roles:
        raise ForbiddenHttp("The role is missing.")
    return []


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
