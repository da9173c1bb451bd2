"""The JSON document of a command that changes several sites, `mct-s2s/apply/v1`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mct_s2s.render.documents import Json


@dataclass(frozen=True)
class SiteDocument:
    """What came of one site: its result, or the error in which it ended."""

    key: str
    result: Json | None = None
    error: Json | None = None


def apply_document(sites: Iterable[SiteDocument], *, dry_run: bool, fingerprint: str | None) -> Json:
    """What was done at each site, or would be.

    Args:
        fingerprint: of all plans together; `None` where one of them could not be made.
    """
    return {
        "schema": "mct-s2s/apply/v1",
        "dryRun": dry_run,
        "fingerprint": fingerprint,
        "sites": [{"site": site.key, "result": site.result, "error": site.error} for site in sites],
    }
