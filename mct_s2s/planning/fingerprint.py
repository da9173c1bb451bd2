"""A digest of a plan: who has approved it can tell whether another run would do the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from mct_s2s.model.azure_resources import IdentityResource, Site
from mct_s2s.model.client_credentials import NEVER, Certificate
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.duration import END_OF_DAY
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.changes import AnyChange, SettingsSpec
from mct_s2s.planning.plan import ManualStep, Plan

_MONTH = 30.4375
"""Days, on average: a lifetime of a year is 365 or 366 days, by the day on which it begins."""
_OF_THE_RUN = frozenset(
    {"detail", "what", "after", "starts", "credential_name", "unchanged", "needed", "instead_of", "keep"}
)
"""Words for people, the order, the moment and the run's own names, other people's settings, rights, and what only the
store on this machine remembers."""


def fingerprint(plan: Plan, now: datetime, subject: str) -> str:
    """The SHA-256 of what a plan changes, in hexadecimal digits.

    The same for every run that would do the same, whenever that is and in whichever order the steps are listed. Of
    settings that a backup restores and that are not ours, the names are part of it, but no value: it may be secret.

    Args:
        plan: what would be done. Steps that the caller has no right to are part of it: the administrator who is asked
            to take them sees the same digest.
        subject: what it is done to: two App Services with the same settings have different plans.
    """
    parts = [_of_step(change, now) for change in plan.changes]
    parts += [_of_step(step, now) for step in plan.left_to_others]
    text = json.dumps([subject.casefold(), sorted(plan.places), *sorted(parts)])
    return hashlib.sha256(text.encode()).hexdigest()


def combined(digests: Sequence[str]) -> str:
    """The digest of several together, in whichever order they are listed; that of one is its own."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(json.dumps(sorted(digests)).encode()).hexdigest()


def _of_step(step: AnyChange | ManualStep, now: datetime) -> str:
    members = {field.name: getattr(step, field.name) for field in fields(step)}
    left_out = _OF_THE_RUN | ({"expires"} if members.get("given") else set())  # a given certificate says it itself
    described = {name: _of(member, now) for name, member in members.items() if name not in left_out}
    kind = {} if isinstance(step, ManualStep) else {"action": step.action.value, "resource": step.resource}
    return json.dumps({"type": type(step).__name__, **described, **kind}, sort_keys=True)


def _of(value: object, now: datetime) -> Any:  # noqa: C901, PLR0911, PLR0912  # a flat table
    match value:
        case Site() | IdentityResource():
            return str(value.resource).casefold()
        case ResourceId():
            return str(value).casefold()
        case Application():
            return value.object_id
        case ServicePrincipal():
            return value.id
        case Certificate():
            return value.thumbprint
        case datetime():
            return _lifetime(value, now)
        case Enum():
            return value.value
        case bytes():
            return value.hex()
        case frozenset():
            return sorted(str(one) for one in value)
        case tuple() | list():
            return [_of(one, now) for one in value]
        case SettingsSpec():
            kept = (value.values, value.listed, value.without, value.without_names)
            return [_of(one, now) for one in kept]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {field.name: _of(getattr(value, field.name), now) for field in fields(value)}
        case str() | int() | float() | None:
            return value
    raise AssertionError(value)


def _lifetime(ends: datetime, now: datetime) -> str:
    """A date where one was typed, which is a day's last second, or else the length: in months, as days differ."""
    if ends == NEVER or ends.time() == END_OF_DAY:
        return ends.date().isoformat()
    return f"{round((ends - now).days / _MONTH)} months"
