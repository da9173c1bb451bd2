"""A tenant that refuses a write beside another one to the same object, as Entra ID does."""

from dataclasses import replace
from pathlib import Path

import pytest
from mct_s2s.sandbox.entra.tenant.variations import TENANTS

from tests.conftest import FUNCTION_APP, JSON
from tests.reliability.harness import Harness
from tests.support.sampling import cases

REFERENCE = ("--service-management-reference", "a4b1c2d3-0000-4000-8000-000000000001")
SETUP = ("setup", *(f"--client={name}" for name in "ABC"), "--managed-identity", FUNCTION_APP, *REFERENCE, *JSON)
MANY = cases(12, 50)
LATENCY = 0.1


@pytest.mark.parametrize("seconds", [LATENCY / 2, TENANTS["strict"].directory_write_seconds])
def test_every_write_is_made_once_and_no_object_is_written_by_two_requests_at_once(
    seconds: float, harness: Harness, tmp_path: Path
) -> None:
    """Whoever writes only after the answer to the write before is never refused by a lock shorter than the latency."""
    state, names = harness.inside.state, tmp_path / "names"
    names.write_text("\n".join(f"Client {number}" for number in range(MANY)))
    state.directory.variations = replace(TENANTS["strict"], directory_write_seconds=seconds)
    state.latency_seconds = LATENCY
    add = ("add-client", "--from", str(names), *REFERENCE, *JSON)
    for words in (SETUP, ("rotate-secret", "A", *JSON), add):
        done = harness.run(words)
        assert done.code == 0, done
    state.latency_seconds = 0.0
    writes = [one for one in harness.inside.log() if one.service == "graph" and one.method not in {"GET", "HEAD"}]
    refused = [f"{one.method} {one.path} {one.status}" for one in writes if one.status >= 400]
    assert bool(refused) is (seconds > LATENCY), refused
    clients = [one for one in state.directory.applications.dump() if one["displayName"][:6] in {*"ABC", "Client"}]
    assert [len(one["passwordCredentials"]) for one in clients] == [1] * (3 + MANY)
    principals = {one["id"]: one["appId"] for one in state.directory.service_principals.dump()}
    consented = [
        principals[one["principalId"]] for one in state.directory.assignments.dump() if one["principalId"] in principals
    ]
    for client in clients:
        assert (list(principals.values()).count(client["appId"]), consented.count(client["appId"])) == (1, 1)
    assert (harness.orphans(*"ABC"), harness.leaks()) == ([], [])
    for words in (SETUP, add):
        assert {change["action"] for change in harness.run(words).document["changes"]} == {"none"}


def test_what_was_deleted_a_moment_ago_is_restored_once_it_can_be_written(harness: Harness) -> None:
    harness.inside.state.directory.variations = TENANTS["strict"]
    words = ("setup", "--client", "A", *REFERENCE, *JSON)
    made = harness.run(words)
    assert harness.run(("teardown", *JSON)).code == 0
    back = harness.run(words)
    assert back.code == 0, back
    ids = [{one["appId"] for one in done.document["changes"] if one.get("appId")} for done in (made, back)]
    assert ids[0] == ids[1], "out of the recycle bin"
    assert any(one.path.endswith("/restore") and one.status >= 400 for one in harness.inside.log())
