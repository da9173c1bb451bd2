"""`mct-s2s schema`."""

from __future__ import annotations

from mct_s2s.cli.commands import SchemaOptions
from mct_s2s.errors import UsageError
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import DOCUMENTS, FILES, schema_list
from mct_s2s.render.documents import schema as schema_of


def schema(options: SchemaOptions) -> int:
    terminal = Terminal.open(json=options.output == "json")
    if options.name is not None:
        name = options.name.removeprefix("mct-s2s/").removesuffix("/v1")  # as the value of a document's `schema` key
        known = sorted((*DOCUMENTS, *FILES))
        if name not in known:
            raise UsageError(
                "schema-unknown",
                f"Unknown document '{options.name}'. Documents with a schema: {', '.join(known)}.",
                remedy="mct-s2s schema",
            )
        terminal.print_json(schema_of(name))
    elif terminal.json:
        terminal.document("schemas", {"schemas": schema_list()})
    else:
        rows = schema_list()
        width = max(len(row["name"]) for row in rows)
        for row in rows:
            terminal.result(f"{row['name']:<{width}}  {row['description'].replace('`', '')}")
    return 0
