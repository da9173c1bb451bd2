"""`export`: one App Service or every one of the subscription, as a trust file."""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import AzureOptions, FileOptions, refuse_site_beside_all, url_option
from mct_s2s.errors import NotThere, PermissionMissing, UsageError, contradiction
from mct_s2s.exit_codes import worst

if TYPE_CHECKING:
    from mct_s2s.engine.request import Session
    from mct_s2s.model.api import Api
    from mct_s2s.model.azure_resources import IdentityResource
    from mct_s2s.model.directory_objects import ServicePrincipal
    from mct_s2s.model.observed import ObservedState, SiteOfFile
    from mct_s2s.model.resource_id import SiteTarget
    from mct_s2s.planning.export import Export
    from mct_s2s.render.console import Terminal


@dataclass(kw_only=True)
class ExportOptions(FileOptions, AzureOptions):
    examples = (
        "mct-s2s export -a contosolearn > trust.toml",
        "mct-s2s export --all > trust.toml",
        "mct-s2s export -f trust.toml | diff trust.toml -",
    )
    all_sites: bool = option("--all", "Export every MCT App Service of the subscription.")
    url: str | None = url_option()


def export(options: ExportOptions) -> int:
    from mct_s2s.cli.trust_file_requests import check_only

    if options.file is not None:
        return _export_file(options)
    check_only(options)
    return _export_subscription(options)


def _export_subscription(options: ExportOptions) -> int:
    """Export one App Service, or every one of the subscription."""
    from mct_s2s.cli.command_run import CommandRun, run_in_session
    from mct_s2s.cli.fleet import read_every_site
    from mct_s2s.cli.options_to_request import api_of
    from mct_s2s.cli.session import Services
    from mct_s2s.engine.request import Session
    from mct_s2s.inputs.target import checked_url
    from mct_s2s.model.resource_id import ResourceId
    from mct_s2s.planning.export import Export, ExportedSite, export_site
    from mct_s2s.planning.reports.status import UnreadSite
    from mct_s2s.render.exported_trust_file import trust_file_text

    if options.all_sites:
        refuse_site_beside_all()
        if options.url is not None:
            raise contradiction("--url names one API: it cannot be combined with --all.")
    api, typed = api_of(options), checked_url(options.url) if options.url is not None else None

    async def body(command_run: CommandRun, session: Session) -> int:
        observed = partial(_look_with_identities, options, typed)
        sites = list[ExportedSite]()
        not_set_up = list[ResourceId]()
        unread = list[ResourceId]()
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
        exported = Export(text, sites, not_set_up, failed, unread)
        _show(command_run.terminal, exported, options.output)
        return worst([site.error.exit_code for site in failed])

    return run_in_session(options, Services(target=not options.all_sites), body)


def _export_file(options: ExportOptions) -> int:
    """Export the sites of a trust file by its names; whom it names by an ID is believed."""
    from mct_s2s.cli.command_run import CommandRun, run_with_deadline
    from mct_s2s.cli.file_site import FileSite
    from mct_s2s.cli.fleet import read_file_sites
    from mct_s2s.cli.trust_file_requests import chosen, read_sites, set_up_command
    from mct_s2s.engine.request import Session
    from mct_s2s.model.resource_id import ResourceId
    from mct_s2s.planning.export import Export, ExportedSite, export_site
    from mct_s2s.planning.reports.status import UnreadSite
    from mct_s2s.render.exported_trust_file import trust_file_text

    file_sites = chosen(read_sites(options, "all_sites", "url"), options)

    async def exported(site: FileSite, session: Session) -> ExportedSite | ResourceId:
        service = site.service
        observed = await _look_with_identities(site.options, service.url, session, site.file)
        if observed.trust.service is None or observed.tenant is None:
            assert observed.app_service is not None  # the file names it
            return observed.app_service.resource
        found = export_site(
            observed, site.options.cloud, site.options.api, service, site.client_names
        )
        return replace(
            found,
            key=site.key,
            profile_name=site.profile_name,
            profile=site.profile.keys_as_written or found.profile,
        )

    async def body(command_run: CommandRun) -> int:
        results = await read_file_sites(file_sites, command_run.terminal, exported)
        sites = [result for result in results if isinstance(result, ExportedSite)]
        not_set_up = [result for result in results if isinstance(result, ResourceId)]
        failed = [result for result in results if isinstance(result, UnreadSite)]
        if not sites and not failed:
            raise NotThere(
                "nothing-to-export",
                f"No site of '{options.file}' has service-to-service authentication.",
                remedy="Set them up first:",
                command=set_up_command(options, [site.key for site in file_sites]),
            )
        is_mct = all(site.request.api.is_default for site in file_sites)
        text = trust_file_text(sites, is_mct=is_mct)
        _show(command_run.terminal, Export(text, sites, not_set_up, failed), options.output)
        return worst([site.error.exit_code for site in failed])

    return run_with_deadline(options, body)


def _show(terminal: "Terminal", exported: "Export", output: str) -> None:
    """Print the file, or the document with it; beside it, what it does not say."""
    from mct_s2s.render.status import show_unread

    for site in exported.sites:
        for sentence in site.unsaid:
            terminal.say(f"{site.resource.name}: not in the file: {sentence}", style="warn")
    for resource in exported.not_set_up:
        terminal.inform(
            f"{resource.name}: not in the file: it has no service-to-service authentication."
        )
    show_unread(terminal, exported.failed, exported.unchecked)
    if output == "json":
        from mct_s2s.render.documents import ExportDocument  # text needs none of its models

        terminal.document(ExportDocument.of(exported))
    else:
        terminal.verbatim(exported.text)


async def _look_with_identities(
    options: AzureOptions,
    typed_url: str | None,
    session: "Session",
    file: "SiteOfFile | None" = None,
) -> "ObservedState":
    from mct_s2s.cli.options_to_request import look
    from mct_s2s.concurrency import gather_or_cancel

    observed = await look(options, session, all_federated=True, url=typed_url, file=file)
    resources = await gather_or_cancel(
        *(_resource_of(session, identity) for identity in observed.trust.identities)
    )
    return replace(
        observed,
        identity_resources=tuple(resource for resource in resources if resource is not None),
    )


def _not_set_up(target: "SiteTarget", options: ExportOptions) -> NotThere:
    from mct_s2s.cli.options_to_request import where
    from mct_s2s.model.commands import own_command

    return NotThere(
        "service-application-missing",
        f"'{target.label}' has no service application yet: there is nothing to export.",
        remedy="Create it first:",
        command=own_command("setup", "--client", "NAME", where=where(options)),
    )


def _nothing_to_export(api: "Api", options: ExportOptions) -> NotThere:
    from mct_s2s.cli.options_to_request import where
    from mct_s2s.model.commands import own_command

    anywhere = replace(options, app_service=None, resource_group=None, slot=None)
    return NotThere(
        "nothing-to-export",
        f"No {api.name} App Service of the subscription has service-to-service authentication.",
        remedy="Name another subscription with --subscription, or set one up first:",
        command=own_command(
            "setup", "-a", "APP_SERVICE", "--client", "NAME", where=where(anywhere)
        ),
    )


async def _resource_of(
    session: "Session", identity: "ServicePrincipal"
) -> "IdentityResource | None":
    from mct_s2s.model.resource_id import ResourceId

    try:
        return await session.arm.identity_resource(ResourceId.parse(identity.resource_id or ""))
    except (NotThere, PermissionMissing, UsageError):
        return None
