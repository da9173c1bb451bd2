"""The expressions of pipeline files, as far as ours go: a lookup. Anything else is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_GITHUB = re.compile(r"\$\{\{(.*?)\}\}")
_LOOKUP = re.compile(r"\s*([a-z_][\w.-]*)\s*")
_PARAMETER = re.compile(r"\$\{\{\s*parameters\.(\w+)\s*\}\}")
_MACRO = re.compile(r"\$\(([\w.]+)\)")


def github(text: object, contexts: Mapping[str, Any]) -> str:
    """A value of a workflow or an action. What is not there is empty, as on GitHub."""
    return _GITHUB.sub(lambda found: _github(found[1], contexts), _scalar(text))


def azure(text: object, parameters: Mapping[str, object], variables: Mapping[str, str]) -> str:
    """A value of a template: parameters when it is expanded, variables when it runs. Unknown ones stay, as there."""
    expanded = _PARAMETER.sub(lambda found: _scalar(parameters[found[1]]), _scalar(text))
    return _MACRO.sub(lambda found: variables.get(found[1], found[0]), expanded)


def _github(expression: str, contexts: Mapping[str, Any]) -> str:
    found = _LOOKUP.fullmatch(expression)
    assert found, f"not evaluated: {expression}"
    value: Any = contexts
    for name in found[1].split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return "" if value is None else _scalar(value)


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
