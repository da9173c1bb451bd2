"""Certificates that an application may sign in with (`keyCredentials`).

Source: graph: resources/keycredential, api/application-update; entra: identity-platform/certificate-credentials.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import TYPE_CHECKING

from cryptography import x509

from mct_s2s.sandbox.directory.validation import as_utc, bad_request, timestamp

if TYPE_CHECKING:
    from mct_s2s.sandbox.directory.store import Directory
    from mct_s2s.sandbox.directory.table import Object


def judged(directory: Directory, new: list[Object], old: list[Object], created: str) -> list[Object]:
    """Judge a new array of certificates; entries that come back as they were read keep their key.

    Raises:
        WireError: 400 for what is no certificate, wrong dates, or a life longer than the policy allows.
    """
    known = {credential["keyId"]: credential for credential in old}
    result: list[Object] = []
    for credential in new:
        key_id = credential.get("keyId")
        if key_id in known and not credential.get("key"):
            result.append({**known[key_id], "displayName": credential.get("displayName")})
        else:
            result.append(_added(directory, credential, created))
    ids = [credential["keyId"] for credential in result]
    if len(set(ids)) != len(ids):
        raise bad_request("Request contains a property with duplicate values.", code="DuplicateValue")
    return result


def loaded(credential: Object) -> x509.Certificate:
    """Read the certificate of a stored credential."""
    return x509.load_der_x509_certificate(base64.b64decode(credential["key"]))


def thumbprints(credential: Object) -> frozenset[str]:
    """Give what a signed assertion's header may call the certificate: `x5t`, `x5t#S256`, and as hex `kid`."""
    der = base64.b64decode(credential["key"])
    sha1 = hashlib.sha1(der, usedforsecurity=False).digest()
    marks = (base64.urlsafe_b64encode(digest).rstrip(b"=") for digest in (sha1, hashlib.sha256(der).digest()))
    return frozenset({mark.decode() for mark in marks} | {sha1.hex().upper()})


def _added(directory: Directory, credential: Object, created: str) -> Object:
    if credential.get("type") != "AsymmetricX509Cert" or credential.get("usage") not in {"Verify", "Encrypt"}:
        raise _invalid()
    if not credential.get("key"):
        raise bad_request("Key value is invalid certificate", code="KeyCredentialsInvalidKeyValue")
    try:
        certificate = loaded(credential)
    except ValueError as error:
        raise bad_request("Key value is invalid certificate", code="KeyCredentialsInvalidKeyValue") from error
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    asked_start = as_utc(credential["startDateTime"]) if credential.get("startDateTime") else start
    asked_end = as_utc(credential["endDateTime"]) if credential.get("endDateTime") else end
    if asked_start < start or asked_end > end or asked_end <= asked_start:
        raise bad_request("Key credential end date is invalid.", code="KeyCredentialsInvalidEndDate")
    directory.policies.check_certificate(asked_end - asked_start, application_created=created)
    digest = hashlib.sha1(base64.b64decode(credential["key"]), usedforsecurity=False).digest()
    return {
        "customKeyIdentifier": credential.get("customKeyIdentifier") or base64.b64encode(digest).decode(),
        "displayName": credential.get("displayName") or certificate.subject.rfc4514_string(),
        "endDateTime": timestamp(asked_end),
        "key": credential["key"],
        "keyId": credential.get("keyId") or str(uuid.uuid4()),
        "startDateTime": timestamp(asked_start),
        "type": credential["type"],
        "usage": credential["usage"],
    }


def _invalid() -> Exception:
    return bad_request("Invalid value specified for property 'keyCredentials' of resource 'Application'.")
