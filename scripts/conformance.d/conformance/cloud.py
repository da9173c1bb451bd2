"""The cloud that is looked at: the App Service that was named, and the side of whoever signed in."""

from __future__ import annotations

from collections.abc import Mapping

from mct_s2s.azure.clouds import BY_NAME, SANDBOX
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.plain_requests import NoAnswer
from mct_s2s.azure.sign_in.caller_credential import CallerCredential
from mct_s2s.errors import NotThere, Refused, ServiceError, UsageError
from mct_s2s.inputs.vault import vault_to

from conformance.journal import Place
from conformance.names import roots
from conformance.side import Side
from conformance.steps import Json, Service, at
from conformance.story.resource_manager import SITES_API, SUBSCRIPTIONS_API


def label_of(cloud: str) -> str:
    """What a report calls a cloud: its name, or `private` for an address."""
    known = BY_NAME.get(cloud.lower())
    if known is not None:
        return known.name
    return cloud if cloud == SANDBOX else "private"


def cloud_side(
    connection: Connection, credential: CallerCredential, place: Place | None, names: Mapping[str, str]
) -> tuple[Side, Mapping[Service, str]]:
    """The side, and the tokens that it has used by now, which no report may show."""
    cloud, tokens = connection.cloud, dict[Service, str]()

    async def token(service: Service) -> str:
        scopes = {Service.GRAPH: cloud.graph_scope, Service.ARM: cloud.arm_scope}
        scope = cloud.key_vault_scope if service is Service.VAULT else scopes[service]
        tokens[service] = (await credential.get_token(scope)).token
        return tokens[service]

    bindings = roots(cloud, place.vault if place is not None else None)
    if place is not None:
        bindings |= {
            "tenantId": place.tenant,
            "subscriptionId": place.subscription,
            "group": place.group,
            "sitePath": place.site,
            "site": place.site.rpartition("/")[2],
        }
    return Side(connection.http, token, {**bindings, **names}), tokens


async def place_of(connection: Connection, credential: CallerCredential, cloud: str, vault: str | None) -> Place:
    """Look for the App Service that was named.

    Raises:
        UsageError: something was not named that has to be.
        NotThere: it is not there, or not to be seen.
        Refused: it is a function app.
        ServiceError: no answer.
    """
    target = connection.target
    if target is None or not target.group or not target.subscription:
        raise UsageError(
            "app-service-missing",
            "No complete App Service given.",
            remedy="Add --subscription ID --group NAME --app-service NAME.",
        )
    if vault is not None:
        vault = connection.cloud.vault(vault_to(vault).vault)[0]
    side, _ = cloud_side(connection, credential, None, {})
    root = f"/subscriptions/{target.subscription}"
    row = await _read(side, root, SUBSCRIPTIONS_API)
    if row is None:
        raise NotThere(
            "subscription-not-found",
            f"The subscription '{target.subscription}' does not exist, or you can't read it.",
            remedy="Use the subscription's ID, not its name: --subscription ID",
        )
    site = await _read(
        side, f"{root}/resourceGroups/{target.group}/providers/Microsoft.Web/sites/{target.name}", SITES_API
    )
    if site is None:
        raise NotThere(
            "site-not-found",
            f"The App Service '{target.name}' does not exist in the resource group '{target.group}', or you can't "
            "read it.",
            remedy="Check --app-service, --group and --subscription.",
        )
    if "functionapp" in str(site.get("kind", "")).lower():
        raise Refused(
            "function-app",
            f"'{target.name}' is a function app.",
            remedy="Use a web app for tests: --app-service NAME",
        )
    return Place(cloud, str(row["tenantId"]), str(site["id"]), vault)


async def _read(side: Side, path: str, version: str) -> dict[str, Json] | None:
    try:
        answer = await side.send(Service.ARM, "GET", path, query={"api-version": version})
    except NoAnswer as error:
        raise ServiceError(
            "arm-unreachable",
            f"Azure Resource Manager did not respond ({error}).",
            remedy="Check the network, the proxy and --cloud, then run it again.",
        ) from error
    found = answer.body if answer.status == 200 and isinstance(answer.body, dict) else None
    return found if isinstance(at(found, "/id"), str) else None
