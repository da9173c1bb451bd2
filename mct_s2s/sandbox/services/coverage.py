"""Every operation of every service, with its fidelity and its source."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from mct_s2s.sandbox.core.operation import Operation
from mct_s2s.sandbox.services import key_vault
from mct_s2s.sandbox.services.arm import arm
from mct_s2s.sandbox.services.graph import graph
from mct_s2s.sandbox.services.login import login


class Row(NamedTuple):
    """An operation.

    `fidelity` is `full`, `usual` (as clients use it) or `stub` (it answers, and does little).
    """

    service: str
    operation: str
    fidelity: str
    source: str


_OWN = (
    Row("MCT", "* /api/{path}", "usual", "service-to-service authentication, step 3"),
    Row("Identity", "GET {IDENTITY_ENDPOINT}", "full", "app-service/overview-managed-identity"),
    Row(
        "Identity",
        "GET {machine}/metadata/identity/oauth2/token",
        "usual",
        "entra: how-to-use-vm-token",
    ),
    Row("ARM", "GET /metadata/endpoints", "full", "ARM: metadata/endpoints"),
    Row("Graph", "POST /v1.0/$batch", "full", "graph: concepts/json-batching"),
)


def rows() -> list[Row]:
    described = [
        *_described("Entra", login.OPERATIONS, ""),
        *_described("Graph", graph.OPERATIONS, "/v1.0/"),
        *_described("Graph", graph.BETA_OPERATIONS, "/beta/"),
        *_described("ARM", arm.OPERATIONS, ""),
        *_described("KeyVault", key_vault.OPERATIONS, ""),
    ]
    order = ("Entra", "Graph", "ARM", "KeyVault", "Identity", "MCT")
    return sorted((*described, *_OWN), key=lambda row: order.index(row.service))


def table() -> str:
    operations = rows()
    heads = Row("service", "operation", "fidelity", "source")
    widths = [max(len(row[column]) for row in (heads, *operations)) for column in range(3)]
    lines = [_line(row, widths) for row in (heads, *operations)]
    counts = [
        f"{sum(row.fidelity == kind for row in operations)} {kind}"
        for kind in ("full", "usual", "stub")
    ]
    return "\n".join(
        (*lines, "", f"{len(operations)} operations: {', '.join(counts)}; all others return 501.")
    )


def _described(service: str, operations: Iterable[Operation[Any, Any]], prefix: str) -> list[Row]:
    return [
        Row(service, f"{row.method} {prefix}{row.template}", row.fidelity, row.source)
        for row in operations
    ]


def _line(row: Row, widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
    return "  ".join((*cells, row.source)).rstrip()
