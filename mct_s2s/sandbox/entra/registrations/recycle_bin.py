"""Deleted applications and service principals, which are kept for thirty days.

Source: graph: api/directory-deleteditems-list.
"""

from __future__ import annotations

from datetime import timedelta

from mct_s2s.sandbox.entra.access import app_role_assignments
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.validation import timestamp

KEPT_FOR = timedelta(days=30)


def expire(directory: Directory) -> None:
    """Purge what was deleted more than thirty days ago."""
    limit = timestamp(directory.clock.now() - KEPT_FOR)
    for table in (directory.applications, directory.service_principals):
        for one in table.dump():
            if one["deletedDateTime"] and one["deletedDateTime"] < limit:
                purge(directory, one["id"])


def purge(directory: Directory, object_id: str) -> None:
    """Delete an application or a service principal permanently, with everything that belongs to it."""
    app_role_assignments.forget(directory, object_id)
    for granted in directory.grants.latest_by("clientId", object_id):
        directory.grants.drop(granted["id"])
    for held in directory.federated.latest_by("application", object_id):
        directory.federated.drop(held["id"])
    directory.applications.drop(object_id)
    directory.service_principals.drop(object_id)
