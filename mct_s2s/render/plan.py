"""A plan, as text."""

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import LISTS, AllowList
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import Action, SettingEdit, WriteSettings, others_unchanged
from mct_s2s.planning.plan import Plan
from mct_s2s.render.columns import Columns

SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.NONE: "·"}
BLOCKED = "!"
"""The sign of a step that the caller has no right to."""
LATER = "known after it is created"
HIDDEN = "put back; the value is not shown"
_LISTS = frozenset(setting.name for setting in LISTS)


def target_details(observed: ObservedState) -> tuple[str, ...]:
    """Resource group, subscription and tenant, as far as they were read."""
    site, tenant = observed.app_service, observed.tenant
    place = (site.resource.resource_group, site.subscription) if site is not None else ()
    name = tenant.name if tenant is not None else site.tenant_id if site is not None else ""
    return (*(word for word in place if word), *((f"tenant {name}",) if name else ()))


def summary(*plans: Plan) -> str:
    """`3 to create, 1 to change, 0 to remove`."""
    changes, blocked = [change for plan in plans for change in plan.changes], sum(len(plan.blocked) for plan in plans)
    counts = {action: sum(change.action is action for change in changes) for action in Action}
    words = {Action.CREATE: "to create", Action.UPDATE: "to change", Action.DELETE: "to remove"}
    counted = [f"{counts[action]} {text}" for action, text in words.items()]
    return ", ".join([*counted, *([f"{blocked} blocked"] if blocked else [])])


def setting_rows(edit: SettingEdit) -> Iterator[tuple[Action, str]]:
    """Old and new; of a list of ids, a row for each that is added or removed."""
    if not edit.is_ours:
        yield Action.UPDATE, HIDDEN
        return
    if edit.name in _LISTS:
        before, after = AllowList(edit.before or ""), AllowList(edit.after or "")
        added = [one for one in after.ids if not before.holds(one)]
        removed = [one for one in before.ids if not after.holds(one)]
        stay = len(before.ids) - len(removed)
        if stay and (added or removed or edit.pending):
            counts = ((len(added) + edit.pending, "added"), (len(removed), "removed"))
            said = [f"{count} {'is' if count == 1 else 'are'} {what}" for count, what in counts if count]
            number = counted(len(before.ids), "ID")
            yield Action.UPDATE, f"{number} → {stay} stay{'s' * (stay == 1)}, {', '.join(said)}"
        yield from ((Action.CREATE, one) for one in added)
        yield from ((Action.DELETE, one) for one in removed)
        if edit.pending:
            yield Action.CREATE, LATER
        if added or removed or edit.pending:
            return

    def shown(value: str | None) -> str | None:
        return value if value is None or (value and value == value.strip()) else f"'{value}'"

    old, new = shown(edit.before), LATER if edit.pending else shown(edit.after)
    action = Action.CREATE if old is None else Action.DELETE if new is None else Action.UPDATE
    yield action, " → ".join(value for value in (old, new) if value is not None)


def show_steps(console: Console, plan: Plan) -> None:
    room = max((cell_len(step.resource) for step in plan.steps), default=0)
    table = Columns()
    for step in plan.steps:
        detail = others_unchanged(step.unchanged) if isinstance(step, WriteSettings) else step.detail
        sign, style = SIGNS[step.action], "unchanged" if step.action is Action.NONE else step.action.value
        if step.key in plan.blocked:
            sign, style = BLOCKED, "bad"
        what = f"  {sign} {step.resource}{' ' * (room - cell_len(step.resource))}"
        table.add(Text(what, style=style), step.name, Text(detail, style="quiet"))
        if isinstance(step, WriteSettings):
            console.print(table)
            table = Columns()
            for edit in step.edits:
                for action, values in setting_rows(edit):
                    table.add(Text(f"      {SIGNS[action]} {edit.name}", style=action.value), values)
            console.print(table)
            table = Columns()
    console.print(table)
