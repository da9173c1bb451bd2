"""The real SDKs against the sandbox over TLS: sign-in in each of its ways, and the document's Graph half."""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.request
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import jwt
import pytest
from azure.identity import (
    ClientSecretCredential,
)
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from mct_s2s.sandbox.hosting.embedded import Running
from msgraph.generated.applications.item.add_password.add_password_post_request_body import (
    AddPasswordPostRequestBody,
)
from msgraph.generated.models.app_role import AppRole
from msgraph.generated.models.app_role_assignment import AppRoleAssignment
from msgraph.generated.models.application import Application
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_credential import PasswordCredential
from msgraph.generated.models.service_principal import ServicePrincipal
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory  # type: ignore[import-untyped]

# The generated builders warn of their own deprecated classes when they are imported, at the first request.
pytestmark = [
    pytest.mark.filterwarnings("ignore:GetQueryParameters is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This class is deprecated. Please use the generic:DeprecationWarning"),
]


AIOHTTP_CLOSES = 0.05
"""Seconds that aiohttp's TLS connections take to close after their session says it is closed."""


class Cloud:
    """The addresses of a running sandbox, found as any client finds them."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.tls = ssl.create_default_context(cafile=str(running.ca_file))
        address = f"{running.resource_manager.rstrip('/')}/metadata/endpoints?api-version=2022-09-01"
        with urllib.request.urlopen(address, context=self.tls) as answer:
            document = json.load(answer)
        self.graph = document["microsoftGraphResourceId"].rstrip("/")
        self.sync = {
            "authority": document["authentication"]["loginEndpoint"],
            "disable_instance_discovery": True,
            "connection_verify": str(running.ca_file),
        }
        self.login = self.sync["authority"]

    @asynccontextmanager
    async def client(self) -> AsyncIterator[GraphServiceClient]:
        async with (
            AsyncClientSecretCredential(
                self.running.tenant_id, self.running.client_id, self.running.client_secret, **self.sync
            ) as credential,
            httpx.AsyncHTTPTransport(verify=self.tls) as connections,
            httpx.AsyncClient(transport=connections) as http,
        ):
            # kiota puts its middleware in the transport's place, and closing that one closes no connection.
            provider = AzureIdentityAuthenticationProvider(credential, scopes=[f"{self.graph}/.default"])
            transport = GraphClientFactory.create_with_default_middleware(options=options, client=http)
            adapter = GraphRequestAdapter(provider, client=transport)
            adapter.base_url = f"{self.graph}/v1.0"
            yield GraphServiceClient(request_adapter=adapter)
        await asyncio.sleep(AIOHTTP_CLOSES)


@pytest.fixture
def cloud(running: Running) -> Cloud:
    return Cloud(running)


def test_msgraph_does_the_documents_first_two_steps(cloud: Cloud) -> None:
    async def run() -> tuple[str, str, str]:
        async with cloud.client() as graph:
            role = AppRole(
                id=uuid.uuid4(),
                allowed_member_types=["Application"],
                display_name="S2SAppRole",
                description="Apps in this role can consume the web api.",
                is_enabled=True,
                value="S2SAppRole",
            )
            body = Application(display_name="service", sign_in_audience="AzureADMyOrg", app_roles=[role])
            service = await graph.applications.post(body)
            assert service
            assert service.id
            uri = f"api://{service.app_id}"
            await graph.applications.by_application_id(service.id).patch(Application(identifier_uris=[uri]))
            owner = await graph.service_principals.post(ServicePrincipal(app_id=service.app_id))
            client = await graph.applications.post(Application(display_name="c", sign_in_audience="AzureADMyOrg"))
            assert client
            assert client.id
            caller = await graph.service_principals.post(ServicePrincipal(app_id=client.app_id))
            secret = await graph.applications.by_application_id(client.id).add_password.post(
                AddPasswordPostRequestBody(password_credential=PasswordCredential(display_name="one"))
            )
            assert owner
            assert owner.id
            assert caller
            assert caller.id
            assert secret
            assert secret.secret_text
            grant = AppRoleAssignment(
                principal_id=uuid.UUID(caller.id), resource_id=uuid.UUID(owner.id), app_role_id=role.id
            )
            await graph.service_principals.by_service_principal_id(owner.id).app_role_assigned_to.post(grant)
            return uri, str(client.app_id), secret.secret_text

    uri, app_id, secret = asyncio.run(run())
    credential = ClientSecretCredential(cloud.running.tenant_id, app_id, secret, **cloud.sync)
    token = credential.get_token(f"{uri}/.default").token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["aud"], claims["appid"], claims["roles"]) == (uri, app_id, ["S2SAppRole"])


def test_msgraph_reads_graphs_errors(cloud: Cloud) -> None:
    async def run() -> ODataError:
        async with cloud.client() as graph:
            with pytest.raises(ODataError) as raised:
                await graph.applications.by_application_id(str(uuid.UUID(int=1))).get()
            return raised.value

    error = asyncio.run(run())
    assert error.response_status_code == 404
    assert error.error
    assert error.error.code == "Request_ResourceNotFound"
    assert error.error.inner_error
    assert error.error.inner_error.request_id
