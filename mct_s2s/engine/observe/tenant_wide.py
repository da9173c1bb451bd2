"""The registrations of the whole tenant whose credentials end, and who owns them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.all_sites import outcome_of
from mct_s2s.errors import S2SError
from mct_s2s.model.client_credentials import has_end
from mct_s2s.model.directory_objects import Application
from mct_s2s.planning.reports.status_report import TenantRegistration, TenantWide
from mct_s2s.planning.secrets.renewal import is_due
from mct_s2s.ports.graph import Directory


async def find_tenant_wide(directory: Directory, now: datetime, within: timedelta) -> TenantWide:
    """All registrations with a credential that ends; without owners, or empty, where the caller cannot read more.

    Args:
        directory: the port.
        now: aware; what expiry is measured against.
        within: how long before its end a credential counts as expiring.
    """
    found = await outcome_of(directory.applications_with_credentials())
    if isinstance(found, S2SError):
        return TenantWide(error=found)
    ending = [one for one in found if any(has_end(credential.expires) for credential in one.credentials)]
    owners, whole = await gather_or_cancel(
        outcome_of(directory.owners_of([one.object_id for one in ending])),
        outcome_of(_with_federated(directory, ending, now, within)),
    )
    known = {} if isinstance(owners, S2SError) else owners
    read = ending if isinstance(whole, S2SError) else whole
    return TenantWide(tuple(TenantRegistration(one, known.get(one.object_id)) for one in read))


async def _with_federated(
    directory: Directory, applications: Sequence[Application], now: datetime, within: timedelta
) -> list[Application]:
    """Federated credentials are asked for only where no other is good for long: they make the difference there."""
    due = [one for one in applications if is_due(one.credentials, now, within)]
    lists = await gather_or_cancel(*(directory.federated_credentials(one.object_id) for one in due))
    more = dict(zip((one.object_id for one in due), lists, strict=True))
    return [replace(one, credentials=(*one.credentials, *more.get(one.object_id, ()))) for one in applications]
