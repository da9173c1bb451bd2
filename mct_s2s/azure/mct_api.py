"""The MCT API of one site, asked as a client would: one GET, at that site's own address and nowhere else."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from mct_s2s import clock
from mct_s2s.azure.answers import certificate_advice, reason, seconds
from mct_s2s.azure.connection import RESERVE, Connection
from mct_s2s.azure.http import NO_ANSWER
from mct_s2s.errors import NEVER_CONNECTED, ServiceError
from mct_s2s.model.client_sign_in import NOT_NOW, SERVICE_HEADER, ApiAnswer, ApiToken

SETTLE_SECONDS = 120.0
"""How long a site may still answer by its old settings after a restart was asked for."""
AILING, RESTARTING = "site-ailing", "site-restarting"
"""A 500 is asked for again a few times, as at every service, but not waited for: it may be there to stay."""


class MctApi:
    """A path of one site. A token that is given to it goes there and nowhere else.

    Args:
        url: https and a host name that Azure lists for the site, or one that the user typed; nothing after it.
        path: begins with one slash.
    """

    def __init__(self, connection: Connection, url: str, path: str) -> None:
        self.url, self.path = url, path
        self._http, self._retry_policy = connection.http, connection.retry_policy(RESERVE)

    async def get(self, token: ApiToken | None = None, *, just_restarted: bool = False) -> ApiAnswer:
        """Ask, without a token as no one. While the site is starting (502, 503, 504), it is waited for.

        Args:
            just_restarted: whether this very run has restarted the site: then a 401 may come from the process that ran
                before, and is waited out, too.

        Raises:
            ServiceError: `site-unreachable`.
        """
        headers = SERVICE_HEADER | ({"Authorization": f"Bearer {token.text}"} if token else {})
        until = clock.seconds() + (SETTLE_SECONDS if just_restarted else 0.0)
        last: list[ApiAnswer] = []

        async def once() -> ApiAnswer:
            answer, retry_after = await self._send(headers)
            if answer.status not in {*NOT_NOW, 500} and not (answer.status == 401 and clock.seconds() < until):
                return answer
            last[:] = [answer]
            raise ServiceError(
                AILING if answer.status == 500 else RESTARTING,
                "The App Service is starting.",
                remedy="Wait a minute, then run the same command again.",
                status=answer.status,
                retry_after=retry_after,
            )

        def waits_for(error: ServiceError) -> str:
            state = "has not restarted yet" if error.status == 401 else "starting"
            return f"{urlsplit(self.url).hostname} returns {error.status}, {state}"

        try:
            return await self._retry_policy.call(once, lag=lambda error: error.code == RESTARTING, waits_for=waits_for)
        except ServiceError as error:
            if error.code in {AILING, RESTARTING, "throttled"} and last:
                return last[0]
            raise

    async def _send(self, headers: dict[str, str]) -> tuple[ApiAnswer, float | None]:
        """Send it once; a redirect is not followed."""
        address, about = f"{self.url}{self.path}", {"service": "MCT"}
        try:
            async with self._http.stream("GET", address, headers=headers, extensions=about) as response:
                answered = response.headers
        except NO_ANSWER as error:
            unreachable = "Check the host name, the proxy and the App Service's access restrictions."
            advice, command = certificate_advice(error) or (unreachable, "")
            raise ServiceError(
                "site-unreachable",
                f"Cannot reach {self.url}.",
                answer=f"{reason(error)}.",
                remedy=advice,
                command=command,
                status=NEVER_CONNECTED if isinstance(error, httpx.ConnectError) else 0,
            ) from error
        answer = ApiAnswer(response.status_code, answered.get("Location"), answered.get("WWW-Authenticate"))
        return answer, seconds(answered.get("Retry-After"))
