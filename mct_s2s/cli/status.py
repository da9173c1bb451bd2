"""`mct-s2s status`: observe, diagnose, say. Nothing is written."""

from __future__ import annotations

from datetime import UTC, datetime

from mct_s2s.cli.change_targets import query_for
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.where import where
from mct_s2s.cli.wiring import Needs, Session
from mct_s2s.cli.wishes import service_wish
from mct_s2s.flows.observe import observe
from mct_s2s.planning import guards
from mct_s2s.planning.findings import diagnose, is_healthy
from mct_s2s.render.documents import status_document
from mct_s2s.render.status import show_status

SOMETHING_WRONG = 3


def status(options: AzureOptions) -> int:
    """Exit code of `status`: 0 where all is well, 3 where something is missing, wrong or about to expire."""

    async def body(current: Run, session: Session) -> int:
        now = datetime.now(UTC)
        service = service_wish(session.target, None)
        observed = await observe(session.azure, query_for(session, service, now))
        guards.check(observed)
        findings = diagnose(observed, now, where(options, observed))
        if current.terminal.json:
            current.terminal.document(status_document(observed, findings))
        else:
            show_status(current.terminal, observed, findings, now)
        return 0 if is_healthy(findings) else SOMETHING_WRONG

    return run(options, Needs(), body)
