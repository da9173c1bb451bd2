"""Removes what a run has created, found by the run's name, which no other object has, and verifies
that it is gone.
"""

import asyncio
from collections.abc import Callable

from mct_s2s.azure.http import NO_ANSWER

from conformance.clouds import Side
from conformance.comparison import Answer, at, filled
from conformance.story import IDENTITIES_API, IDENTITY, SETTING, SITES_API, VAULT_API, Service

_BIN = "/v1.0/directory/deletedItems"
ROUNDS, PAUSE = 8, 2.0
"""Rounds until a last one finds nothing; seconds between two, times the number of those before."""
UNSURE_ROUNDS = 4
"""The fewest rounds after a run that has not got every answer: what it asked for may still come,
some 20 s later.
"""


async def clean(side: Side, run: str, say: Callable[[str], None], *, sure: bool) -> list[str]:
    """Remove everything of a run; return what still exists, or may: `sure` that all answers came.

    Raises S2SError.
    """
    rounds = _Rounds(side, run, say)
    for number in range(1, ROUNDS + 1):
        rounds.removed, rounds.left = False, []
        for part in (rounds.setting, rounds.secret, rounds.identity, rounds.registrations):
            try:
                await part()
            except NO_ANSWER as error:
                rounds.left.append(f"{part.__name__}: no response ({type(error).__name__})")
        if (
            not rounds.removed
            and not rounds.left
            and not rounds.bin
            and (sure or number >= UNSURE_ROUNDS)
        ):
            break
        if number < ROUNDS:
            await asyncio.sleep(PAUSE * number)
    return [
        *rounds.left,
        *(
            f"deleted object {identifier}, purged after 30 days"
            for identifier in sorted(rounds.bin)
        ),
    ]


class _Rounds:
    def __init__(self, side: Side, run: str, say: Callable[[str], None]) -> None:
        self.removed = False
        self.left: list[str] = []
        self.bin: set[str] = set()
        """Deleted objects that are still to be purged."""
        self._side = side
        self._run = run
        self._say = say

    async def setting(self) -> None:
        """Remove the one setting; all others stay as they are at this moment."""
        path, query = (
            f"{self._side.bindings['sitePath']}/config/appsettings",
            {"api-version": SITES_API},
        )
        answer = await self._side.send(Service.ARM, "POST", f"{path}/list", query=query)
        settings = at(answer.body, "/properties") if answer.status == 200 else None
        if not isinstance(settings, dict):  # who may not read them has not written them
            self._check(answer, "application settings", {401, 403})
        elif settings.get(SETTING) == self._run:
            rest = {name: value for name, value in settings.items() if name != SETTING}
            answer = await self._side.send(
                Service.ARM, "PUT", path, query=query, body={"properties": rest}
            )
            self._check(answer, f"application setting {SETTING}", {200, 202}, removed=True)

    async def secret(self) -> None:
        if "vault" not in self._side.bindings:
            return
        query, what = {"api-version": VAULT_API}, f"secret {self._run}"
        answer = await self._side.send(
            Service.VAULT, "DELETE", f"/secrets/{self._run}", query=query
        )
        self._check(answer, what, {200, 401, 403, 404}, removed=answer.status == 200)
        answer = await self._side.send(
            Service.VAULT, "DELETE", f"/deletedsecrets/{self._run}", query=query
        )
        self._check(answer, f"deleted {what}", {204, 401, 403, 404}, removed=answer.status == 204)

    async def identity(self) -> None:
        path = filled(IDENTITY, {**self._side.bindings, "name": self._run})
        answer = await self._side.send(
            Service.ARM, "DELETE", path, query={"api-version": IDENTITIES_API}
        )
        done = answer.status in {200, 202}
        self._check(
            answer,
            f"user-assigned identity {self._run}",
            {200, 202, 204, 401, 403, 404},
            removed=done,
        )

    async def registrations(self) -> None:
        """Delete what has the run's name, then purge it."""
        deleted = set[str]()  # a moment ago: they may not be in the bin yet
        for kind in ("applications", "servicePrincipals"):
            for identifier in await self._named(f"/v1.0/{kind}"):
                answer = await self._side.send(
                    Service.GRAPH, "DELETE", f"/v1.0/{kind}/{identifier}"
                )
                self._check(
                    answer, f"{kind} {identifier}", {204, 404}, removed=answer.status == 204
                )
                deleted |= {identifier} if answer.status == 204 else set()
            self.bin |= {
                *await self._named(f"{_BIN}/microsoft.graph.{kind.removesuffix('s')}"),
                *deleted,
            }
        for identifier in sorted(self.bin):
            answer = await self._side.send(Service.GRAPH, "DELETE", f"{_BIN}/{identifier}")
            self.removed = self.removed or answer.status == 204
            if answer.status == 204 or (answer.status == 404 and identifier not in deleted):
                self.bin.discard(identifier)

    async def _named(self, path: str) -> list[str]:
        query = {
            "$filter": f"startswith(displayName,'{self._run}')",
            "$select": "id,displayName",
            "$count": "true",
        }
        headers = {"ConsistencyLevel": "eventual"}
        answer = await self._side.send(Service.GRAPH, "GET", path, query=query, headers=headers)
        self._check(answer, path, {200, 401, 403})
        rows = at(answer.body, "/value", []) if answer.status == 200 else []
        return [
            str(row["id"]) for row in rows if str(row.get("displayName", "")).startswith(self._run)
        ]

    def _check(self, answer: Answer, what: str, good: set[int], *, removed: bool = False) -> None:
        if answer.status not in good:
            code = at(answer.body, "/error/code", "")
            self.left.append(f"{what}: {answer.status} {code}".strip())
        elif removed:
            self.removed = True
            self._say(f"Removed {what}.")
