"""The api-versions of a cloud: those that are listed, or fewer by a knob; anything else is refused as in Azure."""

from __future__ import annotations

from typing import Any

import pytest
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.sandbox.conftest import Client


def turn(client: Client, versions: Any) -> int:
    return client.request("PATCH", "/_sandbox/knobs", json={"apiVersions": versions}).status_code


def test_an_unlisted_one_is_refused_with_the_list_newest_first(client: Client) -> None:
    """As US Government worded it: errors/arm-01 of the recorded traffic."""
    assert turn(client, {"Microsoft.Web": ["2023-12-01", "2024-04-01", "2014-04-01-preview"]}) == 200
    error = client.arm("GET", seed.SITE, version="2024-11-01").json()["error"]
    assert error["code"] == "NoRegisteredProviderFound"
    assert error["message"].startswith(
        "No registered resource provider found for location 'westeurope' and API version '2024-11-01' for type "
        "'sites'. The supported api-versions are '2024-04-01, 2023-12-01, 2014-04-01-preview'. The supported locations "
    )
    assert client.arm("GET", seed.SITE, version="2024-04-01").status_code == 200


def test_resource_manager_lists_its_own_without_blanks(client: Client) -> None:
    """errors/arm-02 of the recorded traffic."""
    assert turn(client, {"microsoft.resources": ["2016-06-01", "2019-06-01"]}) == 200
    answer = client.arm("GET", "/subscriptions", version="2022-12-01")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidApiVersionParameter")
    assert answer.json()["error"]["message"].endswith("The supported versions are '2019-06-01,2016-06-01'.")


def test_a_provider_shows_those_that_are_taken(client: Client) -> None:
    turn(client, {"Microsoft.App": ["2023-05-01", "2024-02-02-preview"]})
    shown = client.arm("GET", f"{seed.SUBSCRIPTION}/providers/Microsoft.App", version="2021-04-01").json()
    assert shown["resourceTypes"][0]["apiVersions"] == ["2024-02-02-preview", "2023-05-01"]
    assert shown["resourceTypes"][0]["defaultApiVersion"] == "2023-05-01"


def test_the_knob_is_kept_with_the_state_and_gone_with_its_reset(client: Client) -> None:
    only = {"Microsoft.Web": ["2022-03-01"]}
    turn(client, only)
    assert SandboxState.from_dict(client.state.to_dict()).resources.api_versions.settings() == {"apiVersions": only}
    client.request("POST", "/_sandbox/reset")
    assert client.request("GET", "/_sandbox/knobs").json()["apiVersions"] == {}


@pytest.mark.parametrize(
    "nonsense",
    [[], {"Microsoft.Web": "2022-03-01"}, {"Microsoft.Web": []}, {"Microsoft.Web": ["latest"]}, {"": ["2022-03-01"]},
     {"Microsoft.Web": ["2022-03-01-preview"]}],
)  # fmt: skip
def test_anything_else_is_no_position_of_the_knob(client: Client, nonsense: Any) -> None:
    assert turn(client, nonsense) == 400
    assert client.request("GET", "/_sandbox/knobs").json()["apiVersions"] == {}
