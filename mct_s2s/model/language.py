"""What a program of `snippet` can be written in."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """The values of `--language`."""

    CURL = "curl"
    PYTHON = "python"
    CSHARP = "csharp"
    JAVASCRIPT = "javascript"
    POWERSHELL = "powershell"
    GITHUB_ACTIONS = "github-actions"
    AZURE_PIPELINES = "azure-pipelines"
