"""Rows about the requests: the log, the faults that are injected, secrets in wrong places."""

from __future__ import annotations

import json
from dataclasses import dataclass

from mct_s2s.sandbox.observability.faults import Faults
from mct_s2s.sandbox.observability.request_log import Entry, RequestLog
from mct_s2s.sandbox.observability.secret_watch import Leak, SecretWatch
from mct_s2s.sandbox.services.page.directory_rows import Names
from mct_s2s.sandbox.services.page.rows import Rows, first

_SERVICES = {
    "arm": "Resource Manager",
    "entra": "Sign-in",
    "graph": "Graph",
    "identity": "Identity endpoint",
    "nowhere": "Unknown host",
    "site": "Site",
    "vault": "Key Vault",
}


@dataclass(frozen=True)
class RequestRow:
    """A request; `outcome` tells apart what was answered, refused, failed, or not answered."""

    number: int
    at: str
    service: str
    method: str
    path: str
    query: str
    status: int
    outcome: str
    milliseconds: float
    who: str
    wrote: bool
    notes: list[str]


def requests(log: RequestLog, names: Names) -> Rows[RequestRow]:
    """Return the requests to the services, newest first; those to the control routes are left out."""

    def row(entry: Entry) -> RequestRow:
        return RequestRow(
            number=entry.number,
            at=entry.at[11:19],
            service=_SERVICES.get(entry.service, entry.service),
            method=entry.method,
            path=entry.path,
            query=entry.query,
            status=entry.status,
            outcome=_outcome(entry.status),
            milliseconds=entry.milliseconds,
            who=names.application(entry.app_id) if entry.app_id else "",
            wrote=entry.wrote,
            notes=[note for note in (f"fault: {entry.fault}" if entry.fault else "", entry.note) if note],
        )

    return first([entry for entry in log if entry.service != "control"][::-1], row)


def leaks(watch: SecretWatch) -> Rows[Leak]:
    """Return the secrets in wrong places, newest first; each is named by its fingerprint."""
    return first(watch.leaks[::-1], lambda leak: leak)


def faults(known: Faults) -> Rows[str]:
    """Return the rules of the faults, as JSON."""
    return first(known.to_list(), lambda rule: json.dumps(rule, ensure_ascii=False))


def _outcome(status: int) -> str:
    if status == 0:
        return "none"
    return "good" if status < 400 else "refused" if status < 500 else "failed"
