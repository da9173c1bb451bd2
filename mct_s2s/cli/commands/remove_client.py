from __future__ import annotations

from dataclasses import MISSING, dataclass

from mct_s2s.cli.binding import REMOVAL, FirstWord, option
from mct_s2s.cli.options import CLIENT, RemovalOptions

BODY = "changing"
EXAMPLES = (
    "mct-s2s remove-client Import -a contosolearn --dry-run",
    "mct-s2s remove-client Import -a contosolearn --keep-registration",
)


@dataclass(kw_only=True)
class RemoveClientOptions(RemovalOptions):
    first_word = FirstWord("client", "NAME", "Display name, appId, object ID, resource ID or allow list entry.")

    client: str = option(*CLIENT, default=MISSING)
    ignore_missing: bool = option("--ignore-missing", "Exit 0 if the client does not exist.", REMOVAL)
