"""The seed, and the tables that say what the sandbox can do."""

from __future__ import annotations

from typing import Any

from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.services.arm import arm
from mct_s2s.sandbox.services.graph import graph
from mct_s2s.sandbox.services.login import login
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import Client


def test_two_worlds_of_one_seed_are_the_same_to_the_last_id() -> None:
    def described() -> Any:
        state = seed.seed("secret").to_dict()
        return [_without_times(state["directory"]), _without_times(state["resources"])]

    assert described() == described()


def test_what_is_made_later_gets_ids_by_chance() -> None:
    ids = [seeding.add_application(seed.seed("secret").directory, "later")[0]["id"] for _ in range(2)]
    assert len(set(ids)) == 2


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(inner) for name, inner in value.items() if not _is_time(name)}
    return [_without_times(inner) for inner in value] if isinstance(value, list) else value


def _is_time(name: str) -> bool:
    return name in {"createdDateTime", "startDateTime", "created", "createdOn", "lastModifiedTimeUtc"}


def test_every_operation_names_its_source_and_how_faithful_it_is() -> None:
    rows: list[Any] = [*graph.OPERATIONS, *arm.OPERATIONS, *login.OPERATIONS]
    for row in rows:
        assert row.source, row.template
        assert row.fidelity in {"full", "usual", "stub"}, row.template


def test_the_token_service_offers_what_its_table_says_and_nothing_else(client: Client) -> None:
    for row in login.OPERATIONS:
        answer = client.request(row.method, row.template.replace("{tenant}", seed.TENANT_ID))
        assert answer.status_code != 501, row.template
    unknown = client.request("GET", f"/{seed.TENANT_ID}/oauth2/v2.0/logout")
    assert unknown.status_code == 501
