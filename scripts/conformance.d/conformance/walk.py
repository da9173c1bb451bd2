"""Sends the whole story to one side: waits for replication, and records what is created."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mct_s2s import clock
from mct_s2s.azure.json_values import seconds
from mct_s2s.azure.plain_requests import NoAnswer
from mct_s2s.model.ids import is_guid

from conformance.comparing.comparison import Answer
from conformance.comparing.placeholders import filled
from conformance.journal import Journal
from conformance.side import Side
from conformance.steps import SETTING, Json, Kind, Service, Settings, Step, at

ARRIVES_SECONDS = 30.0
"""How long an answer is requested again until it is as expected."""
ALLOWED_SECONDS = 10.0
"""The same for 401 and 403, which are seldom caused by replication."""
OTHER_REFUSAL_SECONDS = 5.0
"""The same where both sides refuse, with another status: most often a difference."""
IN_VAIN_SECONDS = 300.0
"""After so much waiting in vain in a run, nothing is waited for any more."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
THROTTLED_TIMES = 6
LONGEST_THROTTLE = 120.0
_SUCCESS = range(200, 300)
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Wait:
    """An answer that came after others.

    Attributes:
        reason: `later` (replication), `throttled` or `busy` (the service asked to wait).
        seconds: how long.
        before: status and code of the answers before it, each once.
    """

    reason: str
    seconds: float
    before: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """The result of a step on one side.

    Attributes:
        step: the request.
        answer: the last answer; None where there is none.
        why_none: why there is none.
        unanswered: whether that is because the request got no response.
        waits: answers before it.
    """

    step: Step
    answer: Answer | None
    why_none: str = ""
    unanswered: bool = False
    waits: tuple[Wait, ...] = ()


Progress = Callable[[Step], None]


async def walk(
    steps: Iterable[Step],
    side: Side,
    *,
    journal: Journal | None = None,
    expected: Mapping[str, Outcome] | None = None,
    progress: Progress = lambda _: None,
) -> list[Outcome]:
    """Send every step to a side, one after the other.

    Args:
        steps: the story.
        side: the side.
        journal: where what is created is recorded; None where nothing has to be cleaned up.
        expected: the other side's answers, by step: a request whose answer differs in status, or in the number of rows,
            is sent again for a while, because of replication.
        progress: called with each step.

    Raises:
        S2SError: no token.
        OSError: the journal cannot be written.
    """
    outcomes, waited_in_vain, succeeded = list[Outcome](), 0.0, set[str]()
    for step in steps:
        progress(step)
        missing = next((needed for needed in step.needs if needed not in succeeded), None)
        if missing is not None:
            outcomes.append(Outcome(step, None, f"needs {missing}, which did not succeed"))
            continue
        asked = _StepRequest(step, side, journal, (expected or {}).get(step.id), waited_in_vain < IN_VAIN_SECONDS)
        outcome = await asked.outcome()
        outcomes.append(outcome)
        waited_in_vain += asked.waited_in_vain
        if outcome.answer is not None and outcome.answer.status in _SUCCESS:
            succeeded.add(step.id)
    return outcomes


class _StepRequest:
    """One step on one side."""

    def __init__(
        self, step: Step, side: Side, journal: Journal | None, expected: Outcome | None, may_wait: bool
    ) -> None:
        self.waited_in_vain = 0.0
        self._may_wait = may_wait
        self._step = step
        self._side = side
        self._journal = journal
        self._expected = expected.answer if expected is not None else None

    async def outcome(self) -> Outcome:
        try:
            request = _request(self._step, self._side)
        except KeyError as missing:
            return Outcome(self._step, None, f"needs '{missing.args[0]}', which no response contains")
        if self._journal is not None and self._step.makes is not None:
            self._journal.about_to_make(self._step.makes)
        try:
            answer, waits = await self._answer(request)
        except NoAnswer as error:
            return Outcome(self._step, None, f"no response ({error})", unanswered=True)
        self._note(answer)
        self._bind(answer)
        return Outcome(self._step, answer, waits=waits)

    async def _answer(self, request: Mapping[str, Any]) -> tuple[Answer, tuple[Wait, ...]]:
        waits: list[Wait] = []
        answer = await self._not_throttled(request, waits)
        before, began, pause = list[str](), clock.seconds(), FIRST_PAUSE
        while self._may_come(answer) and clock.seconds() - began < self._patience_after(answer):
            before.append(_name(answer))
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 1.5)
            answer = await self._not_throttled(request, waits)
        if before and not self._may_come(answer):
            waits.append(Wait("later", clock.seconds() - began, tuple(dict.fromkeys(before))))
        elif before:
            self.waited_in_vain = clock.seconds() - began
        return answer, tuple(waits)

    async def _not_throttled(self, request: Mapping[str, Any], waits: list[Wait]) -> Answer:
        began, before = clock.seconds(), list[str]()
        answer = await self._sent(request)
        while len(before) < THROTTLED_TIMES:
            asked = seconds(_header(answer, "retry-after"))
            if answer.status not in {429, 503} or (answer.status == 503 and asked is None):
                break
            before.append(_name(answer))
            await asyncio.sleep(min(LONGEST_THROTTLE, asked if asked is not None else LONGEST_PAUSE))
            answer = await self._sent(request)
        if before:
            reason = "throttled" if before[0].startswith("429") else "busy"
            waits.append(Wait(reason, clock.seconds() - began, tuple(dict.fromkeys(before))))
        return answer

    async def _sent(self, request: Mapping[str, Any]) -> Answer:
        """Send it once; a read is sent again without an answer."""
        for attempt in range(3):
            try:
                return await self._side.send(self._step.service, self._step.method, **request)
            except NoAnswer:
                if not self._step.reads or attempt == 2:
                    raise
                await asyncio.sleep(FIRST_PAUSE)
        raise AssertionError(self._step)

    def _may_come(self, answer: Answer) -> bool:
        """Return whether the other side's answer may still come, and another request is harmless."""
        wanted = self._expected
        if wanted is None or self._step.service is Service.SITE or (self._step.shows_others and answer.status < 400):
            return False
        if answer.status in _SUCCESS and not (self._step.reads or self._step.method == "DELETE"):
            return False
        return answer.status != wanted.status or not _has_arrived(answer, wanted)

    def _patience_after(self, answer: Answer) -> float:
        if not self._may_wait:
            return 0.0
        if answer.status in {401, 403}:
            return ALLOWED_SECONDS
        both_refuse = self._expected is not None and min(answer.status, self._expected.status) >= 400
        return OTHER_REFUSAL_SECONDS if both_refuse else ARRIVES_SECONDS

    def _note(self, answer: Answer) -> None:
        kind, journal = self._step.makes, self._journal
        if journal is None or kind is None:
            return
        if answer.status not in _SUCCESS and answer.status < 500:
            journal.has_made(kind, None)
        elif answer.status in _SUCCESS:
            journal.has_made(kind, _identifier(kind, answer, journal))

    def _bind(self, answer: Answer) -> None:
        step, side = self._step, self._side
        if answer.status not in _SUCCESS:
            return
        for name, pointer in step.binds.items():
            value = at(answer.body, pointer)
            if isinstance(value, str):
                side.bindings[name] = value
        if _HOST.fullmatch(side.bindings.get("siteHost", "")):
            side.bindings["siteRoot"] = f"https://{side.bindings['siteHost']}"
        if step.settings is Settings.READ:
            found = at(answer.body, "/properties")
            # Never an empty dictionary: a write replaces all settings.
            side.settings = dict(found) if isinstance(found, dict) else None
            side.settings_before = side.settings if side.settings_before is None else side.settings_before


def _request(step: Step, side: Side) -> dict[str, Any]:
    """Return the arguments of `Side.send` beside service and method.

    Raises:
        KeyError: a value that the request needs is not bound.
    """
    names = side.bindings
    return {
        "path": filled(step.path, names),
        "query": filled(dict(step.query), names),
        "headers": filled(dict(step.headers), names),
        "body": _settings(step, side) if step.settings else filled(step.body, names),
        "is_form": step.is_form,
        "is_anonymous": step.is_anonymous,
        "bearer": names[step.bearer] if step.bearer is not None else None,
    }


def _settings(step: Step, side: Side) -> Any:
    """Return the body of a request for all settings: the existing ones, with ours or without it."""
    if step.settings is Settings.READ:
        return None
    if side.settings is None:
        raise KeyError("the application settings")
    if step.settings is Settings.TAKE_BACK:
        return {"properties": {name: value for name, value in side.settings.items() if name != SETTING}}
    if SETTING in side.settings:
        raise KeyError(f"the absence of {SETTING}")
    return {"properties": {**side.settings, SETTING: side.bindings["run"]}}


def _identifier(kind: Kind, answer: Answer, journal: Journal) -> str | None:
    if kind in {Kind.APPLICATION, Kind.PRINCIPAL}:
        found = at(answer.body, "/id")
        return found if isinstance(found, str) and is_guid(found) else None  # it becomes part of a path
    return journal.name


def _has_arrived(answer: Answer, wanted: Answer) -> bool:
    """Return whether lists in both answers have as many items, and our setting is in both or in neither."""
    ours, theirs = _lengths(answer.body), _lengths(wanted.body)
    settings = [
        SETTING in (at(body, "/properties") or {}) for body in (answer.body, wanted.body) if _has_settings(body)
    ]
    return all(ours[name] == theirs[name] for name in ours.keys() & theirs.keys()) and len(set(settings)) < 2


def _lengths(body: Json) -> dict[str, int]:
    return (
        {name: len(value) for name, value in body.items() if isinstance(value, list)} if isinstance(body, dict) else {}
    )


def _has_settings(body: Json) -> bool:
    return isinstance(body, dict) and isinstance(body.get("properties"), dict)


def _name(answer: Answer) -> str:
    code = at(answer.body, "/error/code")
    if not isinstance(code, str):
        codes = at(answer.body, "/error_codes")
        code = f"AADSTS{codes[0]}" if isinstance(codes, list) and codes and isinstance(codes[0], int) else ""
    return f"{answer.status} {code if code.replace('_', '').isalnum() else ''}".strip()


def _header(answer: Answer, wanted: str) -> str | None:
    return next((value for name, value in answer.headers.items() if name.lower() == wanted), None)
