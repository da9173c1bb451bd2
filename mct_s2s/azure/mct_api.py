"""The MCT API of one site, asked as a client would: one GET, at that site's own address and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from mct_s2s import clock
from mct_s2s.azure.answers import seconds
from mct_s2s.azure.clouds import NEVER_CONNECTED
from mct_s2s.azure.connection import RESERVE, Connection
from mct_s2s.azure.http import NO_ANSWER
from mct_s2s.azure.services import certificate_advice, reason
from mct_s2s.errors import ServiceError, UsageError
from mct_s2s.model.client_sign_in import ApiAnswer, ApiToken
from mct_s2s.model.mct_api import NOT_NOW

SETTLE_SECONDS = 120.0
"""How long a site may still answer by its old settings after a restart was asked for."""
AILING = "site-ailing"
"""A 500 is asked for again a few times, as at every service, but not waited for: it may be there to stay."""


class MctApi:
    """One site. A token that is given to it goes to that site and nowhere else.

    Args:
        url: the site's https address: a host name that Azure lists for it, or one that the user typed.
    """

    def __init__(self, connection: Connection, url: str) -> None:
        self._http, self._url = connection.http, url.rstrip("/")
        self._retry_policy = connection.retry_policy(RESERVE)

    async def get(
        self, path: str, headers: Mapping[str, str], token: ApiToken | None, *, just_restarted: bool
    ) -> ApiAnswer:
        """GET `path`; redirects are not followed. While the site is starting (502, 503, 504), it is waited for.

        Args:
            token: `None` to call as no one.
            just_restarted: whether this very run has restarted the site: then a 401 may come from the process that ran
                before, and is waited out, too.

        Raises:
            UsageError: the path leads to another host.
            ServiceError: `site-unreachable`.
        """
        url = self._at(path)
        sent = dict(headers) | ({"Authorization": f"Bearer {token.text}"} if token else {})
        until = clock.seconds() + (SETTLE_SECONDS if just_restarted else 0.0)
        last: list[ApiAnswer] = []

        async def once() -> ApiAnswer:
            answer, retry_after = await self._send(url, sent)
            if answer.status not in {*NOT_NOW, 500} and not (answer.status == 401 and clock.seconds() < until):
                return answer
            last[:] = [answer]
            raise ServiceError(
                AILING if answer.status == 500 else "site-restarting",
                "The App Service is starting.",
                remedy="Wait a minute, then run the same command again.",
                status=answer.status,
                retry_after=retry_after,
            )

        try:
            return await self._retry_policy.call(
                once, lag=lambda error: error.code == "site-restarting", waits_for=self._waits_for
            )
        except ServiceError as error:
            if error.code in {AILING, "site-restarting", "throttled"} and last:
                return last[0]
            raise

    def _waits_for(self, error: ServiceError) -> str:
        host = urlsplit(self._url).hostname or self._url
        return f"{host} returns {error.status}, {'has not restarted yet' if error.status == 401 else 'starting'}"

    def _at(self, path: str) -> str:
        """The address of a path.

        Raises:
            UsageError: a path that leads to another host, or a site whose address is not https.
        """
        url = f"{self._url}{path}"
        if path.startswith("/") and urlsplit(url).scheme == "https" and urlsplit(url)[:2] == urlsplit(self._url)[:2]:
            return url
        raise UsageError(
            "malformed-path", f"Invalid --path '{path}'.", remedy="Start it with a slash: --path /api/v1/…"
        )  # fmt: skip

    async def _send(self, url: str, headers: Mapping[str, str]) -> tuple[ApiAnswer, float | None]:
        try:
            async with self._http.stream("GET", url, headers=headers, extensions={"service": "MCT"}) as response:
                answered = response.headers
        except NO_ANSWER as error:
            unreachable = "Check the host name, the proxy and the App Service's access restrictions."
            advice, command = certificate_advice(error) or (unreachable, "")
            raise ServiceError(
                "site-unreachable",
                f"Cannot reach {self._url}.",
                answer=f"{reason(error)}.",
                remedy=advice,
                command=command,
                status=NEVER_CONNECTED if isinstance(error, httpx.ConnectError) else 0,
            ) from error
        answer = ApiAnswer(response.status_code, answered.get("Location"), answered.get("WWW-Authenticate"))
        return answer, seconds(answered.get("Retry-After"))
