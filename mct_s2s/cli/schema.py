"""`mct-s2s schema`."""

from __future__ import annotations

from mct_s2s.cli.commands import SchemaOptions
from mct_s2s.errors import UsageError
from mct_s2s.render.console import Terminal
from mct_s2s.render.schemas import FILES, names, schema_list
from mct_s2s.render.schemas import schema as schema_of


def schema(options: SchemaOptions) -> int:
    terminal = Terminal.open(json=options.output == "json")
    if options.name is not None:
        name = options.name.removeprefix("mct-s2s/").removesuffix("/v1")  # as the value of a document's `schema` key
        known = sorted((*names(), *FILES))
        if name not in known:
            raise UsageError(
                "schema-unknown",
                f"Unknown document '{options.name}'. Documents with a schema: {', '.join(known)}.",
                remedy="mct-s2s schema",
            )
        terminal.document(schema_of(name))
    elif terminal.json:
        terminal.document(schema_list())
    else:
        rows = schema_list()["schemas"]
        width = max(len(row["name"]) for row in rows)
        for row in rows:
            terminal.result(f"{row['name']:<{width}}  {row['description'].replace('`', '')}")
    return 0
