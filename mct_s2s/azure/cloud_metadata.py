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

from mct_s2s.azure.answers import OddAnswer, advice, describe_cause
from mct_s2s.azure.clouds import CLOUDS, Cloud, is_name_taken, is_on_this_machine
from mct_s2s.azure.http import NO_ANSWER, Http
from mct_s2s.errors import NEVER_CONNECTED, Refused, ServiceError
from mct_s2s.model.azure_resources import origin
from mct_s2s.model.run_files import SavedFile, parsed
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
    """Read a cloud's endpoints. Follows no redirect. Raises ServiceError, Refused."""
    arm = url.rstrip("/")
    status = 0
    try:
        response = await http.get(arm + METADATA_PATH, extensions={"service": "ARM"})
        if response.status_code != 200:
            status = response.status_code
            redirected = ", and redirects are not followed" if status < 400 else ""
            raise ValueError(f"it returned {status}{redirected}")
        return read_cloud(arm, load_json(response.content.decode("utf-8-sig")))
    except (*NO_ANSWER, ValueError) as error:
        message = f"Cannot read the endpoints of the cloud at {arm}."
        if isinstance(error, httpx.ConnectError | httpx.TimeoutException):
            message = f"Cannot reach {arm}."
            if is_on_this_machine(arm):
                message += " Is the sandbox running?"
        answer = describe_cause(error)
        if isinstance(error, OddAnswer):
            answer = f"the response {error}"
        if isinstance(error, httpx.ConnectError | OddAnswer):
            status = NEVER_CONNECTED
        remedy, command = advice(error, "Check the URL of --cloud, the network and the proxy.")
        raise ServiceError(
            "cloud-unreachable",
            message,
            answer=answer,
            status=status,
            remedy=remedy,
            command=command,
        ) from error


def read_cloud(arm: str, document: object) -> Cloud:
    """Read a metadata document. Raises ValueError; Refused: it mixes two clouds."""
    metadata = parsed(document, _Metadata)
    login = metadata.authentication.login_endpoint
    audiences = metadata.authentication.audiences
    graph = metadata.microsoft_graph_resource_id
    manager = metadata.resource_manager or _address(arm)
    vaults = metadata.suffixes.key_vault_dns if metadata.suffixes is not None else None
    endpoints = [login, graph, manager]
    addresses = [*audiences, *([f"https://{vaults}"] if vaults else [])]
    if not any(_domains(address) for address in (*endpoints, *addresses)):
        name = metadata.name or ""
        # It does not choose to be called like another one.
        if not _NAME.fullmatch(name) or is_name_taken(name):
            name = manager
        return Cloud(name, login, graph, manager, f"{audiences[0]}/.default", vaults)
    origins = list(map(origin, endpoints))
    for cloud in CLOUDS:
        is_same = origins == list(map(origin, (cloud.login, cloud.graph, cloud.arm)))
        if is_same and all(_domains(address) == cloud.domains for address in addresses):
            return cloud
    names = ", ".join(sorted(cloud.name for cloud in CLOUDS))
    raise Refused(
        "cloud-untrusted",
        f"The metadata of {manager} mixes endpoints of a Microsoft cloud with others (login "
        f"{login}, Microsoft Graph {graph}), which would send tokens of one to the other. No token "
        "was sent.",
        remedy=f"Use the cloud's name with --cloud: {names}",
    )


def _domains(address: str) -> tuple[str, ...]:
    """The domains of the known cloud that an address belongs to; none for anyone else's."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    for cloud in CLOUDS:
        if any(f".{host}".endswith(f".{domain}") for domain in cloud.domains):
            return cloud.domains
    return ()
