"""Files of clients: names, or CSV as spreadsheets write it; a mistake is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from mct_s2s.errors import UsageError
from mct_s2s.inputs.client_list import read_client_list

COLUMNS = ("credential", "secret-lifetime")


def listed(tmp_path: Path, content: bytes) -> list[tuple[int, str, dict[str, str]]]:
    file = tmp_path / "clients"
    file.write_bytes(content)
    return [(row.line, row.name, dict(row.columns)) for row in read_client_list(file, COLUMNS)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Reports\n\n# later\n  Payroll, old  \n", [(1, "Reports", {}), (4, "Payroll, old", {})]),
        ("name\nReports\n", [(2, "Reports", {})]),
        ("Name,Secret-Lifetime\nA,2y\nB,\n", [(2, "A", {"secret-lifetime": "2y"}), (3, "B", {})]),
        ("name;credential\r\nA;federated\r\n", [(2, "A", {"credential": "federated"})]),
        ("name\tcredential\nA\tnone\n", [(2, "A", {"credential": "none"})]),
        ('name,credential\n"Payroll, new",secret\n', [(2, "Payroll, new", {"credential": "secret"})]),
        ("\ufeffname\nÄrzte\n", [(2, "Ärzte", {})]),
    ],
)
def test_what_spreadsheets_and_people_write_is_read(
    tmp_path: Path, content: str, expected: list[tuple[int, str, dict[str, str]]]
) -> None:
    assert listed(tmp_path, content.encode()) == expected


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no client in it"),
        (b"\n# nothing\n", "no client in it"),
        (b"name,colour\nA,red\n", "line 1: unknown column 'colour'. Use name, credential, secret-lifetime"),
        (b"name,name\nA,B\n", "line 1: a column appears twice"),
        (b"name,credential\n,secret\n", "line 2: the name is empty"),
        (b"name,credential\nA,secret,more\n", "line 2: 3 cells, but the header has 2"),
        (b"A\nB\na\n", "line 3: 'a' is already in line 1"),
        (b'name\n"A\n', "not CSV"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(UsageError) as raised:
        listed(tmp_path, content)
    assert raised.value.code == "client-list-malformed"
    assert told in raised.value.message


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        listed(tmp_path, b"\xff\xfe\x00")
    assert raised.value.code == "client-list-unreadable"
    with pytest.raises(UsageError) as raised:
        read_client_list(tmp_path / "none", COLUMNS)
    assert raised.value.code == "client-list-unreadable"
