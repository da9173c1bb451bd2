"""Whatever names Azure has, the file says them so that every reader of TOML finds the same ones again."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mct_s2s.cli.trust_file.merge import Found, merge
from mct_s2s.errors import UsageError
from mct_s2s.inputs.trust_file import parsed_trust_file
from mct_s2s.model.directory_objects import Tenant
from mct_s2s.model.ids import TenantId
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.export import ExportedSite, ExportedTable, is_name

from tests.support.sampling import cases

FILE = Path("trust.toml")
SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
TENANT = Tenant(
    TenantId("11111111-2222-3333-4444-555555555555"),
    "contoso.onmicrosoft.com",
    frozenset({"contoso.onmicrosoft.com", "contoso.com"}),
)


def site(name: str = "learn", group: str = "g", slot: str = "", **more: Any) -> Found:
    path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Web/sites/{name}"
    resource = ResourceId.parse(path + (f"/slots/{slot}" if slot else ""))
    options = {"resource-group": group} | ({"slot": slot} if slot else {})
    return Found(replace(ExportedSite(resource, options), **more), TENANT, "public")


def client(name: str, *remarks: str, **options: str | bool) -> ExportedTable:
    table = {"name": name, "credential": "secret"} | {key.replace("_", "-"): value for key, value in options.items()}
    return ExportedTable(table, remarks)


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
@given(st.lists(NAMES, max_size=3, unique_by=str.casefold), st.lists(TEXTS, max_size=3), NAMES)
@example(['"', "\\"], ["a\n[sites.evil]\n"], "'")
def test_every_name_is_found_again_and_no_remark_becomes_anything_else(
    names: list[str], remarks: list[str], role: str
) -> None:
    tables = tuple(client(name, *remarks) for name in names)
    found = site(clients=tables, options={"resource-group": "g", "role": role}, left_out=tuple(remarks))
    text = merge(FILE, "", [found]).text
    document = tomllib.loads(text)
    assert list(document["sites"]) == ["learn"]
    assert document["sites"]["learn"]["role"] == role
    assert [one["name"] for one in document["sites"]["learn"].get("clients", [])] == names
    (entry,) = parsed_trust_file(FILE, text).sites
    assert [one.name for one in entry.clients] == names
    assert merge(FILE, text, [found]).text == text, "and the second time nothing changes"


@settings(max_examples=cases(40, 700), deadline=None)
@given(st.lists(NAMES, max_size=3, unique_by=str.casefold), st.lists(NAMES, max_size=3, unique_by=str.casefold))
def test_a_file_that_exists_has_in_the_end_what_exists(before: list[str], after: list[str]) -> None:
    text = merge(FILE, "", [site(clients=tuple(map(client, before)))]).text
    merged = merge(FILE, text, [site(clients=tuple(map(client, after)))]).text
    found = {one.name for one in parsed_trust_file(FILE, merged).sites[0].clients}
    kept = {name.casefold(): name for name in before}
    assert found == {kept.get(name.casefold(), name) for name in after}


def test_two_sites_of_one_name_have_two_keys_and_one_profile() -> None:
    text = merge(FILE, "", [site(), site(group="other"), site(slot="staging"), site("learn-staging")]).text
    document = tomllib.loads(text)
    assert {key: value["resource-group"] for key, value in document["sites"].items()} == {
        "learn": "g",
        "learn-other": "other",
        "learn-staging": "g",
        "learn-staging-g": "g",
    }
    assert document["sites"]["learn-staging-g"]["app-service"] == "learn-staging"
    assert document["sites"]["learn-staging"]["slot"] == "staging"
    assert list(document["profiles"]) == ["contoso"]
    assert merge(FILE, text, [site(slot="staging"), site("learn-staging"), site()]).text == text


@pytest.mark.parametrize(
    ("said", "same"),
    [
        ("", True),
        ("tenant = 'contoso.com'", True),
        (f"tenant = 'CONTOSO.com'\nsubscription = '{SUBSCRIPTION.upper()}'", True),
        ("subscription = 'by its name'", True),
        ("tenant = 'fabrikam.com'", False),
        ("subscription = '11111111-2222-3333-4444-555555555555'", False),
        ("cloud = 'china'", False),
    ],
)
def test_a_table_is_known_by_where_its_profile_leads(said: str, same: bool) -> None:
    text = f"[profiles.p]\n{said}\n[sites.here]\nprofile = 'p'\napp-service = 'Learn'\n"
    merged = merge(FILE, text, [site(clients=(client("A"),))]).text
    sites = parsed_trust_file(FILE, merged).sites
    assert [one.key for one in sites] == (["here"] if same else ["here", "learn"])


def test_a_table_is_known_by_its_resource_id() -> None:
    path = str(site().site.resource)
    text = f"[sites.here]\napp-service = '{path.upper()}'\n"
    assert len(parsed_trust_file(FILE, merge(FILE, text, [site()]).text).sites) == 1


def test_a_client_that_cannot_be_said_keeps_the_table_that_it_has() -> None:
    text = "[sites.learn]\n[[sites.learn.clients]]\nname = 'Odd'\n"
    assert merge(FILE, text, [site(left_out_ids=frozenset({"odd"}))]).text == text


def test_windows_line_ends_stay() -> None:
    text = "# ours\r\n[sites.learn]\r\n[[sites.learn.clients]]\r\nname = 'A' # a\r\n"
    merged = merge(FILE, text, [site(clients=(client("B"),)), site("other")]).text
    assert merged.startswith("# ours\r\n[sites.learn]\r\n")
    assert merged.count("\n") == merged.count("\r\n")


@pytest.mark.parametrize(
    "text",
    [
        "sites = { learn = { clients = [{ name = 'A' }] } }\n",
        "sites.learn.role = 'Reader'\n",
        "[sites.learn] # a\nclients = [ # b\n  { name = 'A' },\n  { name = 'B' }, # c\n]\n",
        "[[sites.learn.clients]]\nname = 'A'\n[profiles.p]\n[[sites.learn.clients]]\nname = 'C'\n",
        "[sites]\n[sites.learn]\n[profiles.p]\n[sites.other]\nclients = []\n",
    ],
)
def test_however_a_file_is_written_it_is_right_afterwards_or_left_alone(text: str) -> None:
    found = [site(clients=(client("B"),)), site("third")]
    try:
        merged = merge(FILE, text, found).text
    except UsageError as error:
        assert error.code == "trust-file-not-editable"  # noqa: PT017
        return
    sites = {one.key: one for one in parsed_trust_file(FILE, merged).sites}
    assert [one.name for one in sites["learn"].clients] == ["B"]
    assert "third" in sites
    for comment in (line.partition("#")[2] for line in text.splitlines() if "#" in line):
        assert comment in merged
