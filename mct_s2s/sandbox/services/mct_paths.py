"""The documented paths of the MCT API, without case, and no others.

Sources: community-training: rest-api-management (the pages on progress, content and profile); which paths give lists:
docs/azure-contract.md, section 10. What they hold is made up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

Settings = Mapping[str, str | None]


@dataclass(frozen=True)
class ApiPath:
    """One operation of the API: `{id}` in a template is one segment."""

    method: str
    template: str
    body: Callable[[Settings], Any]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.template).replace(r"\{id\}", "[^/]+") + "/?", re.IGNORECASE)


def _organizations(settings: Settings) -> Any:
    return [{"id": 1, "name": settings.get("OrganizationName"), "isDefault": True}]


def _nobody(settings: Settings) -> Any:
    del settings
    return []


def _done(settings: Settings) -> Any:
    del settings
    return {"isSuccess": True}


def _profile(settings: Settings) -> Any:
    return {"organizationName": settings.get("OrganizationName"), "userType": "Service"}


PATHS = (
    ApiPath("GET", "/api/v1/organization", _organizations),
    ApiPath("GET", "/api/v1/Courses", _nobody),
    ApiPath("GET", "/api/v1/Groups", _nobody),
    ApiPath("GET", "/api/v1/users", _nobody),
    ApiPath("PUT", "/api/v1/user/organization", _done),
    ApiPath("PUT", "/api/v1/Course/{id}/Lesson/ImportProgress", _done),
    ApiPath("PUT", "/api/v1/Course/{id}/Quiz/ImportProgress", _done),
    ApiPath("GET", "/api/v2/Profile", _profile),
    ApiPath("POST", "/api/v4/Courses/{id}/Content", _done),
)


def is_api(path: str) -> bool:
    """Return whether a path needs an accepted caller."""
    return path.lower() == "/api" or path.lower().startswith("/api/")


def open_page(path: str) -> Response:
    """Answer a request for a public path."""
    if path.lower().rstrip("/") in {"", "/swagger", "/swagger/index.html"}:
        return PlainTextResponse("Microsoft Community Training")
    return Response(status_code=404)


def answer(method: str, path: str, settings: Settings) -> Response:
    """Answer an accepted caller: 404 for an unknown path, 405 for another method."""
    fitting = [row for row in PATHS if row.pattern.fullmatch(path)]
    for row in fitting:
        if method == row.method or (method == "HEAD" and row.method == "GET"):
            return JSONResponse(row.body(settings))
    allowed = ", ".join(row.method for row in fitting)
    return Response(status_code=405, headers={"Allow": allowed}) if fitting else Response(status_code=404)
