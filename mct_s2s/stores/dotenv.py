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
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential, SignInSource
from mct_s2s.model.ids import ClientId, KeyId, TenantId
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.plain_text import is_one_line, load_json

# A line that is no assignment is no one's business
logging.getLogger("dotenv").addHandler(logging.NullHandler())

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


def check_assignable(name: str, value: str) -> None:
    """Raises UsageError as `assignment` does, before there is anything to save."""
    assignment(name, value)


def credential_text(
    sign_in: MadeCredential, variables: Mapping[str, str], before: tuple[KeyId, ...]
) -> str:
    """The text of a client's dotenv file. Raises UsageError: it cannot be written.

    `variables`: what its kind needs; `before`: the keys that its readers had.
    """
    required = {TENANT: sign_in.tenant_id, CLIENT: sign_in.client_id, **variables}
    lines = [assignment(name, value) for name, value in required.items()]
    optional = {AUTHORITY: sign_in.authority, SCOPE: sign_in.scope, URL: sign_in.url}
    for name, text in optional.items():
        # One that no reader would take is left out: the client can do without it.
        with suppress(UsageError):
            lines += [assignment(name, text)] if text else []
    facts = {
        "name": sign_in.credential_name,
        "keyId": sign_in.key_id,
        "client": sign_in.name,
        "made": f"{clock.now():%Y-%m-%dT%H:%M:%S+00:00}",
        "expires": f"{sign_in.expires:%Y-%m-%dT%H:%M:%SZ}",
        "kind": sign_in.credential.kind.value,
        "before": list(before),
    }
    return "\n".join([*lines, DELIVERED + json.dumps(facts)]) + "\n"


def note_in(text: str) -> SecretNote:
    """The note in a file: by the variables, and the last of our comments that can be read."""
    values = variables_in(text)
    client_id = ClientId(values[CLIENT]) if CLIENT in values else None
    note = SecretNote(client_id=client_id, scope=values.get(SCOPE), url=values.get(URL))
    for line in text.split("\n"):  # as a shell, or any other reader of the file, sees lines
        if line.startswith(DELIVERED):
            # Anyone who may write the file may have written the comment: what is wrong in it is
            # skipped.
            with suppress(ValueError, KeyError, TypeError):
                facts = load_json(line.removeprefix(DELIVERED))
                note = replace(
                    note,
                    attempts={str(facts["name"]): client_id},
                    delivered=KeyId(str(facts["keyId"])),
                    delivered_at=clock.moment(str(facts["made"])),
                    kind=CredentialKind(facts["kind"]),
                    held=tuple(KeyId(str(key_id)) for key_id in (*facts["before"], facts["keyId"])),
                )
    return note


def credential_in(text: str, source: SecretPlace) -> ClientSignIn | None:
    """The credential in a file. Raises UsageError: it names a certificate that cannot be read."""
    note = note_in(text)
    return own_credential(
        variables_in(text), source, made_at=note.delivered_at, key_id=note.delivered
    )


def own_credential(
    values: Mapping[str, str],
    source: SecretPlace | SignInSource,
    *,
    made_at: datetime | None = None,
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
        tenant, client, credential, authority, source, scope, url, made_at, key_id=key_id
    )


def from_files(paths: Sequence[Path]) -> list[ClientSignIn]:
    """The credentials in the files of `--credentials`. Raises UsageError."""
    return [_from_named_file(path) for path in paths]


def _from_named_file(path: Path) -> ClientSignIn:
    why = "it does not contain a client's credential"
    try:
        sign_in = _from_file(path)
    except OSError as error:
        sign_in = None
        why = str(error.strerror or error)
    if sign_in is None:
        raise UsageError(
            "credentials-unreadable",
            f"Invalid credentials file '{path}': {why}.",
            remedy="Use a secret file from setup or add-client. It sets AZURE_TENANT_ID, "
            "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH), one per "
            "line.",
        )
    return sign_in


def available(
    named: Sequence[ClientSignIn], environ: Mapping[str, str], folder: Path
) -> list[ClientSignIn]:
    """All credentials: named by the user, in the environment, and saved in a folder.

    The newest of the saved ones comes first.
    """
    variables = {name: value for name, value in environ.items() if name.startswith("AZURE_")}
    from_environment = own_credential(variables, SignInSource.ENVIRONMENT)
    saved = list[ClientSignIn]()
    for path in folder.glob("*.env"):
        # No one has named it: one that cannot be used is skipped.
        with suppress(OSError, UsageError):
            sign_in = _from_file(path)
            saved += [sign_in] if sign_in is not None else []
    saved.sort(key=_age_rank, reverse=True)
    return [*named, *([from_environment] if from_environment is not None else []), *saved]


def _age_rank(sign_in: ClientSignIn) -> float:
    """Seconds since the epoch at which it was made; zero where that is not known."""
    return sign_in.made_at.timestamp() if sign_in.made_at is not None else 0


def _from_file(path: Path) -> ClientSignIn | None:
    text = read_given(path).decode("utf-8", errors="replace")
    return credential_in(text, SecretPlace(PlaceKind.FILE, str(path)))
