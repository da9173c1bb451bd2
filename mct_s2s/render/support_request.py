"""`--handoff-text`: step 3 as a request that a person can send to the operator of a hosted MCT. It holds no secret."""

from __future__ import annotations

from collections.abc import Mapping

from mct_s2s.model.site_settings import LISTS, SETTINGS
from mct_s2s.plain_text import plain

DOCUMENT = "https://docs.microsoftcommunitytraining.com/docs/service-to-service-authentication"


def support_request(values: Mapping[str, str], app_service: str) -> str:
    """The same as a request to the operator of a hosted MCT, in the document's own names. It holds no secret."""
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
    for setting in SETTINGS:
        if setting.name in values:
            meaning = f"    ({setting.holds.value})" if setting.option else ""
            lines.append(f"  {setting}: {plain(values[setting.name])}{meaning}")
    lines += [
        "",
        f"Keep any IDs already in {' or '.join(map(str, LISTS))}; separate IDs with semicolons.",
        "Leave all other settings unchanged. Then restart the App Service: the one with the website's name, not the",
        "one with -fa- in its name.",
        "",
        "This message contains no secrets.",
    ]
    return "\n".join(lines)
