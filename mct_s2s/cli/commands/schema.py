"""`schema`."""

from dataclasses import dataclass

from mct_s2s.cli.binding import argument
from mct_s2s.cli.options import output_option
from mct_s2s.errors import UsageError


def _complete_name(incomplete: str) -> list[str]:
    """Complete the name of a document, for the Tab key."""
    from mct_s2s.render.schemas import DOCUMENTS, FILES

    return [name for name in sorted((*DOCUMENTS, *FILES)) if name.startswith(incomplete)]


@dataclass(kw_only=True)
class SchemaOptions:
    examples = ("mct-s2s schema", "mct-s2s schema status")
    name: str | None = argument(
        "NAME",
        "A document, such as status or result. Default: list them.",
        autocompletion=_complete_name,
    )
    output: str = output_option(text="Format of the list.", group=None)


def schema(options: SchemaOptions) -> int:
    from mct_s2s.render.console import Terminal
    from mct_s2s.render.documents import NamedSchemaPart, SchemasDocument
    from mct_s2s.render.schemas import DOCUMENTS, FILES
    from mct_s2s.render.schemas import schema as schema_of

    terminal, known = Terminal.open(json=options.output == "json"), sorted((*DOCUMENTS, *FILES))
    if options.name is None:
        about = {name: schema_of(name)["description"] for name in known}
        if terminal.json:
            rows = [
                NamedSchemaPart(name=name, document=f"mct-s2s/{name}/v1", description=about[name])
                for name in known
            ]
            terminal.document(SchemasDocument(schemas=rows))
        else:
            for name, text in about.items():
                terminal.result(f"{name:<{max(map(len, known))}}  {text.replace('`', '')}")
        return 0
    # As the value of a document's `schema` key
    name = options.name.removeprefix("mct-s2s/").removesuffix("/v1")
    if name not in known:
        text = f"Unknown document '{options.name}'. Documents with a schema: {', '.join(known)}."
        raise UsageError("schema-unknown", text, remedy="mct-s2s schema")
    terminal.print_json(schema_of(name))
    return 0
