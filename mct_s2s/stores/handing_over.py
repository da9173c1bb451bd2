"""A credential on its way to a program: its text, and the program that reads it from standard input."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from mct_s2s.errors import NotTaken, UsageError
from mct_s2s.model.secret_form import SecretForm, SecretFormat
from mct_s2s.ports.apply_progress import waiting
from mct_s2s.ports.secret_stores import SecretRecord
from mct_s2s.stores.dotenv_file import variables
from mct_s2s.stores.dotenv_text import assignment

LONGEST_COMPLAINT = 300
"""Characters of what a failed program said."""
GIVEN_AWAY = 6
"""So many characters of a secret in a row are too many to repeat."""


def credential_in(form: SecretForm, record: SecretRecord, secret: str) -> str:
    """The text of a credential with a secret, in a form.

    Raises:
        ValueError: a value cannot be written in it.
    """
    if form.format is SecretFormat.VALUE:
        return secret
    values = variables(record, {"AZURE_CLIENT_SECRET": secret})
    named = {form.names.get(name, name): value for name, value in values.items()}
    if form.format is SecretFormat.JSON:
        return json.dumps(named, indent=2) + "\n"
    return "".join(f"{assignment(name, value)}\n" for name, value in named.items())


def check_program(words: Sequence[str]) -> None:
    """Make sure that the program is there.

    Raises:
        UsageError: it is not.
    """
    if shutil.which(words[0]) is None:
        raise UsageError(
            "secret-command-missing",
            f"Cannot find the program '{words[0]}' that --secret-to names. Nothing was changed.",
            remedy="Install it, or write the path to it.",
        )


async def hand_over(words: Sequence[str], text: str, facts: Mapping[str, str | None]) -> None:
    """Run a program, without a shell, and give it a credential on its standard input.

    What it prints is not passed on: it may print what it was given.

    Args:
        words: the program and its arguments.
        text: what it reads.
        facts: variables for it that are not secret.

    Raises:
        NotTaken: it could not be started, or says by its exit code that it failed, or was stopped.
    """
    program = Path(words[0]).name
    environment = {**os.environ, **{name: value for name, value in facts.items() if value}}
    try:
        process = await asyncio.create_subprocess_exec(
            shutil.which(words[0]) or words[0],
            *words[1:],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
    except OSError as error:
        raise _failed(program, error.strerror or str(error)) from error
    try:
        with waiting(f"waiting for {program} to store it"):
            _, said = await process.communicate(text.encode())
    except asyncio.CancelledError:  # its time is up: what it has not finished, it has not stored
        process.kill()
        await process.wait()
        raise _failed(program, "it was stopped") from None
    if process.returncode != 0:
        raise _failed(program, f"exit code {process.returncode}{_complaint(said, text)}")


def _complaint(said: bytes, text: str) -> str:
    """The last line that a program printed to standard error, unless something of the credential is in it."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    if not lines:
        return ""
    last = lines[-1][:LONGEST_COMPLAINT]
    pieces = {text[at : at + GIVEN_AWAY] for at in range(len(text) - GIVEN_AWAY + 1)}
    return "" if any(piece in last for piece in pieces if piece.strip()) else f": {last}"


def _failed(program: str, why: str) -> NotTaken:
    return NotTaken(
        "secret-not-taken",
        f"'{program}' did not store what it was given ({why}).",
        remedy="Try that program by itself, then run the same command again. What it may have stored is not valid.",
    )
