"""Names of different App Services can come out the same: their service applications must not."""

import pytest
from mct_s2s.model.ids import named_unique_name, service_unique_name

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox

SETUP = ("setup", "--client", "A", "-y", "-o", "json")


def test_a_slot_and_a_site_that_is_called_like_it_have_different_names() -> None:
    names = [
        service_unique_name("a", "staging"),
        service_unique_name("a-staging"),
        service_unique_name("a"),
        named_unique_name("a-staging"),
        named_unique_name("a"),
    ]
    assert len(set(names)) == len(names)


def test_two_app_services_of_one_name_do_not_share_one(mct: Program, azure: Sandbox) -> None:
    assert mct(*SETUP).code == 0
    (ours,) = azure.applications("MCT service (contosolearn)")
    assert ours["notes"].endswith(SITE)
    elsewhere = ours["notes"].replace("mct-prod", "mct-test")
    azure.graph("PATCH", f"/applications/{ours['id']}", json={"notes": elsewhere})
    azure.write_settings({name: value for name, value in azure.settings().items() if "ServiceAuth" not in name})
    azure.forget()
    ended = mct(*SETUP)
    assert (ended.code, ended.document["error"]["code"]) == (2, "service-application-not-ours")
    assert azure.writes() == []
    assert mct(*SETUP, "--service-app", ours["appId"]).code == 0, "named, it may be shared"


@pytest.mark.parametrize("slot", [(), ("--slot", "staging")])
def test_the_note_is_written_once(mct: Program, azure: Sandbox, slot: tuple[str, ...]) -> None:
    named = ("--service-name", "Shared", "--no-app-service", "--no-consent", "--client", "A", "-y")
    assert mct("setup", *named, "-o", "json").code == 0
    assert mct(*SETUP, *slot).code == 0
    azure.forget()
    assert mct(*SETUP, *slot).code == 0
    assert azure.writes() == []
