"""What is compared of plans over a trust file, and for `--expect`: changes, places, manual steps.

They are compared as facts. Their digest is what a reviewer approves (`--expect`), and a later plan
at a site of a trust file has to have the same one. At one App Service, `engine/flow.py` compares
whole plans.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import datetime
from typing import Any

from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import NEVER, Certificate
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.duration import END_OF_DAY
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import Setting
from mct_s2s.planning.changes import (
    AnyChange,
    ApplicationEdits,
    SettingEdit,
    SettingsSpec,
)
from mct_s2s.planning.plan import ManualStep, Plan

_MONTH = 30.4375
"""Days, on average: a lifetime of a year is 365 or 366 days."""
_NOT_REVIEWED = frozenset(
    {
        "detail",
        "after",
        "is_new",
        "unchanged",
        "asks_for_more",
        "service_app",
        "role_value",
        "staying",
    }
)
"""Fields that are words for people, the order, or true of one run alone."""
_KNOWN_BY: Mapping[type, str] = {
    IdentityResource: "resource",
    Application: "object_id",
    ServicePrincipal: "id",
    Certificate: "thumbprint",
    Setting: "name",
}
"""The field by which an object is known. Its others may change meanwhile.

One that is to be created has no id yet: then all of it counts.
"""


def fingerprint(plan: Plan, now: datetime, subject: str) -> str:
    """The SHA-256, hexadecimal, of what a plan does to `subject`.

    Every run that would do the same has the same one.
    """
    steps = [sorted(_facts_of(step, now)) for step in plan.changes]
    steps += [["left", *sorted(_facts_of(step, now))] for step in plan.manual_steps]
    places = sorted((client, str(place)) for client, place in plan.places)
    return digest_of([subject.casefold(), places, sorted(steps)])


def combined(digests: Sequence[str]) -> str:
    """One digest of several, in whichever order they are listed; that of one is its own."""
    return digests[0] if len(digests) == 1 else digest_of(sorted(digests))


def digest_of(facts: Any) -> str:
    """Return the SHA-256, hexadecimal, of JSON."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _facts_of(step: AnyChange | ManualStep, now: datetime) -> frozenset[str]:
    """A step as a set of sentences.

    The names of its class and of its fields are in them: to rename one changes the fingerprint of
    every plan with such a step. So does another word for a key (`SERVICE_KEY`, …).
    """
    members = {name: value for name, value in vars(step).items() if name not in _NOT_REVIEWED}
    members |= {"action": step.action, "resource": step.resource}
    facts = {type(step).__name__}
    for name, value in members.items():
        facts.update(_facts(name, value, now))
    return frozenset(facts)


def _facts(path: str, value: object, now: datetime) -> Iterator[str]:
    """What a value says, as sentences `path=value`."""
    value = getattr(value, _KNOWN_BY.get(type(value), ""), None) or value
    match value:
        case ResourceId():
            yield f"{path}={str(value).casefold()}"
        case datetime():
            yield f"{path}={_lifetime(value, now)}"
        case tuple() | frozenset():
            for entry in value:
                facts = sorted(_facts("", entry, now))
                yield f"{path}[]={json.dumps(facts)}"
        case _ if is_dataclass(value):
            for name, member in _members(value).items():
                yield from _facts(f"{path}.{name}", member, now)
        case _:
            yield f"{path}={json.dumps(value)}"


def _members(value: object) -> dict[str, object]:
    """The fields of a value that were reviewed."""
    members = dict(vars(value))
    match value:
        case ApplicationEdits():  # an empty edit changes nothing
            return {name: member for name, member in members.items() if member is not None}
        case SettingEdit():  # what it becomes follows from the specification
            return {"name": value.name, "before": value.before}
        case SettingsSpec():
            del members["rows"]
            # A backup's other settings may be secret: the edits have their names.
            legible = ((row.name, row.value_in(value.exact)) for row in value.rows)
            members["exact"] = tuple((name, text) for name, text in legible if text is not None)
    return members


def _lifetime(ends: datetime, now: datetime) -> str:
    """The date where one was typed, else the length in months, as days differ."""
    # A date that was typed is the last second of a day.
    if ends == NEVER or ends.time() == END_OF_DAY:
        return ends.date().isoformat()
    return f"{round((ends - now).days / _MONTH)} months"
