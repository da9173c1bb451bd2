"""`--client`, `--from FILE` and `--service-management-reference`, checked."""

from collections.abc import Sequence
from pathlib import Path

from mct_s2s.errors import UsageError, about, malformed
from mct_s2s.inputs.user_files import read_text
from mct_s2s.model.ids import LONGEST_NAME

PLACEHOLDER = "NAME"
"""What printed commands and documentation have in a client's place: pasted, it is a mistake."""


@about("name")
def client_names(names: Sequence[str]) -> tuple[str, ...]:
    trimmed = [name.strip() for name in names]
    for name in trimmed:
        if not name:
            remedy = (
                "It is empty. Use a display name or an appId, such as --client 'Reports import'"
            )
            raise malformed("client-name-empty", "client name", name, remedy)
        if name == PLACEHOLDER:
            raise UsageError(
                "client-name-unusable",
                f"'{name}' is a placeholder.",
                remedy="Write the client's name in its place.",
            )
        if len(name) > LONGEST_NAME or not name.isprintable():
            why = (
                f"it has {len(name)} characters"
                if name.isprintable()
                else "it has a line break or control character"
            )
            raise UsageError(
                "client-name-unusable",
                f"Invalid client name '{name[:40]}…': {why}.",
                remedy=f"Use {LONGEST_NAME} printable characters at most.",
            )
    return tuple(dict.fromkeys(trimmed))


def read_client_list(path: Path) -> list[str]:
    """One name a line; empty lines and lines that begin with `#` are skipped."""
    remedy = (
        "Pass a text file with one name a line; where clients differ, a trust file: mct-s2s apply "
        "-f FILE"
    )
    lines = [
        line.strip() for line in read_text(path, "client-list-unreadable", remedy).splitlines()
    ]
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise UsageError(
            "client-list-unreadable",
            f"Cannot read '{path}': there is no name in it.",
            remedy=remedy,
        )
    return names


OPTION = "--service-management-reference"
LONGEST = 256
"""Our limit: Graph documents none."""


@about("service-management-reference")
def management_reference(value: str | None) -> str | None:
    """The tenant decides its form. Source: learn.microsoft.com/graph/api/resources/application."""
    text = value.strip() if value is not None else None
    if text == "":
        raise UsageError(
            "empty-value", f"{OPTION} is empty.", remedy=f"Add a value to {OPTION}, or remove it."
        )
    if text is not None and (len(text) > LONGEST or not text.isprintable()):
        raise UsageError(
            "malformed-id",
            f"Invalid {OPTION}. Use {LONGEST} printable characters at most.",
            remedy=f"Copy the ID from your organization's service or asset management: {OPTION} ID",
        )
    return text
