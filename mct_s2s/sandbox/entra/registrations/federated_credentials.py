"""Federated identity credentials: foreign tokens that an application accepts in place of a secret.

Source: graph: api/application-post-federatedidentitycredentials; entra: workload-id/
workload-identity-federation-considerations.
"""

import re
import uuid

from mct_s2s.sandbox.core.wire_errors import WireError, service_error
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import bad_request, clean, invalid_value, missing, read_only

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,119}")
_MOST = 20


def create(directory: Directory, application: Object, body: object) -> Object:
    values = clean("federatedIdentityCredential", body)
    credential = {"description": None, "subject": None, **values, "id": str(uuid.uuid4())}
    _check(credential)
    others = directory.federated.latest_by("application", application["id"])
    if any(other["name"] == credential["name"] for other in others):
        raise service_error("Request_MultipleObjectsWithSameKeyValue", name=credential["name"])
    _check_pair(credential, others)
    if len(others) >= _MOST:
        raise bad_request(
            f"Cannot have more than {_MOST} federated identity credentials on the application."
        )
    return directory.federated.put({**credential, "@application": application["id"]})


def update(directory: Directory, credential: Object, body: object) -> None:
    values = clean("federatedIdentityCredential", body)
    if values.get("name", credential["name"]) != credential["name"]:
        raise read_only("name")
    changed = {**credential, **values}
    _check(changed)
    others = directory.federated.latest_by("application", credential["@application"])
    _check_pair(changed, [other for other in others if other["id"] != credential["id"]])
    directory.federated.put(changed)


def _check(credential: Object) -> None:
    for name in ("name", "issuer", "subject", "audiences"):
        if not credential.get(name):
            raise missing(name)
    if not _NAME.fullmatch(credential["name"]):
        raise _invalid("name")
    if len(credential["audiences"]) != 1:
        raise _invalid("audiences")
    for name in ("issuer", "subject"):
        if len(credential[name]) > 600:
            raise _invalid(name)
    if len(credential["audiences"][0]) > 600:
        raise _invalid("audiences")
    if not credential["issuer"].strip().startswith("https://"):
        raise _invalid("issuer")


def _check_pair(credential: Object, others: list[Object]) -> None:
    pair = (credential["issuer"], credential["subject"])
    if any((other["issuer"], other["subject"]) == pair for other in others):
        raise service_error("InvalidFederatedIdentityCredentialValue")


def _invalid(name: str) -> WireError:
    return invalid_value("FederatedIdentityCredential", name)
