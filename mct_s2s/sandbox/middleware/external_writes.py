"""Writes of another administrator, made for a fault: by the usual rules, but without permissions or requests.

    {"settings": {"site": "contosolearn", "set": {"A": "1"}, "delete": ["B"]}}
    {"application": {"displayName": "MCT", "patch": {"tags": ["theirs"]}}}

`site` is a resource id or a name, the MCT site by default; an application is named by `id` (object id), `appId`,
`uniqueName` or `displayName`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.entra.registrations import applications
from mct_s2s.sandbox.state.seed import SITE
from mct_s2s.sandbox.state.state import SandboxState

_KEYS = ("appId", "uniqueName", "displayName")


def write(state: SandboxState, wanted: Mapping[str, Any]) -> str:
    """Make the write; return a description for the log."""
    if "settings" in wanted:
        return _write_settings(state, wanted["settings"])
    return _write_application(state, wanted["application"])


def _write_settings(state: SandboxState, wanted: Mapping[str, Any]) -> str:
    named = str(wanted.get("site", SITE)).lower()
    key = next((k for k in state.resources.sites if named in (k, k.rsplit("/", 1)[-1])), None)
    if key is None:
        return f"no site {named}"
    site_state = state.resources.sites[key]
    deleted = set(wanted.get("delete", ()))
    merged = {**site_state.settings, **wanted.get("set", {})}
    fresh = {name: value for name, value in merged.items() if name not in deleted}
    site_state.replace_settings(fresh, state.resources.clock.timestamp(), state.resources.restart_seconds)
    return f"foreign write of settings of {named}"


def _write_application(state: SandboxState, wanted: Mapping[str, Any]) -> str:
    table = state.directory.applications
    found = [one] if (one := table.latest(str(wanted.get("id", "")))) else []
    for key in _KEYS:
        if key in wanted and not found:
            found = table.latest_by(key, str(wanted[key]))
    live = [one for one in found if not one.get("deletedDateTime")]
    if not live:
        return "no such application to write to"
    applications.update(state.directory, live[0], wanted.get("patch", {}))
    return f"foreign write of application {live[0]['id']}"
