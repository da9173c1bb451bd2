"""Where a client's token may go: only to the site that it is for, and that the credential's own file names."""

from __future__ import annotations

from mct_s2s.model.azure_resources import same_address
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.reports.verification import CALL, CheckSubject, ClientToken, VerificationCheck


def misdirected(token: ClientToken, observed: ObservedState, url: str, own_url: str | None) -> VerificationCheck | None:
    """The check of a call that is not made; `None` where the token belongs to the site.

    Args:
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
    if own_url is not None and not (same_address(own_url, url) or site.site.is_at(own_url)):
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


def _not_sent(token: ClientToken, why: str, remedy: str) -> VerificationCheck:
    return token.checked(CALL, False, f"Its token was not sent: {why}.", remedy)
