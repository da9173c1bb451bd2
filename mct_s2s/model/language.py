"""What `snippet` can print."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """The values of `--language`."""

    CURL = "curl"
    PYTHON = "python"
    CSHARP = "csharp"
    POWERSHELL = "powershell"
    GITHUB_ACTIONS = "github-actions"
    APP_SETTINGS = "app-settings"
