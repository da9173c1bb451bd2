"""Names that a command has just seen, for completion: of sites, their groups and clients. Nothing secret.

They are in the user's private cache, a file for each App Service, and are forgotten within a minute: whatever else has
changed them, no one is offered what is long gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mct_s2s import clock
from mct_s2s.local_files import read_ours
from mct_s2s.plain_text import plain

FRESH_SECONDS = 60.0
MOST_FILES, MOST_NAMES, LONGEST = 50, 2_000, 256
"""More is not read: completion takes 200 ms at most. 256 characters is the longest display name in Entra ID."""


@dataclass(frozen=True)
class KnownNames:
    """What there is to choose from."""

    sites: tuple[tuple[str, str], ...] = ()
    """Each with its resource group."""
    clients: tuple[str, ...] = ()


def known_names(*, cloud: str, tenant: str | None, subscription: str | None, app_service: str | None) -> KnownNames:
    """The names that were seen within the last minute.

    Args:
        cloud: as `--cloud` has it.
        tenant: its id or domain; `None` for any.
        subscription: its id or name; `None` for any.
        app_service: the one whose clients are asked for; `None` for all of them.
    """
    sites: list[tuple[str, str]] = []
    clients: list[str] = []
    for seen in _recent(_folder()):
        if seen["cloud"] != cloud or not _is(subscription, seen["subscription"]) or not _is(tenant, seen["tenant"]):
            continue
        sites += [(str(site), str(group)) for site, group in seen["sites"] if _is_shown(site)]
        if app_service is None or any(_is_named(app_service, site) for site, _ in seen["sites"]):
            clients += [client for client in seen["clients"] if _is_shown(client)]
    return KnownNames(tuple(dict.fromkeys(sites[:MOST_NAMES])), tuple(dict.fromkeys(clients[:MOST_NAMES])))


def remember(
    *,
    cloud: str,
    tenant: Sequence[str],
    subscription: Sequence[str],
    sites: Iterable[tuple[str, str]],
    clients: Iterable[str] = (),
) -> None:
    """Keep names for the next minute. That it cannot be done is no one's concern.

    Args:
        cloud: as `--cloud` had it.
        tenant: what the tenant may be called: its id, its domain.
        subscription: what the subscription may be called.
        sites: App Services with their resource groups.
        clients: of those.
    """
    sites = list(sites)
    with suppress(OSError):
        import hashlib  # noqa: PLC0415  # not to read them

        from mct_s2s.private_folders import make_private_folder  # noqa: PLC0415
        from mct_s2s.stores.private_files import replace_whole  # noqa: PLC0415

        folder = _folder()
        make_private_folder(folder)
        key = json.dumps([cloud, *tenant, *subscription, *map(list, sites)])
        seen = {
            "at": clock.now().timestamp(),
            "cloud": cloud,
            "tenant": list(tenant),
            "subscription": list(subscription),
            "sites": sites,
            "clients": list(clients),
        }
        replace_whole(folder / f"{hashlib.sha256(key.encode()).hexdigest()[:20]}.json", json.dumps(seen), durable=False)
        _forget_old(folder)


def _folder() -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415  # not for the help

    return user_cache_path("mct-s2s", appauthor=False) / "names"


def _recent(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)[:MOST_FILES]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            seen = json.loads(read_ours(path) or b"")
            if 0 <= clock.now().timestamp() - seen["at"] <= FRESH_SECONDS:
                yield seen


def _forget_old(folder: Path) -> None:
    for path in folder.glob("*.json"):
        with suppress(OSError):
            if clock.now().timestamp() - path.stat().st_mtime > FRESH_SECONDS:
                path.unlink()


def _is(wanted: str | None, names: Sequence[str]) -> bool:
    return wanted is None or wanted.casefold() in {name.casefold() for name in names}


def _is_named(app_service: str, site: str) -> bool:
    return app_service.rpartition("/")[2].casefold() == site.casefold()


def _is_shown(name: object) -> bool:
    """Names that would steer a terminal, or be read as options, are not offered."""
    return isinstance(name, str) and 0 < len(name) <= LONGEST and plain(name) == name and not name.startswith("-")
