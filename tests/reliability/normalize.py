"""A state as it can be compared: what runs of the same command have in common, however they came there."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.conftest import Json

GUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_LISTS = ("ServiceApplicationIds", "ServiceObjectIds")
_TABLES = ("applications", "servicePrincipals", "appRoleAssignments", "federatedIdentityCredentials", "users")
_PASSING = {
    "createdDateTime", "deletedDateTime", "startDateTime", "endDateTime", "hint", "etag", "customKeyIdentifier", "key",
}  # fmt: skip
_SETS = {"tags"}
"""Written in the order in which identities came to be."""
_RUNNING = {"effective", "ready_at", "recycles", "restarts", "references", "changed"}


def normalized(seed: Json, state: Json) -> Counter[str]:
    """Every fact of a state, as lines: what the seed holds word for word, what is newer under names for its ids.

    A fact that is there twice counts twice, so that doubles show.
    """
    names = _names(seed, state)
    facts: Counter[str] = Counter()
    directory, resources = state["directory"], state["resources"]
    for table in _TABLES:
        known = {row["id"] for row in seed["directory"][table]}
        for row in _rows(directory, table):
            facts[f"{table}: {_line(row if row['id'] in known else _settled(row), names)}"] += 1
    for kind in ("groups", "resources", "roleAssignments", "locks", "denyAssignments"):
        held = resources[kind]
        for key, row in held.items() if isinstance(held, dict) else enumerate(held):
            facts[f"{kind} {key if isinstance(key, str) else ''}: {_line(row, names)}"] += 1
    for key, site in resources["sites"].items():
        for part, value in site.items():
            if part == "settings":
                for name, text in value.items():
                    facts[f"setting {key} {name}={_entries(name, _line(text, names))}"] += 1
            elif part not in _RUNNING:
                facts[f"site {key} {part}: {_line(value, names)}"] += 1
    return facts


def _rows(directory: Json, table: str) -> list[Json]:
    """A deleted service principal counts for nothing: one that is restored after its application may find another."""
    return [row for row in directory[table] if table != "servicePrincipals" or not row["deletedDateTime"]]


def secrets_of(state: Json, name: str) -> list[str]:
    """What the applications called `name` sign in with: key ids of secrets, thumbprints of certificates."""
    applications = [app for app in state["directory"]["applications"] if app["displayName"] == name]
    secrets = [key["keyId"] for app in applications for key in app["passwordCredentials"]]
    return secrets + [key["customKeyIdentifier"] for app in applications for key in app["keyCredentials"]]


def certificates_in(folder: Path) -> list[str]:
    """The thumbprints of the certificates whose private keys are in a folder."""
    read = [x509.load_pem_x509_certificate(path.read_bytes()) for path in folder.rglob("*.pem")]
    return [one.fingerprint(hashes.SHA1()).hex().upper() for one in read]


def in_vaults(state: Json) -> list[str]:
    """The key ids of the secrets that vaults hold."""
    secrets = [secret for vault in state["resources"]["vaults"].values() for secret in vault["secrets"].values()]
    return [secret["versions"][-1].get("tags", {}).get("keyId", "") for secret in secrets]


def held(folder: Path) -> dict[str, str]:
    """The secrets in the files of a folder: by the name of their file, the key id that it tells."""
    found = {}
    for path in folder.rglob("*.env"):
        told = re.search(r'"keyId": "([^"]+)"', path.read_text())
        found[path.name] = told[1] if told else ""
    return found


def _names(seed: Json, state: Json) -> dict[str, str]:
    """A name for each id that the seed does not know."""
    known = set(GUID.findall(json.dumps(seed)))
    named: dict[str, str] = {}
    for table in ("applications", "servicePrincipals"):
        for row in state["directory"][table]:
            for part in ("id", "appId"):
                named.setdefault(row[part], f"<{part} of {table} {row['displayName']}>")
            for at, key in enumerate([*row["passwordCredentials"], *row["keyCredentials"]]):
                named.setdefault(key["keyId"], f"<key {at} of {row['displayName']}>")
                named.setdefault(str(key["displayName"]), "<attempt>")
    for table in ("appRoleAssignments", "federatedIdentityCredentials"):
        for row in state["directory"][table]:
            named.setdefault(row["id"], f"<one of {table}>")
    return {found: name for found, name in named.items() if found not in known and found != "None"}


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        settled = {name: _settled(inner) for name, inner in value.items() if name not in _PASSING}
        return settled | {name: sorted(settled[name]) for name in _SETS & set(settled) if settled[name]}
    return [_settled(inner) for inner in value] if isinstance(value, list) else value


def _line(value: Any, names: dict[str, str]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    for found, name in names.items():
        text = text.replace(found, name)
    return text


def _entries(name: str, text: str) -> str:
    return ";".join(sorted(text.strip('"').split(";"))) if name in _LISTS else text
