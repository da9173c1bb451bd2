"""Graph's arrays are sets; a recycle bin that shows no `uniqueName` is read by what we wrote on registrations."""

from __future__ import annotations

import random
from typing import Any

import pytest
from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.parse import application, deleted_applications
from mct_s2s.model.ids import (
    Tag,
    client_unique_name,
    named_unique_name,
    service_unique_name,
    site_note,
)
from mct_s2s.model.resource_id import ResourceId

from tests.planning.scenarios import guid


def _credential(name: str, day: int) -> dict[str, Any]:
    moment = f"2026-11-{day:02}T12:00:00Z"
    return {"keyId": guid(name), "displayName": name, "startDateTime": moment, "endDateTime": "2027-11-24T12:00:00Z"}


def _role(name: str) -> dict[str, Any]:
    return {"id": guid(name), "value": name, "isEnabled": True, "allowedMemberTypes": ["User", "Application"]}


APPLICATION = {
    "id": guid("object"),
    "appId": guid("app"),
    "createdDateTime": "2026-11-24T12:00:00Z",
    "identifierUris": ["api://b", "api://a", "https://c"],
    "appRoles": [_role("R1"), _role("R2"), _role("R3")],
    "requiredResourceAccess": [
        {
            "resourceAppId": guid(resource),
            "resourceAccess": [{"id": guid(f"{resource}{number}"), "type": "Role"} for number in range(3)],
        }
        for resource in ("graph", "mct")
    ],
    "passwordCredentials": [_credential("one", 3), _credential("two", 1), _credential("three", 2)],
    "keyCredentials": [_credential("four", 2), _credential("five", 1)],
    "tags": ["b", "c", "a"],
}
PRINCIPAL = {
    "id": guid("object"),
    "appId": guid("app"),
    "servicePrincipalType": "ManagedIdentity",
    "alternativeNames": ["isExplicit=True", "/subscriptions/b", "/subscriptions/a"],
}


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {name: _shuffled(inner, chance) for name, inner in value.items()}
    if not isinstance(value, list) or value == ["User", "Application"]:  # what is inside an entry keeps its order
        return value
    return chance.sample([_shuffled(inner, chance) for inner in value], len(value))


def test_the_order_of_what_is_read_says_nothing() -> None:
    chance = random.Random(1)
    for _ in range(50):
        assert parse.application(_shuffled(APPLICATION, chance)) == parse.application(APPLICATION)
        assert parse.principal(_shuffled(PRINCIPAL, chance)) == parse.principal(PRINCIPAL)


def test_credentials_are_in_the_order_of_their_age() -> None:
    names = [credential.name for credential in parse.application(APPLICATION).credentials]
    assert names == ["two", "three", "one", "five", "four"]


def test_a_moment_has_seconds_or_seven_decimals() -> None:
    """The answer to a creation is more precise than what is read later."""
    read, answered = parse.moment("2025-04-08T09:40:20Z"), parse.moment("2025-04-08T09:40:20.2882444Z")
    assert answered.replace(microsecond=0) == read


SERVICE = service_unique_name("contosolearn")
SITE = ResourceId.site(guid("subscription"), "group", "ContosoLearn")
SLOT = ResourceId.site(guid("subscription"), "group", "contosolearn", "staging")
VAULT = ResourceId.parse(f"/subscriptions/{guid('s')}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v")


def row(name: str = "Import", unique_name: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": guid("id"), "appId": guid("app"), "displayName": name, "uniqueName": unique_name, **more}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ({"tags": [Tag.NAME.of(named_unique_name("x"))]}, named_unique_name("x")),
        ({"tags": ["x", Tag.TRUST.of(SERVICE), Tag.VAULT.of("v/n")]}, client_unique_name(SERVICE, "Import")),
        ({"tags": [Tag.TRUST.of(SERVICE), Tag.NAME.of("its own")]}, "its own"),
        ({"notes": site_note(str(SITE))}, SERVICE),
        ({"notes": site_note(str(SLOT))}, service_unique_name("contosolearn", "staging")),
        ({"notes": site_note(str(VAULT))}, None),
        ({"notes": site_note("nonsense")}, None),
        ({"notes": "for reports"}, None),
        ({"tags": [Tag.VAULT.of("v/n"), "mct-s2s:"]}, None),
        ({}, None),
    ],
)
def test_our_own_words_tell_its_name(written: dict[str, Any], name: str | None) -> None:
    (found,) = deleted_applications([*map(application, [row(**written)])])
    assert found.unique_name == name


def test_where_names_are_shown_nobody_is_believed_a_tag() -> None:
    """Whoever owns a registration can write our tags on it; a `uniqueName` is given to one alone."""
    ours, theirs = row("A", SERVICE), row("B", None, tags=[Tag.NAME.of(SERVICE)], notes=site_note(str(SITE)))
    assert [found.unique_name for found in deleted_applications([*map(application, [theirs, ours])])] == [None, SERVICE]
