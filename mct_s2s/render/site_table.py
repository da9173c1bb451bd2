"""The plans of many App Services at a glance: a row for each, where the plans fill screens."""

from collections import Counter
from collections.abc import Iterator

from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import (
    Action,
    AddCredential,
    DeleteApplication,
    RestartSite,
    RevokeAppRole,
    WriteSettings,
)
from mct_s2s.planning.plan import Plan
from mct_s2s.render.plan import removed_entries

HEADS = ("Site", "Changes", "New credentials", "Loses access")
_WORDS = {
    Action.CREATE: "to create",
    Action.UPDATE: "to change",
    Action.DELETE: "to remove",
}


def changes_in_brief(plan: Plan) -> str:
    """`8 to create, 2 to change; restart`."""
    counts = Counter(change.action for change in plan.changes)
    parts = [f"{counts[action]} {what}" for action, what in _WORDS.items() if counts[action]]
    restart = "restart" if any(isinstance(step, RestartSite) for step in plan.changes) else ""
    return "; ".join(filter(None, [", ".join(parts), restart]))


def new_credentials(plan: Plan) -> str:
    """`2 secrets, 1 certificate`."""
    counts = Counter(step.resource for step in plan.changes if isinstance(step, AddCredential))
    return ", ".join(counted(count, noun) for noun, count in counts.items())


def who_loses_access(plan: Plan) -> str:
    """The clients whose consent, registration or entry on an allow list goes, and the warnings."""
    names = ", ".join(dict.fromkeys(_removed_clients(plan)))
    return " ".join(filter(None, [names, *map(str, plan.losing)]))


def _removed_clients(plan: Plan) -> Iterator[str]:
    for step in plan.changes:
        match step:
            case RevokeAppRole() | DeleteApplication():
                yield plan.shown_name(step)
            case WriteSettings(edits=edits):
                removed = [entry for edit in edits for entry in removed_entries(edit)]
                yield from (plan.names.get(entry.casefold(), entry) for entry in removed)
