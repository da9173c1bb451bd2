"""A client's dotenv file: its credential, what it asks for, and our note.

azure-identity's EnvironmentCredential reads it.
"""

import io
import json
import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mct_s2s import clock
from mct_s2s.azure.sign_in.choice import AUTHORITY, presented_by
from mct_s2s.errors import UsageError
from mct_s2s.local_files import read_given
from mct_s2s.model.client_credentials import CredentialKind, SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential
from mct_s2s.model.ids import ClientId, KeyId, TenantId
from mct_s2s.plain_text import is_one_line, load_json

# A line that is no assignment is no one's business
logging.getLogger("dotenv").addHandler(logging.NullHandler())

ENVIRONMENT = "environment"
TENANT, CLIENT = "AZURE_TENANT_ID", "AZURE_CLIENT_ID"
SCOPE, URL = "MCT_S2S_SCOPE", "MCT_S2S_URL"
DELIVERED = "# mct-s2s credential "
"""The beginning of the comment that says which of an application's secrets the file holds."""
_PLAIN = re.compile(r"(?!~)[A-Za-z0-9._~:/@%+=,-]*")
"""What a shell takes as it is."""


def variables_in(text: str) -> dict[str, str]:
    """The variables of a dotenv file that have a value. `$` and backticks mean nothing in it."""
    if not text.strip():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415  # 25 ms, for those who have such a file

    stream = io.StringIO(text.removeprefix("\ufeff"))  # as some editors on Windows begin a file
    return {
        name: value
        for name, value in dotenv_values(stream=stream, interpolate=False).items()
        if value
    }


def assignment(name: str, value: str) -> str:
    """Raises UsageError: there is no line that every reader takes for this value.

    python-dotenv and a shell differ about quotes, backslashes and dollar signs
    (theskumar/python-dotenv#422 and #544), so each value that is written is read back first.
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    line = f"{name}={value}" if _PLAIN.fullmatch(value) else f'{name}="{escaped}"'
    if {"$", "`"} & set(value):  # a shell looks for these in double quotes
        line = f"{name}='{value}'"
    if not is_one_line(value) or variables_in(line) != {name: value}:
        raise UsageError(
            "secret-place-unfit",
            f"Cannot save {name}: its value has characters that a dotenv file cannot contain.",
            remedy="Choose another place: --secret-to PLACE",
        )
    return line


def credential_text(made: MadeCredential, own: Mapping[str, str], before: tuple[KeyId, ...]) -> str:
    """The text of a client's dotenv file. Raises UsageError: it cannot be written.

    `own`: what its kind needs; `before`: the keys that its readers had.
    """
    lines = [
        assignment(*variable)
        for variable in {TENANT: made.tenant_id, CLIENT: made.client_id, **own}.items()
    ]
    for name, value in {AUTHORITY: made.authority, SCOPE: made.scope, URL: made.url}.items():
        with suppress(UsageError):
            lines += [assignment(name, value)] if value else []
    facts = {
        "name": made.attempt,
        "keyId": made.key_id,
        "client": made.name,
        "made": f"{clock.now():%Y-%m-%dT%H:%M:%S+00:00}",
        "expires": f"{made.expires:%Y-%m-%dT%H:%M:%SZ}",
        "kind": made.credential.kind.value,
        "before": list(before),
    }
    return "\n".join([*lines, DELIVERED + json.dumps(facts)]) + "\n"


def note_in(text: str) -> SecretNote:
    """The note in a file: by the variables, and the last of our comments that can be read."""
    values = variables_in(text)
    client_id = ClientId(values[CLIENT]) if CLIENT in values else None
    found = SecretNote(client_id=client_id, scope=values.get(SCOPE), url=values.get(URL))
    for line in text.split("\n"):  # as a shell, or any other reader of the file, sees lines
        if line.startswith(DELIVERED):
            with suppress(ValueError, KeyError, TypeError):
                facts = load_json(line.removeprefix(DELIVERED))
                found = replace(
                    found,
                    attempts={str(facts["name"]): client_id},
                    delivered=KeyId(str(facts["keyId"])),
                    delivered_at=clock.moment(str(facts["made"])),
                    kind=CredentialKind(facts["kind"]),
                    held=tuple(KeyId(str(key_id)) for key_id in (*facts["before"], facts["keyId"])),
                )
    return found


def credential_in(text: str, source: str) -> ClientSignIn | None:
    """The credential in a file. Raises UsageError: it names a certificate that cannot be read."""
    note = note_in(text)
    return own_credential(variables_in(text), source, made=note.delivered_at, key_id=note.delivered)


def own_credential(
    values: Mapping[str, str],
    source: str,
    *,
    made: datetime | None = None,
    key_id: KeyId | None = None,
) -> ClientSignIn | None:
    """The credential that variables give, if any.

    Raises UsageError: a certificate that cannot be read.
    """
    credential = presented_by(values)
    if credential is None or not (values.get(TENANT) and values.get(CLIENT)):
        return None
    tenant, client = TenantId(values[TENANT]), ClientId(values[CLIENT])
    authority, scope, url = (values.get(name) or None for name in (AUTHORITY, SCOPE, URL))
    return ClientSignIn(
        tenant, client, credential, authority, source, scope, url, made, key_id=key_id
    )


def from_files(paths: Sequence[Path]) -> list[ClientSignIn]:
    """The credentials in the files of `--credentials`. Raises UsageError."""
    found: list[ClientSignIn] = []
    for path in paths:
        try:
            credential, why = _from_file(path), "it does not contain a client's credential"
        except OSError as error:
            credential, why = None, str(error.strerror or error)
        if credential is None:
            raise UsageError(
                "credentials-unreadable",
                f"Invalid credentials file '{path}': {why}.",
                remedy="Use a secret file from setup or add-client. It sets AZURE_TENANT_ID, "
                "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH), one "
                "per line.",
            )
        found.append(credential)
    return found


def available(
    named: Sequence[ClientSignIn], environ: Mapping[str, str], folder: Path
) -> list[ClientSignIn]:
    """All credentials: named by the user, in the environment, and saved in a folder.

    The newest of the saved ones comes first.
    """
    variables = {name: value for name, value in environ.items() if name.startswith("AZURE_")}
    saved: list[ClientSignIn] = []
    for path in folder.glob("*.env"):
        # No one has named it: one that cannot be used is skipped
        with suppress(OSError, UsageError):
            saved += filter(None, [_from_file(path)])
    saved.sort(key=lambda one: one.made.timestamp() if one.made is not None else 0, reverse=True)
    return [*named, *filter(None, [own_credential(variables, ENVIRONMENT)]), *saved]


def _from_file(path: Path) -> ClientSignIn | None:
    return credential_in(read_given(path).decode("utf-8", errors="replace"), f"file:{path}")
