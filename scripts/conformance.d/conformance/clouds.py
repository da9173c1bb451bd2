"""The two clouds that are compared: their services, their tokens, and the values of names."""

import asyncio
import base64
import json
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

from mct_s2s.azure.answers import OddAnswer, parse_json
from mct_s2s.azure.cloud_metadata import discover
from mct_s2s.azure.clouds import Cloud
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import NO_ANSWER, Http, tls_context
from mct_s2s.azure.sign_in.methods import CallerCredential, challenged_tenant
from mct_s2s.errors import ServiceError, UsageError
from mct_s2s.inputs.secret_to import vault_to
from mct_s2s.key_pairs import make_key_pair
from mct_s2s.model.resource_id import SiteTarget
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.state.seed import RESOURCE_GROUP, SITE, SUBSCRIPTION_ID, VAULT

from conformance.comparison import Answer, at
from conformance.story import SITES_API, SUBSCRIPTIONS_API, Json, Service

ROOTS = {
    Service.GRAPH: "graph",
    Service.ARM: "arm",
    Service.LOGIN: "login",
    Service.VAULT: "vault",
    Service.SITE: "siteRoot",
}
"""The names of the services' roots, which have no slash at the end."""


@dataclass
class Side:
    """One cloud, and the account that is signed in to it."""

    http: Http
    token: Callable[[Service], Awaitable[str]]
    bindings: dict[str, str]
    """Values of names: the roots, then what the run and its answers bind."""
    settings: Mapping[str, Json] | None = field(default=None, repr=False)
    """All application settings of the last answer; never stored anywhere else."""
    tokens: dict[Service, str] = field(default_factory=dict, repr=False)

    async def send(
        self,
        service: Service,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Json = None,
        anonymous: bool = False,
        bearer: str | None = None,
    ) -> Answer:
        """Send a request once; redirects are not followed.

        Raises NO_ANSWER, or KeyError: its root is not known yet.
        """
        url = self.bindings[ROOTS[service]] + quote(path, safe="/()'=,:$@~")
        if query:
            url += "?" + urlencode(query, quote_via=quote, safe="$/:,()'")
        sent = {"Accept": "application/json", **(headers or {})}
        if bearer is None and not anonymous:
            bearer = self.tokens[service] = await self.token(service)
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer}"
        content = b"" if method in {"POST", "PUT", "PATCH"} else None
        if body is not None and service is Service.LOGIN:
            sent["Content-Type"], content = (
                "application/x-www-form-urlencoded",
                urlencode(body).encode(),
            )
        elif body is not None:
            sent["Content-Type"], content = "application/json", json.dumps(body).encode()
        came = await self.http.request(method, url, headers=sent, content=content)
        status, headers = came.status_code, dict(came.headers)
        try:
            return Answer(status, headers, parse_json(came.content) if came.content else "")
        except (ValueError, OddAnswer, RecursionError):
            return Answer(status, headers, came.content.decode("utf-8", "replace"))


def _scope(cloud: Cloud, service: Service) -> str:
    if service is Service.VAULT:
        return cloud.key_vault_scope
    return cloud.graph_scope if service is Service.GRAPH else cloud.arm_scope


def _roots(cloud: Cloud, vault: str | None) -> dict[str, str]:
    roots = {"graph": cloud.graph, "login": cloud.login, "arm": cloud.arm}
    return {**roots, **({"vault": cloud.vault(vault)[1]} if vault is not None else {})}


async def questioned_side(
    connection: Connection, credential: CallerCredential, named: Mapping[str, str | None]
) -> Side:
    """The cloud, of which no more is read than the tenant: `named` are the values that a caller
    without rights gave.
    """
    cloud = connection.cloud
    names = {name: value for name, value in named.items() if value}
    side = Side(connection.http, _tokens(cloud, credential), {**_roots(cloud, None), **names})
    tenant_id = connection.tenant
    if tenant_id is None and "subscriptionId" in names:
        path, query = (
            f"/subscriptions/{names['subscriptionId']}",
            {"api-version": SUBSCRIPTIONS_API},
        )
        with suppress(*NO_ANSWER):
            shown = await side.send(Service.ARM, "GET", path, query=query, anonymous=True)
            tenant_id = challenged_tenant(
                {name.lower(): value for name, value in shown.headers.items()}
            )
    if tenant_id is not None:
        side.bindings["tenantId"] = tenant_id
    return side


def _tokens(cloud: Cloud, credential: CallerCredential) -> Callable[[Service], Awaitable[str]]:
    async def token(service: Service) -> str:
        return (await credential.get_token(_scope(cloud, service))).token

    return token


async def cloud_side(
    connection: Connection,
    credential: CallerCredential,
    target: SiteTarget | None,
    vault: str | None,
) -> Side:
    """The cloud that is looked at, with the App Service that was named found there.

    Raises S2SError: it was not.
    """
    cloud = connection.cloud
    if target is None or not target.group or not target.subscription or target.slot:
        raise UsageError(
            "app-service-missing",
            "No complete App Service given.",
            remedy="Add --subscription ID --group NAME --app-service NAME, without --slot.",
        )
    side = Side(
        connection.http,
        _tokens(cloud, credential),
        _roots(cloud, cloud.vault(vault_to(vault).vault)[0] if vault else None),
    )
    root = f"/subscriptions/{target.subscription}"
    path = f"{root}/resourceGroups/{target.group}/providers/Microsoft.Web/sites/{target.name}"
    try:
        row = await side.send(Service.ARM, "GET", root, query={"api-version": SUBSCRIPTIONS_API})
        site = await side.send(Service.ARM, "GET", path, query={"api-version": SITES_API})
    except NO_ANSWER as error:
        raise ServiceError(
            "arm-unreachable",
            f"Azure Resource Manager did not respond ({type(error).__name__}).",
            remedy="Check the network, the proxy and --cloud, then run it again.",
        ) from error
    tenant, site_path, kind = (
        at(row.body, "/tenantId"),
        at(site.body, "/id"),
        str(at(site.body, "/kind")),
    )
    if (
        not isinstance(tenant, str)
        or not isinstance(site_path, str)
        or "functionapp" in kind.lower()
    ):
        raise UsageError(
            "site-not-found",
            f"The App Service '{target.name}' does not exist in the resource group "
            f"'{target.group}', is a function app, or you can't read it.",
            remedy="Check --subscription, which takes an ID, --group and --app-service.",
        )
    side.bindings |= {
        "tenantId": tenant,
        "subscriptionId": target.subscription,
        "group": target.group,
    }
    side.bindings |= {"sitePath": site_path, "site": target.name}
    return side


@asynccontextmanager
async def own_sandbox(names: Mapping[str, str]) -> AsyncIterator[Side]:
    """A sandbox of the run's own, as new, in a folder that goes with it: the other side of the
    comparison.
    """
    with tempfile.TemporaryDirectory(prefix="mct-s2s-") as folder:
        running = await asyncio.to_thread(start, Path(folder))
        try:
            async with sandbox_side(running, names) as side:
                yield side
        finally:
            await asyncio.to_thread(running.close)


@asynccontextmanager
async def sandbox_side(running: Running, names: Mapping[str, str]) -> AsyncIterator[Side]:
    """A running sandbox, its administrator signed in.

    All its durations are 0: the other side is waited for.
    """
    async with Http(tls_context(running.environment)) as http:
        cloud = await discover(running.resource_manager, http)
        form = {
            "grant_type": "client_credentials",
            "client_id": running.client_id,
            "client_secret": running.client_secret,
        }

        async def token(service: Service) -> str:
            if service in side.tokens:
                return side.tokens[service]
            path, body = (
                f"/{running.tenant_id}/oauth2/v2.0/token",
                {**form, "scope": _scope(cloud, service)},
            )
            answer = await side.send(Service.LOGIN, "POST", path, body=body, anonymous=True)
            return str(at(answer.body, "/access_token"))

        sandbox_names = {
            "tenantId": running.tenant_id,
            "subscriptionId": SUBSCRIPTION_ID,
            "group": RESOURCE_GROUP,
        }
        sandbox_names |= {"sitePath": SITE, "site": running.app_service}
        side = Side(http, token, {**_roots(cloud, VAULT), **sandbox_names, **names})
        knobs = {"operationSeconds": 0, "restartSeconds": 0}
        answer = await http.patch(f"{running.resource_manager}/_sandbox/knobs", json=knobs)
        answer.raise_for_status()
        yield side


def names_of(run: str, now: datetime) -> dict[str, str]:
    """What a run chooses, the same on both sides; all its objects have names that begin with its
    own.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = today + timedelta(days=30)
    _, certificate = make_key_pair(run, today, ends)
    moments = {
        "secretEnds": ends,
        "certificateBegins": today,
        "certificateEnds": ends - timedelta(days=1),
    }
    return {
        "name": run,
        "roleId": str(uuid.uuid4()),
        "certificateId": str(uuid.uuid4()),
        "certificate": base64.b64encode(certificate.der).decode(),
        "unsignedAssertion": _unsigned(run, ends),
        **{name: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for name, moment in moments.items()},
    }


def _unsigned(name: str, ends: datetime) -> str:
    """What looks like another issuer's token, and is signed by nobody."""
    header = {"alg": "RS256", "typ": "JWT", "kid": "conformance"}
    claims = {
        "iss": "https://token.actions.githubusercontent.com",
        "sub": f"repo:contoso/{name}-other:ref:refs/heads/main",
        "aud": "api://AzureADTokenExchange",
        "exp": int(ends.timestamp()),
    }
    parts = [json.dumps(part).encode() for part in (header, claims)] + [b"signed by nobody"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
