"""Whatever a tenant's answers hold, a skeleton shows none of it; and what must not fit in a comparison does not."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conformance.comparison import Answer, Tables, differences, filled
from conformance.redaction import Redactor
from conformance.report import Finding, Verdict, save
from conformance.story import SETTING, Service, Settings, Step

NAMES = {"graph": "https://graph.microsoft.com", "tenantId": "1b2c3d4e-0000-4000-8000-0123456789ab", "group": "rg"}
PRIVATE = (
    "9f0e1d2c-3b4a-4958-8776-655443322110", "9F0E1D2C-3B4A-4958-8776-655443322110", "jane.doe@fabrikam.example",
    "jane.doe_fabrikam.com#EXT#@contoso.onmicrosoft.com", "https://intranet.fabrikam.example:8443/x",
    "fabrikam.onmicrosoft.com", "203.0.113.77", "2001:db8:85a3::8a2e:370:7334",
    "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiJqYW5lIn0.c2lnbmF0dXJl", "Xq8~Q3vFa0bC7dE9fG1hJ2kL4mN6pR8sT",
    "2026-03-04T05:06:07.1234567Z", "1234567890",
)  # fmt: skip
KEPT = (
    "AzureADMyOrg",
    "Authorization_RequestDenied",
    "InvalidAuthenticationTokenTenant",
    "AADSTS7000215: Invalid client secret provided.",
    "The property oauth2PermissionScopes is not valid.",
    "No registered resource provider found for Microsoft.Web/sites.",
)


def step(**changed: Any) -> Step:
    usual: dict[str, Any] = {"id": "t/01", "service": Service.GRAPH, "method": "GET", "path": "/x"}
    return Step(**{**usual, **changed})


def shown(
    body: Any, *, status: int = 200, known: tuple[str, ...] = (), private: tuple[str, ...] = (), **how: Any
) -> str:
    """The skeleton of an answer, with which that answer agrees."""
    answer = Answer(status, {"x-other": "Jane", "content-type": "application/json"}, body)
    response, compare = Redactor(NAMES, known, private).skeleton(step(**how), answer, answer)
    assert differences(response, answer, dict(NAMES), compare) == []
    return json.dumps(response)


@pytest.mark.parametrize("value", PRIVATE)
def test_what_identifies_is_replaced_wherever_it_stands(value: str) -> None:
    stores = {"displayName": value, "list": [{"deep": value}], "error": {"code": "Odd", "message": f"Of {value}, not."}}
    assert value.lower() not in shown(stores).lower()
    assert value.lower() not in shown({"error": {"message": f"See '{value}' or {value}."}}, status=400).lower()


@pytest.mark.parametrize("value", KEPT)
def test_a_services_own_words_stay(value: str) -> None:
    assert value in shown({"error": {"code": "x", "message": value}}, status=400)


def test_names_are_put_where_their_values_were() -> None:
    message = f"Tenant {NAMES['tenantId']} at {NAMES['graph']}/v1.0, group rg-1 in 'rg', not RG."
    text = shown({"error": {"message": message}})
    assert "Tenant {tenantId} at {graph}/v1.0, group {group}-1 in '{group}', not <string>." in text


def test_a_word_that_nobody_knows_goes() -> None:
    text = shown({"displayName": "Hochschule", "error": {"message": "The user 'Jane Doe' is not in \"Fabrikam\"."}})
    assert not any(word in text for word in ("Hochschule", "Jane", "Fabrikam"))


def test_private_words_go_from_messages_too() -> None:
    text = shown({"error": {"message": "Jane Doe may not do this."}}, status=403, private=("Jane Doe",))
    assert "<string> may not do this." in text


def test_of_others_objects_only_the_shape_is_kept() -> None:
    site = {
        "id": "/x",
        "name": "Jane",
        "tags": {"Jane": "x"},
        "properties": {"n": 3, "b": True, "z": None, "l": ["Jane"]},
    }
    text = shown(site, others=True)
    assert json.loads(text)["body"] == {
        "id": "<string or null>",
        "name": "<string or null>",
        "tags": "<object or null>",
        "properties": {"n": "<number or null>", "b": "<boolean or null>", "z": "<any>", "l": "<array or null>"},
    }


def test_members_that_owners_name_are_left_out() -> None:
    directory = {"id": None, f"extension_{'a1' * 16}_costCentre": "Jane", "Jane Doe's": 1, "ok": 1}
    assert json.loads(shown(directory, others=True))["body"] == {"id": "<any>", "ok": "<number or null>"}


def test_of_settings_only_ours_is_shown() -> None:
    body = {"name": "appsettings", "properties": {"Jane": "secret", SETTING: "run"}}
    text = shown(body, settings=Settings.READ, known=("run",))
    assert json.loads(text)["body"]["properties"] == {SETTING: "run"}


def test_what_got_through_is_replaced_as_the_report_is_written(tmp_path: Path) -> None:
    row = {"response": {"status": 403, "body": {"error": {"message": "Jane Doe may not do this."}}}}
    found = [Finding(step(path="/Janeville"), Verdict.SAME, row=row)]
    save(tmp_path, found, {"Janeville", "jane doe"}, "public", datetime(2026, 1, 1, tzinfo=UTC), 0)
    assert "Jane" not in "".join(file.read_text() for file in tmp_path.iterdir())
    assert "removed may not do this." in (tmp_path / "t.json").read_text()


def test_what_differs_in_many_answers_is_told_once(tmp_path: Path) -> None:
    server = "header server: absent, expected 'IIS'"
    found = [Finding(step(id=f"t/{number:02}"), Verdict.DIFFERS, (server,)) for number in range(1, 8)]
    report = save(tmp_path, found, (), "public", datetime(2026, 1, 1, tzinfo=UTC), 0).read_text()
    assert report.count("header server") == 1
    first = ", ".join(f"`t/{number:02}`" for number in range(1, 6))
    assert f"- {first} and 2 more of graph: `header server: absent · cloud: 'IIS'`" in report


# The rules of comparison: what must not fit; what fits, the recorded traffic shows

GUID = "5c2d8a2e-7d52-4d8d-9a57-3a1b2c3d4e5f"

DIFFERS: list[tuple[Any, Any]] = [
    ("<guid>", GUID.upper()), ("<utc seconds>", "2025-04-08T09:40:20.1Z"), ("<40 upper-case hex: SHA-1>", "a" * 40),
    ("<number>", True), ("<epoch seconds, number>", "1700000000"), ("<string>", None), ("<string>", 5),
    ("<begins: One ...; contains: two>", "One"), ("{principal}", GUID[:-1] + "0"), ("text.", "text"), (1, True),
    (None, []), ({"a": 1}, {}), ({}, {"a": 1}), ([1, 2], [2, 1]), ([1], [1, 1]),
]  # fmt: skip


def compared(expected: Any, actual: Any, **compare: Any) -> list[str]:
    return differences({"body": expected}, Answer(200, {}, actual), {"principal": GUID}, compare)


@pytest.mark.parametrize(("expected", "actual"), DIFFERS)
def test_what_differs(expected: Any, actual: Any) -> None:
    assert compared(expected, actual) != []


def test_a_difference_says_where_it_is() -> None:
    assert compared({"a": [{"b": 1}]}, {"a": [{"c": 1}]}) == [
        "/a/0/b: absent, expected 1",
        "/a/0/c: there, expected none",
    ]


def test_a_name_is_bound_by_the_first_answer_that_shows_it() -> None:
    bindings: dict[str, str] = {}
    expected = {"body": {"id": "{version: 8 lower-case hex}", "url": "https://vault/secrets/{version}"}}
    answer = Answer(200, {}, {"id": "0123abcd", "url": "https://vault/secrets/0123abcd"})
    assert differences(expected, answer, bindings) == []
    assert bindings == {"version": "0123abcd"}
    assert differences(expected, Answer(200, {}, {**answer.body, "id": "99999999"}), bindings) != []
    assert filled({"$filter": "id eq '{version}'"}, bindings) == {"$filter": "id eq '0123abcd'"}
    with pytest.raises(KeyError):
        filled("{unknown}", bindings)


def test_headers_are_compared_without_case_and_bound_for_their_own_answer_only() -> None:
    expected = {"headers": {"Request-Id": "<guid>"}, "absent-headers": ["etag"], "body": {"id": "{request-id}"}}
    bindings: dict[str, str] = {}
    assert differences(expected, Answer(200, {"request-ID": GUID}, {"id": GUID}), bindings) == []
    assert bindings == {}
    found = differences(expected, Answer(200, {"ETag": "x"}, {"id": GUID}), bindings)
    assert [each.split(":")[0] for each in found] == ["header Request-Id", "header etag"]


@pytest.mark.parametrize(
    ("expected", "status", "agrees"),
    [(200, 200, True), (200, 201, False), ("<4xx, not quoted>", 403, True), ("<400 or 401>", 403, False)],
)
def test_a_status_may_be_known_in_part(expected: Any, status: int, agrees: bool) -> None:
    assert (differences({"status": expected}, Answer(status, {}), {}) == []) is agrees


def test_partial_sets_and_members_that_may_be_there() -> None:
    assert compared({"a": 1}, {"a": 1, "b": 2}, partial=[""]) == []
    assert compared({"a": 1}, {"a": 1, "b": 2}, **{"may-have": ["/b"]}) == []
    assert compared({"a": 1}, {"a": 1, "c": 2}, **{"may-have": ["/b"]}) != []
    assert compared([{"a": "<string>"}, 2], [2, {"a": "x"}], **{"as-set": [""]}) == []
    assert compared([1, 1], [1, 2], **{"as-set": [""]}) != []
    assert compared([1], [3, 1, 2], partial=[""]) == []
    assert compared([4], [3, 1, 2], partial=[""]) != []


def test_like_set_and_unset() -> None:
    row = {"source": "s", "service": "graph"}
    first = {**row, "id": "t/1", "request": {"body": {"a": 1}}, "response": {"status": 200, "body": {"a": 1, "b": {}}}}
    changed = {"value": [{"<like>": "t/1", "<set>": {"/b/c": 2}, "<unset>": ["/a"]}]}
    second = {**row, "id": "t/2", "request": {"body": {"<like>": "t/1"}}, "response": {"status": 200, "body": changed}}
    third = {**row, "id": "t/3", "request": {}, "response": {"<like>": "t/2"}}
    tables = Tables([first, second, third])
    assert tables["t/2"]["response"]["body"] == {"value": [{"b": {"c": 2}}]}
    assert tables["t/2"]["request"]["body"] == {"a": 1}
    assert tables["t/3"]["response"] == tables["t/2"]["response"]
    assert tables["t/1"]["response"]["body"] == {"a": 1, "b": {}}
