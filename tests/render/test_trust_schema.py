"""The JSON Schema of the trust file: an editor marks what the program would refuse, and nothing else."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import tomllib
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.options.setup import SetupOptions
from mct_s2s.cli.trust_file.entries import site_setups
from mct_s2s.errors import UsageError
from mct_s2s.inputs.trust_file import parsed_trust_file
from mct_s2s.model.trust_file import CLIENT_KEYS, IDENTITY_KEYS, PROFILE_KEYS, SITE_KEYS
from mct_s2s.render.schemas import schema

from tests.support.sampling import cases

TYPES = {str: "string", bool: "boolean"}
FILE = Path("trust.toml")
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


def is_read(text: str) -> bool:
    try:
        site_setups(parsed_trust_file(FILE, text), ChangingOptions())
    except UsageError:
        return False
    return True


def is_valid(text: str) -> bool:
    return bool(validator().is_valid(tomllib.loads(text)))


def test_each_table_has_the_keys_of_the_reader_with_their_types_and_choices() -> None:
    site = schema("trust")["properties"]["sites"]["additionalProperties"]["properties"]
    profile = schema("trust")["properties"]["profiles"]["additionalProperties"]["properties"]
    lists = {name: site.pop(name)["items"]["properties"] for name in ("clients", "managed-identities")}
    assert site.pop("profile")["type"] == "string"
    for found, keys in (
        (profile, PROFILE_KEYS),
        (site, SITE_KEYS),
        (lists["clients"], CLIENT_KEYS),
        (lists["managed-identities"], IDENTITY_KEYS),
    ):
        assert {key: one["type"] for key, one in found.items()} == {key: TYPES[kind] for key, kind in keys.items()}
    hints = get_type_hints(SetupOptions)
    for key, one in {**profile, **lists["clients"]}.items():
        hint = hints.get(key.replace("-", "_"))
        kinds = [kind for kind in (hint, *get_args(hint)) if isinstance(kind, type) and issubclass(kind, Enum)]
        choices = [[member.value for member in kind] for kind in kinds]
        assert ([one["enum"]] if "enum" in one else []) == choices, key


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("[sites.a]\n", True),
        ("[sites.a]\nclients = []\n", True),
        ("", False),
        ("[sites]\n", False),
        ("[profiles.p]\n", False),
        ("[sites.a.b]\n", False),
        ("[sites.a]\nslot = ''\n", False),
        ('[sites.a]\nrole = "\\u0007"\n', False),
        ("[sites.' ']\napp-service = 'a'\n", False),
        (f"[sites.{'a' * 121}]\napp-service = 'a'\n", False),
        ("[[sites.a.clients]]\n", False),
        ("[[sites.a.clients]]\nname = 'A'\ncredential = 'password'\n", False),
        ("[[sites.a.clients]]\nname = 'A'\nsecret-to = 'show'\n", False),
        ("[[sites.a.clients]]\nname = 'A'\nsecret-to = 'exec:gh secret set {client}'\n", True),
        ("[[sites.a.clients]]\nname = 'A'\nsecret-lifetime = 2027-06-30\n", False),
        ("[[sites.a.managed-identities]]\nrole = true\n", False),
        ("[profiles.p]\nauth = 'password'\n[sites.a]\nprofile = 'p'\n", False),
    ],
)
def test_what_is_valid_is_read_and_what_is_not_is_refused(text: str, sound: bool) -> None:
    assert (is_valid(text), is_read(text)) == (sound, sound)


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
    text = tomlkit.dumps(document)
    assert is_valid(text) == is_read(text), text
