"""Signed assertions in place of a secret: a client's own (certificate) or a foreign issuer's
(federated).

Sources: entra: identity-platform/certificate-credentials, workload-id/workload-identity-federation.
"""

from typing import Any

import jwt

from mct_s2s.sandbox.core.encoding import check_text
from mct_s2s.sandbox.core.wire_errors import service_error
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.registrations import key_credentials
from mct_s2s.sandbox.entra.sessions import SigningKey
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.tokens import access_tokens
from mct_s2s.sandbox.entra.validation import as_utc

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_OWN_ALGORITHMS = ["RS256", "PS256"]
_SKEW = 300
HOSTED_ISSUERS = "/_sandbox/issuer"
"""Path of the issuers that the sandbox hosts, below its own origin."""


def check(directory: Directory, application: Object, assertion: str) -> None:
    try:
        header = jwt.get_unverified_header(assertion)
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
        check_text([header, claims])
    except (jwt.InvalidTokenError, ValueError) as error:
        raise service_error("assertion malformed") from error
    if str(claims.get("iss", "")).lower() == application["appId"]:
        _check_own(directory, application, assertion, header, claims)
    else:
        _check_foreign(directory, application, assertion, claims)


def issuer_key(directory: Directory, issuer: str) -> SigningKey | None:
    if issuer in {access_tokens.issuer(directory, 1), access_tokens.issuer(directory, 2)}:
        return directory.signing_key
    name = issuer.removeprefix(f"{directory.addresses.origin}{HOSTED_ISSUERS}/")
    return directory.hosted_issuers.get(name) or directory.foreign_issuers.get(issuer)


def _check_own(
    directory: Directory,
    application: Object,
    assertion: str,
    header: dict[str, Any],
    claims: dict[str, Any],
) -> None:
    app_id = application["appId"]
    # MSAL leaves the padding on that RFC 7515 takes off, and Entra takes both.
    mark = str(header.get("x5t#S256") or header.get("x5t") or header.get("kid") or "").rstrip("=")
    credential = _registered(directory, application, mark)
    if credential is None:
        raise service_error("unregistered_certificate", app_id, mark)
    try:
        key = key_credentials.loaded(credential).public_key()
        jwt.decode(assertion, key, algorithms=_OWN_ALGORITHMS, options=_SIGNATURE_ONLY)  # type: ignore[arg-type]
    except (jwt.InvalidTokenError, TypeError) as error:
        raise service_error("bad_signature", app_id, mark) from error
    if str(claims.get("sub", "")).lower() != app_id:
        raise service_error("assertion subject")
    if claims.get("aud") not in _own_audiences(directory):
        raise service_error("assertion audience")
    _check_times(directory, claims)


_SIGNATURE_ONLY = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}


def _registered(directory: Directory, application: Object, mark: str) -> Object | None:
    now = directory.clock.now()
    for credential in application["keyCredentials"]:
        if credential["usage"] == "Verify" and mark in key_credentials.thumbprints(credential):
            key: Object = credential
            in_time = as_utc(key["startDateTime"]) <= now < as_utc(key["endDateTime"])
            return key if in_time else None
    return None


def _own_audiences(directory: Directory) -> set[str]:
    login = directory.addresses.login
    names = [directory.tenant_id, *directory.tenant.domains]
    paths = ("oauth2/v2.0/token", "oauth2/token", "v2.0", "")
    return {f"{login}/{name}/{path}" for name in names for path in paths}


def _check_times(directory: Directory, claims: dict[str, Any]) -> None:
    # azure-identity writes these dates as floats.
    now = directory.clock.now().timestamp()
    expires, starts = claims.get("exp"), claims.get("nbf", now)
    dated = isinstance(expires, int | float) and isinstance(starts, int | float)
    if not dated or not float(starts) - _SKEW <= now < float(expires or 0) + _SKEW:
        raise service_error("assertion time")


def _check_foreign(
    directory: Directory, application: Object, assertion: str, claims: dict[str, Any]
) -> None:
    issuer, subject, audience = (str(claims.get(name, "")) for name in ("iss", "sub", "aud"))
    trusted = directory.federated.seen_by("application", application["id"])
    _check_trusted(application, trusted, issuer, subject, audience)
    key = issuer_key(directory, issuer)
    if key is None:
        raise service_error("assertion issuer", issuer)
    try:
        jwt.decode(assertion, key.public, algorithms=["RS256"], options=_SIGNATURE_ONLY)  # type: ignore[arg-type]
    except jwt.InvalidTokenError as error:
        raise service_error("assertion signature") from error
    _check_times(directory, claims)


def _check_trusted(
    application: Object, trusted: list[Object], issuer: str, subject: str, audience: str
) -> None:
    if not trusted:
        raise service_error("no_federated_credential", application)
    of_issuer = [trust for trust in trusted if trust["issuer"] == issuer]
    if not of_issuer:
        raise service_error("no federated issuer", issuer)
    of_subject = [trust for trust in of_issuer if trust["subject"] == subject]
    if not of_subject:
        in_other_case = any(trust["subject"].lower() == subject.lower() for trust in of_issuer)
        raise service_error(
            f"no federated subject{' in this case' if in_other_case else ''}", subject
        )
    if not any(trust["audiences"] == [audience] for trust in of_subject):
        raise service_error("no federated audience", audience)
