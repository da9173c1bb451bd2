"""Api-versions: those that every cloud takes, and a second request where one does not.

Clouds learn new api-versions at different times (docs/azure-contract.md, section 9, "Api-versions"): US Government
refused Microsoft.Web 2024-11-01 months after the public cloud had it. So nothing newer is asked for than the job takes,
and where even that is refused, the refusal itself lists what there is.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from mct_s2s.azure.answer_limits import OddAnswer, parse_json

WEB = "2023-12-01"
"""Microsoft.Web: the first one that knows Flex Consumption plans, on which callers' function apps may be. All that is
asked for is the same since 2022-09-01."""
SUBSCRIPTIONS = "2020-01-01"
RESOURCES = "2021-04-01"
AUTHORIZATION = "2022-04-01"
LOCKS = "2016-09-01"
"""These four: new enough for what is asked for, old enough for every cloud (docs/azure-contract.md, section 9)."""
VAULT_SECRETS = "7.4"
"""Key Vault's data plane: what the Azure CLI asks for in every cloud."""

_CODES = frozenset({"NoRegisteredProviderFound", "InvalidApiVersionParameter", "BadParameter"})
_OFFER = re.compile(r"supported (?:api-)?versions are '([^']*)'|latest supported version \(([^)]*)\)")
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(?:-[a-z]{1,20})?|\d{1,2}\.\d{1,2}", re.ASCII)
_ASKED = re.compile(r"(?<=[?&]api-version=)[^&#]*", re.IGNORECASE)
_NAMESPACE = re.compile(r"/providers/([^/]+)/[^/]")
_MANAGER = "microsoft.resources"

AskedVersion = tuple[str, str]
"""A namespace, in lower case, and the api-version that was asked of it."""


class ApiVersionFallback(AsyncHTTPPolicy[Any, Any]):
    """Asks once more with the newest api-version that a refusal offers, and remembers it for the run.

    A request that is refused for its api-version has had no effect, so that any may be sent again. Several clients of
    one service share an instance of this policy.
    """

    def __init__(self) -> None:
        super().__init__()
        self._instead: dict[AskedVersion, str] = {}

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Pass the request on, with an api-version that this cloud takes."""
        url: str = request.http_request.url
        found = _ASKED.search(url)
        if found is None:
            return await self.next.send(request)
        asked = (_namespace(url), found[0])
        sent = self._instead.get(asked, found[0])
        request.http_request.url = _with(url, sent)
        response = await self.next.send(request)
        offered = _offered(response.http_response, sent)
        if offered is None:
            return response
        self._instead[asked] = offered
        request.http_request.url = _with(url, offered)
        return await self.next.send(request)


def _with(url: str, version: str) -> str:
    return _ASKED.sub(version, url, count=1)


def _namespace(url: str) -> str:
    """Whose api-version a request names: the last provider's in its path, or Resource Manager's own."""
    named = _NAMESPACE.findall(urlsplit(url).path)
    return named[-1].lower() if named else _MANAGER


def _offered(response: Any, sent: str) -> str | None:
    """The newest api-version that a refusal offers in place of the one that was sent."""
    if response.status_code != 400:
        return None
    code, message = _body(response)
    offer = _OFFER.search(message) if code in _CODES else None
    return newest(offer[1] or offer[2] or "", sent) if offer else None


def newest(listed: str, sent: str) -> str | None:
    """The newest of some listed api-versions, a stable one if there is any.

    Args:
        listed: as a service lists them. What goes into an address is matched strictly.
        sent: the one that was refused. Where it is listed itself, something else was wrong with the request.
    """
    versions: list[str] = _VERSION.findall(listed)
    if sent in versions:
        return None
    stable = [version for version in versions if "-" not in version[10:]]
    return max(stable or versions, default=None)


def _body(response: Any) -> tuple[str, str]:
    try:
        error = parse_json(response.text())["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, LookupError, TypeError, AttributeError, OddAnswer):
        return "", ""
