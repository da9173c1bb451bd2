"""A file is read within bounds: of its size, and of what a parser takes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from mct_s2s.key_pairs import UnfitCertificate, certificate_in
from mct_s2s.limits import FILE_BYTES

from tests.cli.conftest import Program
from tests.conftest import Sandbox

HANGING_SECONDS = 30.0
"""Of processor time, only against hanging: what is linear takes some hundredths, what is quadratic some minutes."""

FILES = {
    "--from": (("configure-appservice", "--from", "{}", "-y"), "handoff-unreadable", "mct-s2s/handoff/v1"),
    "--restore": (("configure-appservice", "--restore", "{}", "-y"), "backup-unreadable", "mct-s2s/backup/v1"),
    "--backup": (("setup", "--backup", "{}", "-y"), "backup-place-taken", "mct-s2s/backup/v1"),
    "--handoff": (("setup", "--handoff", "{}", "-y"), "handoff-unwritable", "mct-s2s/handoff/v1"),
}


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("place", FILES)
def test_a_document_that_is_nested_too_deep_is_refused(
    mct: Program, azure: Sandbox, tmp_path: Path, place: str
) -> None:
    words, code, schema = FILES[place]
    file = tmp_path / "deep.json"
    file.write_text(f'{{"schema": "{schema}", "settings": {nested(100_000)}}}')
    file.chmod(0o600)
    ended = mct(*(word.format(file) for word in words), "-o", "json")
    assert (ended.code, ended.document["error"]["code"], azure.writes()) == (2, code, [])


@pytest.mark.parametrize("place", [*FILES, "--certificate", "--credentials", "--secret-to", "--file"])
def test_a_file_of_more_than_a_mebibyte_is_refused(mct: Program, azure: Sandbox, tmp_path: Path, place: str) -> None:
    more = {
        "--file": ("apply", "-f", "{}", "-y"),
        "--certificate": ("setup", "--client", "A", "--credential", "certificate", "--certificate", "{}", "-y"),
        "--credentials": ("verify", "--credentials", "{}"),
        "--secret-to": ("setup", "--client", "A", "--secret-to", "file:{}", "-y"),
    }
    words = more[place] if place in more else FILES[place][0]
    file = tmp_path / "large"
    filling = json.dumps({"schema": "mct-s2s/handoff/v1", "appService": None, "settings": {}})
    file.write_text(filling + " " * (FILE_BYTES + 1 - len(filling)))
    file.chmod(0o600)
    ended = mct(*(word.format(file) for word in words), "-o", "json")
    assert (ended.code, azure.writes()) == (2, [])
    assert "larger than 1 MiB" in ended.document["error"]["message"]


def test_a_trust_file_that_is_nested_too_deep_is_refused(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "deep.toml"
    file.write_text(f"x = {nested(100_000)}")
    ended = mct("apply", "-f", str(file), "-y", "-o", "json")
    assert (ended.code, ended.document["error"]["code"], azure.writes()) == (2, "trust-file-malformed", [])


BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "unit", [BEGIN, BEGIN + b"AAAA\n", b"-----BEGIN ", b"-" * 64, END, b"\n"], ids=lambda unit: unit[:20]
)
def test_a_pem_file_is_read_in_linear_time(unit: bytes) -> None:
    began = time.process_time()
    with pytest.raises(UnfitCertificate):
        certificate_in(unit * (FILE_BYTES // len(unit)))
    assert time.process_time() - began < HANGING_SECONDS


def test_the_sandboxs_own_files_are_refused_where_they_nest_too_deep(mct: Program, tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text(nested(100_000))
    ended = mct("sandbox", "serve", "--faults", str(file))
    assert (ended.code, "nested too deep" in ended.err) == (2, True)
