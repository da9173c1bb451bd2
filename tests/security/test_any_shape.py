"""Whatever shape an answer has, a command ends with an error of its own, and never with a traceback."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.state.seed import VAULT

from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, Sandbox
from tests.support.answers import answering
from tests.support.sampling import sampled
from tests.support.sandbox_inside import Inside

SHAPES: dict[str, tuple[object, int, dict[str, str]]] = {
    "null": (None, 200, {}),
    "a list": ([], 200, {}),
    "a text": ("x", 200, {}),
    "a number": (4, 200, {}),
    "nothing in it": ({}, 200, {}),
    "rows that are none": ({"value": [None, 1, "x", []], "properties": {"A": 1}}, 200, {}),
    "no list of rows": ({"value": {"a": 1}, "properties": [1]}, 200, {}),
    "ids that are none": ({"value": [{"id": 4}], "id": "/x", "appId": {}, "properties": {"id": 1}}, 200, {}),
    "another success": ({"id": 1}, 202, {}),
    "moved": (b"", 301, {"location": "https://elsewhere.example/"}),
    "found elsewhere": ({}, 302, {"location": "/elsewhere"}),
    "not modified": (b"", 304, {}),
    "moved without saying where": ({}, 307, {}),
    "busy, for how long nobody knows": ({"error": [1]}, 429, {"retry-after": "\u00b2"}),
    "refused in no words": ({"error": {"code": [], "message": {}}}, 400, {}),
}
COMMANDS = {
    "setup": ("setup", "--client", "A", "--client", "B", "--managed-identity", FUNCTION_APP, "-y"),
    "vault": ("setup", "--client", "A", "--secret-to", f"keyvault:{VAULT}", "-y"),
    "certificate": ("setup", "--client", "A", "--credential", "certificate", "-y"),
    "status": ("status",),
    "doctor": ("doctor", "--client", "A"),
    "verify": ("verify",),
    "rotate": ("rotate-secret", "A", "-y"),
    "remove": ("remove-client", "A", "--purge", "-y"),
    "teardown": ("teardown", "-y"),
}
ASKED = (
    ("arm", "/metadata/endpoints"),
    ("entra", "/token"),
    ("arm", "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590"),
    ("arm", "/sites/contosolearn"),
    ("arm", "/appsettings/list"),
    ("arm", "/config/appsettings"),
    ("arm", "/slots"),
    ("arm", "/slotConfigNames"),
    ("arm", "/permissions"),
    ("arm", "/locks"),
    ("arm", "/reports-func"),
    ("arm", "/restart"),
    ("graph", "/organization"),
    ("graph", "')"),
    ("graph", "/applications"),
    ("graph", "/addPassword"),
    ("graph", "/removePassword"),
    ("graph", "/servicePrincipals"),
    ("graph", "/appRoleAssignedTo"),
    ("graph", "/microsoft.graph.application"),
    ("graph", "/me"),
    ("graph", "/defaultAppManagementPolicy"),
    ("graph", "/appRoleAssignments"),
    ("graph", "/federatedIdentityCredentials"),
    ("vault", ""),
    ("site", ""),
)


@dataclass(frozen=True)
class Cell:
    """One command that gets one odd answer wherever it asks for something."""

    command: str
    service: str
    path: str
    shape: str
    only: str

    def fits(self, entry: Entry) -> bool:
        reads = entry.method == "GET" or entry.path.endswith(("/list", "/token"))
        wanted = entry.service == self.service and entry.path.endswith(self.path)
        return wanted and (self.only == "all" or reads == (self.only == "readings"))

    def __str__(self) -> str:
        return f"{self.command}, {self.service} {self.path}, {self.only}: {self.shape}"


def cells() -> Iterator[Cell]:
    for command in COMMANDS:
        for service, path in ASKED:
            for shape in SHAPES:
                for only in ("readings", "writes"):
                    yield Cell(command, service, path, shape, only)


@pytest.mark.parametrize("cell", sampled(list(cells()), 6, of_all=600, salt="shapes"), ids=str)
def test_a_command_bears_an_answer_of_any_shape(mct: Program, azure: Sandbox, inside: Inside, cell: Cell) -> None:
    if cell.command not in {"setup", "vault", "certificate"}:
        assert mct(*COMMANDS["setup"], "--no-verify").code == 0
    body, status, headers = SHAPES[cell.shape]
    inside.hooks.before.append(answering(cell.fits, body, status, headers))
    done = mct(*COMMANDS[cell.command], "-o", "json")
    assert done.code in {0, 1, 2, 3, 4}
    assert "Traceback" not in done.err + done.out
    assert "bug in mct-s2s" not in done.err + done.out
    assert done.document["schema"]
