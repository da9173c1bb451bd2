"""Where the matrices are run: the sandbox of this process, the program as a process or within this
one, a home.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.services.login.managed_identity import identity_header

from tests.conftest import FUNCTION_APP, MACHINE, Json, at_home, program, without_azure
from tests.support.inprocess import Ended, run_inside
from tests.support.sandbox_inside import Inside

_SCOPE = re.compile(r"/subscriptions/[^/]+(/resourceGroups/[^/]+)?(/providers)?", re.IGNORECASE)


@dataclass
class Harness:
    """One state and one home."""

    inside: Inside
    seed: Json
    home: Path
    outputs: list[str] = field(default_factory=list)
    caller: dict[str, str] = field(default_factory=dict)
    """The environment of whoever signs in, where that is not the administrator; empty: without that
    variable.
    """

    def go_to(self, kept: Json, home: Path | None = None) -> None:
        """Begin anew, in a state that was kept and with another home."""
        self.inside.become(kept)
        self.outputs.clear()
        if home is not None:
            self.home = home

    @property
    def state(self) -> Json:
        """Everything, as JSON values."""
        return self.inside.keep()

    @property
    def environment(self) -> dict[str, str]:
        """For the program."""
        merged = {
            **without_azure(),
            **self.inside.azure.environment,
            **self.caller,
            **at_home(self.home),
        }
        return {name: value for name, value in merged.items() if value}

    def process(self, words: Sequence[str], *, fills_disk: bool = False) -> subprocess.Popen[str]:
        """The program, started; with a standard output that takes nothing, if so asked."""
        pipe = subprocess.PIPE
        self.inside.time.flow()
        with Path("/dev/full" if fills_disk else os.devnull).open("w") as full:
            return subprocess.Popen(
                program(words),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=full if fills_disk else pipe,
                stderr=pipe,
                text=True,
            )

    def ended(self, process: subprocess.Popen[str], timeout: float = 240) -> Ended:
        """The program, ended."""
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            self.inside.time.stand_still()
        out = out or ""  # nothing is read of what went to a full disk
        self.outputs += [out, err]
        return Ended(process.returncode, out, err)

    def run(self, words: Sequence[str]) -> Ended:
        """The program within this process: all of it but its start."""
        ended = run_inside(words, self.environment, self.inside.time)
        self.outputs += [ended.out, ended.err]
        return ended

    def normalized(self) -> Counter[str]:
        """The state as it can be compared."""
        return normalized(self.seed, self.state)

    def files(self) -> list[str]:
        """What is in the home, the locks aside, and notes of attempts whose secret has arrived:
        killed in between.
        """
        ours = (
            path for path in self.home.rglob("*") if path.is_file() and "locks" not in path.parts
        )
        ours = (path for path in ours if not (path.suffix == ".pending" and _has_arrived(path)))
        return sorted(GUID.sub("{id}", str(path.relative_to(self.home))) for path in ours)

    def orphans(self, *clients: str) -> list[str]:
        """Secrets and certificates of clients that no file and no vault holds, and clients without
        exactly one.
        """
        state = self.state
        orphaned = list[str]()
        kept = self.kept(state)
        for client in clients:
            keys = secrets_of(state, client)
            orphaned += [key for key in keys if key not in kept]
            orphaned += [f"{client} has {len(keys)} credentials"] if len(keys) != 1 else []
        return orphaned

    def kept(self, state: Json) -> set[str]:
        """What someone has: key ids of secrets, thumbprints of certificates."""
        return {
            *held(self.home).values(),
            *certificates_in(self.home),
            *in_vaults(state),
            *self.given(state),
        }

    def given(self, state: Json) -> list[str]:
        """The key ids of the secrets that a program was given, or a document showed."""
        secrets = [path.read_text() for path in self.home.rglob("*.got")]
        secrets += [
            json.loads(match)
            for output in self.outputs
            for match in re.findall(r'"secret": ("[^"]+")', output)
        ]
        hashes_of = {
            base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()
            for secret in secrets
        }
        return [
            key for key, known in state["directory"]["secretHashes"].items() if known in hashes_of
        ]

    def leaks(self) -> list[str]:
        """Secrets that went where they have no business: over the wire, or into what a run said."""
        leaked = [str(leak) for leak in self.inside.pipeline.observability.watch.leaks]
        outputs = "\n".join(self.outputs)
        secrets = [self.inside.running.client_secret]
        for path in self.home.rglob("*"):
            if path.is_file():
                secrets += re.findall(
                    r"^AZURE_CLIENT_SECRET='?([^'\n]+)", path.read_text(), re.MULTILINE
                )
                if path.suffix == ".env" and path.stat().st_mode & 0o077:
                    leaked.append(f"{path} can be read by others")
        leaked += ["a secret was said" for secret in secrets if secret in outputs]
        leaked += ["a token was said" for _ in re.finditer(r"eyJ[\w-]{8,}\.[\w-]{8,}", outputs)]
        return leaked

    def calls(self) -> dict[str, int]:
        """What the MCT API answers to each client that has a file, and to each managed identity."""
        azure = self.inside.azure
        answers = {}
        for path in sorted(self.home.rglob("*.env")):
            values = dict(
                line.split("=", 1) for line in path.read_text().splitlines() if line[:1].isalpha()
            )
            values = {name: value.strip("'") for name, value in values.items()}
            if "AZURE_CLIENT_SECRET" not in values:
                continue
            token = azure.token(
                values["MCT_S2S_SCOPE"], values["AZURE_CLIENT_ID"], values["AZURE_CLIENT_SECRET"]
            )
            answers[path.name.split("-")[0]] = azure.call_site(token.json()["access_token"])
        audience = azure.settings().get("ServiceAuthAudience")
        if audience is None:
            return answers
        base = f"{azure.origin}/_sandbox/identity"
        for resource, door, headers in (
            (FUNCTION_APP, "msi/token", {"x-identity-header": identity_header(FUNCTION_APP)}),
            (MACHINE, "metadata/identity/oauth2/token", {"Metadata": "true"}),
        ):
            version = "2019-08-01" if door.startswith("msi") else "2018-02-01"
            asked = {"resource": audience, "api-version": version}
            given = azure._http.get(f"{base}{resource}/{door}", params=asked, headers=headers)
            if given.is_success:
                answers[resource.rsplit("/", 1)[-1]] = azure.call_site(given.json()["access_token"])
        return answers


def _has_arrived(note: Path) -> bool:
    arrived = note.with_suffix("")
    return (
        arrived.exists() and f'"name": "{note.read_text().splitlines()[-1]}"' in arrived.read_text()
    )


def label(entry: Entry) -> str:
    """A request by what it is, not by which ids it names."""
    path = GUID.sub("{id}", _SCOPE.sub("…", entry.path))
    return f"{entry.service} {entry.method} {path}"


def pattern(of: Entry) -> str:
    """The expression for a fault rule that matches this request, whatever its ids."""
    return "^" + "[0-9a-fA-F-]{32,36}".join(re.escape(part) for part in GUID.split(of.path)) + "$"


GUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_LISTS = ("ServiceApplicationIds", "ServiceObjectIds")
_TABLES = (
    "applications",
    "servicePrincipals",
    "appRoleAssignments",
    "federatedIdentityCredentials",
    "users",
)
_PASSING = {
    "createdDateTime", "deletedDateTime", "startDateTime", "endDateTime", "hint", "etag",
    "customKeyIdentifier", "key",
}  # fmt: skip
_SETS = {"tags"}
"""Written in the order in which identities came to be."""
_RUNNING = {"effective", "ready_at", "recycles", "restarts", "references", "changed"}


def normalized(seed: Json, state: Json) -> Counter[str]:
    """Every fact of a state, as lines: what the seed holds word for word, what is newer under names
    for its ids.

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
    """A deleted service principal counts for nothing: one that is restored after its application
    may find another.
    """
    return [
        row
        for row in directory[table]
        if table != "servicePrincipals" or not row["deletedDateTime"]
    ]


def secrets_of(state: Json, name: str) -> list[str]:
    """What the applications called `name` sign in with: key ids of secrets, thumbprints of
    certificates.
    """
    applications = [app for app in state["directory"]["applications"] if app["displayName"] == name]
    secrets = [key["keyId"] for app in applications for key in app["passwordCredentials"]]
    return secrets + [
        key["customKeyIdentifier"] for app in applications for key in app["keyCredentials"]
    ]


def certificates_in(folder: Path) -> list[str]:
    """The thumbprints of the certificates whose private keys are in a folder."""
    read = [x509.load_pem_x509_certificate(path.read_bytes()) for path in folder.rglob("*.pem")]
    return [certificate.fingerprint(hashes.SHA1()).hex().upper() for certificate in read]


def in_vaults(state: Json) -> list[str]:
    """The key ids of the secrets that vaults hold."""
    secrets = [
        secret
        for vault in state["resources"]["vaults"].values()
        for secret in vault["secrets"].values()
    ]
    return [secret["versions"][-1].get("tags", {}).get("keyId", "") for secret in secrets]


def held(folder: Path) -> dict[str, str]:
    """The secrets in the files of a folder: by their path, as two homes name them alike, the key id
    that it tells.
    """
    contents = {}
    for path in folder.rglob("*.env"):
        match = re.search(r'"keyId": "([^"]+)"', path.read_text())
        contents[str(path)] = match[1] if match else ""
    return contents


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
    return {
        identifier: name
        for identifier, name in named.items()
        if identifier not in known and identifier != "None"
    }


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        settled = {name: _settled(inner) for name, inner in value.items() if name not in _PASSING}
        return settled | {
            name: sorted(settled[name]) for name in _SETS & set(settled) if settled[name]
        }
    return [_settled(inner) for inner in value] if isinstance(value, list) else value


def _line(value: Any, names: dict[str, str]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    for identifier, name in names.items():
        text = text.replace(identifier, name)
    return text


def _entries(name: str, text: str) -> str:
    return ";".join(sorted(text.strip('"').split(";"))) if name in _LISTS else text
