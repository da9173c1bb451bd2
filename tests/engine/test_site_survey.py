"""The survey of a subscription's web apps: as little as possible is read, and what cannot be read is no error."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from mct_s2s.engine.observe import site_survey
from mct_s2s.engine.observe.site_survey import survey
from mct_s2s.errors import PermissionMissing
from mct_s2s.model.azure_resources import Site
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import ENABLED
from mct_s2s.planning.app_service.site_recognition import SiteSurvey

from tests.planning.test_site_recognition import LEARN, LEARN_FA, PORTAL, REPORTS, site


class Listed:
    """The sites port, as far as a survey asks it."""

    def __init__(self, *sites: Site, refused: tuple[Site, ...] = ()) -> None:
        self.read: list[str] = []
        self._sites, self._refused = sites, {one.resource for one in refused}
        self.most_at_once = self._now = 0

    async def sites(self, subscription_id: str, group: str | None = None) -> list[Site]:
        del subscription_id, group
        return list(self._sites)

    async def settings(self, resource: ResourceId, **more: Any) -> dict[str, str | None]:
        del more
        self.read.append(resource.name)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        if resource in self._refused:
            raise PermissionMissing("permission-missing", "No.", remedy="Ask.")
        return {ENABLED.name: "true", "Password": "hidden"} if resource == LEARN.resource else {"Password": "hidden"}


def looked(sites: Listed) -> SiteSurvey:
    return asyncio.run(survey(cast("Any", sites), "s"))


def test_function_apps_are_not_read() -> None:
    sites = Listed(LEARN, LEARN_FA, PORTAL, REPORTS)
    assert (looked(sites).mct, sites.read) == ((LEARN,), ["contosolearn", "partner-portal"])


def test_what_may_not_be_read_is_recognised_by_its_function_app() -> None:
    assert looked(Listed(LEARN, LEARN_FA, refused=(LEARN,))).mct == (LEARN,)


def test_a_large_subscription_is_read_in_part_and_a_few_at_a_time() -> None:
    many = [site(f"app-{number}") for number in range(100)]
    sites = Listed(*many, LEARN, LEARN_FA)
    looked(sites)
    assert (len(sites.read), sites.read[0]) == (site_survey.MOST_READ, "contosolearn")
    assert sites.most_at_once <= site_survey.AT_ONCE
