"""The documented paths of the MCT API, without case, and no others.

Sources: community-training: rest-api-management (the pages on progress, content and profile); which paths give lists:
docs/azure-contract.md, section 9. What they hold is made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from mct_s2s.sandbox.core.operation import Operation

Settings = Mapping[str, str | None]


def _organizations(settings: Settings) -> Any:
    return [{"id": 1, "name": settings.get("OrganizationName"), "isDefault": True}]


def _profile(settings: Settings) -> Any:
    return {"organizationName": settings.get("OrganizationName"), "userType": "Service"}


_API = "community-training: rest-api-management"
PATHS: tuple[Operation[Settings, Any], ...] = (
    Operation("GET", "/api/v1/organization", _organizations, _API),
    Operation("GET", "/api/v1/Courses", lambda _: [], _API),
    Operation("GET", "/api/v1/Groups", lambda _: [], _API),
    Operation("GET", "/api/v1/users", lambda _: [], _API),
    Operation("PUT", "/api/v1/user/organization", lambda _: {"isSuccess": True}, _API),
    Operation("PUT", "/api/v1/Course/{id}/Lesson/ImportProgress", lambda _: {"isSuccess": True}, _API),
    Operation("PUT", "/api/v1/Course/{id}/Quiz/ImportProgress", lambda _: {"isSuccess": True}, _API),
    Operation("GET", "/api/v2/Profile", _profile, _API),
    Operation("POST", "/api/v4/Courses/{id}/Content", lambda _: {"isSuccess": True}, _API),
)


def is_api(path: str) -> bool:
    return path.lower() == "/api" or path.lower().startswith("/api/")


def open_page(path: str) -> Response:
    if path.lower().rstrip("/") in {"", "/swagger", "/swagger/index.html"}:
        return PlainTextResponse("Microsoft Community Training")
    return Response(status_code=404)


def answer(method: str, path: str, settings: Settings) -> Response:
    """Answer an accepted caller: 404 for an unknown path, 405 for another method."""
    fitting = [row for row in PATHS if row.pattern.fullmatch(path)]
    for row in fitting:
        if method == row.method or (method == "HEAD" and row.method == "GET"):
            return JSONResponse(row.run(settings))
    allowed = ", ".join(row.method for row in fitting)
    return Response(status_code=405, headers={"Allow": allowed}) if fitting else Response(status_code=404)
