"""`mct-s2s schema`."""

from mct_s2s.cli.commands import SchemaOptions
from mct_s2s.errors import UsageError
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import DOCUMENTS, FILES
from mct_s2s.render.documents import schema as schema_of


def schema(options: SchemaOptions) -> int:
    terminal, known = Terminal.open(json=options.output == "json"), sorted((*DOCUMENTS, *FILES))
    if options.name is None:
        about = {name: schema_of(name)["description"] for name in known}
        if terminal.json:
            rows = [
                {"name": name, "document": f"mct-s2s/{name}/v1", "description": about[name]}
                for name in known
            ]
            terminal.document("schemas", {"schemas": rows})
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
