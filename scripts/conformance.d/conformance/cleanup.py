"""Removes what a run has created, found by its journal and by its name, and verifies that it is gone.

Only what has the run's name, which no other run has, is removed; an id of the journal is one that the run's own request
returned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mct_s2s import clock
from mct_s2s.azure.json_values import seconds
from mct_s2s.azure.plain_requests import NoAnswer

from conformance.comparing.comparison import Answer
from conformance.journal import Journal
from conformance.side import Side
from conformance.steps import SETTING, Json, Kind, Service, at
from conformance.story.resource_manager import IDENTITIES_API, SITES_API

ATTEMPTS = 6
PAUSE = 1.0
"""Seconds, times the attempt's number."""
UNSEEN_SECONDS = 30.0
"""How long something whose creation was not answered is looked for, because of replication."""
VAULT_API = "7.4"


@dataclass
class CleanupResult:
    """What was removed, and what was not."""

    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """What still exists, or may exist, and why."""
    changed: list[str] = field(default_factory=list)
    """Names of settings that others changed during the run; they are left as they are."""


async def clean(side: Side, journal: Journal) -> CleanupResult:
    """Remove everything of a run, and its journal when nothing is left.

    Raises:
        S2SError: no token.
    """
    cleaner = _Cleaner(side, journal)
    for kind, remove in (
        (Kind.SETTING, cleaner.setting),
        (Kind.SECRET, cleaner.secret),
        (Kind.IDENTITY, cleaner.identity),
        (Kind.APPLICATION, cleaner.registrations),
    ):
        if not journal.may_have(kind):
            continue
        try:
            await remove()
        except NoAnswer as error:
            cleaner.done.left.append(f"{kind}: no response ({error})")
    if not cleaner.done.left:
        journal.forget()
    return cleaner.done


class _Cleaner:
    def __init__(self, side: Side, journal: Journal) -> None:
        self.done = CleanupResult()
        self._side = side
        self._journal = journal
        self._name = journal.name
        self._place = journal.place

    async def setting(self) -> None:
        """Remove the one setting, keep all others as they are at this moment, and read them back."""
        path = f"{self._place.site}/config/appsettings"
        for attempt in range(ATTEMPTS):
            await asyncio.sleep(PAUSE * attempt)
            settings = await self._settings(path)
            if settings is None:
                break
            if settings.get(SETTING) != self._journal.run:
                if attempt:
                    self.done.removed.append(f"application setting {SETTING}")
                self._compare(settings)
                return
            rest = {name: value for name, value in settings.items() if name != SETTING}
            query = {"api-version": SITES_API}
            await self._ask(Service.ARM, "PUT", path, query=query, body={"properties": rest})
        self.done.left.append(f"application setting {SETTING} of {self._place.site}: not removed")

    async def _settings(self, path: str) -> dict[str, Json] | None:
        answer = await self._ask(Service.ARM, "POST", f"{path}/list", query={"api-version": SITES_API})
        found = at(answer.body, "/properties") if answer.status == 200 else None
        # Never an empty dictionary: a write replaces all settings.
        return dict(found) if isinstance(found, dict) else None

    def _compare(self, settings: Mapping[str, Json]) -> None:
        self.done.removed[:] = list(dict.fromkeys(self.done.removed))
        before = self._side.settings_before
        if before is not None:
            names = before.keys() | settings.keys()
            self.done.changed = sorted(name for name in names if before.get(name, ...) != settings.get(name, ...))

    async def secret(self) -> None:
        """Delete and purge the secret of the run's name."""
        query, deleted = {"api-version": VAULT_API}, f"/deletedsecrets/{self._name}"
        answer = await self._ask(Service.VAULT, "DELETE", f"/secrets/{self._name}", query=query)
        if answer.status not in {200, 404}:
            self.done.left.append(f"secret {self._name} in {self._place.vault}: {_why(answer)}")
            return
        is_new = answer.status == 200
        answer = await self._ask(Service.VAULT, "DELETE", deleted, query=query)
        for attempt in range(1, ATTEMPTS):  # a deleted secret is listed only after a moment
            if answer.status not in {404, 409} or not is_new:
                break
            await asyncio.sleep(PAUSE * attempt)
            answer = await self._ask(Service.VAULT, "DELETE", deleted, query=query)
        if answer.status == 204:
            self.done.removed.append(f"secret {self._name} of key vault {self._place.vault}")
        elif answer.status != 404 or is_new:
            self.done.left.append(f"deleted secret {self._name} in {self._place.vault}: {_why(answer)}")

    async def identity(self) -> None:
        """Delete the user-assigned identity of the run's name."""
        group = "/".join(self._place.site.split("/")[:5])
        path = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{self._name}"
        answer = await self._ask(Service.ARM, "DELETE", path, query={"api-version": IDENTITIES_API})
        if answer.status in {200, 202}:
            self.done.removed.append(f"user-assigned identity {self._name}")
        elif answer.status not in {204, 404}:
            self.done.left.append(f"{path}: {_why(answer)}")

    async def registrations(self) -> None:
        """Delete and purge the registrations of the run and their service principals."""
        await self._find()
        removed = False
        for kind, path in ((Kind.APPLICATION, "/v1.0/applications"), (Kind.PRINCIPAL, "/v1.0/servicePrincipals")):
            for identifier in self._journal.ids(kind):
                removed = await self._remove(kind, f"{path}/{identifier}") or removed
        for kind in (Kind.APPLICATION, Kind.PRINCIPAL):
            for identifier in self._journal.ids(kind):
                await self._purge(kind, identifier, just_removed=removed)

    async def _find(self) -> None:
        """Add to the journal what has the run's name; wait for what was requested without an answer."""
        began = clock.seconds()
        while True:
            found = [await self._named(Kind.APPLICATION, "applications")]
            found.append(await self._named(Kind.PRINCIPAL, "servicePrincipals"))
            unseen = Kind.APPLICATION in self._journal.expected and not found[0]
            if not unseen or clock.seconds() - began > UNSEEN_SECONDS:
                return
            await asyncio.sleep(PAUSE)

    async def _named(self, kind: Kind, collection: str) -> list[str]:
        query = {"$filter": f"startswith(displayName,'{self._name}')", "$select": "id,displayName"}
        answer = await self._ask(Service.GRAPH, "GET", f"/v1.0/{collection}", query=query)
        rows = at(answer.body, "/value")
        if answer.status != 200 or not isinstance(rows, list):
            self.done.left.append(f"{collection} named {self._name}…: not searched, {_why(answer)}")
            return []
        ours = [row["id"] for row in rows if str(row.get("displayName", "")).startswith(self._name)]
        self._journal.made += [
            (kind, identifier) for identifier in ours if (kind, identifier) not in self._journal.made
        ]
        return ours

    async def _remove(self, kind: Kind, path: str) -> bool:
        answer = await self._ask(Service.GRAPH, "DELETE", path)
        if answer.status == 204:
            self.done.removed.append(f"{kind} {path.rpartition('/')[2]}")
        elif answer.status != 404:
            self.done.left.append(f"{path}: {_why(answer)}")
        return answer.status == 204

    async def _purge(self, kind: Kind, identifier: str, *, just_removed: bool) -> None:
        """Delete permanently. What was removed a moment ago may not be among the deleted objects yet."""
        path = f"/v1.0/directory/deletedItems/{identifier}"
        for attempt in range(1, ATTEMPTS + 1):
            answer = await self._ask(Service.GRAPH, "DELETE", path)
            if answer.status == 404 and (not just_removed or attempt == ATTEMPTS):
                return
            just_removed = just_removed and answer.status != 204
            if answer.status not in {204, 404}:
                self.done.left.append(f"deleted {kind} {identifier}(purged after 30 days): {_why(answer)}")
                return
            await asyncio.sleep(PAUSE * attempt)
        self.done.left.append(f"deleted {kind} {identifier}(purged after 30 days): it still exists")

    async def _ask(self, service: Service, method: str, path: str, **options: Any) -> Answer:
        """Send a request; each can be repeated without harm, and is while a service is busy."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = await self._side.send(service, method, path, **options)
            except NoAnswer:
                if attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(PAUSE * attempt)
                continue
            if answer.status not in {408, 429, 500, 502, 503, 504} or attempt == ATTEMPTS:
                return answer
            asked = next((value for name, value in answer.headers.items() if name.lower() == "retry-after"), None)
            await asyncio.sleep(seconds(asked) or PAUSE * attempt)
        raise AssertionError(path)


def _why(answer: Answer) -> str:
    code = at(answer.body, "/error/code")
    return f"{answer.status} {code}" if isinstance(code, str) else str(answer.status)
