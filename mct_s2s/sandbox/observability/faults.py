"""Fault rules: which request gets which fault, and when.

A rule is a JSON object; every key but `fault` is optional:

    {"match": {"service": "Graph", "method": "POST", "path": "/v1.0/applications*", "writes": true},
     "nth": 2, "times": 1, "fault": {"type": "lostAnswer"}}

`service` is Graph, ARM, KeyVault, Entra, MCT, Identity or `*` (all of them; the control routes have
no faults); `method` is one or several (`"PUT|PATCH"`); `path` a pattern with `*` and `?` compared
without case, `pathRegex` an expression found anywhere in it; `writes: true` matches only possible
writes. Of the requests that match, the rule fires on number `nth` and, with `times`, the next ones;
or on `every` n-th; or with `probability` p by a generator that begins at `seed`; or on all. `times`
bounds how often it fires. Each request counts once for each rule.

The faults, with their members; `when` is "before" the service does its work, or "after":

    latency            seconds, when              the request takes longer
    status             status, retryAfter, code,  the service refuses, in its own form
                       message, when
    html               status, when               an error page of a gateway
    truncated                                     the answer ends in the middle
    reset                                         the connection is reset before the service is
                                                  reached
    lostAnswer                                    the request takes effect, and the connection is
                                                  reset
    hang               when                       no answer until the client disconnects
    foreignWrite       when,                      another write at that moment (see
                       settings | application     `fault_injection`)
    freezeAfterWrites  writes, then               after so many effective writes, all others hang
                                                  or reset
    revokeSignIn                                  tokens issued so far are refused as revoked
    expireTokens                                  tokens issued so far are refused as expired
"""

import fnmatch
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mct_s2s.sandbox.core.encoding import Check, choice, number, whole
from mct_s2s.sandbox.observability.exchange import Entry, may_write

SERVICES = {
    "graph": "graph",
    "arm": "arm",
    "keyvault": "vault",
    "entra": "entra",
    "mct": "site",
    "identity": "identity",
    "*": "*",
}
STATUSES = frozenset({400, 401, 403, 404, 408, 409, 412, 429, 500, 502, 503, 504})
_MILLION = 1_000_000
_is_number, _is_count = number(_MILLION), whole(0, _MILLION)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


_WHEN: dict[str, Check] = {"when": choice("before", "after")}
_STATUS = choice(*STATUSES)
# Members of each fault; those whose name ends in "!" must be there.
MEMBERS: dict[str, dict[str, Check]] = {
    "latency": {"seconds!": _is_number, **_WHEN},
    "status": {
        "status!": _STATUS, "retryAfter": _is_number, "code": _is_text, "message": _is_text,
        **_WHEN,
    },
    "html": {"status": _STATUS, **_WHEN},
    "truncated": {},
    "reset": {},
    "lostAnswer": {},
    "hang": _WHEN,
    "foreignWrite": {"settings": _is_object, "application": _is_object, **_WHEN},
    "freezeAfterWrites": {"writes!": _is_count, "then": choice("hang", "reset")},
    "revokeSignIn": {},
    "expireTokens": {},
}  # fmt: skip
_RULE_KEYS = frozenset({"match", "nth", "every", "probability", "seed", "times", "fault"})
_MATCH_KEYS = frozenset({"service", "method", "path", "pathRegex", "writes"})


@dataclass(frozen=True)
class Fault:
    """A fault: its type and the members that the rule gave it."""

    type: str
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def when(self) -> str:
        """`before` or `after` the service; a lost and a truncated answer are always `after`."""
        return (
            "after"
            if self.type in {"lostAnswer", "truncated"}
            else str(self.members.get("when", "before"))
        )


@dataclass
class FaultRule:
    """A rule and its counters: `matched` requests, `fired` times, `writes` that took effect.

    Attributes:
        source: the rule as it was given.
        matches: whether the rule applies to a request.
        due: whether the n-th of them gets the fault.
        fault: the fault.
    """

    source: Mapping[str, Any]
    matches: Callable[[Entry], bool]
    due: Callable[[int, int], bool]
    fault: Fault
    matched: int = 0
    fired: int = 0
    writes: int = 0

    def fires(self, entry: Entry) -> bool:
        if self.fault.type == "freezeAfterWrites":
            hit = self.writes >= self.fault.members["writes"]
        elif self.matches(entry):
            self.matched += 1
            hit = self.due(self.matched, self.fired)
        else:
            hit = False
        self.fired += int(hit)
        return bool(hit)

    def wrote(self, entry: Entry) -> None:
        self.writes += self.matches(entry)


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def replace(self, rules: object) -> None:
        """Replace the rules; counters start at 0.

        Raises ValueError: one of them is invalid; the old ones stay.
        """
        if not isinstance(rules, list):
            raise ValueError("The faults must be a list of rules.")
        self._rules = [read(rule) for rule in rules]

    def to_list(self) -> list[dict[str, Any]]:
        return [
            {**r.source, "matched": r.matched, "fired": r.fired, "wrote": r.writes}
            for r in self._rules
        ]

    def arriving(self, entry: Entry) -> list[Fault]:
        if entry.service == "control":
            return []
        return [rule.fault for rule in self._rules if rule.fires(entry)]

    def wrote(self, entry: Entry) -> None:
        for rule in self._rules:
            rule.wrote(entry)


def read(rule: object) -> FaultRule:
    """Read one rule. Raises ValueError: it has an unknown key or an invalid value."""
    if not isinstance(rule, dict):
        raise ValueError("A rule must be an object.")
    _only(rule, _RULE_KEYS, "rule")
    match = rule.get("match", {})
    if not isinstance(match, dict):
        raise ValueError("'match' must be an object.")
    return FaultRule(dict(rule), _matcher(match), _trigger(rule), _fault(rule.get("fault")))


def _only(members: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    unknown = sorted(set(members) - known)
    if unknown:
        raise ValueError(
            f"A {what} cannot have '{unknown[0]}'. It can have {', '.join(sorted(known))}."
        )


def _matcher(match: Mapping[str, Any]) -> Callable[[Entry], bool]:
    _only(match, _MATCH_KEYS, "match")
    service = SERVICES.get(str(match.get("service", "*")).lower())
    if service is None:
        raise ValueError(
            f"Unknown service '{match['service']}'. Use Graph, ARM, KeyVault, Entra, MCT, Identity "
            "or *."
        )
    methods = frozenset(str(match.get("method", "*")).upper().split("|"))
    path = _path_pattern(match)
    writes = match.get("writes", False)

    def matches(entry: Entry) -> bool:
        return bool(
            service in ("*", entry.service)
            and ("*" in methods or entry.method in methods)
            and path.search(entry.path) is not None
            and (not writes or may_write(entry.service, entry.method, entry.path))
        )

    return matches


def _path_pattern(match: Mapping[str, Any]) -> re.Pattern[str]:
    if "path" in match and "pathRegex" in match:
        raise ValueError("A match can have a path or a pathRegex, not both.")
    text = str(match.get("pathRegex") or fnmatch.translate(str(match.get("path", "*"))))
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"Invalid regular expression '{text}': {error}") from error


def _trigger(rule: Mapping[str, Any]) -> Callable[[int, int], bool]:
    triggers = [name for name in ("nth", "every", "probability") if name in rule]
    if len(triggers) > 1:
        raise ValueError(f"A rule can have one of {' and '.join(triggers)}, not both.")
    for name in ("nth", "every", "times"):
        if name in rule and not (_is_count(rule[name]) and rule[name] > 0):
            raise ValueError(f"'{name}' must be an integer greater than 0.")
    times = rule.get("times", 1 if "nth" in rule else float("inf"))
    if "probability" in rule:
        return _by_chance(rule["probability"], rule.get("seed", 0), times)
    first_number, step = rule.get("nth", 1), rule.get("every", 1)
    if "every" in rule:
        first_number = step
    return lambda number, fired: (
        fired < times and number >= first_number and (number - first_number) % step == 0
    )


def _by_chance(probability: Any, seed: object, times: float) -> Callable[[int, int], bool]:
    if not number(1)(probability):
        raise ValueError("'probability' must be a number from 0 to 1.")
    # Repeatable on purpose: nothing secret depends on it.
    chance = random.Random(str(seed))  # noqa: S311
    return lambda _number, fired: chance.random() < probability and fired < times


def _fault(rule: object) -> Fault:
    if not isinstance(rule, dict) or rule.get("type") not in MEMBERS:
        raise ValueError(f"'fault' must be an object with a type: {', '.join(MEMBERS)}.")
    members = {name: value for name, value in rule.items() if name != "type"}
    checks = {name.rstrip("!"): check for name, check in MEMBERS[rule["type"]].items()}
    _only(members, frozenset(checks), str(rule["type"]))
    for name in MEMBERS[rule["type"]]:
        if name.endswith("!") and name.rstrip("!") not in members:
            raise ValueError(f"A {rule['type']} needs '{name.rstrip('!')}'.")
    for name, value in members.items():
        if not checks[name](value):
            raise ValueError(f"Invalid value {value!r} for '{name}' of a {rule['type']}.")
    if rule["type"] == "foreignWrite" and ("settings" in members) == ("application" in members):
        raise ValueError("A foreignWrite must have settings or an application.")
    return Fault(rule["type"], members)
