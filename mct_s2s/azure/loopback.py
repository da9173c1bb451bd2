"""Names below `localhost` lead to this machine, whatever the system's resolver thinks of them.

Source: RFC 6761, 6.3: "Name resolution APIs and libraries SHOULD recognize localhost names as special and SHOULD
always return the IP loopback address". Not every system's does.
"""

from __future__ import annotations

import socket

from aiohttp import DefaultResolver
from aiohttp.abc import AbstractResolver, ResolveResult


class LocalhostResolver(AbstractResolver):
    """The usual resolver, except for those names."""

    def __init__(self) -> None:
        self._usual = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look a name up.

        Raises:
            OSError: there is no such name.
        """
        wanted = "localhost" if host.lower().rstrip(".").endswith(".localhost") else host
        found = await self._usual.resolve(wanted, port, family)
        for address in found:
            address["hostname"] = host
        return found

    async def close(self) -> None:
        """Close the usual resolver."""
        await self._usual.close()
