"""A fingerprint covers everything that a trust file says: whoever changes a key of it has to have
it reviewed again.
"""

import copy
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from mct_s2s.inputs.apis import read_api
from mct_s2s.model.api import Api, ProofCall
from mct_s2s.model.toml import Table, toml_key, toml_value
from mct_s2s.model.trust_file import ClientEntry, IdentityEntry, Profile, SiteEntry, TrustFile
from mct_s2s.sandbox.state import seed
from pydantic.fields import FieldInfo

from tests.cli.conftest import Program
from tests.conftest import JSON, LOGIC_APP, Json, Sandbox
from tests.support.apis import ORDERS_FILE
from tests.support.certificates import pem_of

APPLY = ("apply",)
ROTATE = ("rotate-secret", "--expiring-within", "31d")
COMMANDS = pytest.mark.parametrize("command", [APPLY, ROTATE], ids=["apply", "rotate-secret"])
TABLES: dict[str, type[Table]] = {
    "file": TrustFile,
    "profiles": Profile,
    "sites": SiteEntry,
    "clients": ClientEntry,
    "managed-identities": IdentityEntry,
}
LIST_TABLES = ("clients", "managed-identities")

WITHOUT_EFFECT: dict[str, str] = {}
"""Keys that may change without a review, each with the reason why it cannot change who gets what or
where it goes.
"""


def trust_file(folder: Path) -> Json:
    """A file with a client of each kind, as `tomllib` reads it."""
    clients: list[Json] = [
        {"name": "Import", "secret-lifetime": "180d"},
        {"name": "Upload", "certificate": str(folder / "one.pem")},
        {"name": "Deploy", "github": "contoso/deploy"},
        {
            "name": "Cluster",
            "federated-issuer": "https://issuer.example.com",
            "federated-subject": "one",
        },
    ]
    site = {
        "profile": "p",
        "clients": clients,
        "managed-identities": [{"resource": "reports-func"}],
    }
    return {"profiles": {"p": {}, "q": {}}, "sites": {"contosolearn": site}}


def other_values(azure: Sandbox, folder: Path) -> dict[str, Any]:
    """Another value of each key.

    Those of a profile say what the environment says as well, so that all of them work.
    """
    adopted = azure.graph("POST", "/applications", json={"displayName": "Their API"})["appId"]
    more_clients: list[Json] = [
        *trust_file(folder)["sites"]["contosolearn"]["clients"],
        {"name": "More"},
    ]
    return {
        "file.profiles": {"p": {"auth": "environment"}, "q": {}},
        "file.sites": {"academy": trust_file(folder)["sites"]["contosolearn"]},
        "profiles.tenant": azure.tenant_id,
        "profiles.subscription": azure.subscription_id,
        "profiles.cloud": azure.origin,
        "profiles.auth": "environment",
        "profiles.client-id": azure.environment["AZURE_CLIENT_ID"],
        "sites.profile": "q",
        "sites.app-service": "academy",
        "sites.resource-group": "mct-prod",
        "sites.slot": "staging",
        "sites.url": "https://api.contoso.example",
        "sites.api": str(ORDERS_FILE),
        "sites.service-name": "Another API",
        "sites.role": "Another.Role",
        "sites.service-app": adopted,
        "sites.service-management-reference": "4711",
        "sites.clients": more_clients,
        "sites.managed-identities": [],
        "clients.name": "Export",
        "clients.credential": "certificate",
        "clients.secret-lifetime": "190d",
        "clients.auto-lifetime": True,
        "clients.secret-to": f"keyvault:{seed.VAULT}",
        "clients.certificate": str(folder / "two.pem"),
        "clients.github": "mallory/deploy",
        "clients.federated-issuer": "https://other.example.com",
        "clients.federated-subject": "two",
        "clients.federated-audience": "api://other",
        "clients.no-consent": True,
        "clients.service-management-reference": "4711",
        "managed-identities.resource": LOGIC_APP,
    }


def keys() -> Iterator[tuple[str, str]]:
    """Each key of each table, as a trust file writes it."""

    def alias(name: str, field: FieldInfo) -> str:
        return field.alias or name

    for table, model in TABLES.items():
        yield from ((table, alias(name, field)) for name, field in model.model_fields.items())


def with_other_value(document: Json, table: str, key: str, value: Any) -> Json:
    """The file with one key changed: of the client that has it already, or else of the first."""
    changed = copy.deepcopy(document)
    site = changed["sites"]["contosolearn"]
    match table:
        case "file":
            changed[key] = value
        case "profiles":
            changed["profiles"]["p"][key] = value
        case "sites":
            site[key] = value
        case _:
            family = "federated-issuer" if key == "federated-audience" else key
            entries = site[table]
            next((entry for entry in entries if family in entry), entries[0])[key] = value
    return changed


def as_toml(document: Json) -> str:
    def lines(heading: str, table: Json) -> Iterator[str]:
        yield heading
        yield from (
            f"{toml_key(key)} = {toml_value(value)}"
            for key, value in table.items()
            if key not in LIST_TABLES
        )

    text: list[str] = []
    for name, profile in document["profiles"].items():
        text += lines(f"[profiles.{name}]", profile)
    for name, site in document["sites"].items():
        text += lines(f"[sites.{name}]", site)
        for table in LIST_TABLES:
            for entry in site[table]:
                text += lines(f"[[sites.{name}.{table}]]", entry)
    return "\n".join(text) + "\n"


class Reviewer:
    """Reads the fingerprint that a dry run of a command over a file prints."""

    def __init__(self, mct: Program, azure: Sandbox, folder: Path) -> None:
        self._mct = mct
        self._file = folder / "trust.toml"
        self.folder = folder
        azure.add_site(name="academy", group="mct-prod", subscription=azure.subscription_id)
        for name in ("one", "two"):
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            (folder / f"{name}.pem").write_bytes(pem_of(key, azure.now() + timedelta(days=300)))

    def fingerprint(self, command: tuple[str, ...], document: Json) -> str:
        self._file.write_text(as_toml(document))
        done = self._mct(*command, "-f", str(self._file), "--dry-run", "-o", "json")
        value = done.document.get("fingerprint")
        assert isinstance(value, str), done
        return value


@pytest.fixture
def reviewer(mct: Program, azure: Sandbox, tmp_path: Path) -> Reviewer:
    return Reviewer(mct, azure, tmp_path)


@COMMANDS
def test_every_key_of_a_trust_file_changes_the_fingerprint(
    reviewer: Reviewer, azure: Sandbox, command: tuple[str, ...]
) -> None:
    document = trust_file(reviewer.folder)
    others = other_values(azure, reviewer.folder)
    tables = {*Table.__subclasses__()} - {Api, ProofCall}  # of a description
    assert tables == {*TABLES.values()}, "a table that is not changed here"
    assert {f"{table}.{key}" for table, key in keys()} == set(others), (
        "a key without another value to try"
    )
    reviewed = reviewer.fingerprint(command, document)
    fingerprints = {
        f"{table}.{key}": reviewer.fingerprint(
            command, with_other_value(document, table, key, others[f"{table}.{key}"])
        )
        for table, key in keys()
    }
    assert [key for key, value in fingerprints.items() if value == reviewed] == sorted(
        WITHOUT_EFFECT
    )


@COMMANDS
def test_the_order_of_a_files_tables_does_not_change_the_fingerprint(
    reviewer: Reviewer, command: tuple[str, ...]
) -> None:
    document = trust_file(reviewer.folder)
    site = document["sites"]["contosolearn"]
    reviewed = reviewer.fingerprint(command, document)
    clients = [dict(reversed(client.items())) for client in reversed(site["clients"])]
    other_order = {
        **document,
        "sites": {"contosolearn": {**dict(reversed(site.items())), "clients": clients}},
    }
    assert reviewer.fingerprint(command, other_order) == reviewed


@pytest.mark.parametrize(
    "added",
    ["", 'headers = { X-Tenant = "a" }', "refused-with = [401]", 'path = "/orders?all=1"'],
    ids=["nothing", "headers", "refused-with", "path"],
)
def test_a_changed_description_changes_the_fingerprint_of_one_site(
    mct: Program, azure: Sandbox, tmp_path: Path, added: str
) -> None:
    """The plan has the settings and the role; how access is proved is in the description alone."""
    azure.add_site(name="orders", group="apps")
    changed = tmp_path / "changed.toml"
    text = ORDERS_FILE.read_text("utf-8")
    if added.startswith("path"):
        text = text.replace('path = "/orders"', added)
    else:
        text += f"{added}\n"
    changed.write_text(text, "utf-8")

    def fingerprint(file: Path) -> str:
        options = ("-a", "orders", "-g", "apps", "--api", str(file))
        document = mct("setup", *options, "--client", "Import", "--dry-run", "-o", "json").document
        return str(document["fingerprint"])

    assert (fingerprint(ORDERS_FILE) == fingerprint(changed)) == (not added)


OTHER_DESCRIPTION: Json = {
    "name": "Another",
    "role": "Another.Role",
    "token-version": 2,
    "function-app-mark": "-other-",
    "settings": {"ORDERS_AUDIENCE": "audience"},
    "test.path": "/orders?all=1",
    "test.headers": {"X-Tenant": "a"},
    "test.refused-with": [401],
}
"""Another value of each key of a description."""


@COMMANDS
def test_every_key_of_a_description_changes_the_fingerprint_of_a_file(
    reviewer: Reviewer, command: tuple[str, ...]
) -> None:
    """The file names it by its path, which stays the same."""
    names = {field.alias or name for name, field in Api.model_fields.items()} - {"test"}
    names |= {f"test.{field.alias or name}" for name, field in ProofCall.model_fields.items()}
    assert names == set(OTHER_DESCRIPTION), "a key without another value to try"
    description = reviewer.folder / "api.toml"
    document = trust_file(reviewer.folder)
    document["sites"]["contosolearn"]["api"] = str(description)

    def with_other(key: str, other: object) -> str:
        changed = tomllib.loads(ORDERS_FILE.read_text("utf-8"))
        changed["token-version"] = 1
        table, _, name = key.rpartition(".")
        if key:
            (changed[table] if table else changed)[name] = other
        text = [f"{toml_key(each)} = {as_value(value)}" for each, value in changed.items()]
        description.write_text("\n".join(text), "utf-8")
        read_api.cache_clear()  # the program of a test runs in its process
        return reviewer.fingerprint(command, document)

    reviewed = with_other("", None)
    assert [
        key for key, value in OTHER_DESCRIPTION.items() if with_other(key, value) == reviewed
    ] == []


def as_value(value: Any) -> str:
    """A value as TOML writes it, on one line."""
    match value:
        case dict():
            members = [f"{toml_key(key)} = {as_value(member)}" for key, member in value.items()]
            return f"{{ {', '.join(members)} }}"
        case list():
            return f"[{', '.join(map(as_value, value))}]"
        case str():
            return toml_value(value)
        case _:
            return str(value)


def test_who_exchanges_the_service_application_in_the_file_gets_no_secret_of_a_reviewed_rotation(
    reviewer: Reviewer, mct: Program, azure: Sandbox
) -> None:
    """Another API's client of the same name would be rotated, and its secret given to the program
    of this site's.
    """
    document = trust_file(reviewer.folder)
    file = reviewer.folder / "trust.toml"
    reviewed = reviewer.fingerprint(ROTATE, document)
    theirs = azure.graph("POST", "/applications", json={"displayName": "Their API"})["appId"]
    file.write_text(as_toml(with_other_value(document, "sites", "service-app", theirs)))
    azure.forget()
    done = mct(*ROTATE, "-f", str(file), "--expect", reviewed, "-y", "-o", "json")
    assert (done.code, done.document["error"]["code"], azure.log()) == (2, "plan-not-expected", [])


def test_two_entries_that_mean_one_client_are_refused_by_a_rotation(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    """Their order, which no fingerprint covers, would decide where the secret goes."""
    assert mct("setup", "--client", "Import", *JSON).code == 0
    (client,) = azure.applications("Import")
    file = tmp_path / "twice.toml"
    entries = (("Import", "a.env"), (client["appId"], "b.env"))
    text = "".join(
        f"[[sites.contosolearn.clients]]\nname = '{name}'\nsecret-to = 'file:{tmp_path / place}'\n"
        for name, place in entries
    )
    file.write_text(f"[sites.contosolearn]\n{text}")
    azure.forget()
    done = mct(
        "rotate-secret",
        "-f",
        str(file),
        "--expiring-within",
        "400d",
        "--secret-lifetime",
        "2y",
        *JSON,
    )
    errors = [site["error"]["error"]["code"] for site in done.document["sites"]]
    assert (done.code, errors, azure.writes()) == (2, ["client-named-twice"], [])
