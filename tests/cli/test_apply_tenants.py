"""One trust file, several tenants: each profile has its own sign-in, and what fails in one tenant stays there."""

from __future__ import annotations

import pytest

from tests.cli.trust_file_program import Applied, applied, of_site
from tests.conftest import Json
from tests.support.sandboxes import Tenants

__all__ = ["applied"]

JSON = ("-o", "json")
EACH_ITS_OWN = {"AZURE_AUTHORITY_HOST": ""}
"""The login host of each cloud."""
SITES = """
[sites.contoso]
profile = "tenant-1"
app-service = "contosolearn"
[[sites.contoso.clients]]
name = "Import"

[sites.fabrikam]
profile = "tenant-2"
app-service = "fabrikamlearn"
[[sites.fabrikam.clients]]
name = "Import"
[[sites.fabrikam.clients]]
name = "Export"
credential = "none"
"""


@pytest.fixture
def both(tenants: Tenants, seeded: Json) -> Tenants:
    """The tenants as they begin, the second one with a site of its own name."""
    tenants.become(seeded)
    second = tenants.all[1].azure
    second.add_site(name="fabrikamlearn", group="mct-prod", subscription=second.subscription_id)
    return tenants


def test_sites_of_two_tenants_are_set_up_by_one_command(applied: Applied, both: Tenants) -> None:
    done = applied("-y", "--no-verify", *JSON, text=both.profiles() + SITES, env=EACH_ITS_OWN)
    assert done.code == 0, done
    for key, clients in (("contoso", ["Import"]), ("fabrikam", ["Export", "Import"])):
        assert [one["displayName"] for one in applied.status(key, env=EACH_ITS_OWN)["clients"]] == clients
    first, second, _ = (one.azure for one in both.all)
    assert (len(first.applications("Import")), len(first.applications("Export"))) == (1, 0)
    assert (len(second.applications("Import")), len(second.applications("Export"))) == (1, 1)
    places = {one["savedTo"] for key in ("contoso", "fabrikam") for one in of_site(done, key)["result"]["credentials"]}
    assert len(places) == 2, "two clients of one name have two files"
    again = applied("-y", "--no-verify", env=EACH_ITS_OWN)
    assert (again.code, [line[0] for line in again.out.splitlines()]) == (0, ["·", "·"])


def test_a_tenant_that_cannot_be_signed_in_to_fails_alone(applied: Applied, both: Tenants) -> None:
    second = both.all[1].azure
    second.misbehave({"match": {"service": "Entra"}, "fault": {"type": "status", "status": 403}})
    done = applied("-y", "--no-verify", *JSON, text=both.profiles() + SITES, env=EACH_ITS_OWN)
    second.behave()
    assert done.code == 1, done
    assert applied.status("contoso", env=EACH_ITS_OWN)["clients"]
    assert of_site(done, "fabrikam")["error"]["done"] == []
    assert second.applications("Import") == []
