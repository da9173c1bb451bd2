"""`--handoff-text`: step 3 as a request that a person can send to whoever operates a hosted MCT. It holds no secret."""

from __future__ import annotations

from collections.abc import Mapping

from mct_s2s.model.site_settings import LISTS, SETTINGS
from mct_s2s.plain_text import plain

DOCUMENT = "https://docs.microsoftcommunitytraining.com/docs/service-to-service-authentication"


def support_request(values: Mapping[str, str], app_service: str) -> str:
    """The same as a request to whoever operates a hosted MCT, in the document's own names. It holds no secret."""
    app_service = plain(app_service)
    lines = [
        f"Subject: Service-to-service authentication for {app_service}",
        "",
        f"Please configure the App Service '{app_service}' for service-to-service authentication, as step 3 of",
        f"{DOCUMENT}",
        "describes. Our side, steps 1 and 2, is done. The application settings to add (Configuration, Application",
        "settings), each with the document's name for its value:",
        "",
    ]
    for setting in SETTINGS:
        if setting.name in values:
            meaning = f"    ({setting.holds.value})" if setting.option else ""
            lines.append(f"  {setting}: {plain(values[setting.name])}{meaning}")
    lines += [
        "",
        f"Keep any IDs already there in {' and '.join(map(str, LISTS))}; separate IDs with semicolons.",
        "All other settings stay as they are. Then restart the App Service: the one with the website's name, not the",
        "one with -fa- in its name.",
        "",
        "Nothing in this message is secret.",
    ]
    return "\n".join(lines)
