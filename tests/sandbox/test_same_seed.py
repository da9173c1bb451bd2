"""The seed, and the tables that say what the sandbox can do."""

from __future__ import annotations

from typing import Any

import pytest
from mct_s2s.sandbox.core.clock import ComputerTime
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.services import key_vault
from mct_s2s.sandbox.services.arm import arm
from mct_s2s.sandbox.services.graph import graph
from mct_s2s.sandbox.services.login import login
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import Client


def test_two_states_of_one_seed_are_the_same_to_the_last_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ComputerTime, "timestamp", lambda _: 1_800_000_000.0)

    def described() -> Any:
        state = seed.seed("secret").to_dict()
        return [state["directory"], state["resources"]]

    assert described() == described()


def test_what_is_made_later_gets_ids_by_chance() -> None:
    ids = [seeding.add_application(seed.seed("secret").directory, "later")[0]["id"] for _ in range(2)]
    assert len(set(ids)) == 2


def test_every_operation_names_its_source_and_how_faithful_it_is() -> None:
    rows: list[Any] = [*graph.OPERATIONS, *arm.OPERATIONS, *login.OPERATIONS, *key_vault.OPERATIONS]
    for row in rows:
        assert row.source, row.template
        assert row.fidelity in {"full", "usual", "stub"}, row.template


def test_the_token_service_offers_what_its_table_says_and_nothing_else(client: Client) -> None:
    for row in login.OPERATIONS:
        answer = client.request(row.method, row.template.replace("{tenant}", seed.TENANT_ID))
        assert answer.status_code != 501, row.template
    unknown = client.request("GET", f"/{seed.TENANT_ID}/oauth2/v2.0/logout")
    assert unknown.status_code == 501
