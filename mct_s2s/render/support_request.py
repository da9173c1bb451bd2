"""`--handoff-text`: step 3 as a request that a person can send to whoever operates a hosted MCT. It holds no secret."""

from __future__ import annotations

from collections.abc import Mapping

from mct_s2s.model.site_settings import APPLICATION_IDS, AUDIENCE, OBJECT_IDS, ROLE, TENANT_ID, TENANT_NAME
from mct_s2s.plain_text import plain

DOCUMENT = "https://docs.microsoftcommunitytraining.com/docs/service-to-service-authentication"
_DOCUMENTS_NAMES = {
    AUDIENCE: "Application ID URI",
    TENANT_NAME: "Tenant Name",
    TENANT_ID: "Tenant ID",
    OBJECT_IDS: "Object Id of each managed identity",
    APPLICATION_IDS: "Application Id of each client application",
    ROLE: "Value of the app role",
}


def support_request(values: Mapping[str, str], app_service: str) -> str:
    """The same as a request to whoever operates a hosted MCT, in the document's own names. It holds no secret."""
    app_service = plain(app_service)
    lines = [
        f"Subject: Service-to-service authentication for {app_service}",
        "",
        f"Please configure the App Service '{app_service}' for service-to-service authentication, as step 3 of",
        f"{DOCUMENT}",
        "describes. We have completed steps 1 and 2. Please add these application settings (Environment variables, App",
        "settings); each name in parentheses is the one in the document:",
        "",
    ]
    for name, value in values.items():
        meaning = _DOCUMENTS_NAMES.get(name)
        lines.append(f"  {plain(name)}: {plain(value)}" + (f"    ({meaning})" if meaning else ""))
    lines += [
        "",
        "Keep any IDs already in ServiceObjectIds or ServiceApplicationIds; separate IDs with semicolons.",
        "Leave all other settings unchanged. Then restart the App Service: the one with the website's name, not the",
        "one with -fa- in its name.",
        "",
        "This message contains no secrets.",
    ]
    return "\n".join(lines)
