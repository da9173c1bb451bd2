"""A plan as Markdown: what a pull request or a change request asks people to approve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mct_s2s.planning.changes import Action, WriteSettings, others_unchanged
from mct_s2s.planning.plan import Plan
from mct_s2s.render.manual_steps import Instruction, grants_to_ask_for
from mct_s2s.render.markdown import listed, table, text
from mct_s2s.render.plan import BLOCKED, SIGNS, detail_of, summary, written_rows

_WORDS = {Action.CREATE: "create", Action.UPDATE: "change", Action.DELETE: "remove", Action.NONE: "no change"}


def plan_markdown(
    plan: Plan, label: str, about: Sequence[str], fingerprint: str, left: Sequence[Instruction]
) -> Iterator[str]:
    """The lines of a document.

    Args:
        fingerprint: the plan's digest, by which a later run can be compared with what was approved.
    """
    yield f"# Plan for {text(label)}"
    yield from paragraphs(text(", ".join(about)), f"**{headline(plan)}**", f"Fingerprint: `{fingerprint}`")
    yield from plan_sections(plan, left, "##")


def plan_sections(plan: Plan, left: Sequence[Instruction], heading: str) -> Iterator[str]:
    """The steps of a plan, and below such a heading each: the settings, notes, what others must do, missing rights."""
    if plan.steps:
        yield from _steps(plan)
    for step in plan.changes:
        if isinstance(step, WriteSettings) and step.edits:
            yield from _settings(step, heading)
    yield from _remarks(plan, left, heading)
    yield from _missing(plan, heading)


def headline(plan: Plan) -> str:
    """What a reviewer reads first."""
    return summary(plan) if plan.changes or plan.blocked else "No changes"


def paragraphs(*lines: str) -> Iterator[str]:
    """Each that is not empty, as a paragraph."""
    for line in filter(None, lines):
        yield ""
        yield line


def _steps(plan: Plan) -> Iterator[str]:
    blocked = {step.key for step in plan.blocked}
    rows = [
        (
            f"{BLOCKED} blocked" if step.key in blocked else f"{SIGNS[step.action]} {_WORDS[step.action]}",
            step.resource,
            step.name,
            detail_of(step),
        )
        for step in plan.steps
    ]
    yield from table(("Change", "Resource", "Name", "Detail"), rows)


def _settings(write: WriteSettings, heading: str) -> Iterator[str]:
    yield ""
    yield f"{heading} Application settings of {text(write.name)}"
    rows = [(f"{SIGNS[action]} {name}", old or "", new or "") for action, name, old, new in written_rows(write)]
    yield from table(("Setting", "Old value", "New value"), rows)
    yield ""
    yield f"{others_unchanged(write.unchanged)}."


def _remarks(plan: Plan, left: Sequence[Instruction], heading: str) -> Iterator[str]:
    asked = manual_items(left)
    for title, items in (("Notes", plan.remarks), ("Someone else must do", asked)):
        if items:
            yield ""
            yield f"{heading} {title}"
            yield from listed(items)


def _missing(plan: Plan, heading: str) -> Iterator[str]:
    if plan.lacks:
        yield ""
        yield f"{heading} Missing permissions"
        yield from listed(manual_items(grants_to_ask_for(plan.lacks)))


def manual_items(steps: Sequence[Instruction]) -> list[tuple[str, str]]:
    """Manual steps for `listed`."""
    return [(step.sentence, step.command) for step in steps]
