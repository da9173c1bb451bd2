"""The JSON document of the commands that change something, `mct-s2s/result/v1`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mct_s2s.errors import MissingRight
from mct_s2s.planning.changes import AnyChange, Identifiers, WriteSettings
from mct_s2s.render.documents import Json, SavedCredential, credential_document, missing_documents
from mct_s2s.render.manual_steps import Instruction, manual_steps_document


@dataclass(frozen=True)
class Step:
    """A change and what came of it."""

    change: AnyChange
    ids: Identifiers
    detail: str
    seconds: float = 0.0
    """0 before it is applied."""
    is_blocked: bool = False
    """Whether the caller has no right to it."""


def result_document(
    steps: Iterable[Step],
    credentials: Iterable[SavedCredential],
    connection: Json | None,
    *,
    left: Iterable[Instruction],
    notes: Iterable[tuple[str, str]] = (),
    missing: Iterable[MissingRight] = (),
    fingerprint: str | None = None,
    verification: Json | None = None,
) -> Json:
    """What was done, or with a fingerprint, which a dry run alone has, what would be done.

    Args:
        verification: `mct-s2s/verify/v1`, where clients were tested.
    """
    dry_run = {"fingerprint": fingerprint} if fingerprint is not None else {}
    return {
        "schema": "mct-s2s/result/v1",
        "dryRun": fingerprint is not None,
        **dry_run,
        "changes": [_change(step, dry_run=fingerprint is not None) for step in steps],
        "credentials": [credential_document(credential) for credential in credentials],
        "manualSteps": manual_steps_document(left),
        "notes": [{"text": text, "command": command or None} for text, command in notes],
        "missing": missing_documents(missing),
        "verification": verification,
        "connection": connection,
    }


def _change(step: Step, *, dry_run: bool) -> Json:
    both = {"appId": step.ids.app_id, "objectId": step.ids.object_id}
    return {
        "action": step.change.action.value,
        "resource": step.change.resource,
        "name": step.change.name,
        "id": step.ids.id,
        **(both if any(both.values()) else {}),
        "detail": step.detail,
        "seconds": round(step.seconds, 3),
        **({"blocked": step.is_blocked} if dry_run else {}),
        **_edits(step.change),
    }


def _edits(change: AnyChange) -> Json:
    """Our settings before and after; `null` if not known yet."""
    if not isinstance(change, WriteSettings):
        return {}
    return {
        "before": {edit.name: edit.before for edit in change.edits},
        "after": {edit.name: None if edit.pending else edit.after for edit in change.edits},
    }
