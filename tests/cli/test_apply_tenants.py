"""One trust file, several tenants: each profile has its own sign-in, and what fails in one tenant stays there."""

from __future__ import annotations

from tests.cli.trust_file_program import Applied, applied, of_site
from tests.conftest import Sandbox

__all__ = ["applied"]

JSON = ("-o", "json")


def two_tenants(beside: Sandbox) -> str:
    beside.add_site(name="fabrikamlearn", group="mct-prod", subscription=beside.subscription_id)
    return f"""
[profiles.fabrikam]
cloud = "{beside.origin}"
tenant = "{beside.tenant_id}"
subscription = "{beside.subscription_id}"

[sites.contoso]
app-service = "contosolearn"
[[sites.contoso.clients]]
name = "Import"

[sites.fabrikam]
profile = "fabrikam"
app-service = "fabrikamlearn"
[[sites.fabrikam.clients]]
name = "Import"
[[sites.fabrikam.clients]]
name = "Export"
credential = "none"
"""


def test_sites_of_two_tenants_are_set_up_by_one_command(applied: Applied, azure: Sandbox, beside: Sandbox) -> None:
    done = applied("-y", "--no-verify", *JSON, text=two_tenants(beside), env=authorities(beside))
    assert done.code == 0, done
    for key, clients in (("contoso", ["Import"]), ("fabrikam", ["Export", "Import"])):
        assert [one["displayName"] for one in of_site(done, key)["result"]["status"]["clients"]] == clients
    assert (len(azure.applications("Import")), len(azure.applications("Export"))) == (1, 0)
    assert (len(beside.applications("Import")), len(beside.applications("Export"))) == (1, 1)
    places = {one["savedTo"] for key in ("contoso", "fabrikam") for one in of_site(done, key)["result"]["credentials"]}
    assert len(places) == 2, "two clients of one name have two files"
    again = applied("-y", "--no-verify", env=authorities(beside))
    assert (again.code, [line[0] for line in again.out.splitlines()]) == (0, ["·", "·"])


def test_a_tenant_that_cannot_be_signed_in_to_fails_alone(applied: Applied, beside: Sandbox) -> None:
    beside.misbehave({"match": {"service": "Entra"}, "fault": {"type": "status", "status": 401}})
    done = applied("-y", "--no-verify", *JSON, text=two_tenants(beside), env=authorities(beside))
    assert done.code != 0
    assert of_site(done, "contoso")["result"]["status"]["clients"]
    assert of_site(done, "fabrikam")["error"]["error"]["code"]
    assert beside.applications("Import") == []


def authorities(beside: Sandbox) -> dict[str, str]:
    """The variables with which both tenants' addresses are trusted."""
    return {name: beside.environment[name] for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")}
