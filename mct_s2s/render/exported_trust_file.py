"""A trust file of what exists, as `export` writes it."""

from collections.abc import Container, Mapping, Sequence

from mct_s2s.model.toml import toml_key, toml_value
from mct_s2s.plain_text import plain
from mct_s2s.planning.export import DoubtedKeys, ExportedSite, Keys

HEADER = (
    "A trust file of mct-s2s: which clients call which {what}.",
    "It holds no secret. To see what it would change: mct-s2s apply -f FILE --dry-run",
)


def trust_file_text(sites: Sequence[ExportedSite], *, is_mct: bool = True) -> str:
    """`is_mct`: whether the sites serve MCT."""
    what = "Microsoft Community Training site" if is_mct else "App Service"
    blocks = ["".join(_comment(line.format(what=what)) for line in HEADER)]
    profiles: dict[str, Keys] = {}
    keys: set[str] = set()
    for site in sites:
        profile = next((name for name, known in profiles.items() if known == site.profile), None)
        if profile is None:
            profile = _free(profiles, str(site.profile["tenant"]).partition(".")[0])
            profiles[profile] = site.profile
            blocks.append(_block(f"[profiles.{toml_key(profile)}]", site.profile))
        app = site.resource.names[0]
        name = "-".join([app, *([site.resource.slot] if site.resource.slot else [])])
        key = _free(keys, name, f"{name}-{site.resource.resource_group}")
        keys.add(key)
        path = f"sites.{toml_key(key)}"
        options = {
            "profile": profile,
            **({} if key == app else {"app-service": app}),
            **site.options,
        }
        left_out = (
            ("Not in this file:", *(f"  {sentence}" for sentence in site.left_out))
            if site.left_out
            else ()
        )
        site_table = _block(f"[{path}]", options, left_out)
        site_table += "".join(map(_doubted_lines, site.doubted_options))
        blocks.append(site_table)
        blocks += [
            _block(f"[[{path}.clients]]", client, remarks) for client, remarks in site.clients
        ]
        blocks += [_doubted_lines(client, f"[[{path}.clients]]") for client in site.doubted_clients]
        blocks += [
            _block(f"[[{path}.managed-identities]]", identity) for identity in site.identities
        ]
    return "\n".join(blocks)


def _free(taken: Container[str], *names: str) -> str:
    """The first of the names that is not taken, or else the last one with a number."""
    numbered = (f"{names[-1]}-{number}" for number in range(2, 10_000))
    return next(name for name in (*names, *numbered) if name not in taken)


def _block(header: str, options: Mapping[str, str | bool], remarks: Sequence[str] = ()) -> str:
    values = (f"{toml_key(key)} = {toml_value(value)}\n" for key, value in options.items())
    return "".join((*map(_comment, remarks), f"{header}\n", *values))


def _doubted_lines(doubted: DoubtedKeys, header: str = "") -> str:
    """Lines to uncomment, below the reason why they are comments."""
    first, *others = (
        f"{toml_key(key)} = {toml_value(value)}" for key, value in doubted.keys.items()
    )
    name = f"  # {plain(doubted.display_name)}" if doubted.display_name else ""
    lines = [doubted.sentence, *([header] if header else []), f"{first}{name}", *others]
    return "".join(map(_comment, lines))


def _comment(text: str) -> str:
    return f"# {plain(text)}".rstrip() + "\n"
