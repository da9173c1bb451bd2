"""Addresses of the API: the App Service's host names, or another one such as Front Door's.

Only the operator names another one, by `--url` or in a trust file. Nothing in the directory does:
its objects have owners, and had others before.
"""

from mct_s2s.model.azure_resources import same_origin
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.observed import ObservedState


def api_url(observed: ObservedState) -> str | None:
    """The address that clients call; `None` where no App Service was looked at."""
    site = observed.app_service
    return observed.typed_url or (site.url if site is not None else None)


def stored_url(note: SecretNote, client_id: str, observed: ObservedState) -> str | None:
    """The address to store with a new secret: as typed, or as the client's own file says.

    A key vault's tags are others' word, too.
    """
    if (
        observed.typed_url is None
        and note.url is not None
        and note.vault is None
        and note.is_of_client(client_id)
    ):
        return note.url
    return api_url(observed)


def is_api_of(observed: ObservedState, url: str) -> bool:
    """Whether a client that calls this address calls this App Service."""
    site, api = observed.app_service, api_url(observed)
    return (site is not None and site.is_at(url)) or (api is not None and same_origin(url, api))


def is_confirmed(observed: ObservedState, own: str | None) -> bool:
    """Whether a client's token may be sent to the address; `own`: the one beside its credential.

    A trust file may be somebody else's branch: what it alone names gets no token.
    """
    site, typed = observed.app_service, observed.typed_url
    if observed.file is None or typed is None or (site is not None and site.is_at(typed)):
        return True
    return own is not None and same_origin(own, typed)
