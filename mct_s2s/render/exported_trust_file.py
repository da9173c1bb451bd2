"""A trust file of what exists, as `export` writes it."""

from collections.abc import Container, Iterator, Mapping, Sequence
from types import MappingProxyType

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
        profile = _profile_name(site, profiles)
        if profile not in profiles:
            profiles[profile] = site.profile
            blocks.append(_block(f"[profiles.{toml_key(profile)}]", site.profile))
        app = site.resource.names[0]
        name = "-".join([app, *([site.resource.slot] if site.resource.slot else [])])
        key = site.key or _free(keys, name, f"{name}-{site.resource.resource_group}")
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
        site_table = _block(f"[{path}]", options, left_out, {"service-app": site.service_name})
        site_table += "".join(map(_doubted_lines, site.doubted_options))
        blocks.append(site_table)
        blocks += [
            _block(
                f"[[{path}.clients]]", client.keys, client.remarks, {"name": client.display_name}
            )
            for client in site.clients
        ]
        blocks += [_doubted_lines(client, f"[[{path}.clients]]") for client in site.doubted_clients]
        blocks += [
            _block(f"[[{path}.managed-identities]]", identity) for identity in site.identities
        ]
    return "\n".join(blocks)


def _profile_name(site: ExportedSite, profiles: Mapping[str, Keys]) -> str:
    """The name of a site's profile: a file's, that of the same keys, or a new one."""
    if site.profile_name:
        return site.profile_name
    same = (name for name, known in profiles.items() if known == site.profile)
    return next(same, None) or _free(profiles, str(site.profile["tenant"]).partition(".")[0])


def _free(taken: Container[str], *names: str) -> str:
    """The first of the names that is not taken, or else the last one with a number."""
    numbered = (f"{names[-1]}-{number}" for number in range(2, 10_000))
    return next(name for name in (*names, *numbered) if name not in taken)


def _block(
    header: str,
    options: Keys,
    remarks: Sequence[str] = (),
    names: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A table below its remarks. `names`: whose ID is the value of a key."""
    lines = (f"{line}\n" for line in _key_lines(options, names))
    return "".join((*map(_comment, remarks), f"{header}\n", *lines))


def _key_lines(options: Keys, names: Mapping[str, str]) -> Iterator[str]:
    for key, value in options.items():
        name = names.get(key)
        remark = f"  # {plain(name)}" if name else ""
        yield f"{toml_key(key)} = {toml_value(value)}{remark}"


def _doubted_lines(doubted: DoubtedKeys, header: str = "") -> str:
    """Lines to uncomment, below the reason why they are comments."""
    names = dict.fromkeys(("service-app", "name"), doubted.display_name)
    lines = [doubted.sentence, *([header] if header else []), *_key_lines(doubted.keys, names)]
    return "".join(map(_comment, lines))


def _comment(text: str) -> str:
    return f"# {plain(text)}".rstrip() + "\n"
