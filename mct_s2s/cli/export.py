"""`export`: one App Service or every one of the subscription, as a trust file."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from mct_s2s.cli.commands import ExportOptions
from mct_s2s.cli.fleet import read_every_site
from mct_s2s.cli.options import refuse_site_beside_all
from mct_s2s.cli.requests import api_of, look, where
from mct_s2s.cli.run import CommandRun, run
from mct_s2s.cli.session import Services
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.request import Session
from mct_s2s.errors import NotThere, PermissionMissing, UsageError
from mct_s2s.exit_codes import worst
from mct_s2s.model.api import Api
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.commands import own_command
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.model.trust_file import toml_key, toml_value
from mct_s2s.plain_text import plain
from mct_s2s.planning.export import ExportedSite, Keys, export_site
from mct_s2s.planning.reports.status import UnreadSite
from mct_s2s.render.console import Terminal
from mct_s2s.render.status import show_unread

HEADER = (
    "A trust file of mct-s2s: which clients call which {what}.",
    "It holds no secret. To see what it would change: mct-s2s apply -f FILE --dry-run",
)


def export(options: ExportOptions) -> int:
    if options.all_sites:
        refuse_site_beside_all()
    api = api_of(options)

    async def body(current: CommandRun, session: Session) -> int:
        observed = partial(_look_with_identities, options)
        sites, not_set_up, unread = list[ExportedSite](), list[ResourceId](), list[ResourceId]()
        failed: list[UnreadSite] = []
        if options.all_sites:
            states, unread = await read_every_site(session, api, observed)
        else:
            states = [await observed(session)]
        for state in states:
            if isinstance(state, UnreadSite):
                failed.append(state)
            elif state.trust.service is None or state.tenant is None:
                assert state.app_service is not None  # it is about one
                not_set_up.append(state.app_service.resource)
            else:
                sites.append(export_site(state, options.cloud, options.api))
        if not_set_up and session.target is not None:
            raise _not_set_up(session.target, options)
        if not sites and not failed:
            raise _nothing_to_export(api, options)
        text = trust_file_text(sites, is_mct=api.is_default)
        parts = {
            "text": text,
            "sites": sites,
            "not_set_up": not_set_up,
            "failed": failed,
            "unchecked": unread,
        }
        _show(current.terminal, parts, options.output)
        return worst([site.error.exit_code for site in failed])

    return run(options, Services(target=not options.all_sites), body)


def _show(terminal: Terminal, parts: Mapping[str, Any], output: str) -> None:
    """Print the file, or the document with it; beside it, what it does not say.

    `parts`: members of the document.
    """
    for name, sentence in (
        (site.resource.name, each) for site in parts["sites"] for each in site.left_out
    ):
        terminal.say(f"{name}: not in the file: {sentence}", style="warn")
    for resource in parts["not_set_up"]:
        terminal.note(
            f"{resource.name}: not in the file: it has no service-to-service authentication."
        )
    show_unread(terminal, parts["failed"], parts["unchecked"])
    if output == "json":
        terminal.document("export", parts)
    else:
        terminal.verbatim(parts["text"])


async def _look_with_identities(options: ExportOptions, session: Session) -> ObservedState:
    observed = await look(options, session, all_federated=True)
    resources = await gather_or_cancel(
        *(_resource_of(session, identity) for identity in observed.trust.identities)
    )
    return replace(
        observed,
        identity_resources=tuple(resource for resource in resources if resource is not None),
    )


def _not_set_up(target: SiteTarget, options: ExportOptions) -> NotThere:
    return NotThere(
        "service-application-missing",
        f"'{target.label}' has no service application yet: there is nothing to export.",
        remedy="Create it first:",
        command=own_command("setup", "--client", "NAME", where=where(options)),
    )


def _nothing_to_export(api: Api, options: ExportOptions) -> NotThere:
    anywhere = replace(options, app_service=None, resource_group=None, slot=None)
    return NotThere(
        "nothing-to-export",
        f"No {api.name} App Service of the subscription has service-to-service authentication.",
        remedy="Name another subscription with --subscription, or set one up first:",
        command=own_command(
            "setup", "-a", "APP_SERVICE", "--client", "NAME", where=where(anywhere)
        ),
    )


async def _resource_of(session: Session, identity: ServicePrincipal) -> IdentityResource | None:
    try:
        return await session.arm.identity_resource(ResourceId.parse(identity.resource_id or ""))
    except (NotThere, PermissionMissing, UsageError):
        return None


def trust_file_text(sites: Sequence[ExportedSite], *, is_mct: bool = True) -> str:
    """`is_mct`: whether the sites serve MCT."""
    what = "Microsoft Community Training site" if is_mct else "App Service"
    blocks = ["".join(_comment(line.format(what=what)) for line in HEADER)]
    profiles: dict[str, Keys] = {}
    keys: set[str] = set()
    for site in sites:
        profile = next((name for name, one in profiles.items() if one == site.profile), None)
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
            ("Not in this file:", *(f"  {one}" for one in site.left_out)) if site.left_out else ()
        )
        blocks.append(_block(f"[{path}]", options, left_out))
        blocks += [
            _block(f"[[{path}.clients]]", client, remarks) for client, remarks in site.clients
        ]
        blocks += [_block(f"[[{path}.managed-identities]]", one) for one in site.identities]
    return "\n".join(blocks)


def _free(taken: Container[str], *names: str) -> str:
    """The first of the names that is not taken, or else the last one with a number."""
    numbered = (f"{names[-1]}-{number}" for number in range(2, 10_000))
    return next(name for name in (*names, *numbered) if name not in taken)


def _block(header: str, options: Mapping[str, str | bool], remarks: Sequence[str] = ()) -> str:
    values = (f"{toml_key(key)} = {toml_value(value)}\n" for key, value in options.items())
    return "".join((*map(_comment, remarks), f"{header}\n", *values))


def _comment(text: str) -> str:
    return f"# {plain(text)}".rstrip() + "\n"
