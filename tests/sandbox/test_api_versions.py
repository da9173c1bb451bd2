"""The api-versions of a cloud: those that are listed, or fewer; anything else is refused as in Azure."""

from __future__ import annotations

from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import Client


def test_an_unlisted_one_is_refused_with_the_list_newest_first(client: Client) -> None:
    """As US Government worded it: errors/arm-01 of the recorded traffic."""
    client.vary(api_versions={"Microsoft.Web": ["2023-12-01", "2024-04-01", "2014-04-01-preview"]})
    error = client.arm("GET", seed.SITE, version="2024-11-01").json()["error"]
    assert error["code"] == "NoRegisteredProviderFound"
    assert error["message"].startswith(
        "No registered resource provider found for location 'westeurope' and API version '2024-11-01' for type "
        "'sites'. The supported api-versions are '2024-04-01, 2023-12-01, 2014-04-01-preview'. The supported locations "
    )
    assert client.arm("GET", seed.SITE, version="2024-04-01").status_code == 200


def test_resource_manager_lists_its_own_without_blanks(client: Client) -> None:
    """errors/arm-02 of the recorded traffic."""
    client.vary(api_versions={"microsoft.resources": ["2016-06-01", "2019-06-01"]})
    answer = client.arm("GET", "/subscriptions", version="2022-12-01")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidApiVersionParameter")
    assert answer.json()["error"]["message"].endswith("The supported versions are '2019-06-01,2016-06-01'.")


def test_a_provider_shows_those_that_are_taken(client: Client) -> None:
    client.vary(api_versions={"Microsoft.App": ["2023-05-01", "2024-02-02-preview"]})
    shown = client.arm("GET", f"{seed.SUBSCRIPTION}/providers/Microsoft.App", version="2021-04-01").json()
    assert shown["resourceTypes"][0]["apiVersions"] == ["2024-02-02-preview", "2023-05-01"]
    assert shown["resourceTypes"][0]["defaultApiVersion"] == "2023-05-01"
