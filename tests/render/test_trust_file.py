"""Whatever names Azure has, an export says them so that every reader of TOML finds the same ones again."""

import tomllib
from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from mct_s2s.cli.export import trust_file_text
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.export import ExportedSite, is_name

from tests.support.sampling import cases

PROFILE = {"tenant": "contoso.onmicrosoft.com", "subscription": "0b1f6471-1bf0-4dda-aec3-cb9272f09590"}


def site(name: str = "learn", group: str = "g", slot: str = "", **more: Any) -> ExportedSite:
    path = f"/subscriptions/{PROFILE['subscription']}/resourceGroups/{group}/providers/Microsoft.Web/sites/{name}"
    resource = ResourceId.parse(path + (f"/slots/{slot}" if slot else ""))
    options = {"resource-group": group} | ({"slot": slot} if slot else {})
    return replace(ExportedSite(resource, PROFILE, options), **more)


HOSTILE = [
    '"',
    "'''",
    '"""',
    "a\\",
    "[x]",
    "# no",
    "é\u0301",
    "🙂",
    "=",
    "a\n[sites.evil]",
    "\r",
    "\x1b[31m",
    "\u202e",
    "\ud800",
]
TEXTS = st.one_of(st.text(max_size=12), st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join))
NAMES = TEXTS.filter(is_name)


@settings(max_examples=cases(60, 1000), deadline=None)
@given(st.lists(NAMES, max_size=3), st.lists(TEXTS, max_size=3), NAMES)
@example(['"', "\\"], ["a\n[sites.evil]\n"], "'")
def test_every_name_is_found_again_and_no_remark_becomes_anything_else(
    names: list[str], remarks: list[str], role: str
) -> None:
    tables = tuple(({"name": name, "no-consent": True}, " ".join(remarks)) for name in names)
    found = site(clients=tables, options={"resource-group": "g", "role": role}, left_out=tuple(remarks))
    document = tomllib.loads(trust_file_text([found]))
    assert list(document["sites"]) == ["learn"]
    assert document["sites"]["learn"]["role"] == role
    assert document["sites"]["learn"].get("clients", []) == [{"name": name, "no-consent": True} for name in names]


def test_two_sites_of_one_name_have_two_keys_and_one_profile() -> None:
    china = site("other", profile={**PROFILE, "cloud": "china"})
    document = tomllib.loads(
        trust_file_text([site(), site(group="other"), site(slot="staging"), site("learn-staging"), china])
    )
    assert {key: value["resource-group"] for key, value in document["sites"].items()} == {
        "learn": "g",
        "learn-other": "other",
        "learn-staging": "g",
        "learn-staging-g": "g",
        "other": "g",
    }
    assert document["sites"]["learn-staging-g"]["app-service"] == "learn-staging"
    assert document["sites"]["learn-staging"]["slot"] == "staging"
    assert list(document["profiles"]) == ["contoso", "contoso-2"]
    assert document["sites"]["other"]["profile"] == "contoso-2"
