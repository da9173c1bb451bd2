"""What the caller may do in a tenant, found out once for all of its sites."""

from __future__ import annotations

from mct_s2s.concurrency import ReadOnce
from mct_s2s.model.caller_rights import Person, RoleAssignment, SecretRule, SignedIn
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import ApplicationObjectId, PrincipalId
from mct_s2s.ports.graph import DirectoryAccess

ONE = ""
"""The key of what there is one of."""


class SharedRights:
    """`DirectoryAccess` for the sites of one session: each answer is kept, but that of what the caller owns.

    That grows while the command runs: it is shared only by those who ask at the same time.
    """

    def __init__(self, access: DirectoryAccess) -> None:
        self._access = access
        self._person: ReadOnce[Person | None] = ReadOnce()
        self._principal: ReadOnce[ServicePrincipal | None] = ReadOnce()
        self._roles: ReadOnce[frozenset[str] | None] = ReadOnce()
        self._assignments: ReadOnce[tuple[RoleAssignment, ...]] = ReadOnce()
        self._permissions: ReadOnce[frozenset[str] | None] = ReadOnce()
        self._owned: ReadOnce[frozenset[ApplicationObjectId] | None] = ReadOnce(keep=False)
        self._rules: ReadOnce[tuple[SecretRule, ...]] = ReadOnce()

    @property
    def signed_in(self) -> SignedIn:
        """As the session's own."""
        return self._access.signed_in

    @property
    def address(self) -> str:
        """As the session's own."""
        return self._access.address

    async def person(self) -> Person | None:
        """Who signed in, where that is a person."""
        return await self._person.get(ONE, self._access.person)

    async def principal(self) -> ServicePrincipal | None:
        """Who signed in, where that is an application that is known."""
        return await self._principal.get(ONE, self._access.principal)

    async def roles(self) -> frozenset[str] | None:
        """Template ids of the caller's built-in directory roles for the whole tenant."""
        return await self._roles.get(ONE, self._access.roles)

    async def assignments(self, principal: PrincipalId) -> tuple[RoleAssignment, ...]:
        """Every directory role that someone holds, at whatever scope, themselves or by a group."""
        return await self._assignments.get(principal.casefold(), lambda: self._access.assignments(principal))

    async def permissions(self) -> frozenset[str] | None:
        """Values of the Graph app roles that the calling application was granted; `None` for a person."""
        return await self._permissions.get(ONE, self._access.permissions)

    async def owned(self) -> frozenset[ApplicationObjectId] | None:
        """The registrations that the caller owns."""
        return await self._owned.get(ONE, self._access.owned)

    async def secret_rules(self) -> tuple[SecretRule, ...]:
        """What the tenant's default app management policy says about secrets."""
        return await self._rules.get(ONE, self._access.secret_rules)

    async def secret_rules_of(self, object_id: ApplicationObjectId) -> tuple[SecretRule, ...] | None:
        """What a registration's own policy says instead; `None` where it has none."""
        return await self._access.secret_rules_of(object_id)
