"""Many clients where Azure limits: in a tenant that refuses writes beside one another, and at
Graph's documented budget of writes. What they cost grows with their number, and no faster.

`MCT_S2S_QUOTA_CLIENTS=1000 pytest --log-cli-level=info` says what so many cost.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from mct_s2s.azure.retry import IN_FLIGHT

from tests.cli.conftest import Program
from tests.conftest import Sandbox
from tests.support.sampling import every_cell
from tests.support.sandbox_inside import Inside

LATENCY_SECONDS = 0.1
WINDOW_SECONDS = 150.0
"""docs/azure-contract.md, section 3.12."""
WRITES_OF_A_CLIENT = 4
pytestmark = pytest.mark.as_administrator("a pipeline takes one more write for each client")
MANY = int(os.environ.get("MCT_S2S_QUOTA_CLIENTS", "200" if every_cell() else "30"))
WRITES = 3 * MANY
"""In a window: of 1,000 clients the documented 3,000."""


@dataclass(frozen=True)
class Cost:
    clients: int
    seconds: float
    requests: int
    throttled: int
    """Requests that were answered 429."""


@dataclass
class Measured:
    """`add-client` with many clients, at an App Service that is set up."""

    mct: Program
    inside: Inside
    file: Path

    def cost(self, clients: int) -> Cost:
        """Add them to the state as it was before, which is the state again afterwards."""
        names = (f"Client {number} of {clients}" for number in range(clients))
        self.file.write_text("\n".join(names), encoding="utf-8")
        before = self.inside.keep()
        self.inside.pipeline.observability.log.clear()
        reference = ("--service-management-reference", "CR 1")
        done = self.mct(
            "add-client", "--from", str(self.file), "--no-verify", "-y", "--timeout", "3000",
            *reference,
        )  # fmt: skip
        assert done.code == 0, done
        rows = self.inside.log()
        self.inside.become(before)
        self.inside.state.latency_seconds = LATENCY_SECONDS
        throttled = sum(row.status == 429 for row in rows)
        cost = Cost(clients, done.seconds, len(rows), throttled)
        logging.getLogger(__name__).info("%s", cost)
        return cost


@pytest.fixture
def measured(mct: Program, inside: Inside, tmp_path: Path) -> Measured:
    assert mct("setup", "-y", "--no-verify").code == 0
    inside.state.latency_seconds = LATENCY_SECONDS
    return Measured(mct, inside, tmp_path / "clients.txt")


def test_clients_of_a_strict_tenant_cost_in_proportion_to_their_number(
    measured: Measured, azure: Sandbox
) -> None:
    """Three consents go at once, each locked for 0.3 s: that is what they wait for."""
    azure.tenant("strict")
    few, many = (measured.cost(clients) for clients in (MANY // 2, MANY))
    more = many.clients - few.clients
    assert (many.requests - few.requests) / more <= 1.25 * WRITES_OF_A_CLIENT
    assert many.seconds <= 1.2 * few.seconds * many.clients / few.clients


def test_clients_beyond_the_budget_of_writes_wait_for_it_once_for_each_window(
    measured: Measured, azure: Sandbox
) -> None:
    azure.vary(graph_writes=WRITES)
    few, many = (measured.cost(clients) for clients in (MANY // 2, MANY))
    more = many.clients - few.clients
    # What was refused as one too many is sent again.
    assert (many.requests - few.requests - many.throttled) / more <= 1.05 * WRITES_OF_A_CLIENT
    windows = WRITES_OF_A_CLIENT * many.clients // WRITES
    assert (few.throttled, 0 < many.throttled <= 2 * IN_FLIGHT * windows) == (0, True)
    unthrottled = few.seconds * many.clients / few.clients
    assert many.seconds <= 1.1 * (WINDOW_SECONDS * windows + unthrottled)
