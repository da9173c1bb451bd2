"""A cloud, asked of its Azure Resource Manager: `/metadata/endpoints`.

The server that answers chooses where the caller's tokens come from and where they go. So a document
that names anything of one of Microsoft's clouds has to be that cloud altogether, and is then
replaced by our own table's entry.
"""

import re
from typing import Annotated
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from mct_s2s.azure.answers import OddAnswer, advice, reason
from mct_s2s.azure.clouds import CLOUDS, Cloud, is_on_this_machine
from mct_s2s.azure.http import NO_ANSWER, Http
from mct_s2s.errors import NEVER_CONNECTED, Refused, ServiceError
from mct_s2s.model.azure_resources import origin
from mct_s2s.model.documents import SavedFile, parsed
from mct_s2s.plain_text import load_json

METADATA_PATH = "/metadata/endpoints?api-version=2022-09-01"
"""The version that `az cloud register` and Terraform's `metadata_host` read:
docs/azure-contract.md, section 5.2.
"""
_ADDRESS = re.compile(
    r"https://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?"
)
"""No user name, no query and no character that two libraries could read in two ways."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value) or origin(value) is None:
        raise ValueError(f"'{value}' is not an https address")
    return value.rstrip("/")


def _vaults(value: str | None) -> str | None:
    suffix = (value or "").strip(".").lower()
    if suffix and not re.fullmatch(r"[a-z0-9.-]+(?::[0-9]{1,5})?", suffix):
        raise ValueError(f"'{suffix}' is not a key vault suffix")
    return suffix or None


_Address = Annotated[str, AfterValidator(_address)]


class _Part(SavedFile):
    """Keys are compared without case.

    Source for the shape: hashicorp/go-azure-sdk, sdk/internal/metadata.
    """

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", ""))

    @model_validator(mode="before")
    @classmethod
    def _lowered(cls, found: object) -> object:
        return (
            {str(key).lower(): value for key, value in found.items()}
            if isinstance(found, dict)
            else found
        )


class _Authentication(_Part):
    login_endpoint: _Address
    audiences: list[_Address] = Field(min_length=1)


class _Suffixes(_Part):
    key_vault_dns: Annotated[str | None, AfterValidator(_vaults)] = None


class _Metadata(_Part):
    name: str | None = None
    authentication: _Authentication
    microsoft_graph_resource_id: _Address
    resource_manager: _Address | None = None
    suffixes: _Suffixes | None = None


async def discover(url: str, http: Http) -> Cloud:
    """No redirect is followed. Raises ServiceError, Refused."""
    arm, status = url.rstrip("/"), 0
    try:
        response = await http.get(arm + METADATA_PATH, extensions={"service": "ARM"})
        if response.status_code != 200:
            status = response.status_code
            raise ValueError(
                f"it returned {status}{', and redirects are not followed' if status < 400 else ''}"
            )
        return read_cloud(arm, load_json(response.content.decode("utf-8-sig")))
    except (*NO_ANSWER, ValueError) as error:
        unreachable = isinstance(error, httpx.ConnectError | httpx.TimeoutException)
        raise ServiceError(
            "cloud-unreachable",
            f"Cannot reach {arm}.{' Is the sandbox running?' if is_on_this_machine(arm) else ''}"
            if unreachable
            else f"Cannot read the endpoints of the cloud at {arm}.",
            answer=f"the response {error}" if isinstance(error, OddAnswer) else reason(error),
            status=NEVER_CONNECTED if isinstance(error, httpx.ConnectError | OddAnswer) else status,
            **advice(error, "Check the URL of --cloud, the network and the proxy."),
        ) from error


def read_cloud(arm: str, document: object) -> Cloud:
    """Raises ValueError; Refused: it mixes two clouds."""
    found = parsed(document, _Metadata)
    login, graph = found.authentication.login_endpoint, found.microsoft_graph_resource_id
    manager, audiences = found.resource_manager or _address(arm), found.authentication.audiences
    vaults = found.suffixes.key_vault_dns if found.suffixes is not None else None
    others = [*audiences, *([f"https://{vaults}"] if vaults else [])]
    if not any(_domains(address) for address in (login, graph, manager, *others)):
        name = found.name if found.name and _NAME.fullmatch(found.name) else manager
        return Cloud(name, login, graph, manager, f"{audiences[0]}/.default", vaults)
    for cloud in CLOUDS:
        same = [origin(one) for one in (login, graph, manager)] == [
            *map(origin, (cloud.login, cloud.graph, cloud.arm))
        ]
        if same and all(_domains(address) == cloud.domains for address in others):
            return cloud
    raise Refused(
        "cloud-untrusted",
        f"The metadata of {manager} mixes endpoints of a Microsoft cloud with others (login "
        f"{login}, Microsoft Graph "
        f"{graph}), which would send tokens of one to the other. No token was sent.",
        remedy="Use the cloud's name with --cloud: "
        f"{', '.join(sorted(cloud.name for cloud in CLOUDS))}",
    )


def _domains(address: str) -> tuple[str, ...]:
    """Those of the known cloud that an address belongs to; none where it is someone else's."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    belongs = (
        cloud.domains
        for cloud in CLOUDS
        if any(f".{host}".endswith(f".{one}") for one in cloud.domains)
    )
    return next(belongs, ())
