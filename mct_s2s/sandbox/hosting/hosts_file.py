"""Lines of the hosts file that direct Azure's names to this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mct_s2s.sandbox.core.real_names import ARM_HOST, GRAPH_HOST, LOGIN_HOSTS, SITES, VAULTS, label_of_site
from mct_s2s.sandbox.resources.store import Resources

MARK = "# mct-s2s sandbox"
"""Ends each line, so that they can be removed again."""

_ADDRESSES = ("127.0.0.1", "::1")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def names(resources: Resources) -> Iterator[str]:
    """Yield every host name of a state with these resources; those that cannot be host names are left out."""
    yield from (*LOGIN_HOSTS, GRAPH_HOST, ARM_HOST)
    sites = [(label_of_site(site), SITES) for site in resources.sites]
    vaults = [(str(resources.resources[vault]["name"]).lower(), VAULTS) for vault in resources.vaults]
    # A state may come from somebody else's file: nothing but a name becomes a line.
    yield from dict.fromkeys(f"{label}.{domain}" for label, domain in (*sites, *vaults) if _LABEL.fullmatch(label))


def hosts_lines(resources: Resources) -> Iterator[str]:
    """Yield the lines that direct those names to this machine, over IPv4 and IPv6."""
    for name in names(resources):
        yield from (f"{address} {name} {MARK}" for address in _ADDRESSES)
