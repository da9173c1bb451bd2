"""What a client asks a token for is kept beside its credential: it follows a service application that was made anew."""

from __future__ import annotations

from collections.abc import Iterator

from mct_s2s.model.azure_resources import Site
from mct_s2s.model.ids import same_id
from mct_s2s.planning.changes import ScopeOf, UpdateStoredScope
from mct_s2s.planning.credentials.base import ClientState


def plan_stored_scope(client: ClientState, site: Site | None, *, after: tuple[str, ...]) -> Iterator[UpdateStoredScope]:
    """The change of a stored scope, where it is this site's and of another service application.

    One file may serve a client of two sites: what it says of the other one is not ours to change.

    Args:
        client: the client, which gets no new credential: that would bring its scope with it.
        site: the App Service.
        after: what makes the service application.
    """
    note, key = client.note, f"client:{client.name}:scope"
    if note.delivered is None or note.scope is None or note.url is None or note.place is None or site is None:
        return
    if not isinstance(client.client_id, str) or not same_id(note.client_id, client.client_id):
        return
    if site.is_at(note.url) and note.scope != f"{client.audience}/.default":
        yield UpdateStoredScope(
            key=key,
            name=client.name,
            detail=f"in {note.place}, was {note.scope}",
            client=client.name,
            client_id=client.client_id,
            place=note.place,
            scope=ScopeOf(client.audience),
            after=after,
        )
