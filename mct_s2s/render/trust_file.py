"""Tables of a trust file as text: every value is a string of TOML's, every remark one line of plain characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mct_s2s.model.trust_file import key_text
from mct_s2s.plain_text import plain
from mct_s2s.planning.export import ExportedSite, ExportedTable

NOT_SAID = "Not in this file:"
HEADER = (
    "A trust file of mct-s2s: which clients call which Microsoft Community Training site.",
    "It holds no secret. To see what it would change: mct-s2s apply -f FILE --dry-run",
)


def header() -> str:
    """What a new file begins with."""
    return "".join(f"{comment(line)}\n" for line in HEADER)


def comment(text: str) -> str:
    """A comment of one line, whatever the text holds."""
    return f"# {plain(text)}".rstrip()


def profile_block(name: str, options: Mapping[str, str]) -> str:
    """A profile's table."""
    return _block(f"[profiles.{key_text(name)}]", options)


def site_block(key: str, profile: str | None, site: ExportedSite) -> str:
    """A site's table, and those of its clients and managed identities."""
    path = f"sites.{key_text(key)}"
    named: dict[str, str | bool] = {} if key == site.resource.names[0] else {"app-service": site.resource.names[0]}
    options = {**({"profile": profile} if profile is not None else {}), **named, **site.options}
    blocks = [_block(f"[{path}]", options, left_out(site))]
    blocks += [entry_block(path, "clients", client) for client in site.clients]
    blocks += [entry_block(path, "managed-identities", identity) for identity in site.identities]
    return "\n".join(blocks)


def left_out(site: ExportedSite) -> tuple[str, ...]:
    """The comment on what is there and not in the file."""
    return (NOT_SAID, *(f"  {one}" for one in site.left_out)) if site.left_out else ()


def entry_block(path: str, list_name: str, entry: ExportedTable) -> str:
    """The table of a client or a managed identity."""
    return _block(f"[[{path}.{list_name}]]", entry.options, entry.remarks)


def _block(header: str, options: Mapping[str, str | bool], remarks: Sequence[str] = ()) -> str:
    return "".join(f"{line}\n" for line in _lines(header, options, remarks))


def _lines(header: str, options: Mapping[str, str | bool], remarks: Sequence[str]) -> Iterator[str]:
    import tomlkit  # noqa: PLC0415  # only an export writes

    yield from map(comment, remarks)
    yield header
    for key, value in options.items():
        yield f"{key_text(key)} = {tomlkit.item(value).as_string()}"
