"""`mct-s2s remove-client`: remove one client; the rest of the trust stays."""

from __future__ import annotations

from mct_s2s.cli.options.remove_client import RemoveClientOptions
from mct_s2s.cli.removing import remove
from mct_s2s.errors import UsageError
from mct_s2s.model.desired import Removal


def remove_client(options: RemoveClientOptions) -> int:
    """Remove one client; return the process exit code."""
    name = options.client.strip()
    if not name:
        raise UsageError(
            "client-name-empty",
            "No client given: the name is empty.",
            remedy="List the clients with mct-s2s status, then run mct-s2s remove-client NAME_OR_ID",
        )
    wanted = Removal(
        clients=(name,),
        ignore_missing=options.ignore_missing,
        keep_registration=options.keep_registration,
        delete_adopted=options.delete_adopted,
        delete_secrets=options.delete_secrets,
        purge=options.purge,
    )
    return remove(options, wanted)
