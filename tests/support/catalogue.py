"""docs/errors.toml: each error code with its exit codes, what happened, and what to do."""

import tomllib
from pathlib import Path

_SECTIONS = tomllib.loads(
    (Path(__file__).parents[2] / "docs" / "errors.toml").read_text(encoding="utf-8")
)
ROWS: dict[str, tuple[object, str, str]] = {
    code: tuple(row) for rows in _SECTIONS.values() for code, row in rows.items()
}
EXITS = {code: {int(number) for number in str(row[0]).split(", ")} for code, row in ROWS.items()}
