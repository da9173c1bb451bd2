"""`add-client --from FILE`: many clients in one run. One name a line, or a CSV file with a header."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mct_s2s.errors import UsageError
from mct_s2s.local_files import read_given

NAME = "name"


@dataclass(frozen=True)
class Row:
    """One client of the file."""

    line: int
    name: str
    columns: Mapping[str, str]
    """What the other columns say, by their name in the header; empty cells are left out."""


def read_client_list(path: Path, columns: Collection[str]) -> list[Row]:
    """The clients of a file, in its order.

    A first line with a column `name` makes it CSV, separated by commas, semicolons or tabs, as spreadsheets write it.
    In any other file a line is a name; empty lines and lines that begin with `#` are passed over.

    Args:
        path: the file, UTF-8 with or without a byte order mark.
        columns: which columns there may be beside `name`.

    Raises:
        UsageError: it cannot be read, has a column that is not known, or names a client twice.
    """
    try:
        text = read_given(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)
        raise UsageError(
            "client-list-unreadable",
            f"Cannot read '{path}': {reason}.",
            remedy="Pass a text file with one name a line, or a CSV file with the column 'name': --from FILE",
        ) from error
    lines = text.splitlines()
    header = next((line for line in lines if line.strip()), "")
    separator = next((mark for mark in ";\t" if mark in header and "," not in header), ",")
    is_table = NAME in [cell.strip().casefold() for cell in header.split(separator)]
    rows = list(_table(path, lines, separator, columns) if is_table else _names(lines))
    _check(path, rows)
    return rows


def _names(lines: list[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if name and not name.startswith("#"):
            yield Row(number, name, {})


def _table(path: Path, lines: list[str], separator: str, columns: Collection[str]) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            values = [cell.strip() for cell in cells]
            if not any(values):
                continue
            if not header:
                header = [value.casefold() for value in values]
                _check_header(path, header, columns)
                continue
            if len(values) > len(header):
                raise _malformed(path, reader.line_num, f"{len(values)} cells, but the header has {len(header)}")
            row = {column: value for column, value in zip(header, values, strict=False) if value}
            yield Row(reader.line_num, row.pop(NAME, ""), row)
    except csv.Error as error:
        raise _malformed(path, reader.line_num, f"not CSV ({error})") from error


def _check_header(path: Path, header: list[str], columns: Collection[str]) -> None:
    for column in header:
        if column != NAME and column not in columns:
            raise _malformed(path, 1, f"unknown column '{column}'. Use name, {', '.join(columns)}")
    if len(set(header)) != len(header):
        raise _malformed(path, 1, "a column appears twice")


def _check(path: Path, rows: list[Row]) -> None:
    if not rows:
        raise _malformed(path, 1, "no client in it")
    seen: dict[str, int] = {}
    for row in rows:
        if not row.name:
            raise _malformed(path, row.line, "the name is empty")
        first = seen.setdefault(row.name.casefold(), row.line)
        if first != row.line:
            raise _malformed(path, row.line, f"'{row.name}' is already in line {first}")


def _malformed(path: Path, line: int, what: str) -> UsageError:
    return UsageError(
        "client-list-malformed",
        f"Invalid client list '{path}', line {line}: {what}.",
        remedy="Correct the file, then run the same command again. Nothing was changed.",
    )
