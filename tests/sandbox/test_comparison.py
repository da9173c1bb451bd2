"""The rules by which an answer is compared with a recorded one: what must not fit. What fits, the traffic shows."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.comparison import Answer, Tables, differences, filled

GUID = "5c2d8a2e-7d52-4d8d-9a57-3a1b2c3d4e5f"

DIFFERS: list[tuple[Any, Any]] = [
    ("<guid>", GUID.upper()),
    ("<utc seconds>", "2025-04-08T09:40:20.1Z"),
    ("<40 upper-case hex: SHA-1>", "a" * 40),
    ("<number>", True),
    ("<epoch seconds, number>", "1700000000"),
    ("<string>", None),
    ("<string>", 5),
    ("<begins: One ...; contains: two>", "One"),
    ("{principal}", GUID[:-1] + "0"),
    ("text.", "text"),
    (1, True),
    (None, []),
    ({"a": 1}, {}),
    ({}, {"a": 1}),
    ([1, 2], [2, 1]),
    ([1], [1, 1]),
]


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
