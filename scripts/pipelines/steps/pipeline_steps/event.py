"""The event of a key vault that one of its secrets expires soon, and whether a rotation has replaced that secret.

Everyone who can start the pipeline can send one, so it decides nothing: what is rotated is what expires.
Source: learn.microsoft.com/azure/event-grid/event-schema-key-vault (`SecretNearExpiry`, 30 days before).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from pipeline_steps.inputs import StepError
from pipeline_steps.results import Results

NEAR_EXPIRY = "Microsoft.KeyVault.SecretNearExpiry"


@dataclass(frozen=True)
class NearExpiry:
    """The secret that the event is about."""

    vault: str
    name: str

    def was_replaced(self, results: Results) -> bool:
        """Whether a new secret was stored in its place."""
        place = f"keyvault:{self.vault}/{self.name}".casefold()
        return any(one.saved_to.casefold() == place for site in results.sites for one in site.created)


def read_event(text: str) -> NearExpiry:
    """Read the body of an event, in Event Grid's schema or as a CloudEvent.

    Raises:
        StepError: it is no such event.
    """
    try:
        event = json.loads(text)
    except ValueError:
        event = None
    if not isinstance(event, dict) or NEAR_EXPIRY not in (event.get("eventType"), event.get("type")):
        raise StepError(f"This is no event of the type {NEAR_EXPIRY}.")
    data = event.get("data")
    # In its own page, the example has "ObjectName " with a blank, and the text "ObjectName".
    members = {name.strip().casefold(): found for name, found in data.items()} if isinstance(data, dict) else {}
    vault, name = members.get("vaultname"), members.get("objectname")
    if not (isinstance(vault, str) and isinstance(name, str) and vault and name):
        raise StepError("The event names no vault and no secret.")
    return NearExpiry(vault, name)
