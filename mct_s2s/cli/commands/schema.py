from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.cli.binding import argument
from mct_s2s.cli.options import output_option
from mct_s2s.errors import UsageError

BODY = "commands.schema"
EXAMPLES = ("mct-s2s schema", "mct-s2s schema status")


@dataclass(kw_only=True)
class SchemaOptions:
    name: str | None = argument("NAME", "A document, such as status or result. Default: list them.")
    output: str = output_option(text="Format of the list.", group=None)


def schema(options: SchemaOptions) -> int:
    """Print what was asked for; return the process exit code."""
    from mct_s2s.render.console import Terminal  # noqa: PLC0415  # the help has no need of it
    from mct_s2s.render.schemas import FILES, names, schema_list  # noqa: PLC0415
    from mct_s2s.render.schemas import schema as schema_of  # noqa: PLC0415

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
