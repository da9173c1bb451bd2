"""Verify clients by real tokens and calls of the MCT API, one without a token; what can't be tested
is open.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mct_s2s.activity import activity
from mct_s2s.azure.connection import RESERVE
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import YOUNG, replaced_kind
from mct_s2s.model.client_sign_in import ApiAnswer, ApiToken, ClientSignIn, MachineIdentity
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import Tag
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.site_settings import Holds
from mct_s2s.planning.api_address import api_url
from mct_s2s.planning.ownership import is_consented, known_audience, wanted_role
from mct_s2s.planning.reports.findings import Finding, diagnose, stopped, wrong_settings
from mct_s2s.planning.reports.verification import (
    CALL,
    SITE,
    CheckSubject,
    Verification,
    VerificationCheck,
    advice,
    by_authentication,
    identity_checks,
    misdirected,
    reasons,
    returned,
    why_refused,
    without_token,
)

if TYPE_CHECKING:
    from mct_s2s.azure.site_api import EntraTokens, SiteApi

REFUSED = frozenset({"token-refused", "identity-token-refused", "token-unreadable"})
"""The codes of a token that is refused. By any other, the login service does not answer."""
MAY_BE_BY_SETTINGS = frozenset({400, 503})
"""Besides a refusal, what an API answers by wrong settings: no key set to check a token by, or it
does not start.
"""


ClientToVerify = ClientSignIn | ClientApplication
"""What one signs in with, or a client of which nothing is there to sign in with."""


def clients_to_verify(
    clients: Iterable[ClientApplication], credentials: Iterable[ClientSignIn]
) -> list[ClientToVerify]:
    """Each client's first credential; then those of others."""
    first: dict[str, ClientSignIn] = {}
    for one in credentials:
        first.setdefault(one.client_id.casefold(), one)
    return [*(first.pop(one.client_id, one) for one in clients), *first.values()]


@dataclass(frozen=True)
class ClientTest:
    tokens: "EntraTokens"
    api: "SiteApi"
    audience: str
    """The Application ID URI; empty where the service application has none."""
    observed: ObservedState
    """Without an App Service where no one looks."""
    just_changed: bool = False
    """Whether this very run made or granted what is tested: replicas lag, and the site may still be
    restarting.
    """

    async def verify(
        self, clients: Iterable[ClientToVerify], identities: Iterable[ServicePrincipal] = ()
    ) -> Verification:
        url, path, observed = self.api.url, self.api.path, self.observed
        if observed.app_service is not None:
            check, finding = "running", stopped(observed.app_service)
            if observed.trust.service is None:  # nothing to ask a token for
                check, finding = "configured", diagnose(observed)[0]
            if finding is not None:
                wrong = VerificationCheck(*SITE, check, False, finding.message, finding.remedy)
                return Verification(url, path, (wrong,), api=observed.api)
        tests = gather_or_cancel(*map(self._client, clients))
        without, tested = await gather_or_cancel(self._without_token(), tests)
        checks = [without, *(check for one in tested for check in one)]
        checks += identity_checks(identities, observed, self.audience, url, path)
        return Verification(url, path, tuple(checks), api=observed.api)

    async def _without_token(self) -> VerificationCheck:
        with activity("Testing a call without a token"):
            try:
                return without_token(
                    await self.api.get(), self.api.url, self.api.path, self.observed
                )
            except ServiceError as error:
                return VerificationCheck(*SITE, "without-token", None, error.message, error.remedy)

    async def _client(self, client: ClientToVerify) -> list[VerificationCheck]:
        if isinstance(client, ClientApplication):
            said, remedy = "Not tested: none of its credentials is available on this machine.", None
            vaults = [f"keyvault:{place}" for place in Tag.VAULT.values(client.application.tags)]
            if vaults:
                said += f" Its registration names {' and '.join(vaults)}, which gave none."
            if self.observed.file is None:  # which names its place
                said += " Name its file by --credentials FILE."
            if client.credentials and all(one.federation for one in client.credentials):
                said = (
                    "Not tested: only the workload that its federated credential names can sign in."
                )
            elif client.credentials and replaced_kind(client.credentials) is not None:
                said += " If that is lost, replace it:"
                remedy = self.observed.rotating(client)
            return [
                VerificationCheck(
                    client.display_name, CheckSubject.APPLICATION, CALL, None, said, remedy
                )
            ]
        return await self._tested(client)

    async def _tested(self, sign_in: ClientSignIn) -> list[VerificationCheck]:
        observed, expected = self.observed, f"{self.audience}/.default"
        client = observed.trust.client_of_id(sign_in.client_id)
        name = sign_in.called if client is None else sign_in.name or client.display_name
        is_machine = isinstance(sign_in.credential, MachineIdentity)
        kind = CheckSubject.MANAGED_IDENTITY if is_machine else CheckSubject.APPLICATION
        check = partial(VerificationCheck, name, kind)
        scope = (sign_in.scope if observed.app_service is not None else None) or expected
        with activity(f"Testing {name}"):
            try:
                role, is_new = self._awaited_role(client), self._is_new(sign_in, client)
                token = await self.tokens.token(sign_in, scope, is_new=is_new, role=role)
            except ServiceError as error:
                remedy = self._remedy(error, client)
                # No such Application ID URI
                if error.service_code == "500011" and scope != expected:
                    remedy = f"Set MCT_S2S_SCOPE to {expected} in {sign_in.source}."
                return [
                    check("token", False if error.code in REFUSED else None, error.message, remedy)
                ]
            said = f"Entra ID issued a token for its {sign_in.noun} ({sign_in.source})."
            return [check("token", True, said), check(CALL, *await self._call(sign_in, token))]

    async def _call(
        self, sign_in: ClientSignIn, token: ApiToken
    ) -> tuple[bool | None, str, str | None]:
        """Whether the API answers it, what it said, and the remedy."""
        api, observed = self.api, self.observed
        unsent = misdirected(token, sign_in, observed, self.audience, api.url)
        if unsent is not None:
            return False, *unsent
        is_late = self.just_changed and not any(reasons(token, sign_in.source, observed))
        try:
            answer = await api.get(token, just_restarted=is_late)
        except ServiceError as error:
            return None, error.message, error.remedy
        said = returned(api.url, api.path, answer.status)
        if answer.is_success:
            return True, said, None
        if answer.status == 401 or answer.is_refused(observed.api.test.refused_with):
            return self._refused(answer, said, token, sign_in)
        if answer.status == 403:  # of the network: it says nothing of the client
            return None, f"{said} It was not tested from here.", advice(answer, api.path, observed)
        wrong = self._wrong_setting() if answer.status in MAY_BE_BY_SETTINGS else None
        if wrong is not None:
            said, remedy = f"{said} Reason: {wrong.message}", wrong.remedy
        else:
            remedy = advice(answer, api.path, observed)
        return False, said, remedy

    def _wrong_setting(self) -> Finding | None:
        site = self.observed.app_service
        found = wrong_settings(self.observed, site) if site is not None else ()
        return next((one for one in found if one.stops_calls), None)

    def _refused(
        self, answer: ApiAnswer, said: str, token: ApiToken, sign_in: ClientSignIn
    ) -> tuple[bool, str, str]:
        """Who refused the token: App Service Authentication, or the API by its settings."""
        site = self.observed.app_service
        own = [
            urlsplit(self.api.url).hostname or "",
            *(site.host_names if site is not None else ()),
        ]
        if answer.is_of_app_service(own):
            return False, said, by_authentication(self.api.path)
        why, remedy = why_refused(token, sign_in.source, self.observed, answer.stated_reason)
        return False, f"{said} {why}", remedy

    def _remedy(self, error: ServiceError, client: ClientApplication | None) -> str:
        """Of a token that is refused: one of our commands is about this App Service."""
        observed, (program, _, rest) = self.observed, error.command.partition(" ")
        if program != "mct-s2s":
            return error.remedy
        by_verb = {"setup": observed.command("setup")}
        if client is not None:
            by_verb |= {
                "rotate-secret": observed.rotating(client),
                "add-client": observed.setting_up(client),
            }
        return by_verb.get(rest.partition(" ")[0]) or f"{error.command} {observed.where}".rstrip()

    def _is_new(self, sign_in: ClientSignIn, client: ClientApplication | None) -> bool:
        halves = (self.observed.trust.service, client.application if client is not None else None)
        made = [sign_in.made, *(one.created for one in halves if one is not None)]
        return self.just_changed or any(
            moment is not None and self.observed.now - moment < YOUNG for moment in made
        )

    def _awaited_role(self, client: ClientApplication | None) -> str | None:
        """The role to wait for: only where it is consented to, so that it must come."""
        observed = self.observed
        if self.just_changed:
            return observed.setting(Holds.ROLE)
        role = wanted_role(observed)
        is_coming = client is not None and is_consented(client, observed)
        return role.value if is_coming and role is not None and role.enabled else None


async def verify_outcome(session: Session, outcome: Outcome) -> Verification | None:
    """Test the clients whose credential is in a store of this run; a test that runs out of time is
    open, not failed.
    """
    observed = outcome.after
    if observed.app_service is None:
        return None
    read = await gather_or_cancel(*(store.read() for store in outcome.stores.values()))
    found = {name: one for name, one in zip(outcome.stores, read, strict=True) if one is not None}
    mine = [
        replace(one, name=name)
        for name, one in found.items()
        if outcome.client_id(name) == one.client_id
    ]
    if not mine:
        return None
    url, audience = api_url(observed) or observed.app_service.url, known_audience(observed) or ""
    api = session.site_api(url, observed.api.test.path, observed.api)
    try:
        async with asyncio.timeout(max(0.0, session.connection.remaining(RESERVE))):
            test = ClientTest(session.tokens, api, audience, observed, just_changed=True)
            return await test.verify(mine)
    except TimeoutError:
        message, again = "The deadline left no time to test the call.", observed.command("verify")
        late = (
            VerificationCheck(one.called, CheckSubject.APPLICATION, CALL, None, message, again)
            for one in mine
        )
        return Verification(api.url, api.path, tuple(late), api=observed.api)
