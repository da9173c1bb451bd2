"""A recycle bin that shows no `uniqueName` is read by what we wrote on our registrations; any other is not."""

from __future__ import annotations

from typing import Any

import pytest
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
