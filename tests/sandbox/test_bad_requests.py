"""How many bad requests are pinned, each to the status and the code or text that it gets, over all services."""

from __future__ import annotations

from typing import Any

from tests.sandbox import test_arm_judges as arm
from tests.sandbox import test_graph_refusals as graph
from tests.sandbox import test_sign_in as entra

TABLES: dict[str, list[Any]] = {
    "graph": [
        graph.test_a_wrong_application_is_refused,
        graph.test_a_wrong_address_is_refused,
        graph.test_only_a_token_for_graph_opens_graph,
        graph.test_a_wrong_federated_credential_is_refused,
        graph.test_a_wrong_request_for_a_secret_is_refused,
    ],
    "entra": [entra.test_a_bad_request_gets_entras_own_error, entra.test_a_client_assertion_must_be_true],
    "arm": [arm.test_bad_requests],
}


def rows_of(test: Any) -> int:
    """The rows of the longest table of a parametrized test: methods and the like that multiply it do not count."""
    return max(len(mark.args[1]) for mark in test.pytestmark if mark.name == "parametrize")


def test_each_service_refuses_by_tables_and_together_they_are_long() -> None:
    counted = {service: sum(map(rows_of, tests)) for service, tests in TABLES.items()}
    assert counted["graph"] >= 60, counted
    assert counted["arm"] >= 30, counted
    assert counted["entra"] >= 15, counted
