"""The sandbox misbehaves as it is told, over real connections where the connection is what
breaks.
"""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from mct_s2s.sandbox.core.clock import ComputerTime
from mct_s2s.sandbox.observability import faults
from mct_s2s.sandbox.state import seed

from tests.conftest import ANSWER_SECONDS
from tests.sandbox.conftest import SETTINGS, Client, Wire

Rule = dict[str, Any]


def misbehave(client: Client, *rules: Rule) -> None:
    client.control("PUT", "faults", list(rules))


def fared(client: Client) -> list[tuple[int, int]]:
    return [(rule["matched"], rule["fired"]) for rule in client.control("GET", "faults")["value"]]


def statuses(client: Client, count: int) -> list[int]:
    return [client.arm("GET", seed.SITE).status_code for _ in range(count)]


def refuse(**members: Any) -> Rule:
    return {
        "fault": {"type": "status", "status": 503},
        "match": {"service": "ARM", "method": "GET"},
        **members,
    }


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({"nth": 2}, [200, 503, 200, 200, 200, 200]),
        ({"nth": 2, "times": 3}, [200, 503, 503, 503, 200, 200]),
        ({"every": 3}, [200, 200, 503, 200, 200, 503]),
        ({"every": 3, "times": 1}, [200, 200, 503, 200, 200, 200]),
        ({"times": 2}, [503, 503, 200, 200, 200, 200]),
        ({"probability": 1}, [503] * 6),
        ({"probability": 0}, [200] * 6),
    ],
)
def test_a_rule_fires_when_it_is_due(client: Client, trigger: Rule, expected: list[int]) -> None:
    misbehave(client, refuse(**trigger))
    assert statuses(client, 6) == expected
    assert fared(client) == [(6, expected.count(503))]
    assert client.request("DELETE", "/_sandbox/faults").json() == {"value": []}
    assert statuses(client, 1) == [200]


def test_chance_repeats_itself_for_a_seed(client: Client) -> None:
    runs = []
    for chosen in (7, 7, 8):
        misbehave(client, refuse(probability=0.5, seed=chosen))
        runs.append(statuses(client, 30))
    assert runs[0] == runs[1] != runs[2]
    assert {200, 503} == set(runs[0])


@pytest.mark.parametrize(
    ("match", "hits"),
    [
        ({"service": "Graph"}, 0),
        ({"service": "*"}, 1),
        ({"service": "arm", "method": "PUT|GET"}, 1),
        ({"method": "PUT"}, 0),
        ({"path": "*/SITES/contoso*"}, 1),
        ({"path": "/sites"}, 0),
        ({"pathRegex": "sites/[a-z]+$"}, 1),
        ({"writes": True}, 0),
    ],
)
def test_a_rule_is_about_the_requests_it_names(client: Client, match: Rule, hits: int) -> None:
    client.token(client.addresses.arm + "/.default")
    misbehave(client, {"match": match, "fault": {"type": "latency", "seconds": 0}})
    client.arm("GET", seed.SITE)
    assert fared(client) == [(hits, hits)]


BAD_RULES: list[Any] = [
    {}, "none", [[]], [{}], [{"fault": {"type": "other"}}], [{"fault": {"type": "latency"}}],
    [{"fault": {"type": "latency", "seconds": -1}}],
    [{"fault": {"type": "latency", "seconds": "1"}}],
    [{"fault": {"type": "status", "status": 200}}],
    [{"fault": {"type": "status", "status": [503]}}],
    [{"fault": {"type": "reset", "seconds": 1}}], [{"fault": {"type": "hang", "when": "later"}}],
    [{"fault": {"type": "foreignWrite"}}], [{"fault": {"type": "reset"}, "nth": 0}],
    [{"fault": {"type": "reset"}, "nth": 1, "every": 2}],
    [{"fault": {"type": "reset"}, "probability": 2}],
    [{"fault": {"type": "reset"}, "often": True}],
    [{"fault": {"type": "reset"}, "match": {"service": "AWS"}}],
    [{"fault": {"type": "reset"}, "match": {"pathRegex": "("}}],
    [{"fault": {"type": "reset"}, "match": {"host": "x"}}],
]  # fmt: skip


@pytest.mark.parametrize("rules", BAD_RULES, ids=str)
def test_an_invalid_rule_is_refused_and_the_old_ones_stay(client: Client, rules: Any) -> None:
    misbehave(client, refuse(nth=1))
    answer = client.request("PUT", "/_sandbox/faults", json=rules)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidFault")
    assert len(fared(client)) == 1


@pytest.mark.parametrize("status", sorted(faults.STATUSES))
def test_each_service_refuses_in_its_own_words(client: Client, status: int) -> None:
    misbehave(client, {"fault": {"type": "status", "status": status, "retryAfter": 7}})
    arm = client.request("GET", "/subscriptions?api-version=2022-12-01")
    graph = client.request("GET", f"{client.addresses.graph}/v1.0/organization")
    entra = client.request("POST", f"/{seed.TENANT_ID}/oauth2/v2.0/token", data={"client_id": "x"})
    site = client.request(
        "GET", f"https://{client.addresses.of_site(seed.SITE)}/api/v1/organization"
    )
    for answer in (arm, graph, entra, site):
        assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    assert set(arm.json()["error"]) == {"code", "message"}
    assert "innerError" in graph.json()["error"]
    assert entra.json()["error_description"].startswith("AADSTS900")
    assert site.headers["content-type"] == "text/html"


def test_a_refusal_after_the_work_is_a_write_that_took_effect(client: Client) -> None:
    after = {"type": "status", "status": 504, "when": "after"}
    misbehave(client, {"match": {"method": "PUT"}, "fault": after})
    assert client.arm("PUT", SETTINGS, json={"properties": {"A": "1"}}).status_code == 504
    assert client.arm("POST", f"{SETTINGS}/list").json()["properties"] == {"A": "1"}
    row = client.log.to_list(service="arm")[0]
    assert (row["status"], row["wrote"], row["fault"]) == (504, True, "status")


def test_an_error_page_is_no_json(client: Client) -> None:
    misbehave(client, {"match": {"service": "Graph"}, "fault": {"type": "html"}})
    answer = client.request("GET", f"{client.addresses.graph}/v1.0/organization")
    assert (answer.status_code, answer.headers["content-type"], "<html>" in answer.text) == (
        502,
        "text/html",
        True,
    )


@pytest.mark.parametrize(
    ("when", "settings"), [("before", {"ours": "1"}), ("after", {"ours": "1", "theirs": "2"})]
)
def test_somebody_else_writes_settings_in_between(
    client: Client, when: str, settings: dict[str, str]
) -> None:
    foreign = {
        "type": "foreignWrite",
        "when": when,
        "settings": {"set": {"theirs": "2"}, "delete": ["BannerText"]},
    }
    misbehave(client, {"match": {"method": "PUT"}, "nth": 1, "fault": foreign})
    client.arm("PUT", SETTINGS, json={"properties": {"ours": "1"}})
    assert client.arm("POST", f"{SETTINGS}/list").json()["properties"] == settings


def test_somebody_else_changes_an_application_in_between(client: Client) -> None:
    edit = {"displayName": "Grafana", "patch": {"tags": ["theirs"]}}
    misbehave(
        client,
        {
            "match": {"service": "Graph"},
            "nth": 1,
            "fault": {"type": "foreignWrite", "application": edit},
        },
    )
    applications = client.graph(
        "GET", "/applications", params={"$filter": "displayName eq 'Grafana'"}
    ).json()["value"]
    assert applications[0]["tags"] == ["theirs"]


@pytest.mark.parametrize(
    ("fault", "code"), [("revokeSignIn", "TokenIssued"), ("expireTokens", "expired")]
)
def test_a_sign_in_that_is_taken_back_is_refused_until_a_new_one(
    client: Client, fault: str, code: str
) -> None:
    client.arm("GET", seed.SITE)
    client.graph("GET", "/organization")
    misbehave(client, {"match": {"service": "ARM"}, "nth": 1, "fault": {"type": fault}})
    refusals = [
        client.arm("GET", seed.SITE),
        client.graph("GET", "/organization"),
        client.arm("GET", seed.SITE),
    ]
    assert [answer.status_code for answer in refusals] == [401, 401, 401]
    assert code in refusals[1].json()["error"]["message"]
    assert ("insufficient_claims" in refusals[0].headers["www-authenticate"]) == (
        fault == "revokeSignIn"
    )
    client.forget_tokens()
    assert client.arm("GET", seed.SITE).status_code == 200
    assert client.graph("GET", "/organization").status_code == 200


def test_latency_is_a_knob_for_everybody_and_a_fault_for_some(client: Client) -> None:
    client.token(client.addresses.arm + "/.default")
    client.request("PATCH", "/_sandbox/knobs", json={"latencySeconds": 0.2})
    misbehave(
        client,
        {"match": {"method": "GET"}, "fault": {"type": "latency", "seconds": 0.3, "when": "after"}},
    )
    slept: list[float] = []

    class Recorded(ComputerTime):
        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)

    client.state.clock.source = Recorded()
    client.arm("GET", seed.SITE)
    assert slept == [0.2, 0.3]


@pytest.mark.parametrize(
    ("fault", "is_done"), [("reset", False), ("lostAnswer", True), ("truncated", True)]
)
def test_a_reset_is_one_that_clients_see_and_a_lost_answer_is_work_done(
    wire: Wire, fault: str, is_done: bool
) -> None:
    wire.control(
        "PUT",
        "faults",
        [{"match": {"service": "ARM", "method": "PUT"}, "nth": 1, "fault": {"type": fault}}],
    )
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        wire.put({"A": "1"})
    row = wire.control("GET", "requests?service=arm")["value"][-1]
    assert (row["status"], row["wrote"], row["fault"]) == (0, is_done, fault)
    assert ("A" in wire.settings()) is is_done
    assert wire.put({"A": "1"}).status_code == 200


@pytest.mark.parametrize(
    ("then", "seen"), [("hang", httpx.ReadTimeout), ("reset", httpx.TransportError)]
)
def test_everything_freezes_after_the_nth_write(
    wire: Wire, then: str, seen: type[Exception]
) -> None:
    wire.control(
        "PUT", "faults", [{"fault": {"type": "freezeAfterWrites", "writes": 2, "then": then}}]
    )
    assert wire.put({"A": "1"}).status_code == 200
    assert wire.settings() == {"A": "1"}
    assert wire.put({"A": "2"}).status_code == 200
    wire.http.timeout = httpx.Timeout(ANSWER_SECONDS, read=0.3)  # to connect takes what it takes
    for ask in (wire.get, wire.settings, lambda: wire.put({})):
        with pytest.raises(seen):
            ask()
    wire.http.timeout = httpx.Timeout(ANSWER_SECONDS)
    wire.control("DELETE", "faults")
    assert wire.settings() == {"A": "2"}


def test_the_page_lists_each_fault_with_its_keys() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ?(.*?) \| .* \|$", page, re.MULTILINE)
    listed = {name: set(re.findall(r"(\*\*)?`(\w+)`", keys)) for name, keys in rows}
    for name, members in faults.MEMBERS.items():
        required = {(key.endswith("!"), key.rstrip("!")) for key in members}
        assert {(bool(bold), key) for bold, key in listed[name]} == required, name
