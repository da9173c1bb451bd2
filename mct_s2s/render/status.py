"""`status` for a person."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from rich.text import Text

from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.model.site_settings import Holds
from mct_s2s.plain_text import counted
from mct_s2s.planning.api_address import api_url
from mct_s2s.planning.reports.findings import (
    CLIENT_NOT_ALLOWED,
    OTHER_API,
    Finding,
    Severity,
)
from mct_s2s.planning.reports.status import (
    ClientStatus,
    SiteStatus,
    StatusReport,
    UnreadSite,
)
from mct_s2s.planning.service_facts import known_audience, wanted_role
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import OPEN, SIGNS, Terminal
from mct_s2s.render.credentials import path_or_place
from mct_s2s.render.diagnostics import show_error, told_once


def show_report(terminal: Terminal, report: StatusReport) -> None:
    if report.is_list:
        _list(terminal, report)
    else:
        _site(terminal, report.sites[0])


def show_unread(
    terminal: Terminal, failed: Iterable[UnreadSite], unchecked: Sequence[ResourceId]
) -> None:
    """On standard error, whatever the format: no one takes a part for the whole."""
    for titles, error in told_once((site.title, site.error) for site in failed):
        names, whose = ", ".join(titles), "its" if len(titles) == 1 else "their"
        terminal.say(Text.assemble((f"{names}: ", "head"), f"{whose} state could not be read."))
        show_error(terminal, error, names)
    if unchecked:
        why = "you can't read the settings that would tell whether they belong to MCT"
        terminal.say(f"{counted(len(unchecked), 'web app')} not shown: {why}.")
        for resource in unchecked:
            terminal.say(f"  {resource}")


def _site(terminal: Terminal, site: SiteStatus) -> None:
    style = (
        "good"
        if site.is_healthy
        else "bad"
        if any(finding.stops_calls for finding in site.findings)
        else "warn"
    )
    terminal.result(site.verdict, style=style)
    elsewhere = [finding for finding in site.findings if _is_elsewhere(finding)]
    show_findings(terminal, (finding for finding in site.findings if finding not in elsewhere))
    for what, finishing in _ways_to_finish_removals(site):
        terminal.result(what)
        terminal.result(Text.assemble("  → ", (finishing, "command")))
    if site.clients:
        table = Columns(["  Client", "ID", "Needs next"])
        for client in site.clients:
            sign = OPEN if client.can_call and client.is_due else SIGNS[client.can_call]
            style = "warn" if client.is_due else "bad" if client.can_call is False else "quiet"
            needs = f"{client.needs}{_several_valid(client, site.observed.now)}"
            table.add(Text.assemble(sign, client.name), client.id, Text(needs, style=style))
            if client.place is not None:
                table.add_below(Text(f"    kept in {_whereabouts(client.place)}", style="quiet"))
        terminal.result()
        terminal.out.print(table)
    terminal.result()
    table = Columns()
    for name, value in facts(site.observed):
        table.add(Text(name, style="quiet"), value)
    terminal.out.print(table)
    _show_elsewhere(terminal, site.observed, elsewhere)


def _ways_to_finish_removals(site: SiteStatus) -> Iterator[tuple[str, str]]:
    """Say how to finish a removal that was cut off, where the state may be what it has left.

    The remedies of the findings would give access back.
    """
    if _may_be_half_removed(site):
        yield "Or, to finish a removal:", site.observed.command("teardown")
        return
    if any(finding.code == OTHER_API for finding in site.findings):
        return  # whom the allow list lacks is the other API's to say
    for finding in site.findings:
        # A removal takes a client off the allow list first.
        if finding.code == CLIENT_NOT_ALLOWED and finding.stops_calls:
            what = f"Or, to finish a removal of '{finding.subject}':"
            yield what, site.observed.command("remove-client", about=finding.client)


def _may_be_half_removed(site: SiteStatus) -> bool:
    """Whether it is as a removal leaves it that was cut off after it had removed the settings."""
    codes = {finding.code for finding in site.findings}
    # An API without settings lacks none, and one of another description has others.
    if "setting-missing" not in codes or OTHER_API in codes:
        return False
    return site.observed.own_settings == {} and site.observed.trust.service is not None


def _several_valid(client: ClientStatus, now: datetime) -> str:
    """How many secrets of ours a rotation, or several, have left valid; empty for one."""
    valid = [
        credential
        for credential in client.credentials
        if credential.is_replaceable and credential.is_valid_at(now)
    ]
    return f"  ({len(valid)} {valid[0].kind.noun}s are valid)" if len(valid) > 1 else ""


def _is_elsewhere(finding: Finding) -> bool:
    """Whether it says that a secret is not on this machine, which is often as it should be."""
    return finding.code == "secret-not-stored" and finding.severity is Severity.NOTE


def _whereabouts(place: SecretPlace) -> str:
    """Where a credential is kept, and whose word that is if it is not this machine's."""
    # Owners of the registration, also earlier ones, can write its tags.
    said = "" if place.is_file else ", as a tag of its registration says"
    return f"{path_or_place(place)}{said}"


def _show_elsewhere(
    terminal: Terminal, observed: ObservedState, findings: Sequence[Finding]
) -> None:
    """One note for all, with a command that no one takes for advice."""
    if not findings:
        return
    names = sorted((f"'{finding.subject}'" for finding in findings), key=str.casefold)
    replacing = findings[0].remedy
    if len(names) > 1:
        by_file = observed.file.command if observed.file is not None else observed.command
        replacing = by_file("rotate-secret", about="NAME")
    ids = {finding.client for finding in findings}
    kinds = {
        credential.kind
        for client in observed.trust.clients
        if client.client_id in ids
        for credential in client.counted_credentials
    }
    noun = "secret" if kinds == {CredentialKind.SECRET} else "credential"
    what = (
        f"mct-s2s knows of no file on this machine with the {noun} of {', '.join(names)}. That is "
        "right where it is kept elsewhere. To replace one that is lost:"
    )
    terminal.result()
    terminal.result(Text.assemble(("note: ", "quiet"), what))
    terminal.result(Text.assemble("    ", (replacing, "command")))


def facts(observed: ObservedState) -> Iterator[tuple[str, str]]:
    """The other settings repeat them; where one does not, there is a finding."""
    site, service = observed.app_service, observed.trust.service
    if site is not None:
        yield "App Service", f"{site.url}  ({site.state})"
        if (url := api_url(observed)) is not None and url != site.url:
            yield "API", url
        if not observed.settings_unread:
            switch = observed.api.setting(Holds.SWITCH)
            if switch is not None:
                yield switch.name, switch.value_in(site.settings) or "not set"
    if service is not None:
        role = wanted_role(observed)
        uri = known_audience(observed) or "none"
        known = "" if service.client_id in uri else f"  ({service.client_id})"
        yield "Service application", f"{service.display_name}{known}"
        yield "Application ID URI", uri
        yield (
            "App role",
            "none" if role is None else f"{role.value}{'' if role.enabled else '  (disabled)'}",
        )
    if observed.tenant is not None:
        yield "Tenant", f"{observed.tenant.name}  ({observed.tenant.id})"


def _list(terminal: Terminal, report: StatusReport) -> None:
    if not report.sites and not report.failed:
        terminal.result("No MCT App Service found in the subscription.", style="warn")
        return
    whole = not report.unchecked
    if not report.sites:
        failed = counted(len(report.failed), "App Service")
        terminal.result(f"{failed} could not be read.", style="bad")
    elif report.sick:
        count = len(report.sites) + len(report.failed)
        missing = f", {len(report.failed)} not read" if report.failed else ""
        terminal.result(
            f"{len(report.sick)} of {count} App Services with problems{missing}.", style="bad"
        )
    elif report.failed:
        count = len(report.sites)
        others = "other" if count == 1 else f"{count} others"
        unread_count = f"{len(report.failed)} of {len(report.failed) + count}"
        terminal.result(
            f"{unread_count} App Services not read; no problems in the {others}.", style="warn"
        )
    else:
        terminal.result(
            f"No problems found{'' if whole else ' in what could be read'}.", style="good"
        )
    shown = [site for site in report.sites if site.is_set_up]
    if shown or report.failed:
        terminal.result()
        terminal.out.print(_sites_table(shown, report.failed))
    with_findings = [site for site in shown if site.findings]
    not_set_up = [site.title for site in report.sites if not site.is_set_up]
    if (shown or report.failed) and (with_findings or not_set_up):
        terminal.result()
    # What is wrong comes last: a long table would push it off the screen.
    show_not_set_up(terminal, not_set_up, report.setting_up)
    for site in with_findings:
        terminal.result(site.title, "head")
        show_findings(terminal, site.findings)


def _sites_table(sites: Sequence[SiteStatus], failed: Sequence[UnreadSite]) -> Columns:
    table = Columns(["App Service", "Resource group", "Can call", "Next expiry"])
    for site in sites:
        group = (
            app_service.resource.resource_group
            if (app_service := site.observed.app_service) is not None
            else ""
        )
        table.add(site.title, group, site.calling, next_expiry(site))
    for unread in failed:
        table.add(unread.title, unread.target.group or "", "?", Text("not read", style="bad"))
    return table


def next_expiry(site: SiteStatus) -> str:
    """`2027-12-01  Import`: the date, and the client whose credential expires then."""
    ends = ((client.ends, client.name) for client in site.clients if client.ends is not None)
    first = min(ends, default=None)
    return f"{first[0]:%Y-%m-%d}  {first[1]}" if first is not None else "none"


def show_not_set_up(terminal: Terminal, titles: Sequence[str], setting_up: str) -> None:
    """In one line, however many. `setting_up`: the command, where someone has asked for them."""
    if not titles:
        return
    are = "App Service is" if len(titles) == 1 else "App Services are"
    line = f"{len(titles)} {are} not set up: {', '.join(titles)}."
    terminal.result(line, style="bad" if setting_up else "quiet")
    if setting_up:
        terminal.result(Text.assemble("  → ", (setting_up, "command")))


SEVERITY_STYLE = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "quiet"}


def show_findings(terminal: Terminal, findings: Iterable[Finding]) -> None:
    for remedy, fixed in groupby(findings, lambda finding: finding.remedy):
        for finding in fixed:
            style = SEVERITY_STYLE[finding.severity]
            terminal.result(Text.assemble((f"{finding.severity.value}: ", style), finding.message))
        terminal.result(Text.assemble("  → ", (remedy, "command")))
