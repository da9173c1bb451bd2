"""The MCT API, and in which languages a program that calls it is printed."""

from __future__ import annotations

from enum import StrEnum

API_PATH = "/api/v1/organization"
"""A read that every deployment answers to a caller with access; what is called where no other path is given."""
SERVICE_HEADER = {"ClientType": "Service"}
"""The document's warning: the header that every service call carries."""
NOT_NOW = frozenset({429, 502, 503, 504})
"""What App Service's front end answers for a site that is starting, or busy: the API itself has not answered."""
PUBLIC_LOGIN = "https://login.microsoftonline.com"


def token_endpoint(login: str | None, tenant_id: str) -> str:
    """Where a client gets its token.

    Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.

    Args:
        login: the login service's address; `None` for the public cloud's.
    """
    return f"{login or PUBLIC_LOGIN}/{tenant_id}/oauth2/v2.0/token"


class Language(StrEnum):
    """The values of `--language`."""

    CURL = "curl"
    PYTHON = "python"
    CSHARP = "csharp"
    POWERSHELL = "powershell"
    GITHUB_ACTIONS = "github-actions"
    APP_SETTINGS = "app-settings"
