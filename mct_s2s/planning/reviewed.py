"""Whether a plan that is made later does nothing that was not in the one that was reviewed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass

from mct_s2s.model.azure_resources import IdentityResource, Site
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.planning.changes import AnyChange, ApplicationEdits, Part, Ref, SettingEdit
from mct_s2s.planning.plan import Plan, Results

_WITHOUT_EFFECT = frozenset({"detail", "after", "is_new", "changed", "unchanged"})
"""Members of a change that say something about it, or when it is its turn."""


Made = Mapping[Ref[str], str]
"""The ids that reviewed changes have yielded."""


def is_covered(plan: Plan, reviewed: Plan, done: Iterable[tuple[AnyChange, Results]] = ()) -> bool:
    """Whether every change of `plan` was reviewed.

    It may do less, as someone else has done a part of it. An id that was to be made is either still to be made, or one
    that this run has made by that very change: of what others have made meanwhile, no one has reviewed anything.

    Args:
        done: what this run has done, at other App Services, with its results.
    """
    known = {change.key: change for change in reviewed.changes}
    made: dict[Ref[str], str] = {}
    for change, results in done:
        if change.key in known and _is_within(change, known[change.key], {}):
            refs = (Ref[str](change.key, part) for part in Part)
            made |= {ref: value for ref in refs if (value := results.known(ref)) is not None}
    return all(change.key in known and _is_within(change, known[change.key], made) for change in plan.changes)


def _is_within(now: object, then: object, made: Made) -> bool:
    if isinstance(then, Ref):
        return now == then or (now is not None and now == made.get(then))
    if type(now) is not type(then):
        return False
    if isinstance(now, tuple) and isinstance(then, tuple):
        return all(any(_is_within(one, other, made) for other in then) for one in now)
    if isinstance(now, frozenset) and isinstance(then, frozenset):
        return now <= then
    if is_dataclass(then) and not isinstance(then, type):
        return _object_is_within(now, then, made)
    return now == then


def _object_is_within(now: object, then: object, made: Made) -> bool:
    """Objects of one type: nouns are compared by what they are called, values by their members."""
    match then:
        case Site() | IdentityResource():
            return bool(now.resource == then.resource)  # type: ignore[attr-defined]  # of the same type
        case Application():
            return bool(now.object_id == then.object_id)  # type: ignore[attr-defined]  # as above
        case ServicePrincipal():
            return bool(now.id == then.id)  # type: ignore[attr-defined]  # as above
    names = [one.name for one in fields(then) if one.name not in _WITHOUT_EFFECT]  # type: ignore[arg-type]  # as asked
    if isinstance(then, SettingEdit) and then.pending:
        names = ["name", "before"]
    pairs = ((getattr(now, name), getattr(then, name)) for name in names)
    may_be_less = isinstance(then, ApplicationEdits)
    return all((may_be_less and less is None) or _is_within(less, more, made) for less, more in pairs)
