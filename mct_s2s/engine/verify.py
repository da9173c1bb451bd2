"""Verify clients by real tokens and calls of the API; one call goes out without a token.

What can't be tested is open, not failed.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from mct_s2s.activity import activity
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Session
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import EXPIRING_WITHIN, YOUNG
from mct_s2s.model.client_sign_in import (
    ARRIVES_SECONDS,
    ApiAnswer,
    ApiToken,
    ClientRemedy,
    ClientSignIn,
    MachineIdentity,
    TokenRefused,
)
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import ClientId
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.model.site_settings import Holds
from mct_s2s.planning.api_address import api_url
from mct_s2s.planning.clients import has_wanted_role
from mct_s2s.planning.reports.findings import (
    NO_CLIENTS,
    NO_CREDENTIAL,
    Finding,
    diagnose,
    stopped,
    wrong_settings,
)
from mct_s2s.planning.reports.renewal import renewing
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
    open_check,
    reasons,
    returned,
    why_refused,
    without_token,
)
from mct_s2s.planning.service_facts import known_audience, wanted_role
from mct_s2s.waits import RESERVE

if TYPE_CHECKING:
    from mct_s2s.azure.site_api import EntraTokens, SiteApi

REFUSED = frozenset({"token-refused", "identity-token-refused", "token-unreadable"})
"""The codes of a token that is refused. By any other, the login service does not answer."""
MAY_BE_BY_SETTINGS = frozenset({400, 503})
"""What an API may answer because of wrong settings, beside a refusal.

It has no key set to check a token by, or it does not start.
"""


ClientToVerify = ClientSignIn | ClientApplication
"""A credential to test, or a client that has none on this machine."""


def clients_to_verify(
    clients: Iterable[ClientApplication], credentials: Iterable[ClientSignIn]
) -> list[ClientToVerify]:
    """Each client's first credential; then those of other clients."""
    remaining: dict[str, ClientSignIn] = {}
    for credential in credentials:
        remaining.setdefault(credential.client_id.casefold(), credential)
    known = [remaining.pop(client.client_id, client) for client in clients]
    return [*known, *remaining.values()]


class CallResult(NamedTuple):
    passed: bool | None
    """`None`: it could not be tested."""
    message: str
    remedy: str | None


@dataclass(frozen=True)
class ClientTest:
    tokens: "EntraTokens"
    api: "SiteApi"
    audience: str
    """The Application ID URI; empty where the service application has none."""
    observed: ObservedState
    """Without an App Service where no one looks."""
    just_changed: bool = False
    """Whether this run created or granted what is tested.

    Then replicas lag, and the site may still be restarting.
    """
    other_files: Mapping[str, Path] = field(default_factory=dict)
    """See `files_by_other_addresses`."""
    programs: Mapping[ClientId, SecretPlace] = field(default_factory=dict)
    """Those to which a trust file gives clients' secrets."""

    async def verify(
        self, clients: Iterable[ClientToVerify], identities: Iterable[ServicePrincipal] = ()
    ) -> Verification:
        url = self.api.url
        path = self.api.path
        obstacle = self._find_obstacle()
        if obstacle is not None:
            return Verification(url, path, (obstacle,), api=self.observed.api)
        tests = gather_or_cancel(*map(self._verify_client, clients))
        without_token_check, tested = await gather_or_cancel(self._call_without_token(), tests)
        checks = [without_token_check]
        for client_checks in tested:
            checks += client_checks
        checks += identity_checks(identities, self.observed, self.audience, url, path)
        if not self.just_changed:  # this run has set up those that it tests
            checks += self._name_lack_of_clients()
        return Verification(url, path, tuple(checks), api=self.observed.api)

    def _name_lack_of_clients(self) -> Iterator[VerificationCheck]:
        """Say that the site has no clients to test, as `status` does."""
        for finding in diagnose(self.observed):
            if finding.code == NO_CLIENTS:
                yield VerificationCheck(*SITE, "configured", None, finding.message, finding.remedy)

    def _find_obstacle(self) -> VerificationCheck | None:
        """Why no client can call: the site is stopped, or there is nothing to ask a token for."""
        observed = self.observed
        if observed.app_service is None:
            return None
        check = "running"
        finding = stopped(observed.app_service)
        if observed.trust.service is None:
            check = "configured"
            finding = diagnose(observed)[0]
        if finding is None:
            return None
        return VerificationCheck(*SITE, check, False, finding.message, finding.remedy)

    async def _call_without_token(self) -> VerificationCheck:
        with activity("Testing a call without a token"):
            try:
                answer = await self.api.get()
            except ServiceError as error:
                return VerificationCheck(*SITE, "without-token", None, error.message, error.remedy)
            return without_token(answer, self.api.url, self.api.path, self.observed)

    @cached_property
    def _without_credential(self) -> Mapping[str, Finding]:
        """What `status` says of clients that have no credential at all, by appId."""
        findings = diagnose(self.observed)
        return {finding.client: finding for finding in findings if finding.code == NO_CREDENTIAL}

    async def _verify_client(self, client: ClientToVerify) -> list[VerificationCheck]:
        if isinstance(client, ClientApplication):
            finding = self._without_credential.get(client.client_id)
            if finding is not None:
                name, remedy = client.display_name, finding.remedy
                subject = CheckSubject.APPLICATION
                return [VerificationCheck(name, subject, "token", False, finding.message, remedy)]
            file = self.other_files.get(client.client_id.casefold())
            program = self.programs.get(client.client_id)
            return [open_check(client, self.observed, file, program)]
        return await self._test_credential(client)

    async def _test_credential(self, sign_in: ClientSignIn) -> list[VerificationCheck]:
        """Get a token by a credential, and call the API with it."""
        observed = self.observed
        client = observed.trust.client_of_id(sign_in.client_id)
        name = sign_in.called if client is None else sign_in.name or client.display_name
        is_machine = isinstance(sign_in.credential, MachineIdentity)
        subject = CheckSubject.MANAGED_IDENTITY if is_machine else CheckSubject.APPLICATION
        check = partial(VerificationCheck, name, subject)
        expected = f"{self.audience}/.default"
        scope = expected
        if observed.app_service is not None and sign_in.scope:
            scope = sign_in.scope
        role = self._awaited_role(client)
        is_new = self._is_new(sign_in, client)
        with activity(f"Testing {name}"):
            try:
                token = await self.tokens.token(
                    sign_in,
                    scope,
                    is_new=is_new,
                    is_credential_new=self._is_credential_new(sign_in),
                    role=role,
                )
            except ServiceError as error:
                passed = False if error.code in REFUSED else None
                remedy = self._remedy_of_refusal(error, sign_in, client)
                # No such Application ID URI. Where the service application has none, the scope may
                # be right.
                if error.service_code == "500011" and self.audience and scope != expected:
                    remedy = f"Set MCT_S2S_SCOPE to {expected} in {sign_in.source}."
                return [check("token", passed, error.message, remedy)]
            message = f"Entra ID issued a token for its {sign_in.noun} ({sign_in.source})."
            result = await self._call(sign_in, token)
            return [check("token", True, message), check(CALL, *result)]

    async def _call(self, sign_in: ClientSignIn, token: ApiToken) -> CallResult:
        """Call the API with a token."""
        api = self.api
        observed = self.observed
        wrong_target = misdirected(token, sign_in, observed, self.audience, api.url)
        if wrong_target is not None:
            return CallResult(False, *wrong_target)
        # A refusal that the token itself explains will not pass.
        may_pass = self.just_changed and not any(reasons(token, str(sign_in.source), observed))
        try:
            answer = await api.get(token, just_restarted=may_pass)
        except ServiceError as error:
            return CallResult(None, error.message, error.remedy)
        return self._explain_answer(answer, token, sign_in)

    def _explain_answer(
        self, answer: ApiAnswer, token: ApiToken, sign_in: ClientSignIn
    ) -> CallResult:
        api = self.api
        observed = self.observed
        message = returned(api.url, api.path, answer)
        if answer.is_success:
            return CallResult(True, message, None)
        if answer.status == 401 or answer.is_refused(observed.api.test.refused_with):
            return self._explain_refused_call(answer, message, token, sign_in)
        remedy = advice(answer, api.path, observed)
        # The site's network refuses this machine, which says nothing of the client.
        if answer.status == 403:
            return CallResult(None, f"{message} It was not tested from here.", remedy)
        wrong = self._wrong_setting() if answer.status in MAY_BE_BY_SETTINGS else None
        if wrong is not None:
            return CallResult(False, f"{message} Reason: {wrong.message}", wrong.remedy)
        return CallResult(False, message, remedy)

    def _wrong_setting(self) -> Finding | None:
        site = self.observed.app_service
        findings = wrong_settings(self.observed, site) if site is not None else ()
        return next((finding for finding in findings if finding.stops_calls), None)

    def _explain_refused_call(
        self, answer: ApiAnswer, message: str, token: ApiToken, sign_in: ClientSignIn
    ) -> CallResult:
        """Say who refused the token: App Service Authentication, or the API by its settings."""
        site = self.observed.app_service
        hosts = [urlsplit(self.api.url).hostname or ""]
        if site is not None:
            hosts += site.host_names
        if answer.is_of_app_service(hosts):
            return CallResult(False, message, by_authentication(self.api.path))
        source = str(sign_in.source)
        reason, remedy = why_refused(token, source, self.observed, answer.stated_reason)
        return CallResult(False, f"{message} {reason}", remedy)

    def _remedy_of_refusal(
        self, error: ServiceError, sign_in: ClientSignIn, client: ClientApplication | None
    ) -> str:
        """The remedy of a refused token: a command of ours gets the options of this App Service."""
        observed = self.observed
        remedied_by = error.remedied_by if isinstance(error, TokenRefused) else None
        match remedied_by:
            case None:
                return error.remedy
            case ClientRemedy.SERVICE_APPLICATION if observed.app_service is None:
                return (
                    "Check --audience: it is MCT_S2S_SCOPE of the client's secret file, without "
                    "/.default."
                )
            case ClientRemedy.SERVICE_APPLICATION:
                return observed.command("setup")
            case ClientRemedy.NEW_CREDENTIAL if client is not None:
                return self._replacing(client)
            case ClientRemedy.CLIENT | ClientRemedy.CERTIFICATE if client is not None:
                return observed.setting_up(client)
        return observed.command(remedied_by.verb, *remedied_by.options, about=sign_in.client_id)

    def _replacing(self, client: ClientApplication) -> str:
        """The command that replaces a client's credential; of one that has expired, `status`'s."""
        observed = self.observed
        credentials = client.counted_credentials
        if not credentials or any(each.is_valid_at(observed.now) for each in credentials):
            return observed.rotating(client)
        return renewing(client, credentials, observed, EXPIRING_WITHIN)

    def _is_new(self, sign_in: ClientSignIn, client: ClientApplication | None) -> bool:
        """Whether it depends on something that was created minutes ago."""
        if self.just_changed:
            return True
        moments = [sign_in.made_at]
        if self.observed.trust.service is not None:
            moments.append(self.observed.trust.service.created)
        if client is not None:
            moments.append(client.application.created)
        now = self.observed.now
        return any(moment is not None and now - moment < YOUNG for moment in moments)

    def _is_credential_new(self, sign_in: ClientSignIn) -> bool:
        """Whether replicas may not know the credential itself yet, which takes them seconds."""
        made_at = sign_in.made_at
        if self.just_changed or made_at is None:
            return self.just_changed
        return (self.observed.now - made_at).total_seconds() < ARRIVES_SECONDS

    def _awaited_role(self, client: ClientApplication | None) -> str | None:
        """The role to wait for: only where it is consented to, so that it must come."""
        observed = self.observed
        if self.just_changed:
            return observed.setting(Holds.ROLE)
        if client is None or not has_wanted_role(client, observed):
            return None
        role = wanted_role(observed)
        return role.value if role is not None and role.enabled else None


async def verify_outcome(session: Session, outcome: Outcome) -> Verification | None:
    """Test the clients whose credential is in a store of this run.

    A test that runs out of time is open, not failed.
    """
    observed = outcome.after
    if observed.app_service is None:
        return None
    stored = await gather_or_cancel(*(store.read() for store in outcome.stores.values()))
    credentials = [
        replace(credential, name=name)
        for name, credential in zip(outcome.stores, stored, strict=True)
        if credential is not None and outcome.client_id(name) == credential.client_id
    ]
    if not credentials:
        return None
    url = api_url(observed) or observed.app_service.url
    audience = known_audience(observed) or ""
    api = session.site_api(url, observed.api.test.path, observed.api)
    test = ClientTest(session.tokens, api, audience, observed, just_changed=True)
    try:
        async with asyncio.timeout(max(0.0, session.connection.remaining(RESERVE))):
            return await test.verify(credentials)
    except TimeoutError:
        late = [
            VerificationCheck(
                credential.called,
                CheckSubject.APPLICATION,
                CALL,
                None,
                "The deadline left no time to test the call.",
                observed.command("verify"),
            )
            for credential in credentials
        ]
        return Verification(api.url, api.path, tuple(late), api=observed.api)
