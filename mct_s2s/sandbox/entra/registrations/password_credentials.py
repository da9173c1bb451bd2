"""Secrets of applications and service principals: created by the service, shown once, kept as
hashes.

Source: graph: api/application-addpassword, api/application-removepassword.
"""

import base64
import hashlib
import hmac
import secrets
import string
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from mct_s2s.sandbox.core.wire_errors import WireError
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object, Table
from mct_s2s.sandbox.entra.validation import (
    as_utc,
    bad_request,
    clean,
    json_object,
    precise_timestamp,
    read_only,
    timestamp,
)

_ALPHABET = string.ascii_letters + string.digits + "_-.~"


def add_password(directory: Directory, owner: Object, body: object) -> Object:
    """Create a secret; return it with its text, this one time.

    Args:
        body: `{"passwordCredential": {…}}`; without dates the secret is valid from now for two
            years.
    """
    password = new_password(directory, _asked(body), application_created=owner["createdDateTime"])
    if "servicePrincipalType" in owner:
        password["hint"] = None  # docs/azure-contract.md, section 3.5
    if any(credential["keyId"] == password["keyId"] for credential in owner["passwordCredentials"]):
        raise not_updatable(password["keyId"])
    # The newest comes first.
    kept = [{**password, "secretText": None}, *owner["passwordCredentials"]]
    _table_of(directory, owner).put({**owner, "passwordCredentials": kept})
    return password


def new_password(directory: Directory, asked: Object, *, application_created: str) -> Object:
    """Create a secret, its text included, without adding it to an object; only its hash is kept.

    Args:
        asked: `displayName`, dates, `keyId`, as far as they were sent. The default end is two years
            from now, not from the start: docs/azure-contract.md, section 3.5.
    """
    now = directory.clock.now()
    start_text = asked.get("startDateTime") or precise_timestamp(now)
    end_text = asked.get("endDateTime") or precise_timestamp(_two_years_after(now))
    start, end = as_utc(start_text), as_utc(end_text)
    if end <= start or end <= now:
        raise bad_request(
            "The credential end date is invalid.", detail="InvalidKeyEndDate", target="EndDate"
        )
    directory.policies.check_secret(end - start, application_created=application_created)
    secret, name = _new_secret(), asked.get("displayName")
    password: Object = {
        "customKeyIdentifier": asked.get("customKeyIdentifier"),
        "displayName": name,
        "endDateTime": end_text,
        "hint": secret[:3],
        "keyId": asked.get("keyId") or directory.ids.new(f"keyId/{name}"),
        "secretText": secret,
        "startDateTime": start_text,
    }
    directory.secret_hashes[password["keyId"]] = _hash(secret)
    return password


def remove_password(directory: Directory, owner: Object, body: object) -> None:
    """Remove a secret by its key id; it is valid until every replica knows."""
    if not isinstance(body, Mapping) or not body.get("keyId"):
        raise bad_request(
            "Parameter 'keyId' is required.", detail="MissingProperty", target="keyId"
        )
    unknown = [name for name in body if name != "keyId" and "@" not in name]
    if unknown:
        raise bad_request(
            f"The parameter '{unknown[0]}' is not a parameter of the operation 'removePassword'."
        )
    key_id = str(clean("passwordCredential", {"keyId": body["keyId"]})["keyId"])
    kept = [
        credential for credential in owner["passwordCredentials"] if credential["keyId"] != key_id
    ]
    if len(kept) == len(owner["passwordCredentials"]):
        raise bad_request(f"No password credential found with keyId '{key_id}'.")
    _table_of(directory, owner).put({**owner, "passwordCredentials": kept})


def put_known_password(directory: Directory, application: Object, name: str, secret: str) -> None:
    """Replace the secret called `name` by one that is known beforehand; only the seed may."""
    now = directory.clock.now()
    others = [held for held in application["passwordCredentials"] if held["displayName"] != name]
    credential: Object = {
        "customKeyIdentifier": None,
        "displayName": name,
        "endDateTime": timestamp(datetime(2299, 12, 31, tzinfo=UTC)),
        "hint": secret[:3],
        "keyId": directory.ids.new(f"keyId/{name}"),
        "secretText": None,
        "startDateTime": timestamp(now),
    }
    directory.secret_hashes[credential["keyId"]] = _hash(secret)
    directory.applications.put({**application, "passwordCredentials": [*others, credential]})


def matching(directory: Directory, owner: Object, secret: str) -> Object | None:
    presented = _hash(secret)
    for credential in owner["passwordCredentials"]:
        if hmac.compare_digest(directory.secret_hashes.get(credential["keyId"], ""), presented):
            match: Object = credential
            return match
    return None


def _table_of(directory: Directory, owner: Object) -> Table:
    return (
        directory.service_principals if "servicePrincipalType" in owner else directory.applications
    )


def _asked(body: object) -> Object:
    sent = json_object(body)
    for name in sent:
        if name != "passwordCredential" and "@" not in name:
            raise bad_request(
                f"The parameter '{name}' is not a parameter of the operation 'addPassword'."
            )
    asked = clean("passwordCredential", sent.get("passwordCredential") or {})
    for name in ("secretText", "hint"):
        if asked.get(name) is not None:
            raise read_only(name)
    return asked


def not_updatable(key_id: str) -> WireError:
    """Refuse a change of an existing credential. Source: docs/azure-contract.md, section 3.5."""
    return bad_request(f"Update to existing credential with KeyId '{key_id}' is not allowed.")


def _two_years_after(start: datetime) -> datetime:
    try:
        return start.replace(year=start.year + 2)
    except ValueError:
        return start + timedelta(days=730)


def _new_secret() -> str:
    # Forty characters with "8Q~" behind the third, as Entra's secrets look. It begins with a letter
    # or digit, so that scripts that read a dotenv file without a shell's quoting work.
    begin = secrets.choice(string.ascii_letters + string.digits)
    head, tail = ("".join(secrets.choice(_ALPHABET) for _ in range(length)) for length in (2, 34))
    return f"{begin}{head}8Q~{tail}"


def _hash(secret: str) -> str:
    return base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()
