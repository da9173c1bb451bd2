"""`setup`, from nothing to a call that the MCT site answers."""

from __future__ import annotations

from tests.cli.conftest import Program
from tests.conftest import Sandbox


def test_smoke(mct: Program, azure: Sandbox) -> None:
    done = mct("setup", "--client", "S2S-client", "--managed-identity", "reports-func", "-y", "-o", "json")
    print(done.err)
    assert done.code == 0
    assert done.document
    azure.forget()
    done = mct("setup", "--client", "S2S-client", "--managed-identity", "reports-func", "-y", "-o", "json")
    print(done)
    assert azure.writes() == []
