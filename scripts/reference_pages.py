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
from mct_s2s.render.documents import DOCUMENTS, schema
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
    found = {name: schema(name) for name in DOCUMENTS}
    rows = (
        (f"[`{one['title']}`](#{name})", f"`{name}`", one["description"])
        for name, one in found.items()
    )
    regions = {"documents": table(("document", "`mct-s2s schema`", "what it is"), rows)}
    for name, one in found.items():
        regions[name] = table(("member", "type", "meaning"), members(one))
    return regions


def members(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    """A row for each member of an object, and of what it holds; documents within are linked."""
    required = node.get("required", ())
    for name, one in node.get("properties", {}).items():
        here = f"{path}{name}"
        optional = "" if name in required else ", may be absent"
        yield f"`{here}`", kind_of(one) + optional, meaning_of(one)
        for part in (one, one.get("items", {}), *one.get("items", {}).get("anyOf", ())):
            if "title" not in part:
                yield from members(part, f"{here}{'[]' if part is not one else ''}.")


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
                (f"`{key}`", kind_of(one), meaning_of(one))
                for key, one in keys.items()
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
            f"`{one}`",
            f"`{one.holds}`",
            word.about,
            word.comparison,
            f"`{word.option}`" if word.option else "none",
        )
        for one in shipped_api(DEFAULT_API).rows
        for word in [one.word]
    )
    return {"settings": table(head, rows)}


def kind_of(one: Mapping[str, Any]) -> str:
    """A schema's type in words."""
    if "anyOf" in one:
        return " or ".join(kind_of(choice) for choice in one["anyOf"])
    if "title" in one:
        return f"[{one['title']}](#{one['title'].split('/')[1]})"
    if "const" in one:
        return f"`{one['const']}`"
    if "enum" in one:
        return ", ".join(f"`{value}`" if value is not None else "null" for value in one["enum"])
    if one["type"] == "array":
        inner = one["items"]
        has_fields = "type" not in inner or inner["type"] == "object"
        return "array of objects" if has_fields else f"array of {inner['type']}s"
    kinds = one["type"] if isinstance(one["type"], list) else [one["type"]]
    return " or ".join(kinds)


def meaning_of(one: Mapping[str, Any]) -> str:
    """A schema's description, and the codes known today."""
    codes = ", ".join(f"`{code}`" for code in one.get("examples", ()))
    return (
        f"{one.get('description', 'Names the document.' if 'const' in one else '')} {codes}".strip()
    )


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
    there = [name for _, name, _ in REGION.findall(text)]
    if sorted(there) != sorted(regions):
        lacking, unknown = set(regions) - set(there), set(there) - set(regions)
        raise ValueError(
            f"docs/{page}: add the regions {sorted(lacking)}, remove {sorted(unknown)}"
        )
    return REGION.sub(lambda found: f"{found[1]}\n{regions[found[2]]}\n{found[3]}", text)


def main(*, check: bool) -> int:
    """Write the pages, or compare them; return the process exit code."""
    found, fresh = list[str](), {DOCS / "setup.svg": recording()}
    for page, make in PAGES.items():
        try:
            fresh[DOCS / page] = rewritten(page, (DOCS / page).read_text(encoding="utf-8"), make())
        except ValueError as error:
            found.append(str(error))
    for path, text in fresh.items():
        if not check:
            path.write_text(text, encoding="utf-8")
        # A machine with seven programs a core has once recorded another run: what is out of date is
        # so twice.
        elif (there := path.read_text(encoding="utf-8")) != text and (
            path.suffix == ".md" or recording() != there
        ):
            found.append(f"docs/{path.name} is out of date. Run: scripts/docs")
    found += problems_of(sorted([DOCS.parent / "README.md", *DOCS.glob("*.md")]))
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
