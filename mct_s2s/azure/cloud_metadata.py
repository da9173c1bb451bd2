"""A cloud by asking its Azure Resource Manager: `/metadata/endpoints`, read as what comes from someone unknown.

The server that answers chooses where the caller's tokens come from and where they go. So a document that names
anything of one of Microsoft's clouds has to be that cloud altogether, and is then replaced by our own table's
entry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from mct_s2s.azure.answers import OddAnswer
from mct_s2s.azure.clouds import BY_NAME, NEVER_CONNECTED, Cloud, is_on_this_machine
from mct_s2s.azure.http import NO_ANSWER, Http
from mct_s2s.azure.services import certificate_advice, reason
from mct_s2s.errors import Refused, ServiceError
from mct_s2s.model.azure_resources import origin

METADATA_PATH = "/metadata/endpoints?api-version=2022-09-01"
"""The version that `az cloud register` and Terraform's `metadata_host` read: docs/azure-contract.md, section 5.2."""

_DOMAINS = {
    "microsoftonline.com": "public",
    "microsoft.com": "public",
    "windows.net": "public",
    "azure.com": "public",
    "azure.net": "public",
    "microsoftonline.us": "usgov",
    "microsoft.us": "usgov",
    "azure.us": "usgov",
    "usgovcloudapi.net": "usgov",
    "microsoftonline.cn": "china",
    "azure.cn": "china",
    "chinacloudapi.cn": "china",
}
"""Which of Microsoft's clouds the names below a domain belong to, those of their customers included."""

_ADDRESS = re.compile(r"https://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?")
"""No user name, no query and no character that two libraries could read in two ways."""
_SUFFIX = re.compile(r"[a-z0-9.-]+(?::[0-9]{1,5})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


async def discover(url: str, http: Http) -> Cloud:
    """Ask an Azure Resource Manager for the endpoints of its cloud. A redirect is not followed.

    Raises:
        ServiceError: it does not answer, or not with such a document.
        Refused: the document mixes one of Microsoft's clouds with something else.
    """
    arm, status = url.rstrip("/"), 0
    try:
        response = await http.get(arm + METADATA_PATH, extensions={"service": "ARM"})
        if response.status_code != 200:
            status = response.status_code
            raise ValueError(f"it returned {status}{', and redirects are not followed' if status < 400 else ''}")
        return read_cloud(arm, json.loads(response.content.decode("utf-8-sig")))
    except (*NO_ANSWER, ValueError, LookupError, TypeError, RecursionError) as error:
        advice, command = certificate_advice(error) or ("Check the URL of --cloud, the network and the proxy.", "")
        unreachable = isinstance(error, httpx.ConnectError | httpx.TimeoutException)
        raise ServiceError(
            "cloud-unreachable",
            f"Cannot reach {arm}.{' Is the sandbox running?' if is_on_this_machine(arm) else ''}"
            if unreachable
            else f"Cannot read the endpoints of the cloud at {arm}.",
            answer=f"the response {error}" if isinstance(error, OddAnswer) else reason(error),
            remedy=advice,
            command=command,
            status=NEVER_CONNECTED if isinstance(error, httpx.ConnectError | OddAnswer) else status,
        ) from error


def read_cloud(arm: str, document: object) -> Cloud:
    """The cloud that a metadata document describes.

    Source for the shape: hashicorp/go-azure-sdk, sdk/internal/metadata; keys are compared without case.

    Args:
        arm: the address that was asked, taken where the document names no Resource Manager.

    Raises:
        LookupError, ValueError: it is no such document.
        Refused: it mixes one of Microsoft's clouds with something else.
    """
    described = _lowered(document)
    authentication = _lowered(described["authentication"])
    login = _address(authentication["loginendpoint"])
    audiences = authentication["audiences"]
    if not isinstance(audiences, list) or not audiences:
        raise ValueError("it contains no audience")
    audiences = [_address(audience) for audience in audiences]
    manager = _address(described.get("resourcemanager") or arm)
    graph = _address(described["microsoftgraphresourceid"])
    vaults = str(_lowered(described.get("suffixes") or {}).get("keyvaultdns") or "").strip(".").lower()
    if vaults and not _SUFFIX.fullmatch(vaults):
        raise ValueError(f"'{vaults}' is not a key vault suffix")
    addresses = [login, graph, manager, *audiences, *([f"https://{vaults}"] if vaults else [])]
    if any(_owner(address) for address in addresses):
        return _known(login, graph, manager, audiences, vaults)
    name = described.get("name")
    label = name if isinstance(name, str) and _NAME.fullmatch(name) else manager
    return Cloud(label, login, graph, manager, f"{audiences[0]}/.default", False, vaults or None)


def _known(login: str, graph: str, manager: str, audiences: list[str], vaults: str) -> Cloud:
    """The one cloud of our table that all of this belongs to."""
    for cloud in BY_NAME.values():
        named = (origin(login), origin(graph), origin(manager))
        if named != (origin(cloud.login), origin(cloud.graph), origin(cloud.arm)):
            continue
        others = [*audiences, *([f"https://{vaults}"] if vaults else [])]
        if all(_owner(address) == _owner(cloud.arm) for address in others):
            return cloud
    raise Refused(
        "cloud-untrusted",
        f"The metadata of {manager} mixes endpoints of a Microsoft cloud with others (login {login}, Microsoft "
        f"Graph {graph}), which would send tokens of one to the other. No token was sent.",
        remedy=f"Use the cloud's name with --cloud: {', '.join(sorted({cloud.name for cloud in BY_NAME.values()}))}",
    )


def _owner(address: str) -> str | None:
    """The known cloud that an address belongs to; `None` where it is someone else's."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    return next((cloud for domain, cloud in _DOMAINS.items() if host == domain or host.endswith(f".{domain}")), None)


def _address(value: object) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value) or origin(value) is None:
        raise ValueError(f"'{value}' is not an https address")
    return value.rstrip("/")


def _lowered(document: object) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise ValueError("it is not a JSON object")  # what was received is wrong, not its type
    return {str(key).lower(): value for key, value in document.items()}
