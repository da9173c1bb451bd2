"""A client's way in is proved by a real call and disproved by its reason; what cannot be found out is left open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from mct_s2s.engine.observe.observe import observe
from mct_s2s.engine.verify.client_calls import (
    ClientToVerify,
    VerifyContext,
    clients_to_verify,
    verify_callers,
    verify_clients,
)
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.client_sign_in import (
    ApiAnswer,
    AssertionCredential,
    CertificateCredential,
    ClientSignIn,
    OwnCredential,
    SecretCredential,
)
from mct_s2s.model.ids import ClientId, api_uri
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.reports.verification import Verification, VerificationCheck

from tests.engine.memory import (
    MemoryApi,
    MemoryState,
    MemoryTokens,
    carry_out,
    look,
    lost,
    memory_state,
    refused,
    request,
    run,
)
from tests.planning.scenarios import NOW, TENANT, guid, site, spec

PATH, WHERE = "/api/v1/organization", "-a contosolearn"
LATE = NOW + 2 * YOUNG


class Recorded(MemoryTokens):
    """The login service, and what it is asked to wait for."""

    def __init__(self, here: MemoryState) -> None:
        super().__init__(here)
        self.waited: list[tuple[bool, str | None]] = []

    async def token(self, *asked: Any, is_new: bool, role: str | None, at_once: int = 1) -> Any:
        self.waited.append((is_new, role))
        return await super().token(*asked, is_new=is_new, role=role, at_once=at_once)


class Bench:
    """A trust that works, and whoever proves it."""

    def __init__(self, *clients: str) -> None:
        self.here = memory_state()
        run(carry_out(self.here, request(self.here, spec(*(clients or ("Import",))))))
        self.state = self.here.site_state(site().resource)
        self.tokens, self.api = Recorded(self.here), MemoryApi(self.here, self.state)

    def settings(self, **changed: str) -> None:
        """Somebody changes settings, and restarts."""
        self.state.settings = {**self.state.settings, **changed}
        self.state.started_with = dict(self.state.settings)

    def credential(self, name: str = "Import", **more: Any) -> OwnCredential:
        stored = self.here.stores[name].stored
        assert stored is not None
        sign_in = ClientSignIn(stored.tenant_id, stored.client_id, SecretCredential(stored.secret))
        return OwnCredential(sign_in, f"file:{name}.env", **more)

    def context(self, **changed: Any) -> VerifyContext:
        return replace(VerifyContext(self.tokens, self.api, "https://learn", PATH, WHERE, LATE), **changed)

    def observed(self) -> ObservedState:
        return run(observe(self.here.azure, look()))

    def subjects(self, *credentials: OwnCredential) -> list[ClientToVerify]:
        return clients_to_verify(self.observed().trust.clients, credentials or (self.credential(),), unlisted=True)

    def proved(self, *subjects: ClientToVerify, **changed: Any) -> Verification:
        return run(verify_clients(self.context(**changed), self.observed(), subjects or self.subjects(), ()))


def by_name(outcome: Verification) -> dict[str, VerificationCheck]:
    return {check.check: check for check in outcome.checks}


def bench_uri(bench: Bench) -> str:
    return api_uri(bench.here.application_of("MCT service (contosolearn)").client_id)


def test_a_login_service_that_does_not_answer_leaves_it_open() -> None:
    bench = Bench()
    bench.here.before("token", raising(lost("login-unreachable")))
    outcome = bench.proved()
    assert by_name(outcome)["token"].ok is None
    assert outcome.failed == ()
    assert not outcome.is_proved


def raising(error: ServiceError) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_an_api_that_does_not_answer_leaves_it_open() -> None:
    bench = Bench()
    bench.api.answers = [lost("site-unreachable")] * 3
    outcome = bench.proved()
    assert [by_name(outcome)[name].ok for name in ("without-token", "wrong-header", "call")] == [None] * 3
    assert outcome.failed == ()
    assert not outcome.is_proved


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ApiAnswer(401, challenge="Bearer realm=x"), "App Service Authentication"),
        (ApiAnswer(403), "access restrictions"),
        (ApiAnswer(302, location="https://learn/login"), "https://learn/login"),
        (ApiAnswer(404), "--path"),
        (ApiAnswer(500), "az webapp log tail"),
    ],
    ids=lambda value: value.status if isinstance(value, ApiAnswer) else "",
)
def test_an_answer_that_is_not_the_apis_own_no_has_a_remedy_of_its_own(answer: ApiAnswer, words: str) -> None:
    bench = Bench()
    bench.api.answers = [ApiAnswer(401), answer]
    call = by_name(bench.proved())["call"]
    assert call.ok is False
    assert str(answer.status) in call.message
    assert words in (call.remedy or "")


@pytest.mark.parametrize(("status", "ok"), [(200, False), (401, True), (403, True), (302, True), (404, None)])
def test_a_call_without_a_token_must_be_turned_away(status: int, ok: bool | None) -> None:
    """An API that answers everybody proves nothing of a client."""
    bench = Bench()
    bench.api.answers = [ApiAnswer(status)]
    assert by_name(bench.proved())["without-token"].ok is ok


def test_a_client_without_a_credential_at_hand_is_unproven_and_not_refused() -> None:
    bench = Bench()
    outcome = bench.proved(*clients_to_verify(bench.observed().trust.clients, (), unlisted=True))
    call = by_name(outcome)["call"]
    assert call.ok is None
    assert "--credentials FILE" in call.message
    assert (call.remedy or "").startswith("mct-s2s rotate-secret ")
    assert not outcome.is_proved
    assert bench.tokens.asked == []


@pytest.mark.parametrize(
    ("made", "just_changed", "is_new"), [(NOW, False, False), (LATE, False, True), (NOW, True, True)],
    ids=["old", "made minutes ago", "made by this very run"],
)  # fmt: skip
def test_lag_is_waited_out_only_where_something_is_new(made: Any, just_changed: bool, is_new: bool) -> None:
    bench = Bench()
    bench.proved(*bench.subjects(bench.credential(made=made)), just_changed=just_changed)
    assert bench.tokens.waited == [(is_new, "S2SAppRole")]


def test_a_role_is_waited_for_only_where_consent_to_it_stands() -> None:
    """It would never come, and the command would wait for two minutes."""
    bench = Bench()
    bench.here.assignments.clear()
    outcome = bench.proved()
    assert bench.tokens.waited == [(False, None)]
    assert by_name(outcome)["role"].ok is False


@pytest.mark.parametrize(
    ("proof", "word"),
    [
        (SecretCredential("x"), "secret"),
        (CertificateCredential(b"x"), "certificate"),
        (AssertionCredential("x"), "federated credential"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_a_client_signed_in_with_is_told_and_never_its_value(proof: Any, word: str) -> None:
    bench = Bench()
    own = bench.credential()

    class AsTheClient(Recorded):
        async def token(self, *asked: Any, **more: Any) -> Any:
            return await super().token(own.sign_in, asked[1], **more)

    bench.tokens = AsTheClient(bench.here)
    given = replace(own, sign_in=replace(own.sign_in, credential=proof))
    token = by_name(bench.proved(*bench.subjects(given)))["token"]
    assert token.message == f"Entra ID issued a token for its {word} (file:Import.env)."


# --- whose credential is whose ---


def test_each_client_gets_the_first_credential_that_is_its_own() -> None:
    bench = Bench("Import", "Export")
    first = bench.credential("Import")
    second, theirs = replace(first, source="environment"), bench.credential("Export")
    clients = bench.observed().trust.clients
    found = {
        subject.name: subject.credential
        for subject in clients_to_verify(clients, (first, second, theirs), unlisted=True)
    }
    assert found == {"Import": first, "Export": theirs}


@pytest.mark.parametrize("unlisted", [True, False])
def test_a_credential_of_nobody_is_tried_only_where_that_is_asked_for(unlisted: bool) -> None:
    bench = Bench()
    own = bench.credential()
    nobody = replace(own, sign_in=replace(own.sign_in, client_id=ClientId(guid("nobody"))), name="Old")
    found = clients_to_verify((), (nobody,), unlisted=unlisted)
    assert [subject.name for subject in found] == (["Old"] if unlisted else [])


# --- from a client's own place ---


def called(bench: Bench, audience: str | None = None) -> Verification:
    callers = [(bench.credential().sign_in, "this client")]
    return run(verify_callers(bench.context(), callers, audience or bench_uri(bench)))


def test_a_client_that_is_refused_there_is_told_what_its_token_names() -> None:
    bench = Bench()
    bench.settings(ServiceApplicationIds=guid("other"))
    call = by_name(called(bench))["call"]
    client = bench.here.application_of("Import")
    principal = bench.here.principal_of(client.client_id)
    assert principal is not None
    assert call.ok is False
    for words in (client.client_id, principal.id, TENANT.id, "the roles S2SAppRole"):
        assert words in call.message
    assert "mct-s2s status" in (call.remedy or "")


@pytest.mark.parametrize(
    ("error", "ok"),
    [(refused("token-refused", 401), False), (lost("login-unreachable"), None)],
    ids=["refused", "lost"],
)
def test_a_token_that_does_not_come_there(error: ServiceError, ok: bool | None) -> None:
    bench = Bench()
    bench.here.before("token", raising(error))
    checks = by_name(called(bench))
    assert (checks["token"].ok, checks["token"].remedy) == (ok, error.remedy)
    assert "call" not in checks
