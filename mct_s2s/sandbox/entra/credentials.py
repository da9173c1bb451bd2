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

from mct_s2s.sandbox.entra.table import Object, Table
from mct_s2s.sandbox.entra.validation import as_utc, bad_request, clean, precise_timestamp, timestamp

if TYPE_CHECKING:
    from mct_s2s.sandbox.core.wire_errors import WireError
    from mct_s2s.sandbox.entra.store import Directory

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
    made = new_password(directory, _asked(body), application_created=holder["createdDateTime"])
    if "servicePrincipalType" in holder:
        made["hint"] = None  # docs/azure-contract.md, section 3.5
    if any(one["keyId"] == made["keyId"] for one in holder["passwordCredentials"]):
        raise not_updatable(made["keyId"])
    # The newest comes first.
    table.put({**holder, "passwordCredentials": [{**made, "secretText": None}, *holder["passwordCredentials"]]})
    return made


def new_password(directory: Directory, asked: Object, *, application_created: str) -> Object:
    """Make a secret, its text included, without giving it to anybody; only its hash is kept.

    Args:
        directory: the tenant.
        asked: `displayName`, dates, `keyId`, as far as they were sent. Without an end, two years from now count, not
            from the start: docs/azure-contract.md, section 3.5.
        application_created: when its holder was created, which policies ask about.

    Raises:
        WireError: 400 for wrong dates, or what the tenant's policy forbids.
    """
    now = directory.clock.now()
    start_text = asked.get("startDateTime") or precise_timestamp(now)
    end_text = asked.get("endDateTime") or precise_timestamp(_two_years_after(now))
    start, end = as_utc(start_text), as_utc(end_text)
    if end <= start or end <= now:
        raise bad_request("The credential end date is invalid.", detail="InvalidKeyEndDate", target="EndDate")
    directory.policies.check_secret(end - start, application_created=application_created)
    secret, name = _new_secret(), asked.get("displayName")
    made: Object = {
        "customKeyIdentifier": asked.get("customKeyIdentifier"),
        "displayName": name,
        "endDateTime": end_text,
        "hint": secret[:3],
        "keyId": asked.get("keyId") or directory.ids.new(f"keyId/{name}"),
        "secretText": secret,
        "startDateTime": start_text,
    }
    directory.secret_hashes[made["keyId"]] = _hash(secret)
    return made


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
    table.put({**holder, "passwordCredentials": [*others, credential]})


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
    for name in ("secretText", "hint"):
        if asked.get(name) is not None:
            raise bad_request(f"Property '{name}' is read-only and cannot be set.", detail="ReadOnly", target=name)
    return asked


def not_updatable(key_id: str) -> WireError:
    """Refuse another content under the id of a credential. Source: docs/azure-contract.md, section 9."""
    return bad_request(f"Update to existing credential with KeyId '{key_id}' is not allowed.")


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
