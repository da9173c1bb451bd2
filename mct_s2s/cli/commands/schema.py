"""`mct-s2s schema`: print the JSON Schema of a document, or list the documents that have one."""

from __future__ import annotations

from mct_s2s.cli.options import Output
from mct_s2s.cli.options.schema import SchemaOptions
from mct_s2s.errors import UsageError
from mct_s2s.render.console import Terminal
from mct_s2s.render.schemas import FILES, names, schema_list
from mct_s2s.render.schemas import schema as schema_of


def schema(options: SchemaOptions) -> int:
    """Print what was asked for; return the process exit code.

    Raises:
        UsageError: there is no such document.
    """
    terminal = Terminal.open(json=options.output is Output.JSON)
    if options.name is not None:
        terminal.document(schema_of(_short_name(options.name)))
    elif terminal.json:
        terminal.document(schema_list())
    else:
        rows = schema_list()["schemas"]
        width = max(len(row["name"]) for row in rows)
        for row in rows:
            terminal.result(f"{row['name']:<{width}}  {row['description'].replace('`', '')}")
    return 0


def _short_name(given: str) -> str:
    """`status` for `status` and for `mct-s2s/status/v1`, the value of a document's `schema` key."""
    name = given.removeprefix("mct-s2s/").removesuffix("/v1")
    known = sorted((*names(), *FILES))
    if name not in known:
        raise UsageError(
            "schema-unknown",
            f"Unknown document '{given}'. Documents with a schema: {', '.join(known)}.",
            remedy="mct-s2s schema",
        )
    return name
