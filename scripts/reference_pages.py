"""Write the generated regions of the pages under docs/, and the drawings: `reference_pages.py
[--check]`.

A page holds prose that is written by hand, and regions between `<!-- generated: NAME -->` and `<!--
end -->`, which the page's function makes from the code. A drawing is generated as a whole.
"""

import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mct_s2s.inputs.apis import shipped_api
from mct_s2s.model.api import DEFAULT_API
from mct_s2s.render.schemas import DOCUMENTS, schema
from reference.checks import problems_of
from reference.commands import command_regions, table
from reference.recording import recording

DOCS = Path(__file__).parent.parent / "docs"
REGION = re.compile(r"(<!-- generated: ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)
Regions = Mapping[str, str]


def error_regions() -> Regions:
    """The catalogue of errors.toml."""
    sections = tomllib.loads((DOCS / "errors.toml").read_text(encoding="utf-8"))
    text = ""
    for title, rows in sections.items():
        lines = (
            (f"`{code}`", str(exits), what, remedy) for code, (exits, what, remedy) in rows.items()
        )
        text += f"\n## {title}\n\n{table(('code', 'exit', 'what happened', 'what to do'), lines)}"
    return {"catalogue": text.lstrip("\n")}


def document_regions() -> Regions:
    """Each JSON document's members."""
    schemas = {name: schema(name) for name in DOCUMENTS}
    rows = (
        (f"[`{document['title']}`](#{name})", f"`{name}`", document["description"])
        for name, document in schemas.items()
    )
    regions = {"documents": table(("document", "`mct-s2s schema`", "what it is"), rows)}
    for name, document in schemas.items():
        regions[name] = table(("member", "type", "meaning"), members(document))
    return regions


def members(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    """A row for each member of an object, and of what it holds; documents within are linked."""
    required = node.get("required", ())
    for name, member in node.get("properties", {}).items():
        here = f"{path}{name}"
        optional = "" if name in required else ", may be absent"
        yield f"`{here}`", kind_of(member) + optional, meaning_of(member)
        for part in (member, member.get("items", {}), *member.get("items", {}).get("anyOf", ())):
            if "title" not in part:
                yield from members(part, f"{here}{'[]' if part is not member else ''}.")


def trust_file_regions() -> Regions:
    """The keys of each kind of table."""
    top = schema("trust")["properties"]
    tables = {
        name: top[name]["additionalProperties"]["properties"] for name in ("profiles", "sites")
    }
    lists = ("clients", "managed-identities")
    tables |= {name: tables["sites"][name]["items"]["properties"] for name in lists}
    return {
        name: table(
            ("key", "value", "meaning"),
            (
                (f"`{key}`", kind_of(entry), meaning_of(entry))
                for key, entry in keys.items()
                if key not in lists
            ),
        )
        for name, keys in tables.items()
    }


def setting_regions() -> Regions:
    """The table of the document's settings, as the product's table has it."""
    head = ("setting", "holds", "used for", "compared", "option of `configure-appservice`")
    rows = (
        (
            f"`{row}`",
            f"`{row.holds}`",
            word.about,
            word.comparison,
            f"`{word.option}`" if word.option else "none",
        )
        for row in shipped_api(DEFAULT_API).rows
        for word in [row.word]
    )
    return {"settings": table(head, rows)}


def kind_of(entry: Mapping[str, Any]) -> str:
    """A schema's type in words."""
    if "anyOf" in entry:
        return " or ".join(kind_of(choice) for choice in entry["anyOf"])
    if "title" in entry:
        return f"[{entry['title']}](#{entry['title'].split('/')[1]})"
    if "const" in entry:
        return f"`{entry['const']}`"
    if "enum" in entry:
        return ", ".join(f"`{value}`" if value is not None else "null" for value in entry["enum"])
    if entry["type"] == "array":
        inner = entry["items"]
        has_fields = "type" not in inner or inner["type"] == "object"
        return "array of objects" if has_fields else f"array of {inner['type']}s"
    kinds = entry["type"] if isinstance(entry["type"], list) else [entry["type"]]
    return " or ".join(kinds)


def meaning_of(entry: Mapping[str, Any]) -> str:
    """A schema's description, and the codes known today."""
    codes = ", ".join(f"`{code}`" for code in entry.get("examples", ()))
    usual = "Names the document." if "const" in entry else ""
    return f"{entry.get('description', usual)} {codes}".strip()


PAGES: Mapping[str, Callable[[], Regions]] = {
    "commands.md": command_regions,
    "errors.md": error_regions,
    "json.md": document_regions,
    "settings.md": setting_regions,
    "trust-files.md": trust_file_regions,
}


def rewritten(page: str, text: str, regions: Regions) -> str:
    """A page with its regions made anew.

    Raises ValueError: a region is missing, or nothing makes it.
    """
    present = [name for _, name, _ in REGION.findall(text)]
    if sorted(present) != sorted(regions):
        lacking, unknown = set(regions) - set(present), set(present) - set(regions)
        raise ValueError(
            f"docs/{page}: add the regions {sorted(lacking)}, remove {sorted(unknown)}"
        )
    return REGION.sub(lambda match: f"{match[1]}\n{regions[match[2]]}\n{match[3]}", text)


def main(*, check: bool) -> int:
    """Write the pages, or compare them; return the process exit code."""
    problems, fresh = list[str](), {DOCS / "setup.svg": recording()}
    for page, make in PAGES.items():
        try:
            fresh[DOCS / page] = rewritten(page, (DOCS / page).read_text(encoding="utf-8"), make())
        except ValueError as error:
            problems.append(str(error))
    for path, text in fresh.items():
        if not check:
            path.write_text(text, encoding="utf-8")
        # A machine with seven programs a core has once recorded another run: what is out of date is
        # so twice.
        elif (text_now := path.read_text(encoding="utf-8")) != text and (
            path.suffix == ".md" or recording() != text_now
        ):
            problems.append(f"docs/{path.name} is out of date. Run: scripts/docs")
    problems += problems_of(sorted([DOCS.parent / "README.md", *DOCS.glob("*.md")]))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
