"""A plan, as text."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from mct_s2s.model.observed import ObservedState
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.model.site_settings import AllowList
from mct_s2s.planning.changes import (
    Action,
    AddCredential,
    OutputRef,
    SettingEdit,
    WriteSettings,
    others_unchanged,
)
from mct_s2s.planning.plan import Plan
from mct_s2s.render.columns import GAP, Columns

SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.NONE: "·"}
BLOCKED = "!"
"""The sign of a step that the caller has no right to."""
FOR_OTHERS = "for someone else"
LATER = "(known after creation)"
HIDDEN = "put back; the value is not shown"


def target_details(observed: ObservedState) -> tuple[str, ...]:
    """Resource group, subscription and tenant, as far as they were read."""
    site, tenant = observed.app_service, observed.tenant
    place = (site.resource.resource_group, site.subscription) if site is not None else ()
    name = tenant.name if tenant is not None else site.tenant_id if site is not None else ""
    return (*(word for word in place if word), *((f"tenant {name}",) if name else ()))


def summary(*plans: Plan) -> str:
    """`3 to create, 1 to change, 0 to remove`."""
    changes = [change for plan in plans for change in plan.changes]
    blocked = sum(len(plan.blocked) for plan in plans)
    for_others = sum(len(plan.for_others) for plan in plans)
    counts = {action: sum(change.action is action for change in changes) for action in Action}
    words = {Action.CREATE: "to create", Action.UPDATE: "to change", Action.DELETE: "to remove"}
    counted = [f"{counts[action]} {text}" for action, text in words.items()]
    if for_others:
        counted.append(f"{for_others} {FOR_OTHERS}")
    if blocked:
        counted.append(f"{blocked} blocked")
    return ", ".join(counted)


def removed_entries(edit: SettingEdit) -> tuple[str, ...]:
    """The ids that leave an allow list; none of any other setting."""
    if not edit.is_list:
        return ()
    after = AllowList(edit.after or "")
    return tuple(entry for entry in AllowList(edit.before or "").ids if not after.contains(entry))


def setting_rows(
    edit: SettingEdit,
    names: Mapping[str, str] | None = None,
    coming: Sequence[str] = (),
) -> Iterator[tuple[Action, str]]:
    """The old and the new value; of a list, a row for each id that is added or removed.

    `coming`: whose ids are not known yet.
    """
    if not edit.is_ours:
        yield Action.UPDATE, HIDDEN
        return

    def named(entry: str) -> str:
        name = (names or {}).get(entry.casefold())
        return f"{entry}  {name}" if name else entry

    if edit.is_list:
        before, after = AllowList(edit.before or ""), AllowList(edit.after or "")
        added = [entry for entry in after.ids if not before.contains(entry)]
        removed = removed_entries(edit)
        stay = len(before.ids) - len(removed)
        if stay and (added or removed or edit.pending):
            counts = ((len(added) + edit.pending, "added"), (len(removed), "removed"))
            phrases = [
                f"{count} {'is' if count == 1 else 'are'} {what}" for count, what in counts if count
            ]
            yield Action.UPDATE, f"{stay} {'stays' if stay == 1 else 'stay'}, {', '.join(phrases)}"
        yield from ((Action.CREATE, named(entry)) for entry in added)
        yield from ((Action.DELETE, named(entry)) for entry in removed)
        if edit.pending and coming:
            yield from ((Action.CREATE, f"{LATER}  {name}") for name in coming)
        elif edit.pending:
            yield Action.CREATE, LATER
        if added or removed or edit.pending:
            return

    def shown(value: str | None) -> str | None:
        return value if value is None or (value and value == value.strip()) else f"'{value}'"

    old, new = shown(edit.before), LATER if edit.pending else shown(edit.after)
    action = Action.CREATE if old is None else Action.DELETE if new is None else Action.UPDATE
    yield action, " → ".join(value for value in (old, new) if value is not None)


def _coming(step: WriteSettings, plan: Plan) -> dict[str, list[str]]:
    """Of each list, by its name, whose ids it gets that are not known before they are created."""
    creators = {change.key: plan.shown_name(change) for change in plan.steps}
    names_by_setting = defaultdict[str, list[str]](list)
    for setting, entry in step.spec.listed:
        if isinstance(entry, OutputRef) and entry.key in creators:
            names_by_setting[setting.name].append(creators[entry.key])
    return names_by_setting


def destination(place: SecretPlace | None) -> str:
    """`saved to /home/ada/import.env`."""
    if place is None:
        return ""
    match place.kind:
        case PlaceKind.SHOWN:
            return "shown once"
        case PlaceKind.PROGRAM:
            return f"given to {place}"
        case PlaceKind.FILE:
            return f"saved to {place.name}"
        case PlaceKind.DEFAULT_FILE:
            return f"saved to the {place}"
        case PlaceKind.KEY_VAULT:
            return ""  # the step's own detail names it


def show_steps(
    console: Console, plan: Plan, places: Mapping[str, SecretPlace] | None = None
) -> None:
    """`places`: where the credentials of clients go, as `--secret-to` takes it, by their names."""
    table = Columns()
    before_detail = (
        max((cell_len(f"  + {step.resource}") for step in plan.steps), default=0)
        + max((cell_len(plan.shown_name(step)) for step in plan.steps), default=0)
        + 2 * GAP
    )
    for step in plan.steps:
        detail = (
            others_unchanged(step.unchanged) if isinstance(step, WriteSettings) else step.detail
        )
        if step.key in plan.for_others:
            detail = ", ".join(filter(None, (FOR_OTHERS, detail)))
        goes = ""
        if isinstance(step, AddCredential):
            goes = destination((places or {}).get(step.name))
            on_one_line = ", ".join(filter(None, (detail, goes)))
            # Else on a line of its own: a path is not folded.
            if before_detail + cell_len(on_one_line) <= console.width:
                detail, goes = on_one_line, ""
        sign = SIGNS[step.action]
        style = "unchanged" if step.action is Action.NONE else step.action.value
        if step.key in plan.blocked:
            sign, style = BLOCKED, "bad"
        what = Text(f"  {sign} {step.resource}", style=style)
        table.add(what, plan.shown_name(step), Text(detail, style="quiet"))
        if goes:
            table.add_below(Text(f"      {goes}", style="quiet"))
        if isinstance(step, WriteSettings):
            table.add_below(_settings(step, plan))
    console.print(table)


def _settings(step: WriteSettings, plan: Plan) -> Columns:
    table = Columns()
    coming = _coming(step, plan)
    for edit in step.edits:
        rows = [*setting_rows(edit, plan.names, coming.get(edit.name, ()))]
        for index, (action, values) in enumerate(rows):
            # A list's ids stand below what is said of the whole: one setting, one name.
            if index > 0 and rows[0][0] is Action.UPDATE:
                table.add("", Text(f"{SIGNS[action]} {values}", style=action.value))
            else:
                name = f"      {SIGNS[action]} {edit.name}"
                table.add(Text(name, style=action.value), values)
    return table
