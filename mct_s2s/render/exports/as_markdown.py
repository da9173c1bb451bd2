"""`status -o markdown`: for a wiki, an issue, an auditor, in GitHub's dialect.

Values are code spans, in which nothing has a meaning; one that a code span cannot hold is written with character
references, which have none either. Sources: spec.commonmark.org/0.31.2, "Code spans" and "Entity and numeric character
references"; github.github.com/gfm, "Tables".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from mct_s2s.model.client_credentials import has_end
from mct_s2s.model.site_settings import ours
from mct_s2s.plain_text import plain
from mct_s2s.planning.registrations.app_role import wanted_role
from mct_s2s.planning.registrations.application_uri import uri_shown
from mct_s2s.planning.registrations.membership import members
from mct_s2s.planning.reports.status_report import SiteStatus, StatusReport
from mct_s2s.planning.secrets.renewal import expiry

_SAFE_IN_CODE = re.compile(r"[^\\`|\s](?:[^\\`|]*[^\\`|\s])?")
"""No backtick, which ends a code span; neither pipe nor backslash, of which tables make their own sense."""
_PLAIN = re.compile(r"[^\W_](?:[^\W_]|[ ,;()-])*")
"""Words that mean nothing but themselves."""
_MARKUP = re.compile(r"[\\`*_\[\]<>&#|~@$^{}]|:(?=/)|(?<=mailto):|(?<=xmpp):|(?<=www)\.", re.IGNORECASE)
"""What marks text up within a line; the last four would make links of addresses."""
_ANSWERS = {True: "yes", False: "no", None: "not known"}


def write(report: StatusReport) -> str:
    """The document."""
    lines = ["# Service-to-service authentication of MCT", "", f"{_time(report.now)}, by mct-s2s status.", ""]
    for site in report.sites:
        lines += [f"## {prose(plain(site.title))}", "", f"**{prose(plain(site.verdict))}**", "", *_site(site, report)]
    for unread in report.failed:
        lines += [f"## {prose(plain(unread.title))}", "", "**Its state could not be read.**", ""]
        lines += _problem("error", unread.error.message, unread.error.remedy)
    return "\n".join(lines).rstrip("\n") + "\n"


def prose(text: str) -> str:
    """A text in which nothing is markup."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)


def value(text: str) -> str:
    """A value in a cell of a table."""
    if not text or _PLAIN.fullmatch(text):
        return text
    return f"`{text}`" if _SAFE_IN_CODE.fullmatch(text) else prose(text)


def fenced(*lines: str) -> Iterator[str]:
    """Lines as they are: the fence is longer than any row of backticks in them."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}text"
    yield from lines
    yield fence


def _site(site: SiteStatus, report: StatusReport) -> Iterator[str]:
    for one in site.findings:
        yield from _problem(one.severity.value, one.message, one.remedy)
    yield from _table(
        ("Client", "ID", "Kind", "Can call", "Needs next", "Admin consent", "Allowed"),
        (
            (
                one.name,
                one.id,
                "application" if one.is_application else "managed identity",
                _ANSWERS[one.can_call],
                one.needs,
                _ANSWERS[one.consented] if one.is_application else "not needed",
                _ANSWERS[one.allowed],
            )
            for one in site.clients
        ),
    )
    yield from _table(("Fact", "Value"), _facts(site))
    if not site.observed.settings_unread:
        yield from _table(("Setting", "Value"), ours(site.observed.settings).items())
    yield from _table(
        ("Client", "Credential", "Name", "ID", "Expires", "State"),
        (
            (
                client.display_name,
                one.kind.value,
                one.name or "",
                one.key_id,
                _time(one.expires) if has_end(one.expires) else "never",
                expiry(one.expires, report.now, report.within).value,
            )
            for client in members(site.observed)
            for one in (client.application.credentials if client.application is not None else ())
        ),
    )


def _facts(site: SiteStatus) -> Iterator[tuple[str, str]]:
    observed = site.observed
    service, principal, role = observed.trust.service, observed.trust.principal, wanted_role(observed)
    yield "Cloud", observed.cloud
    if observed.tenant is not None:
        yield "Tenant", observed.tenant.name
        yield "Tenant ID", observed.tenant.id
    if site.site is not None:
        yield "Resource ID", str(site.site.resource)
        yield "Address", site.site.url
        yield "State", site.site.state
    yield "Service application", service.display_name if service is not None else "none"
    if service is not None:
        yield "Application ID", service.client_id
        yield "Application ID URI", uri_shown(service, observed) or "none"
        yield "Service principal", principal.id if principal is not None else "none"
        yield "App role", "none" if role is None else f"{role.value}{'' if role.enabled else ' (disabled)'}"


def _problem(severity: str, message: str, remedy: str) -> Iterator[str]:
    yield from (f"**{severity}:** {prose(plain(message))}", "", *fenced(plain(remedy)), "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Nothing where there are no rows."""
    lines = [f"| {' | '.join(value(plain(cell)) for cell in row)} |" for row in rows]
    if lines:
        yield from (f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *lines, "")


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
