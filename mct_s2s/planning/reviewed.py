"""The canonical form of a plan: its digest is what a reviewer approves, and a later plan is
compared with it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import datetime
from typing import Any, TypeAlias

from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import NEVER, Certificate
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.duration import END_OF_DAY
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import Setting
from mct_s2s.planning.changes import (
    AnyChange,
    ApplicationEdits,
    Output,
    OutputRef,
    Outputs,
    SettingEdit,
    SettingsSpec,
)
from mct_s2s.planning.plan import ManualStep, Plan

_MONTH = 30.4375
"""Days, on average: a lifetime of a year is 365 or 366 days."""
_OF_THE_RUN = frozenset({"detail", "after", "is_new", "unchanged", "asks_for_more"})
"""Words for people, the order, and what belongs to this run, other people or the store on this
machine.
"""
Made: TypeAlias = Mapping[str, OutputRef[str]]
"""The ids that reviewed changes have yielded."""
_NONE: Made = {}
_KNOWN_BY = {
    IdentityResource: "resource",
    Application: "object_id",
    ServicePrincipal: "id",
    Certificate: "thumbprint",
    Setting: "name",
}


def fingerprint(plan: Plan, now: datetime, subject: str) -> str:
    """SHA-256, hexadecimal: the same for every run that would do the same to `subject`, with or
    without the rights.
    """
    steps = [sorted(_facts_of(step, now)) for step in plan.changes]
    steps += [["left", *sorted(_facts_of(step, now))] for step in plan.manual_steps]
    return digest_of([subject.casefold(), sorted(plan.places), sorted(steps)])


def combined(digests: Sequence[str]) -> str:
    """In whichever order they are listed; that of one is its own."""
    return digests[0] if len(digests) == 1 else digest_of(sorted(digests))


def digest_of(facts: Any) -> str:
    """Return the SHA-256, hexadecimal, of JSON."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def is_covered(
    plan: Plan, reviewed: Plan, now: datetime, done: Iterable[tuple[AnyChange, Outputs]] = ()
) -> bool:
    """Whether every change, place and manual step of `plan` was reviewed: it may do less, as others
    have done a part.

    An id that was to be made is still to be made, or was made by that very change, perhaps at
    another site (`done`): of what others have made meanwhile, no one has reviewed anything.
    """
    to_do = {change.key: _facts_of(change, now) for change in reviewed.changes}
    # What was to be done may be left to others, as a right can be lost. What was left to them must
    # not be done.
    to_leave = to_do | {step.key: _facts_of(step, now) for step in reviewed.manual_steps}
    made: dict[str, OutputRef[str]] = {}

    def is_among(
        known: Mapping[str, frozenset[str]], step: AnyChange | ManualStep, made: Made
    ) -> bool:
        return step.key in known and _facts_of(step, now, made) <= known[step.key]

    for change, outputs in done:
        if is_among(to_do, change, _NONE):
            refs = (
                OutputRef[str](change.key, part) for part in Output if part is not Output.EXPIRES
            )
            made |= {value: ref for ref in refs if (value := outputs.known(ref)) is not None}
    if not {*plan.places} <= {*reviewed.places}:
        return False
    if not all(is_among(to_do, change, made) for change in plan.changes):
        return False
    return all(is_among(to_leave, step, made) for step in plan.manual_steps)


def _facts_of(step: AnyChange | ManualStep, now: datetime, made: Made = _NONE) -> frozenset[str]:
    """As a set of sentences: those of a step that does less are a subset."""
    said = {name: member for name, member in vars(step).items() if name not in _OF_THE_RUN}
    said |= {"action": step.action, "resource": step.resource}
    facts = (fact for name, member in said.items() for fact in _facts(name, member, now, made))
    return frozenset((type(step).__name__, *facts))


def _facts(path: str, value: object, now: datetime, made: Made) -> Iterator[str]:
    value = getattr(value, _KNOWN_BY.get(type(value), ""), None) or value
    match value:
        case ResourceId() as resource:
            yield f"{path}={str(resource).casefold()}"
        case datetime() as ends:
            yield f"{path}={_lifetime(ends, now)}"
        case str() as known if known in made:
            yield from _facts(path, made[known], now, _NONE)
        case tuple() | frozenset() as several:
            yield from (
                f"{path}[]={json.dumps(sorted(_facts('', one, now, made)))}" for one in several
            )
        case _ if is_dataclass(value):
            yield from (
                fact
                for name, one in _members(value).items()
                for fact in _facts(f"{path}.{name}", one, now, made)
            )
        case _:
            yield f"{path}={json.dumps(value)}"


def _members(value: object) -> dict[str, object]:
    """An empty edit says nothing.

    What settings become is said by their specification, whatever is known by now.
    """
    match value:
        case ApplicationEdits():
            return {name: one for name, one in vars(value).items() if one is not None}
        case SettingEdit():
            return {"name": value.name, "before": value.before}
        case SettingsSpec():  # a backup's other settings may be secret: the edits have their names
            shown = {
                row.name: known
                for row in value.rows
                if (known := row.value_in(value.exact)) is not None
            }
            return {name: one for name, one in vars(value).items() if name != "rows"} | {
                "exact": tuple(shown.items())
            }
        case _:
            return vars(value)


def _lifetime(ends: datetime, now: datetime) -> str:
    """The date where one was typed, which is a day's last second; else the length in months, as
    days differ.
    """
    if ends == NEVER or ends.time() == END_OF_DAY:
        return ends.date().isoformat()
    return f"{round((ends - now).days / _MONTH)} months"
