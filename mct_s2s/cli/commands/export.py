"""`mct-s2s export`: a trust file of what exists."""

from __future__ import annotations

from typing import Any

from mct_s2s.cli.exit_codes import worst
from mct_s2s.cli.options import Output
from mct_s2s.cli.options.export import ExportOptions
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.cli.trust_file.export import Export, read_sites
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error
from mct_s2s.render.documents import error_document
from mct_s2s.render.trust_file import trust_file_text


def export(options: ExportOptions) -> int:
    """Read what exists and print it; return the process exit code."""

    async def body(current: Run, session: Session) -> int:
        found = await read_sites(options, session)
        if not found.sites and not found.failed:
            raise NotThere(
                "nothing-to-export",
                "No MCT App Service of the subscription has service-to-service authentication.",
                remedy="Set one up first: mct-s2s setup, or name another subscription with --subscription.",
            )
        text = trust_file_text(found.sites)
        _show_rest(current.terminal, found)
        if options.output is Output.JSON:
            current.terminal.document(export_document(text, found))
        else:
            current.terminal.export(text)
        return worst([error.exit_code for _, error in found.failed])

    return run(options, Needs(target=not options.all_sites), body)


def _show_rest(terminal: Terminal, found: Export) -> None:
    """What is not in the file, whatever the format: no one takes a part for the whole."""
    for one in found.sites:
        for sentence in one.left_out:
            terminal.say(f"{one.resource.name}: not in the file: {sentence}", style="warn")
    for resource in found.not_set_up:
        terminal.note(f"{resource.name}: not in the file: it has no service-to-service authentication.")
    for resource, error in found.failed:
        terminal.say(f"{resource.name}: not in the file: its state could not be read.", style="warn")
        show_error(terminal, error)
    for resource in found.unread:
        terminal.say(f"{resource.name}: not in the file: you can't read the settings that would tell what it is.")


def export_document(text: str, found: Export) -> dict[str, Any]:
    """`mct-s2s/export/v1`."""
    return {
        "schema": "mct-s2s/export/v1",
        "text": text,
        "sites": [
            {
                "appService": str(one.resource),
                "clients": len(one.clients),
                "managedIdentities": len(one.identities),
                "leftOut": list(one.left_out),
            }
            for one in found.sites
        ],
        "notSetUp": [str(resource) for resource in found.not_set_up],
        "failed": [
            {"appService": str(resource), "error": error_document(error)["error"]} for resource, error in found.failed
        ],
        "unchecked": [str(resource) for resource in found.unread],
    }
