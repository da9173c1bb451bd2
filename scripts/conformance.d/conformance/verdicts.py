"""Where the two sides differ, step by step, in texts without private values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from conformance.comparing.comparison import Answer, differences
from conformance.skeleton import (
    Skeleton,
    Skeletons,
    decoded,
    known_texts,
    known_words,
    plain_words,
    readable,
    strings,
)
from conformance.steps import Json, Service, Step, at
from conformance.texts import SHORTEST_PRIVATE, Texts
from conformance.walk import Outcome, Wait


class Verdict(StrEnum):
    """The result of a step."""

    SAME = "same"
    DIFFERS = "differs"
    REFUSED = "refused"
    """The cloud returned 401 or 403 where the sandbox accepts: most often the caller lacks a permission."""
    NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class Finding:
    """One step.

    Attributes:
        step: the request.
        verdict: the result.
        differences: one line each: where, the sandbox's answer, the cloud's answer.
        why_none: why it was not compared.
        waits: answers before the cloud's last one.
        skeleton: the cloud's answer; None where there is none.
    """

    step: Step
    verdict: Verdict
    differences: tuple[str, ...] = ()
    why_none: str = ""
    waits: tuple[Wait, ...] = ()
    skeleton: Skeleton | None = None


@dataclass(frozen=True)
class SideAnswers:
    """All answers of one side.

    Attributes:
        names: the values of the story's names.
        outcomes: in the order of the steps.
        tokens: the caller's own.
    """

    names: Mapping[str, str]
    outcomes: Sequence[Outcome]
    tokens: Sequence[str] = ()


class Comparer:
    """Compares a cloud's answers with the sandbox's."""

    def __init__(self, steps: Sequence[Step], cloud: SideAnswers, sandbox: SideAnswers) -> None:
        self._steps = steps
        self._cloud = cloud
        self._sandbox = sandbox
        known = known_texts(steps, sandbox.outcomes, Texts(sandbox.names))
        words = known_words(known, sandbox.outcomes)
        plain = plain_words(words)
        self.private = frozenset(text for text in _private(cloud) if text not in words and text.lower() not in plain)
        self._skeletons = Skeletons(Texts(cloud.names, private=self.private, words=words), known)

    @property
    def originals(self) -> frozenset[str]:
        """Return every value of the cloud that must not be in a report."""
        harmless = {
            *(
                text
                for outcome in self._sandbox.outcomes
                if outcome.answer
                for text in strings(outcome.answer.body, keys=True)
            ),
            *self._sandbox.names.values(),
            *(text for step in self._steps for text in strings([step.path, dict(step.query), step.body], keys=True)),
        }
        found = {*self.private, *self._cloud.names.values()} - harmless
        return frozenset(value for value in found if len(value) >= SHORTEST_PRIVATE)

    def findings(self) -> list[Finding]:
        """Return a finding for each step."""
        both = zip(self._cloud.outcomes, self._sandbox.outcomes, strict=True)
        return [self._finding(cloud, sandbox) for cloud, sandbox in both]

    def _finding(self, cloud: Outcome, sandbox: Outcome) -> Finding:
        step = cloud.step
        if cloud.answer is None or sandbox.answer is None:
            why = cloud.why_none or f"the sandbox: {sandbox.why_none}"
            # The site may be closed to this network, which is not a difference between the clouds.
            lost = cloud.unanswered and step.service is not Service.SITE
            verdict = Verdict.DIFFERS if lost else Verdict.NOT_COMPARED
            return Finding(step, verdict, (why,) if verdict is Verdict.DIFFERS else (), why, cloud.waits)
        skeleton = self._skeletons.of(step, cloud.answer, sandbox.answer)
        response, body = _with_rows(step, skeleton.response, readable(step, sandbox.answer.body))
        theirs = Answer(sandbox.answer.status, sandbox.answer.headers, body)
        partial = [pointer for pointer in skeleton.compare.get("partial", ()) if pointer != "/value"]
        softened = {**skeleton.compare, "partial": partial}
        lines = tuple(differences(response, theirs, dict(self._sandbox.names), softened))
        refused = cloud.answer.status in {401, 403} and sandbox.answer.status < 400
        differs = Verdict.REFUSED if refused else Verdict.DIFFERS
        return Finding(step, differs if lines else Verdict.SAME, lines, "", cloud.waits, skeleton)


def _with_rows(step: Step, response: Mapping[str, Json], body: Json) -> tuple[Mapping[str, Json], Json]:
    """Return both with one row, or none where one side has none: the number of others' objects does not matter."""
    ours, theirs = at(response["body"], "/value"), at(body, "/value")
    if not step.shows_others or not isinstance(ours, list) or not isinstance(theirs, list):
        return response, body
    rows = min(len(ours), len(theirs), 1)
    shown = {**response["body"], "value": ours[:rows]}
    return {**response, "body": shown}, {**body, "value": theirs[:rows]}


def _private(heard: SideAnswers) -> Iterable[str]:
    """Yield texts of objects that the run has not created, all settings, and the claims of the caller's tokens."""
    for outcome in heard.outcomes:
        if outcome.answer is not None and (outcome.step.shows_others or outcome.step.settings):
            yield from strings(outcome.answer.body, keys=outcome.step.settings is not None)
    for token in heard.tokens:
        yield token
        for part in token.split(".")[:2]:
            yield from strings(decoded(part))
