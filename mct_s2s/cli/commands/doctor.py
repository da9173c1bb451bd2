"""`doctor`: check permissions, locks and policies."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mct_s2s.cli.binding import option, option_words
from mct_s2s.cli.commands.setup import directory_half
from mct_s2s.cli.options import AzureOptions, FileOptions, output_option, service_app_option
from mct_s2s.exit_codes import ExitCode, worst
from mct_s2s.plain_text import counted

if TYPE_CHECKING:
    from mct_s2s.errors import Instruction, MissingRight
    from mct_s2s.planning.permissions.doctor import DoctorCheck, Seen
    from mct_s2s.render.console import Terminal

CHECKED = ("service_app", "role", "managed_identity", "no_app_service", "no_consent")
"""Options that `setup` has, too: with them it does what was checked, no more."""


@dataclass(kw_only=True)
class DoctorOptions(FileOptions, AzureOptions):
    examples = (
        "mct-s2s doctor -a contosolearn",
        "mct-s2s doctor -a contosolearn --managed-identity reports-func",
        "mct-s2s doctor -a contosolearn -o markdown",
        "mct-s2s doctor -f trust.toml",
    )
    output: str = output_option("markdown")
    managed_identity: list[str] = option(
        "--managed-identity RESOURCE",
        "Resource whose managed identity to enable. Repeatable.",
        default=list,
    )
    service_app: str | None = service_app_option()
    role: str | None = option("--role VALUE", "App role value. Default: S2SAppRole for MCT.")
    no_app_service: bool = option("--no-app-service", "Check Entra ID only.")
    no_consent: bool = option("--no-consent", "Skip the check for admin consent.")

    def directory_half(self) -> str | None:
        return directory_half(self, ["NAME"])


def doctor(options: DoctorOptions) -> int:
    from mct_s2s import clock
    from mct_s2s.cli.command_run import CommandRun, run_in_session
    from mct_s2s.cli.options_to_request import (
        api_of,
        at_site,
        caller_resources,
        check_role,
        look_request,
    )
    from mct_s2s.cli.session import Services
    from mct_s2s.cli.trust_file_requests import check_only
    from mct_s2s.engine.observe.rights_lookup import examine_rights
    from mct_s2s.engine.request import Session
    from mct_s2s.model.caller_rights import Verdict
    from mct_s2s.model.desired import ClientSpec, ServiceSpec, Setup
    from mct_s2s.planning.permissions.doctor import checks, is_ready, missing_rights_of, state_of
    from mct_s2s.planning.secret_policy import longest
    from mct_s2s.render.diagnostics import annotate_sites
    from mct_s2s.render.doctor import failed_messages, show_checks

    if options.file is not None:
        return _doctor_of_file(options)
    check_only(options)
    api = api_of(options)
    check_role(options.role, api)
    identities = caller_resources(options.managed_identity)

    async def body(command_run: CommandRun, session: Session) -> int:
        wanted = Setup(
            ServiceSpec(
                display_name=f"{api.name} service", role=options.role, adopt=options.service_app
            )
        )
        request = look_request(
            options, wanted, clock.now(), identities=identities, without_settings=True
        )
        request = at_site(request, options, session)
        seen = await examine_rights(session, request)
        client = ClientSpec("NAME", None, consent=not options.no_consent)
        job = replace(wanted, service=request.desired.service, clients=(client,))
        results = checks(seen, job)
        if command_run.terminal.json:
            from mct_s2s.render.documents import DoctorDocument  # text needs none of its models

            command_run.terminal.document(DoctorDocument.of(seen, results))
        else:
            more = [
                *option_words(DoctorOptions, {name: getattr(options, name) for name in CHECKED})
            ]
            if longest(seen.access.secret_rules or ()):
                more.append("--auto-lifetime")
            with _shown_as(
                options, command_run.terminal, f"Permissions for {request.label}"
            ) as shown:
                missing = missing_rights_of(results, Verdict.NO)
                if seen.directory_refusal is not None:
                    missing += seen.directory_refusal.missing
                ways = _ways_out(options, results, missing)
                state = state_of(seen)
                show_checks(shown, results, seen.observed.where, more, ways, state)
        unknown = _name_unknown(command_run.terminal, seen, "")
        if not unknown:
            annotate_sites(command_run.terminal, failed_messages({request.label: results}))
        return worst([0 if is_ready(results) else ExitCode.ATTENTION, *unknown])

    arm = not options.no_app_service or bool(identities)
    return run_in_session(options, Services(arm=arm, target=not options.no_app_service), body)


def _ways_out(
    options: DoctorOptions, results: "Sequence[DoctorCheck]", missing: "Collection[MissingRight]"
) -> "tuple[Instruction, ...]":
    """How others do what the caller may not, also where a setup is there that it cannot read."""
    from mct_s2s.cli.handover import ways_out
    from mct_s2s.errors import Instruction
    from mct_s2s.planning.permissions.doctor import is_existing_unsettled

    if options.service_app is not None or not is_existing_unsettled(results):
        return ways_out(options, missing)
    ways = ways_out(replace(options, service_app="APP_ID"), missing)
    asking = (
        "The App Service's settings say which service application is its own. Ask for them, and "
        "name that one by --service-app, in place of APP_ID."
    )
    return (Instruction(asking), *ways) if ways else ()


def _doctor_of_file(options: DoctorOptions) -> int:
    from mct_s2s.cli.command_run import CommandRun, run_with_deadline
    from mct_s2s.cli.file_site import FileSite
    from mct_s2s.cli.fleet import read_file_sites
    from mct_s2s.cli.options_to_request import at_site
    from mct_s2s.cli.trust_file_requests import chosen, file_words, read_sites
    from mct_s2s.engine.credential_stores import find_place_refusals
    from mct_s2s.engine.observe.rights_lookup import examine_rights
    from mct_s2s.engine.request import Session
    from mct_s2s.model.commands import command
    from mct_s2s.planning.permissions.doctor import (
        DoctorCheck,
        SiteChecks,
        checks,
        is_up_to_date,
    )
    from mct_s2s.planning.reports.status import UnreadSite
    from mct_s2s.render.diagnostics import annotate_sites
    from mct_s2s.render.doctor import failed_messages, show_sites
    from mct_s2s.render.status import show_unread

    sites = chosen(
        read_sites(options, "managed_identity", "role", "no_app_service", "no_consent"), options
    )

    async def examined(site: FileSite, session: Session) -> SiteChecks:
        request = at_site(replace(site.request, without_settings=True), site.options, session)
        seen = await examine_rights(session, request)
        site.name_keys(seen.site_refusal)
        if seen.directory_refusal is None:
            places = await find_place_refusals(session, request, seen.observed)
            for refusal in places:
                site.name_keys(refusal)
            seen = replace(seen, place_refusals=places)
        return SiteChecks(
            site.key,
            site.title,
            seen,
            checks(seen, request.setup),
            is_up_to_date(seen, request.setup),
        )

    async def body(command_run: CommandRun) -> int:
        results = await read_file_sites(sites, command_run.terminal, examined)
        read = [site for site in results if isinstance(site, SiteChecks)]
        failed = [site for site in results if isinstance(site, UnreadSite)]
        if command_run.terminal.json:
            from mct_s2s.render.documents import DoctorListDocument

            command_run.terminal.document(DoctorListDocument.of(read, failed))
            show_unread(command_run.terminal, failed, ())
        else:
            title = f"Permissions for {counted(len(sites), 'site')}"
            with _shown_as(options, command_run.terminal, title) as shown:
                show_sites(shown, read, failed, command("mct-s2s", "apply", *file_words(options)))
        codes = list[int]()
        failing = dict[str, Sequence[DoctorCheck]]()
        for site in read:
            unknown = _name_unknown(command_run.terminal, site.seen, site.title)
            codes += [0 if site.is_ready else ExitCode.ATTENTION, *unknown]
            if not unknown:
                failing[site.title] = site.checks
        annotate_sites(command_run.terminal, failed_messages(failing))
        return worst([*codes, *(site.error.exit_code for site in failed)])

    return run_with_deadline(options, body)


def _name_unknown(terminal: "Terminal", seen: "Seen", title: str) -> list[int]:
    """The exit code of an App Service that was not found, beside the other checks.

    A job's log shows it as an error, too.
    """
    from mct_s2s.engine.observe.sites import SiteNotFound
    from mct_s2s.render.diagnostics import annotate

    refusal = seen.site_refusal
    if not isinstance(refusal, SiteNotFound):
        return []
    annotate(terminal, refusal, title)
    return [refusal.exit_code]


@contextmanager
def _shown_as(options: DoctorOptions, terminal: "Terminal", title: str) -> "Iterator[Terminal]":
    """Where to show what was found: on the terminal, or for a page of Markdown."""
    from mct_s2s.render.console import Terminal
    from mct_s2s.render.markdown import page

    is_page = options.output == "markdown"
    shown = Terminal.recording() if is_page else terminal
    yield shown
    if is_page:
        terminal.verbatim(page(title, shown.recorded))
