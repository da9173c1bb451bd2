"""What a client of the MCT API meets: the login service, and the API itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mct_s2s.model.client_sign_in import ApiAnswer, ApiToken, SignIn


class Tokens(Protocol):
    """The login service, as the clients of the MCT API use it for themselves."""

    async def token(self, sign_in: SignIn, scope: str, *, is_new: bool, role: str | None, at_once: int = 1) -> ApiToken:
        """A token got by the client's own credential, fresh each time.

        Args:
            is_new: whether the credential, the client or the service application was made minutes ago: then a refusal
                that may mean *not replicated yet* is waited out.
            role: the app role to wait for, where consent to it was granted minutes ago. When the time for that is over,
                the token comes without it.
            at_once: how many are asked for at the same moment, all of which must be given: one that is given says
                little about the next, as several replicas answer.

        Raises:
            ServiceError: `token-refused` or `identity-token-refused`, with the number after AADSTS as `service_code`;
                or the login service does not answer.
        """


class Api(Protocol):
    """The MCT API of one App Service. A token that is given to it goes to that App Service and nowhere else."""

    async def get(
        self, path: str, headers: Mapping[str, str], token: ApiToken | None, *, just_restarted: bool
    ) -> ApiAnswer:
        """GET `path`; redirects are not followed. While the site is starting (502, 503, 504), it is waited for.

        Args:
            just_restarted: whether this very run has restarted the site: then a 401 may come from the process that ran
                before, and is waited out, too.

        Raises:
            UsageError: the path leads to another host.
            ServiceError: `site-unreachable`.
        """
