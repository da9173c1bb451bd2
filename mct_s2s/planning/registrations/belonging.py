"""Where a client's token may go: only to the site that it is for, and that the credential's own file names."""

from __future__ import annotations

from urllib.parse import urlsplit

from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.reports.verification import CALL, CheckSubject, ClientToken, VerificationCheck


def misdirected(token: ClientToken, observed: ObservedState, url: str, own_url: str | None) -> VerificationCheck | None:
    """The check of a call that is not made; `None` where the token belongs to the site.

    Args:
        token: the client's.
        observed: the App Service and its service application.
        url: where the call would go.
        own_url: the site that the credential's own file names, if it names one.
    """
    service, site = observed.trust.service, observed.app_service
    assert service is not None and site is not None  # noqa: S101, PT018  # tokens are only tested against a site that is set up
    audience = token.claims.audience
    if audience not in {*service.identifier_uris, service.client_id}:
        return _not_sent(
            token,
            f"it is for '{audience}', not for the service application '{service.display_name}'",
            f"Correct MCT_S2S_SCOPE in {token.source}, or use another file: --credentials FILE",
        )
    names = [url, *(f"https://{name}" for name in site.site.host_names)]
    if own_url is not None and not any(same_site(own_url, name) for name in names):
        return _not_sent(
            token,
            f"its credential is for '{own_url}', not for {url}",
            f"Correct MCT_S2S_URL in {token.source}, or use another file: --credentials FILE",
        )
    return None


def misaddressed(who: tuple[str, CheckSubject], audience: str, expected: str) -> VerificationCheck | None:
    """The same where nothing is known but the audience that was given."""
    if audience == expected:
        return None
    message = f"Its token was not sent: it is for '{audience}', not for '{expected}'."
    return VerificationCheck(*who, CALL, False, message, "To give tokens this audience, run mct-s2s setup")


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


def _not_sent(token: ClientToken, why: str, remedy: str) -> VerificationCheck:
    return token.checked(CALL, False, f"Its token was not sent: {why}.", remedy)
