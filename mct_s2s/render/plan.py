"""A plan, as text."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from mct_s2s.planning.changes import Action, AnyChange, WriteSettings
from mct_s2s.planning.plan import Plan
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import Terminal, prose

SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.NONE: "·"}


def show_plan(terminal: Terminal, plan: Plan, where: str, *, is_result: bool = False, part: str | None = None) -> None:
    """Show every step with a sign: `+` created, `~` updated, `-` removed, `·` already right.

    Args:
        terminal: the streams.
        plan: what would be done.
        where: what it is for.
        is_result: whether the plan is all that was asked for, and so goes to standard output.
        part: what of it this command is about, where it is not about all of it.
    """
    console = terminal.out if is_result else terminal.err
    if plan.is_empty and not plan.lacks:
        console.print(Text(f"No changes. {_up_to_date(plan, where, part)}."), style="good")
        _left(console, plan)
        return
    if plan.is_empty:
        console.print(Text(f"No changes that you can make. Other steps remain for {where}."), style="warn")
    else:
        console.print(Text.assemble(("Plan", "head"), f" for {where}"))
    table = Columns([None] * 4, narrow=[0, 1])
    for step in plan.steps:
        table.add(*_row(step))
    console.print(table)
    for step in plan.changes:
        if isinstance(step, WriteSettings):
            _edits(console, step)
    _left(console, plan)


def _edits(console: Console, write: WriteSettings) -> None:
    """Show each of our settings before and after, so that no value is agreed to unseen."""
    for edit in write.edits:
        after = _value(edit.after)
        if not edit.is_known:
            after = f"{after}, plus what is created" if edit.after else "known after it is created"
        console.print(Text(f"     {edit.name}: {_value(edit.before)} → {after}"), soft_wrap=True)


def _value(text: str | None) -> str:
    return "not set" if text is None else f"'{text}'"


def _up_to_date(plan: Plan, where: str, part: str | None) -> str:
    """What is up to date; claims no more than was observed."""
    if part is not None:
        return f"{part[0].upper()}{part[1:]} of {where} is up to date; nothing else was checked"
    if plan.left_to_others:
        return f"{where} is up to date, except for steps that someone else must do"
    return f"{where} is up to date"


def _left(console: Console, plan: Plan) -> None:
    for text in (*(note.what for note in plan.left_to_others), *plan.notes):
        prose(console, Text(f"  {text}", style="warn"), indent=2)


def summary(plan: Plan) -> str:
    """`3 to create, 1 to update`."""
    counts = {action: sum(change.action is action for change in plan.changes) for action in Action}
    words = {Action.CREATE: "to create", Action.UPDATE: "to update", Action.DELETE: "to remove"}
    return ", ".join(f"{counts[action]} {text}" for action, text in words.items() if counts[action])


def _row(step: AnyChange) -> tuple[Text, Text, Text, Text]:
    style = "unchanged" if step.action is Action.NONE else step.action.value
    return (
        Text(f"  {SIGNS[step.action]}", style=style),
        Text(step.resource, style=style),
        Text(step.name),
        Text(step.detail, style="quiet"),
    )
