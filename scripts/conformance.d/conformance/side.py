"""One of the two clouds that are compared: its services, its caller, and the values of names."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from mct_s2s.azure.answer_limits import OddAnswer, parse_json
from mct_s2s.azure.http_session import HttpSession
from mct_s2s.azure.plain_requests import ask

from conformance.comparing.comparison import Answer
from conformance.steps import Json, Service

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
    """One cloud and one caller.

    Attributes:
        http: the connection; redirects are not followed.
        token: returns a token of the caller for Graph, Resource Manager or Key Vault.
        bindings: values of names: the roots, then what the run and its answers bind.
        settings: all application settings of the last answer; never stored anywhere else.
        settings_before: those of the first answer.
    """

    http: HttpSession
    token: Callable[[Service], Awaitable[str]]
    bindings: dict[str, str]
    settings: Mapping[str, Json] | None = field(default=None, repr=False)
    settings_before: Mapping[str, Json] | None = field(default=None, repr=False)

    async def send(
        self,
        service: Service,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Json = None,
        is_form: bool = False,
        is_anonymous: bool = False,
        bearer: str | None = None,
    ) -> Answer:
        """Send a request once.

        Raises:
            NoAnswer: as it says.
            S2SError: the caller has no token.
            KeyError: the service's root is not known yet.
        """
        url = self.bindings[ROOTS[service]] + quote(path, safe="/()'=,:$@~")
        if query:
            url += "?" + urlencode(query, quote_via=quote, safe="$/:,()'")
        sent = {"Accept": "application/json", **(headers or {})}
        token = bearer or (None if is_anonymous else await self.token(service))
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        content = b"" if method in {"POST", "PUT", "PATCH"} else None
        if body is not None and is_form:
            sent["Content-Type"], content = "application/x-www-form-urlencoded", urlencode(body).encode()
        elif body is not None:
            sent["Content-Type"], content = "application/json", json.dumps(body).encode()
        came = await ask(self.http, method, url, sent, content)
        return Answer(came.status, came.headers, _body(came.content))


def _body(content: bytes) -> Json:
    if not content:
        return ""
    try:
        return parse_json(content)
    except (ValueError, OddAnswer, RecursionError):
        return content.decode("utf-8", "replace")
