"""No answer is read without an end: not beyond 16 MiB, however it is packed, nor too deeply nested,
nor for too long.

A file of certificates is read in time that grows with its size. What is waited out for one reason
is no reason to give up for another, and nobody pushes past the gate.
"""

import asyncio
import gzip
import json
import ssl
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from itertools import product

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError
from mct_s2s import clock
from mct_s2s.azure import retry
from mct_s2s.azure.answers import ANSWER_BYTES, ARM, GRAPH, OddAnswer, read_refusal
from mct_s2s.azure.http import Http
from mct_s2s.azure.refusals import GraphOperation, error_of_refusal
from mct_s2s.azure.sign_in import login_refusals
from mct_s2s.key_pairs import certificate_in
from mct_s2s.local_files import FILE_BYTES
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.state.seed import VAULT
from mct_s2s.waits import OUTAGE_TRIES, REQUEST_SECONDS, USUAL_DELAYS

from tests.azure.raw import Answer, Wire
from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, Sandbox
from tests.support.answers import answering
from tests.support.sampling import sampled
from tests.support.sandbox_inside import Inside
from tests.support.simulated_time import SimulatedTime
from tests.support.trickle import ANSWERS, trickle

SETUP = ("setup", "--client", "S2S-client", "-y", "-o", "json")
PLAIN: dict[str, str] = {}
PACKED = {"content-encoding": "gzip"}

BODIES = {
    "large": (b'{"value": "' + b"x" * ANSWER_BYTES + b'"}', PLAIN, "larger than 16 MiB"),
    "a small archive of a large answer": (
        gzip.compress(b" " * 4 * ANSWER_BYTES),
        PACKED,
        "larger than 16 MiB",
    ),
    "an archive of an archive": (
        gzip.compress(gzip.compress(b" " * 4 * ANSWER_BYTES)),
        {"content-encoding": "gzip, gzip"},
        "encoded in a way that was not asked for",
    ),
}
DEEP = {"deep": b'{"a":' * 900 + b"1" + b"}" * 900, "very deep": b"[" * 1_000_000}
SERVICES: dict[str, tuple[str, Callable[[Entry], bool], tuple[str, ...]]] = {
    "discovery": ("cloud-unreachable", lambda e: e.path == "/metadata/endpoints", SETUP),
    "login": ("login-unreachable", lambda e: e.service == "entra", SETUP),
    "arm": ("arm-unreachable", lambda e: e.service == "arm" and "/sites/" in e.path, SETUP),
    "graph": ("graph-unreachable", lambda e: e.service == "graph", SETUP),
    "vault": (
        "vault-unreachable",
        lambda e: e.service == "vault",
        (*SETUP, "--secret-to", f"keyvault:{VAULT}"),
    ),
}


@pytest.mark.parametrize(
    ("status", "service", "body"),
    sampled(list(product([200, 400], SERVICES, BODIES)), 4, salt="beyond"),
)
def test_an_answer_beyond_all_measure_is_refused(
    mct: Program, azure: Sandbox, inside: Inside, service: str, body: str, status: int
) -> None:
    code, fits, command = SERVICES[service]
    content, headers, why = BODIES[body]
    inside.hooks.before.append(answering(fits, content, status, headers))
    done = mct(*command)
    error = done.document["error"]
    if service == "discovery" and status == 400:  # its body is not looked at
        assert (done.code, error["code"]) == (1, code)
        return
    assert (done.code, error["code"]) == (1, code), done.out
    assert why in error["message"]
    assert error["remedy"]
    asked = [entry for entry in inside.log() if fits(entry)]
    # Each service's token is asked for by whoever needs it; those that were under way together end
    # together.
    most = 4 if service == "login" else 2 * len({(entry.path, entry.query) for entry in asked})
    assert len(asked) <= most, "nothing is asked for again"


@pytest.mark.parametrize(
    ("status", "service", "body"),
    sampled(list(product([200, 400], SERVICES, DEEP)), 3, salt="deep"),
)
def test_an_answer_that_is_nested_too_deeply_is_an_error_like_any(
    mct: Program, azure: Sandbox, inside: Inside, service: str, body: str, status: int
) -> None:
    _, fits, command = SERVICES[service]
    inside.hooks.before.append(answering(fits, DEEP[body], status, PLAIN))
    done = mct(*command)
    assert (done.code, "Traceback" in done.err) == (1, False)
    assert done.document["error"]["remedy"]


@pytest.mark.parametrize("body", BODIES)
def test_a_managed_identitys_answer_beyond_all_measure_is_refused(
    mct: Program, azure: Sandbox, inside: Inside, body: str
) -> None:
    content, headers, why = BODIES[body]
    inside.hooks.before.append(answering(lambda e: e.service == "identity", content, 200, headers))
    environment = {
        **azure.identity_environment(FUNCTION_APP),
        "AZURE_CLIENT_SECRET": "",
        "AZURE_CLIENT_ID": "",
    }
    done = mct(
        "verify", "--audience", "api://x", "--url", azure.site_url, "-o", "json", env=environment
    )
    assert done.code == 3
    assert why in done.out


@pytest.mark.parametrize("body", BODIES)
def test_the_body_of_the_mct_apis_answer_is_not_read(
    mct: Program, azure: Sandbox, inside: Inside, body: str
) -> None:
    assert mct(*SETUP).code == 0
    content, headers, _ = BODIES[body]
    inside.hooks.before.append(answering(lambda e: e.service == "site", content, 200, headers))
    verified = mct("verify", "-o", "json").document["checks"]
    assert [row["check"] for row in verified if not row["ok"]] == ["without-token"], "got 200 too"


TIMES = 6
"""How many times the limit each of these has, on its way or unpacked."""


def _blank() -> bytes:
    return b" " * TIMES * ANSWER_BYTES


def _archive(content: bytes) -> bytes:
    return gzip.compress(content, 1)


PACKINGS: dict[str, tuple[list[str], Callable[[], bytes]]] = {
    "packed once": (["gzip"], lambda: _archive(_blank())),
    "packed twice": (["gzip, gzip"], lambda: _archive(_archive(_blank()))),
    "packed twice, in two headers": (["gzip", "gzip"], lambda: _archive(_archive(_blank()))),
    "packed and said to be as it is": (["gzip, identity"], lambda: _archive(_blank())),
    "deflated": (["deflate"], lambda: zlib.compress(_blank(), 1)),
    "by Brotli": (["br"], _blank),
    "by Zstandard": (["zstd"], _blank),
    "behind the end of a small archive": (["gzip"], lambda: _archive(b"{}") + _blank()),
    "an archive of nothing that does not end": (
        ["gzip"],
        lambda: _archive(b"")[:10] + b"\0\0\0\xff\xff" * (TIMES * ANSWER_BYTES // 5),
    ),
    "as it is": ([], _blank),
}
PIECE = 64 << 10
"""What a connection reads at once."""


@pytest.mark.parametrize("packing", PACKINGS)
def test_no_answer_takes_more_memory_than_three_times_the_limit(packing: str) -> None:
    encodings = PACKINGS[packing][0]
    content = PACKINGS[packing][1]()

    async def pieces() -> AsyncIterator[bytes]:
        for begin in range(0, len(content), PIECE):
            yield content[begin : begin + PIECE]

    def answer(request: httpx.Request) -> httpx.Response:
        headers = [("content-encoding", encoding) for encoding in encodings]
        return httpx.Response(200, headers=headers, content=pieces(), request=request)

    async def main() -> None:
        async with Http(
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), transport=httpx.MockTransport(answer)
        ) as http:
            with pytest.raises(OddAnswer, match=r"larger than 16 MiB|not asked for"):
                await http.get("https://graph.example/")

    tracemalloc.start()
    try:
        asyncio.run(main())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * ANSWER_BYTES


def test_a_compressed_answer_is_asked_for_and_unpacked() -> None:
    wire = Wire(
        Answer(200, gzip.compress(b'{"value": 1}'), {"content-encoding": "GZip"}),
        Answer(204, b"", PACKED),
    )

    async def main() -> list[httpx.Response]:
        return [await wire.get("https://graph.example/") for _ in range(2)]

    packed, empty = asyncio.run(main())
    assert (packed.json(), empty.content) == ({"value": 1}, b"")
    assert packed.request.headers["accept-encoding"] == "gzip"


def test_an_answer_that_cannot_be_unpacked_is_lost() -> None:
    with pytest.raises(httpx.DecodingError):
        asyncio.run(Wire(Answer(200, b"{}", PACKED)).get("https://graph.example/"))


TO_VAULT = (*SETUP, "--secret-to", f"keyvault:{VAULT}")
TRICKLING: dict[str, tuple[str, tuple[str, ...]]] = {
    "discovery": ("{origin}/metadata/endpoints", SETUP),
    "login": ("{origin}/{tenant}/oauth2/", SETUP),
    "arm": ("{origin}/subscriptions/", SETUP),
    "graph": ("{graph}/", SETUP),
    "vault": ("https://" + VAULT, TO_VAULT),
    "the MCT site at the end of a setup": ("{site}/", SETUP),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_trickles_is_lost_after_30_seconds(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    trickle(monkeypatch, "https://graph.example/", ANSWERS[answer])

    async def main() -> float:
        async with Http(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as http:
            began = clock.seconds()
            with pytest.raises(httpx.ReadTimeout):
                await http.get("https://graph.example/")
            return clock.seconds() - began

    with SimulatedTime().simulated():
        assert asyncio.run(main()) == pytest.approx(REQUEST_SECONDS, abs=0.1)


@pytest.mark.parametrize(
    ("service", "answer"), sampled(list(product(TRICKLING, ANSWERS)), 5, salt="trickling")
)
def test_a_service_that_trickles_holds_nobody_longer_than_one_that_is_silent(
    mct: Program,
    azure: Sandbox,
    inside: Inside,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    answer: str,
) -> None:
    where, command = TRICKLING[service]
    begin = where.format(
        origin=azure.origin, tenant=azure.tenant_id, graph=azure.graph_url, site=azure.site_url
    )
    asked = trickle(monkeypatch, begin, ANSWERS[answer])
    done = mct(*command)
    assert done.seconds < OUTAGE_TRIES * (REQUEST_SECONDS + USUAL_DELAYS.longest_pause) + 10, done
    assert asked, "somebody asked it"


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_site_that_trickles_holds_verify_no_longer_than_one_that_is_silent(
    mct: Program, azure: Sandbox, inside: Inside, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    assert mct(*SETUP).code == 0
    asked = trickle(monkeypatch, azure.site_url, ANSWERS[answer])
    done = mct("verify")
    assert done.seconds < OUTAGE_TRIES * (REQUEST_SECONDS + USUAL_DELAYS.longest_pause) + 10, done
    assert asked


HANGING_SECONDS = 30.0
"""Of processor time, only against hanging: what is linear takes some hundredths, what is quadratic
some minutes.
"""

BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "unit",
    [BEGIN, BEGIN + b"AAAA\n", b"-----BEGIN ", b"-" * 64, END, b"\n"],
    ids=lambda unit: unit[:20],
)
def test_a_pem_file_is_read_in_linear_time(unit: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match=r"PEM|cannot be read"):
        certificate_in(unit * (FILE_BYTES // len(unit)))
    assert time.process_time() - began < HANGING_SECONDS


@pytest.mark.parametrize("unit", ["policy ", "appsetting with name '", "another operation ", " "])
def test_a_refusal_is_judged_in_linear_time(unit: str) -> None:
    body = unit * (ANSWER_BYTES // len(unit))
    began = time.process_time()
    for service, status in ((GRAPH, 400), (ARM, 400), (ARM, 409)):
        for content in (body, json.dumps({"error": {"code": body, "message": body}})):
            error_of_refusal(
                service, read_refusal(httpx.Response(status, text=content)), GraphOperation.READ
            )
    login_refusals.sign_in_refused(ClientAuthenticationError(f"AADSTS1{body}"), SignedIn(""))
    assert time.process_time() - began < HANGING_SECONDS


NOT_THERE = {"error": {"code": "Request_ResourceNotFound", "message": "Resource does not exist."}}
BUSY = {"error": {"code": "TooManyRequests", "message": "Later."}}
DOWN = {"error": {"code": "serviceNotAvailable", "message": "A moment."}}


def test_a_failure_after_eight_answers_of_a_replica_counts_as_one(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    def consents(entry: Entry) -> bool:
        return entry.method == "POST" and entry.path.endswith("/appRoleAssignedTo")

    lag, down = answering(consents, NOT_THERE, 404), answering(consents, DOWN, 503)
    asked = 0

    async def answer(entry: Entry) -> None:
        nonlocal asked
        asked += consents(entry)
        if asked <= 9:
            await (lag if asked <= 8 else down)(entry)

    inside.hooks.before.append(answer)
    done = mct("setup", "--client", "S2S-client", "-y")
    assert (done.code, asked) == (0, 10), done.err


@pytest.mark.as_administrator("a pipeline registers first and names afterwards, in two requests")
def test_queued_requests_wait_while_the_service_asks_for_patience(
    mct: Program, azure: Sandbox, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def creates(entry: Entry) -> bool:
        return entry.method == "PATCH" and "uniqueName=" in entry.path

    busy = answering(creates, BUSY, 429, {"retry-after": "10"})
    left = []

    async def answer(entry: Entry) -> None:
        if creates(entry):
            left.append(inside.time.seconds)
            if len(left) == 1:
                await busy(entry)
            await inside.time.sleep(1.0)  # the other one under way is answered after it

    inside.hooks.before.append(answer)
    monkeypatch.setattr(retry, "IN_FLIGHT", 2)
    clients = [word for number in range(12) for word in ("--client", f"client {number:02}")]
    assert mct("setup", "-y", "--no-verify", *clients).code == 0
    assert len(left) > 12
    assert sum(moment - left[0] < 10 for moment in left) <= 2
