"""Secrets of applications and service principals: made by the service, shown once, kept as hashes.

Source: graph: api/application-addpassword, api/application-removepassword.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import string
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mct_s2s.sandbox.directory.table import Object, Table
from mct_s2s.sandbox.directory.validation import as_utc, bad_request, clean, timestamp

if TYPE_CHECKING:
    from mct_s2s.sandbox.directory.store import Directory

_ALPHABET = string.ascii_letters + string.digits + "_-.~"


def add_password(directory: Directory, table: Table, holder: Object, body: object) -> Object:
    """Make a secret and give it away, once.

    Args:
        directory: the tenant.
        table: where `holder` is kept.
        holder: an application or a service principal.
        body: `{"passwordCredential": {…}}`; without dates the secret lives from now for two years.

    Raises:
        WireError: 400 for wrong dates, or what the tenant's policy forbids.
    """
    asked = _asked(body)
    start = as_utc(asked["startDateTime"]) if asked.get("startDateTime") else directory.clock.now()
    end = as_utc(asked["endDateTime"]) if asked.get("endDateTime") else _two_years_after(start)
    if end <= start or end <= directory.clock.now():
        raise bad_request("The credential end date is invalid.", detail="InvalidKeyEndDate", target="EndDate")
    directory.policies.check_secret(end - start, application_created=holder["createdDateTime"])
    secret = _new_secret()
    credential = _credential(directory, secret, asked.get("displayName"), start, end)
    credential["customKeyIdentifier"] = asked.get("customKeyIdentifier")
    _store(directory, table, holder, credential, secret)
    return {**credential, "secretText": secret}


def remove_password(table: Table, holder: Object, body: object) -> None:
    """Take a secret away by its key id; it signs in until that is known everywhere.

    Raises:
        WireError: 400 if there is no such secret.
    """
    if not isinstance(body, Mapping) or not body.get("keyId"):
        raise bad_request("Parameter 'keyId' is required.", detail="MissingProperty", target="keyId")
    unknown = [name for name in body if name != "keyId" and "@" not in name]
    if unknown:
        raise bad_request(f"The parameter '{unknown[0]}' is not a parameter of the operation 'removePassword'.")
    key_id = str(clean("passwordCredential", {"keyId": body["keyId"]})["keyId"])
    kept = [one for one in holder["passwordCredentials"] if one["keyId"] != key_id]
    if len(kept) == len(holder["passwordCredentials"]):
        raise bad_request(f"No password credential found with keyId '{key_id}'.")
    table.put({**holder, "passwordCredentials": kept})


def put_known_password(directory: Directory, table: Table, holder: Object, name: str, secret: str) -> None:
    """Replace the secret called `name` by one that is known beforehand; the seed alone may do so."""
    now = directory.clock.now()
    others = [one for one in holder["passwordCredentials"] if one["displayName"] != name]
    credential = _credential(directory, secret, name, now, datetime(2299, 12, 31, tzinfo=UTC))
    _store(directory, table, {**holder, "passwordCredentials": others}, credential, secret)


def matching(directory: Directory, holder: Object, secret: str) -> Object | None:
    """Find the credential that a presented secret belongs to, whatever its dates."""
    presented = _hash(secret)
    for credential in holder["passwordCredentials"]:
        if hmac.compare_digest(directory.secret_hashes.get(credential["keyId"], ""), presented):
            found: Object = credential
            return found
    return None


def _asked(body: object) -> Object:
    if not isinstance(body, Mapping):
        raise bad_request("Invalid request body: a JSON object is expected.")
    for name in body:
        if name != "passwordCredential" and "@" not in name:
            raise bad_request(f"The parameter '{name}' is not a parameter of the operation 'addPassword'.")
    asked = clean("passwordCredential", body.get("passwordCredential") or {})
    for name in ("secretText", "hint", "keyId"):
        if asked.get(name) is not None:
            raise bad_request(f"Property '{name}' is read-only and cannot be set.", detail="ReadOnly", target=name)
    return asked


def _credential(directory: Directory, secret: str, name: str | None, start: datetime, end: datetime) -> Object:
    return {
        "customKeyIdentifier": None,
        "displayName": name,
        "endDateTime": timestamp(end),
        "hint": secret[:3],
        "keyId": directory.ids.new(f"keyId/{name}"),
        "secretText": None,
        "startDateTime": timestamp(start),
    }


def _store(directory: Directory, table: Table, holder: Object, credential: Object, secret: str) -> None:
    directory.secret_hashes[credential["keyId"]] = _hash(secret)
    table.put({**holder, "passwordCredentials": [*holder["passwordCredentials"], credential]})


def _two_years_after(start: datetime) -> datetime:
    try:
        return start.replace(year=start.year + 2)
    except ValueError:
        return start + timedelta(days=730)


def _new_secret() -> str:
    # Forty characters with "8Q~" behind the third, as Entra's secrets look.
    # It begins with a letter or digit, for the sake of scripts that read a dotenv file without a shell's quoting.
    begin = secrets.choice(string.ascii_letters + string.digits)
    head, tail = ("".join(secrets.choice(_ALPHABET) for _ in range(length)) for length in (2, 34))
    return f"{begin}{head}8Q~{tail}"


def _hash(secret: str) -> str:
    return base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()
