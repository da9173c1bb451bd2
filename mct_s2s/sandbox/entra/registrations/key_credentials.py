"""Certificates that an application may sign in with (`keyCredentials`).

Source: graph: resources/keycredential, api/application-update; entra:
identity-platform/certificate-credentials.
"""

import base64
import hashlib
import uuid

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mct_s2s.sandbox.core.encoding import base64url
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.registrations.password_credentials import not_updatable
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import (
    as_utc,
    bad_request,
    duplicate_values,
    invalid_value,
    timestamp,
)


def checked(
    directory: Directory, new: list[Object], old: list[Object], created: str
) -> list[Object]:
    """Check a new array of certificates; entries that are sent back as they were read keep their
    key.
    """
    known = {credential["keyId"]: credential for credential in old}
    result: list[Object] = []
    for credential in new:
        key_id = credential.get("keyId")
        if key_id in known:
            result.append(_kept(known[key_id], credential))
        else:
            result.append(_added(directory, credential, created))
    ids = [credential["keyId"] for credential in result]
    if len(set(ids)) != len(ids):
        raise duplicate_values()
    return result


def loaded(credential: Object) -> x509.Certificate:
    return _read(base64.b64decode(credential["key"]))


def thumbprints(credential: Object) -> frozenset[str]:
    """Return the names of the certificate in an assertion's header: `x5t`, `x5t#S256`, and as hex
    `kid`.
    """
    der = loaded(credential).public_bytes(Encoding.DER)
    sha1 = hashlib.sha1(der, usedforsecurity=False).digest()
    return frozenset({base64url(sha1), base64url(hashlib.sha256(der).digest()), sha1.hex().upper()})


def _added(directory: Directory, credential: Object, created: str) -> Object:
    if credential.get("type") != "AsymmetricX509Cert" or credential.get("usage") not in {
        "Verify",
        "Encrypt",
    }:
        raise invalid_value("Application", "keyCredentials", detailed=False)
    if not credential.get("key"):
        raise _no_certificate()
    try:
        certificate = loaded(credential)
    except ValueError as error:
        raise _no_certificate() from error
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    asked_start = as_utc(credential["startDateTime"]) if credential.get("startDateTime") else start
    asked_end = as_utc(credential["endDateTime"]) if credential.get("endDateTime") else end
    if asked_start < start or asked_end > end or asked_end <= asked_start:
        raise bad_request(
            "Key credential end date is invalid.", code="KeyCredentialsInvalidEndDate"
        )
    directory.policies.check_certificate(asked_end - asked_start, application_created=created)
    digest = hashlib.sha1(certificate.public_bytes(Encoding.DER), usedforsecurity=False).digest()
    return {
        # The thumbprint in hex, whatever the type of the property says: docs/azure-contract.md,
        # section 3.5.
        "customKeyIdentifier": credential.get("customKeyIdentifier") or digest.hex().upper(),
        "displayName": credential.get("displayName") or certificate.subject.rfc4514_string(),
        "endDateTime": credential.get("endDateTime") or timestamp(end),
        "key": credential["key"],
        "keyId": credential.get("keyId") or str(uuid.uuid4()),
        "startDateTime": credential.get("startDateTime") or timestamp(start),
        "type": credential["type"],
        "usage": credential["usage"],
    }


def _kept(known: Object, sent: Object) -> Object:
    key_id, members = known["keyId"], ("customKeyIdentifier", "type", "usage")
    dates = all(not sent.get(name) or as_utc(sent[name]) == as_utc(known[name]) for name in _DATES)
    if not dates or any(sent.get(name) != known[name] for name in members):
        raise not_updatable(key_id)
    if sent.get("key") and sent["key"] != known["key"]:
        raise not_updatable(key_id)
    return {**known, "displayName": sent.get("displayName")}


_DATES = ("startDateTime", "endDateTime")


def _read(data: bytes) -> x509.Certificate:
    pem = data.lstrip().startswith(b"-----BEGIN")
    return x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)


def _no_certificate() -> Exception:
    return bad_request("Key value is invalid certificate", code="KeyCredentialsInvalidValue")
