"""Api-versions that a cloud does not take: asked once more with the newest that it offers, and that is remembered."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from mct_s2s.azure import api_version_fallback
from mct_s2s.azure.api_version_fallback import newest
from mct_s2s.azure.arm.app_services import ArmSites
from mct_s2s.errors import S2SError, ServiceError
from mct_s2s.model.resource_id import ResourceId

from tests.azure.raw import Answer, Wire, arm_session

SITE = ResourceId.site("0b1f6471-1bf0-4dda-aec3-cb9272f09590", "mct-prod", "contosolearn")
BEHIND = Answer(
    400,
    {
        "error": {
            "code": "NoRegisteredProviderFound",
            "message": "No registered resource provider found for location 'usgovvirginia' and API version "
            "'2023-12-01' for type 'sites'. The supported api-versions are '2022-03-01, 2021-03-01, "
            "2014-04-01-preview'. The supported locations are 'usdodeast, usgovvirginia'.",
        }
    },
)
"""As US Government answered to another version (Azure/azure-cli#31943)."""
OLD_MANAGER = Answer(
    400,
    {
        "error": {
            "code": "InvalidApiVersionParameter",
            "message": "The api-version '2020-01-01' is invalid. The supported versions are '2019-11-01,2016-06-01'.",
        }
    },
)
SETTINGS = Answer(200, {"properties": {"A": "1"}})


def asked(*answers: Answer, times: int = 1) -> list[str]:
    """The api-versions that reading the settings of a site asks for."""

    async def main() -> list[str]:
        session = arm_session(*answers)
        sites = ArmSites(session)
        for _ in range(times):
            assert await sites.settings(SITE) == {"A": "1"}
        wire: Any = session.transport.session
        assert isinstance(wire, Wire)
        return [re.findall("api-version=([^&]*)", line)[0] for line in wire.asked]

    return asyncio.run(main())


def test_nothing_newer_is_asked_for_than_the_job_takes() -> None:
    """US Government had Microsoft.Web 2024-04-01 as its newest when the public cloud had 2025-05-01."""
    assert asked(SETTINGS) == [api_version_fallback.WEB]
    assert api_version_fallback.WEB <= "2024-04-01"


def test_what_a_cloud_does_not_take_is_asked_for_once_more_with_its_newest() -> None:
    assert asked(BEHIND, SETTINGS) == [api_version_fallback.WEB, "2022-03-01"]


def test_and_that_is_remembered_for_the_run() -> None:
    assert asked(BEHIND, SETTINGS, times=3) == [api_version_fallback.WEB, *["2022-03-01"] * 3]


def test_resource_manager_itself_words_it_in_another_way() -> None:
    session = arm_session(OLD_MANAGER, Answer(200, {"value": []}))
    assert asyncio.run(ArmSites(session).subscriptions()) == []


def test_a_cloud_that_refuses_its_own_offer_is_told() -> None:
    with pytest.raises(ServiceError) as raised:
        asked(BEHIND)
    assert (raised.value.status, raised.value.service_code) == (400, "NoRegisteredProviderFound")


@pytest.mark.parametrize(
    ("listed", "offered"),
    [
        ("2024-04-01, 2023-12-01", "2024-04-01"),
        ("2023-12-01,2024-04-01-preview", "2023-12-01"),
        ("2024-04-01-preview, 2023-04-01-preview", "2024-04-01-preview"),
        ("7.3", "7.3"),
        ("2016-10-01", "2016-10-01"),
        ("2022-09-01, 2022-03-01", None),
        ("", None),
        ("../../x?api-version=&y", None),
    ],
)
def test_the_newest_stable_one_is_taken_unless_something_else_was_wrong(listed: str, offered: str | None) -> None:
    assert newest(listed, "2022-09-01") == offered


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, {"error": {"code": "BadRequest", "message": "The supported api-versions are '2022-03-01'."}}),
        Answer(404, BEHIND.body),
        Answer(400, b"The supported api-versions are '2022-03-01'."),
        Answer(400, {"error": None}),
    ],
    ids=["another code", "another status", "no JSON", "no error"],
)
def test_any_other_refusal_is_no_offer(answer: Answer) -> None:
    session = arm_session(answer, SETTINGS)
    assert isinstance(session.transport.session, Wire)
    with pytest.raises(S2SError):
        asyncio.run(ArmSites(session).settings(SITE))
    assert len(session.transport.session.asked) == 1
