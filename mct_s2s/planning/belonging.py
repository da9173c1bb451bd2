"""Where a client's token may go: only to the site that it is for, and that the credential's own file names."""

from __future__ import annotations

from urllib.parse import urlsplit

from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.proof import CALL, Caller, Check, Kind


def misdirected(caller: Caller, observed: ObservedState, url: str, own_url: str | None) -> Check | None:
    """The check of a call that is not made; `None` where the token belongs to the site.

    Args:
        caller: whose token it is.
        observed: the world, the App Service and its service application in it.
        url: where the call would go.
        own_url: the site that the credential's own file names, if it names one.
    """
    service, site = observed.trust.service, observed.app_service
    assert service is not None and site is not None  # noqa: S101, PT018  # tokens are only proved for a site that is set up
    audience = caller.claims.audience
    if audience not in {*service.identifier_uris, service.client_id}:
        return _not_sent(
            caller,
            f"it is for '{audience}', not for the service application '{service.display_name}'",
            f"Correct MCT_S2S_SCOPE in {caller.source}, or name another file: --credentials FILE",
        )
    names = [url, *(f"https://{name}" for name in site.site.host_names)]
    if own_url is not None and not any(same_site(own_url, name) for name in names):
        return _not_sent(
            caller,
            f"its credential is for '{own_url}', not for {url}",
            f"Correct MCT_S2S_URL in {caller.source}, or name another file: --credentials FILE",
        )
    return None


def misaddressed(who: tuple[str, Kind], audience: str, expected: str) -> Check | None:
    """The same where nothing is known but the audience that the caller was told."""
    if audience == expected:
        return None
    message = f"Its token was not sent: it is for '{audience}', not for '{expected}'."
    return Check(*who, CALL, False, message, "See to it that tokens have this audience: mct-s2s setup")


def same_site(one: str, other: str) -> bool:
    """Whether two https addresses lead to the same host and port."""
    return _origin(one) is not None and _origin(one) == _origin(other)


def _origin(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        return None
    return (parts.hostname, port) if parts.scheme == "https" and parts.hostname else None


def _not_sent(caller: Caller, why: str, remedy: str) -> Check:
    return Check(caller.name, Kind.APPLICATION, CALL, False, f"Its token was not sent: {why}.", remedy)
