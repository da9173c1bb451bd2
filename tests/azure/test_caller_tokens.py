"""What a service asks of a sign-in beside a token, and how each way of signing in brings it."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from mct_s2s.azure.answers import Refusal
from mct_s2s.azure.sign_in.methods import Again, CallerCredential, Challenge, challenge_of
from mct_s2s.errors import SignInFailed
from mct_s2s.model.caller_rights import SignedIn

from tests.azure.raw import connection

SCOPE, OTHER = "https://management.azure.com/.default", "https://graph.microsoft.com/.default"
TENANT = "3f1d0c52-7a0b-4c1e-8a55-0c6f5d1b2a77"
MFA = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
SECOND_FACTOR = Challenge(MFA, TENANT, second_factor=True)
ANEW = Challenge("{}")
REFUSED = Refusal(401, "", "")


def encode(claims: str) -> str:
    return base64.b64encode(claims.encode()).decode()


class Login:
    """A login service that gives numbered tokens, and remembers what it was asked for."""

    def __init__(self, fails: bool = False) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.at_once = self.most_at_once = 0
        self._fails = fails

    async def ask(self, scope: str, /, *, claims: str | None = None) -> AccessToken:
        self.asked.append((scope, claims))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if claims and self._fails:
            raise ClientAuthenticationError("The window was closed.")
        return AccessToken(f"token {len(self.asked)}", int(time.time()) + 3600)


def with_login(
    again: Again,
    run: Callable[[CallerCredential], Awaitable[Any]],
    *,
    fails: bool = False,
    told: list[str] | None = None,
) -> list[tuple[str, str | None]]:
    """What the login service is asked for while that runs."""
    login, said = Login(fails), told if told is not None else []

    async def main() -> None:
        where = replace(connection(), tenant=TENANT, say=said.append)
        await run(CallerCredential(login.ask, SignedIn("somebody"), where, again))

    asyncio.run(main())
    return login.asked


async def challenged(credential: CallerCredential, challenge: Challenge) -> bool:
    """A request is sent with a token, and refused."""
    began = time.monotonic()
    await credential.get_token(SCOPE)
    return await credential.bring(SCOPE, challenge, began)


@pytest.mark.parametrize(
    ("again", "second_factor", "anew"),
    [
        (Again.PERSON, True, True),
        (Again.AZD, True, True),
        (Again.AZURE_CLI, False, False),
        (Again.APPLICATION, False, True),
    ],
)
def test_who_brings_what(again: Again, second_factor: bool, anew: bool) -> None:
    """An application has no second factor, and the Azure CLI gives out what it has until somebody signs in anew."""

    async def run(credential: CallerCredential) -> None:
        assert await challenged(credential, SECOND_FACTOR) is second_factor

    async def run_anew(credential: CallerCredential) -> None:
        assert await challenged(credential, ANEW) is anew

    with_login(again, run)
    asked = with_login(again, run_anew)
    assert [claims for _, claims in asked] == [None, *(["{}"] if anew else [])]


def test_a_person_is_told_why_and_asked_once() -> None:
    told: list[str] = []

    async def run(credential: CallerCredential) -> None:
        assert await challenged(credential, SECOND_FACTOR)
        assert not await challenged(credential, SECOND_FACTOR)

    asked = with_login(Again.PERSON, run, told=told)
    assert asked == [(SCOPE, None), (SCOPE, MFA)]
    assert told == ["Azure requires a second factor. Sign in again."]


def test_requests_that_are_refused_at_once_ask_a_person_once() -> None:
    async def run(credential: CallerCredential) -> None:
        await credential.get_token(SCOPE)
        began = time.monotonic()
        brought = await asyncio.gather(*(credential.bring(SCOPE, SECOND_FACTOR, began) for _ in range(5)))
        assert brought == [True] * 5

    assert with_login(Again.PERSON, run) == [(SCOPE, None), (SCOPE, MFA)]


def test_the_token_of_another_service_is_left_alone() -> None:
    async def run(credential: CallerCredential) -> None:
        other = await credential.get_token(OTHER)
        assert await challenged(credential, SECOND_FACTOR)
        assert await credential.get_token(OTHER) == other
        assert (await credential.get_token(SCOPE)).token == "token 3"

    with_login(Again.PERSON, run)


def test_a_person_who_does_not_bring_it_is_told_so() -> None:
    async def run(credential: CallerCredential) -> None:
        with pytest.raises(SignInFailed, match="The window was closed"):
            await challenged(credential, SECOND_FACTOR)

    with_login(Again.PERSON, run, fails=True)


def test_the_azure_cli_is_told_by_commands_that_hold_everything() -> None:
    async def run(credential: CallerCredential) -> None:
        for challenge in (SECOND_FACTOR, Challenge(MFA, None, second_factor=True)):
            login = f"az logout; az login --tenant {TENANT} --scope {SCOPE} --claims-challenge {encode(MFA)}"
            assert credential.demanded("Azure", "read", SCOPE, challenge, REFUSED).command == login

    with_login(Again.AZURE_CLI, run)


@pytest.mark.parametrize("again", Again)
def test_the_way_out_never_is_to_ask_for_a_permission(again: Again) -> None:
    async def run(credential: CallerCredential) -> None:
        for challenge in (SECOND_FACTOR, ANEW):
            told = credential.demanded("Azure", "read", SCOPE, challenge, REFUSED)
            assert told.advice
            assert not {"Ask", "permission", "role"} & set(told.remedy.split())

    with_login(again, run)


@pytest.mark.parametrize(
    ("header", "said", "claims", "second_factor"),
    [
        ("", "RequestDisallowedByPolicy: Reasons: MFA is required.", MFA, True),
        ("", "RequestDisallowedByPolicy: must authenticate with multi-factor authentication", MFA, True),
        ("", "RequestDisallowedByPolicy: Policy identifiers: 'allowed locations'", None, False),
        ("", "AuthorizationFailed: MFA", None, False),
        (f'Bearer error="insufficient_claims", claims="{encode(MFA)}"', "", MFA, True),
        ('Bearer error="insufficient_claims", claims="e30"', "", "{}", False),
        ('Bearer error="insufficient_claims", claims="e30="', "RequestDisallowedByPolicy: MFA", "{}", True),
    ],
)
def test_a_challenge_is_known_by_its_header_or_by_a_policys_words(
    header: str, said: str, claims: str | None, second_factor: bool
) -> None:
    found = challenge_of(Refusal(401, "", "", {"www-authenticate": header}, said))
    assert (found is None) == (claims is None)
    if found is not None and claims is not None:
        assert found.claims.replace(" ", "") == claims
        assert found.second_factor is second_factor


@pytest.mark.parametrize(("again", "most"), [(Again.AZURE_CLI, 1), (Again.AZD, 1), (Again.APPLICATION, 2)])
def test_a_command_line_tool_is_asked_for_one_token_after_the_other(again: Again, most: int) -> None:
    """Two `az` at once meet in the cache of its tokens, and one of them says that nobody is signed in."""
    login = Login()

    async def main() -> None:
        credential = CallerCredential(login.ask, SignedIn("somebody"), connection(), again)
        await asyncio.gather(credential.get_token(SCOPE), credential.get_token(OTHER))

    asyncio.run(main())
    assert login.most_at_once == most
