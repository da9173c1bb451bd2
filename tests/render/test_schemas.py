"""The JSON Schemas of the package: complete, self-contained, explained, and true of what the program writes or reads.

With the trust file's an editor marks what the program would refuse, and nothing else.
"""

import copy
import datetime as dt
import functools
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.trust_file import sites_in
from mct_s2s.errors import UsageError
from mct_s2s.model.site_settings import NAMES
from mct_s2s.render.documents import DOCUMENTS, FILES, schema

from tests.support.sampling import cases


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema."""
    if isinstance(node, list):
        for item in node:
            yield from parts(item)
    elif isinstance(node, dict):
        yield node
        for value in node.values():
            yield from parts(value)


@pytest.mark.parametrize("name", [*DOCUMENTS, *FILES])
def test_a_schema_is_valid_and_stands_alone(name: str) -> None:
    found = schema(name)
    Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert [part for part in parts(found) if "$ref" in part] == []
    assert sum("$schema" in part for part in parts(found)) == 1
    assert [text for part in parts(found) if "\n" in str(text := part.get("description", ""))] == []


@pytest.mark.parametrize("name", [*DOCUMENTS, *FILES])
def test_every_member_is_explained_and_none_is_required_that_is_not_there(name: str) -> None:
    for part in parts(schema(name)):
        members = part.get("properties")
        if isinstance(members, dict):
            unexplained = [key for key, one in members.items() if "description" not in one and "const" not in one]
            assert unexplained == []
            assert set(part.get("required", ())) <= set(members)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_later_versions_may_add_members_and_codes(name: str) -> None:
    """A consumer that validates today's documents must not refuse tomorrow's."""
    for part in parts(schema(name)):
        assert part.get("additionalProperties") is not False
        assert not ("examples" in part and "enum" in part)


def test_settings_have_the_names_of_the_table() -> None:
    assert list(schema("handoff")["properties"]["settings"]["properties"]) == list(NAMES)


# the trust file's

SOUND: dict[str, Any] = {
    "profiles": {"p": {"tenant": "contoso.com", "auth": "cli"}},
    "sites": {
        "learn": {
            "profile": "p",
            "role": "Reader",
            "clients": [{"name": "A", "credential": "secret", "auto-lifetime": True, "secret-lifetime": "90d"}],
            "managed-identities": [{"resource": "func"}],
        },
        "other": {},
    },
}


@functools.cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema("trust"))


def is_read(document: dict[str, Any]) -> bool:
    try:
        sites_in(copy.deepcopy(document), ChangingOptions())
    except UsageError:
        return False
    return True


def is_valid(document: dict[str, Any]) -> bool:
    return bool(validator().is_valid(document))


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("[sites.a]\nclients = []\n", True),
        ("[[sites.a.clients]]\nname = 'A'\nsecret-to = 'exec:gh secret set {client}'\n", True),
        ("[[sites.a.clients]]\nname = 'A'\nsecret-to = 'show'\n", False),
        ("[sites]\n", False),
        ("[sites.a]\nslot = ''\n", False),
        ('[sites.a]\nrole = "\\u0007"\n', False),
        ("[sites.' ']\napp-service = 'a'\n", False),
        (f"[sites.{'a' * 121}]\napp-service = 'a'\n", False),
    ],
)
def test_what_is_valid_is_read_and_what_is_not_is_refused(text: str, sound: bool) -> None:
    document = tomllib.loads(text)
    assert (is_valid(document), is_read(document)) == (sound, sound)


def _places(node: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place, *(below for key, member in members for below in _places(member, (*place, key)))]


OTHERS = st.sampled_from([1, 1.5, True, "", " ", "a\u0001", dt.date(2027, 6, 30), [], {}, {"x": 1}, ["a"], [{}]])


@settings(max_examples=cases(60, 2000), deadline=None)
@given(st.sampled_from(_places(SOUND)[1:]), st.sampled_from(["change", "remove", "add"]), OTHERS)
def test_a_change_is_seen_by_both_or_by_none(place: tuple[Any, ...], how: str, other: Any) -> None:
    document = copy.deepcopy(SOUND)
    *above, last = place
    node = functools.reduce(lambda found, key: found[key], above, document)
    match how:
        case "change":
            node[last] = other
        case "remove":
            del node[last]
        case _ if isinstance(node, dict):
            node["unknown"] = other
    if place[:2] == ("profiles", "p") and "p" not in document.get("profiles", {}):
        return  # that a profile is there no schema can say
    if place == ("profiles",) and how != "add":
        return
    assert is_valid(document) == is_read(document), document
