"""`doctor --request`: what the caller lacks, as a text for an administrator, to be mailed as it is or read as Markdown.

Names in it are other people's words: they are escaped for Markdown, and commands stand in indented blocks of one line
each, which nothing in the line can end. The text holds no secret.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from mct_s2s.model.caller_rights import DirectoryRights
from mct_s2s.model.commands import own_command
from mct_s2s.plain_text import plain
from mct_s2s.planning.permissions.doctor import DoctorCheck, Seen, State
from mct_s2s.planning.permissions.grants import Grant, least
from mct_s2s.planning.permissions.rights import Right

TITLE = "# Request for permissions: mct-s2s"
WIDTH = 100
"""Columns of a paragraph: mail programs fold what is longer."""
_MARKDOWN = re.compile(r"[\\`*_\[\]<>#|!&~]")
_WHY = {
    Right.CREATE_APPLICATION.code: "the MCT API and each client that calls it need an app registration",
    Right.CHANGE_APPLICATION.code: "the MCT API gets its Application ID URI and app role, clients get credentials",
    Right.CREATE_PRINCIPAL.code: "Entra ID issues tokens only for registrations with a service principal",
    Right.CONSENT.code: "a client's token holds the app role of the MCT API only after admin consent",
    Right.READ_SETTINGS.code: "the settings are read first, so that all others stay as they are",
    Right.WRITE_SETTINGS.code: "the MCT API accepts only the clients that its application settings name",
    Right.RESTART.code: "the App Service reads changed settings when it starts",
    Right.ENABLE_IDENTITY.code: "the resource calls the MCT API by its managed identity, without a secret",
}
"""Why a step is needed, by the code of its check."""
_LEAST = {
    "Website Contributor": "The built-in role with the least reach that may do this, on this resource alone. Reader is "
    "not enough: it can't read application settings.",
    "Application.ReadWrite.OwnedBy": "The least permission for this: it reaches only registrations that the caller "
    "owns. Application.ReadWrite.All is not needed.",
    "Application.ReadWrite.All": "Application.ReadWrite.OwnedBy is not enough here: the caller does not own the "
    "registration. It is enough once you have made the caller an owner of it.",
    "AppRoleAssignment.ReadWrite.All": "Microsoft Graph has no narrower permission for this. You need not grant it if "
    "you give the consent yourself: without it, mct-s2s does the rest and prints the link for you.",
    "Application Developer": "The built-in role with the least reach that may create registrations. Who creates one "
    "owns it, and may change it.",
    "Cloud Application Administrator": "The built-in role with the least reach that may do this to registrations of "
    "others. As a time-limited assignment (Privileged Identity Management) it is enough, too.",
}
"""How a right relates to the least privilege. Sources: those of docs/permissions.md."""


def is_access_request(content: bytes) -> bool:
    """Whether a file's content is such a text, which may be replaced by a newer one."""
    return content.startswith(TITLE.encode() + b"\n")


def access_request(seen: Seen, checks: Iterable[DoctorCheck], where: str) -> str | None:
    """The text; `None` where nothing can be asked for.

    Args:
        seen: the caller, the tenant and the App Service.
        checks: what `doctor` found.
        where: the options that name the App Service.
    """
    needing = [check for check in checks if check.lacks]
    missing = [check for check in needing if check.state is State.MISSING]
    doubtful = [check for check in needing if check.state is State.UNKNOWN]
    if not needing:
        return None
    lacks = "lacks" if missing else "may lack"
    lines = [
        TITLE,
        "",
        *_paragraph(
            "mct-s2s sets up service-to-service authentication for Microsoft Community Training (MCT): other services "
            f"may then call the API of an MCT site. The caller below is to run it and {lacks} permissions."
        ),
        *_who_asks(seen),
    ]
    if missing:
        lines += ["## What is missing", "", *_grants(missing)]
    if doubtful:
        lines += ["## Only if it is refused", ""]
        lines += _paragraph("Whether the caller may do the following already could not be checked.")
        lines += _grants(doubtful)
    lines += ["## Afterwards", ""]
    lines += _paragraph("Permissions take effect within a few minutes. The caller checks them with:")
    lines += _block([own_command("doctor", where=where)])
    lines += _paragraph("This text contains no secrets.")
    return "\n".join(lines).rstrip() + "\n"


def _who_asks(seen: Seen) -> list[str]:
    rights, site = seen.access.directory, seen.site
    rows = _caller(rights) if rights is not None else []
    rows += [("Tenant", f"{seen.tenant.name} ({seen.tenant.id})")] if seen.tenant is not None else []
    if site is not None:
        resource = site.resource
        rows.append(("App Service", f"{site.label}, resource group {resource.resource_group}"))
        rows.append(("Subscription", resource.subscription_id))
    return [*(f"- {name}: {_escaped(value)}" for name, value in rows), ""]


def _caller(rights: DirectoryRights) -> list[tuple[str, str]]:
    kind = {True: "user", False: "service principal", None: "caller"}[rights.is_person]
    rows = [("Who asks", f"{rights.name} ({kind})" if rights.name else f"{kind}, {rights.signed_in.description}")]
    rows += [("Object ID", rights.principal_id)] if rights.principal_id else []
    is_own = rights.is_person is False and rights.signed_in.client_id
    return [*rows, *([("Application (client) ID", rights.signed_in.client_id or "")] if is_own else [])]


def _grants(checks: list[DoctorCheck]) -> Iterator[str]:
    """A section for each grant."""
    for grant in least(grant for check in checks for grant in check.grants):
        yield from (f"### {_heading(grant)}", "")
        yield from _paragraph(f"Granted by {grant.who}. The caller needs it to:")
        steps = {
            f"- {_escaped(lack.step)}{_why(check)}": None
            for check in checks
            for lack in check.lacks
            if lack.grant == grant
        }
        yield from (*steps, "")
        for right in grant.right.split(" and "):
            if right in _LEAST:
                yield from _paragraph(f"Least privilege: {_LEAST[right]}")
        if grant.commands:
            yield from _paragraph("To grant it:")
            yield from _block(grant.commands)
        if grant.revoke:
            yield from _paragraph("To take it back afterwards:")
            yield from _block(grant.revoke)


def _heading(grant: Grant) -> str:
    right = _escaped(grant.right)
    return f"{right[:1].upper()}{right[1:]}"


def _why(check: DoctorCheck) -> str:
    why = _WHY.get(check.code)
    return f" ({why})" if why else ""


def _paragraph(text: str) -> list[str]:
    return [*textwrap.wrap(plain(text), WIDTH, break_long_words=False, break_on_hyphens=False), ""]


def _block(commands: Iterable[str]) -> list[str]:
    """Commands, whole, each on a line of its own."""
    return [*(f"    {plain(one)}" for one in commands), ""]


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\g<0>", plain(text))
