"""Sends the whole story to one side, and waits for replication where it may still be under way."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mct_s2s import clock
from mct_s2s.azure.answers import parse_retry_after
from mct_s2s.azure.http import NO_ANSWER

from conformance.clouds import Side
from conformance.comparison import Answer, at, filled
from conformance.story import SETTING, Json, Service, Settings, Step

ARRIVES_SECONDS = 30.0
"""How long an answer is requested again until it is as expected."""
REFUSAL_SECONDS = 5.0
"""The same for a refusal that replication seldom causes: 401, 403, and where both sides refuse."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
THROTTLED_SECONDS = 300.0
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Outcome:
    """The result of a step on one side: the last answer, or why there is none, and what was waited
    for.
    """

    step: Step
    answer: Answer | None
    why_none: str = ""
    unanswered: bool = False
    waited: str = ""


async def walk(
    steps: Iterable[Step],
    side: Side,
    expected: Mapping[str, Answer | None] | None = None,
    progress: Callable[[Step], None] = lambda _: None,
) -> list[Outcome]:
    """Send every step to a side, one after the other. Raises S2SError: no token.

    A request whose answer differs in status or number of rows from the `expected` one of the other
    side is sent again for a while; after a write that only this side refuses, the rest of its table
    is left out.
    """
    outcomes, refused = list[Outcome](), dict[str, str]()
    for step in steps:
        progress(step)
        table, wanted = step.id.partition("/")[0], (expected or {}).get(step.id)
        if table in refused:
            outcomes.append(Outcome(step, None, f"needs {refused[table]}, which did not succeed"))
            continue
        outcome = await _outcome(step, side, wanted)
        outcomes.append(outcome)
        writes = wanted is not None and wanted.status < 400 and not step.reads
        if writes and (outcome.answer is None or outcome.answer.status >= 400):
            refused[table] = step.id
    return outcomes


async def _outcome(step: Step, side: Side, wanted: Answer | None) -> Outcome:
    try:
        request = _request(step, side)
    except KeyError as missing:
        return Outcome(step, None, f"needs '{missing.args[0]}', which no response contains")
    try:
        answer, waited = await _answer(step, side, request, wanted)
    except NO_ANSWER as error:
        return Outcome(step, None, f"no response ({type(error).__name__})", unanswered=True)
    if answer.status < 300:
        _bind(step, side, answer)
    return Outcome(step, answer, waited=waited)


async def _answer(
    step: Step, side: Side, request: Mapping[str, Any], wanted: Answer | None
) -> tuple[Answer, str]:
    began, pause, before = clock.seconds(), FIRST_PAUSE, list[str]()
    while True:
        answer, waited = await _sent(step, side, request), clock.seconds() - began
        is_refused = answer.status in {401, 403} or (
            wanted is not None and min(answer.status, wanted.status) >= 400
        )
        patience = REFUSAL_SECONDS if is_refused else ARRIVES_SECONDS
        asked = next(
            (
                parse_retry_after(text)
                for name, text in answer.headers.items()
                if name.lower() == "retry-after"
            ),
            None,
        )
        if (
            answer.status == 429 or (answer.status == 503 and asked is not None)
        ) and waited < THROTTLED_SECONDS:
            delay = asked if asked is not None else LONGEST_PAUSE
        elif wanted is not None and _may_come(step, answer, wanted) and waited < patience:
            delay = pause
            pause = min(LONGEST_PAUSE, pause * 1.5)
        else:
            settled = before and wanted is not None and answer.status == wanted.status
            return (
                answer,
                f"after {waited:.1f} s of {', '.join(dict.fromkeys(before))}" if settled else "",
            )
        before.append(f"{answer.status} {_code(answer)}".strip())
        await asyncio.sleep(delay)


async def _sent(step: Step, side: Side, request: Mapping[str, Any]) -> Answer:
    """Send it once; a read is sent again without an answer."""
    for _ in range(2 if step.reads else 0):
        try:
            return await side.send(step.service, step.method, **request)
        except NO_ANSWER:
            await asyncio.sleep(FIRST_PAUSE)
    return await side.send(step.service, step.method, **request)


def _may_come(step: Step, answer: Answer, wanted: Answer) -> bool:
    """Return whether the other side's answer may still come, and another request is harmless."""
    if step.service is Service.SITE or (step.others and answer.status < 400):
        return False
    if answer.status < 300 and not (step.reads or step.method == "DELETE"):
        return False
    ours, theirs = _lengths(answer.body), _lengths(wanted.body)
    return answer.status != wanted.status or any(
        ours[name] != theirs[name] for name in ours.keys() & theirs.keys()
    )


def _lengths(body: Json) -> dict[str, int]:
    members = body.items() if isinstance(body, dict) else ()
    return {name: len(value) for name, value in members if isinstance(value, list)}


def _code(answer: Answer) -> str:
    """A service's code for an error, where it is a word."""
    code = str(at(answer.body, "/error/code", "") or at(answer.body, "/error_codes/0", ""))
    return code if code.replace("_", "").isalnum() else ""


def _bind(step: Step, side: Side, answer: Answer) -> None:
    values = {name: at(answer.body, pointer) for name, pointer in step.binds.items()}
    side.bindings |= {name: value for name, value in values.items() if isinstance(value, str)}
    if _HOST.fullmatch(side.bindings.get("siteHost", "")):
        side.bindings["siteRoot"] = f"https://{side.bindings['siteHost']}"
    if step.settings is Settings.READ:
        settings = at(answer.body, "/properties")
        # Never empty: a write replaces all settings
        side.settings = settings if isinstance(settings, dict) else None


def _request(step: Step, side: Side) -> dict[str, Any]:
    """Return the arguments of `Side.send` beside service and method.

    Raises KeyError: a value is not bound.
    """
    names = side.bindings
    return {
        "path": filled(step.path, names),
        "query": filled(dict(step.query), names),
        "headers": filled(dict(step.headers), names),
        "body": _settings(step, side) if step.settings else filled(step.body, names),
        "anonymous": step.anonymous,
        "bearer": names[step.bearer] if step.bearer is not None else None,
    }


def _settings(step: Step, side: Side) -> Json:
    """Return the body of a request for all settings: the existing ones, with ours or without it."""
    if step.settings is Settings.READ:
        return None
    if side.settings is None:
        raise KeyError("the application settings")
    if step.settings is Settings.ADD and SETTING in side.settings:
        raise KeyError(f"the absence of {SETTING}")
    others = {name: value for name, value in side.settings.items() if name != SETTING}
    return {
        "properties": others
        | ({SETTING: side.bindings["name"]} if step.settings is Settings.ADD else {})
    }
