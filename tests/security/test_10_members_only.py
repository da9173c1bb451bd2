"""`teardown --delete-adopted` deletes members of this trust only.

Attacker, or a colleague: whoever tags a registration of their own with this trust's tag. Without it, it is deleted.
"""

from __future__ import annotations

from tests.cli.conftest import Program
from tests.conftest import Sandbox

JSON = ("-y", "-o", "json")


def _theirs(azure: Sandbox, name: str, tags: list[str]) -> str:
    body = {"displayName": name, "signInAudience": "AzureADMyOrg", "tags": tags}
    return str(azure.graph("POST", "/applications", json=body)["appId"])


def test_a_registration_that_only_carries_the_tag_is_left_alone(mct: Program, azure: Sandbox) -> None:
    adopted = _theirs(azure, "Adopted", [])
    _theirs(azure, "Tagged", ["mct-s2s:mct-s2s-contosolearn"])
    mct("setup", "--client", "One", "--client", adopted, *JSON)
    done = mct("teardown", "--delete-adopted", *JSON)
    assert done.code == 0, done
    assert [len(azure.applications(name)) for name in ("One", "Adopted", "Tagged")] == [0, 0, 1]
    assert "Tagged" not in {change["name"] for change in done.document["changes"]}
