"""`mct-s2s export`: a trust file of what exists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mct_s2s.cli.exit_codes import worst
from mct_s2s.cli.options import Output
from mct_s2s.cli.options.export import ExportOptions
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.cli.trust_file.export import Export, read_sites
from mct_s2s.cli.trust_file.merge import Merged, merge
from mct_s2s.cli.trust_file.shared_text import UpdatedFile
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error
from mct_s2s.render.documents import error_document

STANDARD_OUTPUT = Path("trust.toml")
"""What a file is called in messages that has no name yet."""


def export(options: ExportOptions) -> int:
    """Read what exists and write it down; return the process exit code."""
    file = UpdatedFile(options.to) if options.to is not None else None
    before = file.text() if file is not None else ""

    async def body(current: Run, session: Session) -> int:
        found = await read_sites(options, session)
        if not found.found and not found.failed:
            raise NotThere(
                "nothing-to-export",
                "No MCT App Service of the subscription has service-to-service authentication.",
                remedy="Set one up first: mct-s2s setup, or name another subscription with --subscription.",
            )
        merged = merge(options.to or STANDARD_OUTPUT, before, found.found)
        if file is not None and merged.text != before:
            file.write(merged.text)
        _print(current.terminal, options, found, merged, is_changed=merged.text != before)
        return worst([error.exit_code for _, error in found.failed])

    return run(options, Needs(target=not options.all_sites), body)


def _print(terminal: Terminal, options: ExportOptions, found: Export, merged: Merged, *, is_changed: bool) -> None:
    _show_rest(terminal, found)
    for note in merged.notes:
        terminal.note(note)
    if options.output is Output.JSON:
        terminal.document(export_document(options.to, merged.text, merged.notes, found))
    elif options.to is None:
        terminal.export(merged.text)
    else:
        count = len(found.found)
        what = f"Wrote {count} site{'s' * (count != 1)} to" if is_changed else "No changes in"
        terminal.note(f"{what} {options.to}")


def _show_rest(terminal: Terminal, found: Export) -> None:
    """What is not in the file, whatever the format: no one takes a part for the whole."""
    for one in found.found:
        for sentence in one.site.left_out:
            terminal.say(f"{one.site.resource.name}: not in the file: {sentence}", style="warn")
    for resource in found.not_set_up:
        terminal.note(f"{resource.name}: not in the file: it has no service-to-service authentication.")
    for resource, error in found.failed:
        terminal.say(f"{resource.name}: not in the file: its state could not be read.", style="warn")
        show_error(terminal, error)
    for resource in found.unread:
        terminal.say(f"{resource.name}: not in the file: you can't read the settings that would tell what it is.")


def export_document(file: Path | None, text: str, notes: Sequence[str], found: Export) -> dict[str, Any]:
    """`mct-s2s/export/v1`."""
    return {
        "schema": "mct-s2s/export/v1",
        "file": str(file) if file is not None else None,
        "text": text,
        "changes": list(notes),
        "sites": [
            {
                "appService": str(one.site.resource),
                "clients": len(one.site.clients),
                "managedIdentities": len(one.site.identities),
                "leftOut": list(one.site.left_out),
            }
            for one in found.found
        ],
        "notSetUp": [str(resource) for resource in found.not_set_up],
        "failed": [
            {"appService": str(resource), "error": error_document(error)["error"]} for resource, error in found.failed
        ],
        "unchecked": [str(resource) for resource in found.unread],
    }
