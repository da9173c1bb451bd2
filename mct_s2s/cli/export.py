"""What `export` reads: one App Service or every one of the subscription, each as a trust file says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mct_s2s import clock
from mct_s2s.cli.commands.export import ExportOptions
from mct_s2s.cli.fleet import at_every_site
from mct_s2s.cli.requests import look_request
from mct_s2s.cli.run import Run, run, worst
from mct_s2s.cli.session import Needs
from mct_s2s.engine.observe.for_export import observe_for_export
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere, S2SError, UsageError
from mct_s2s.inputs.federation import federated_spec
from mct_s2s.inputs.secret_to import secret_name
from mct_s2s.model.client_credentials import Federation
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.planning.app_service import guards
from mct_s2s.planning.credentials import Forms
from mct_s2s.planning.export import ExportedSite, export_site
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error
from mct_s2s.render.documents import error_document
from mct_s2s.render.trust_file import trust_file_text

NOT_SET_UP = "service-application-missing"


@dataclass(frozen=True)
class Export:
    """Sites, and those that are not among them."""

    sites: tuple[ExportedSite, ...]
    not_set_up: tuple[ResourceId, ...] = ()
    """Sites without service-to-service authentication: a table would set it up."""
    failed: tuple[tuple[ResourceId, S2SError], ...] = ()
    unread: tuple[ResourceId, ...] = ()
    """Web apps of which it is not known whether they are sites of MCT."""


async def _read(options: ExportOptions, session: Session) -> Export:
    """The one site that is named, or all."""
    now = clock.now()

    async def observed(target: SiteTarget) -> ObservedState:
        found = await observe_for_export(session.azure, look_request(session, now, target, all_federated=True))
        guards.check(found)
        return found

    def exported(found: ObservedState) -> ExportedSite:
        assert found.app_service is not None  # noqa: S101  # it was looked at
        label = found.app_service.site.label
        if found.trust.service is None or found.tenant is None:
            raise NotThere(
                NOT_SET_UP,
                f"'{label}' has no service application yet: there is nothing to export.",
                remedy="Create it first: run mct-s2s setup with the same options.",
            )
        return export_site(found, now, Forms(lambda client: secret_name(label, client), _is_taken), options.cloud)

    if not options.all_sites:
        assert session.target is not None  # noqa: S101  # the command needs one
        return Export((exported(await observed(session.target)),))
    outcomes, unread = await at_every_site(session, observed, exported)
    errors = [(app, one) for app, one in outcomes if isinstance(one, S2SError)]
    return Export(
        tuple(one for _, one in outcomes if isinstance(one, ExportedSite)),
        tuple(app for app, error in errors if error.code == NOT_SET_UP),
        tuple((app, error) for app, error in errors if error.code != NOT_SET_UP),
        tuple(unread),
    )


def _is_taken(federation: Federation) -> bool:
    """Whether the options of a federated credential take these values."""
    try:
        federated_spec(federation.issuer, federation.subject, federation.audience, None)
    except UsageError:
        return False
    return True


def export(options: ExportOptions) -> int:
    """Read what exists and print it; return the process exit code."""

    async def body(current: Run, session: Session) -> int:
        found = await _read(options, session)
        if not found.sites and not found.failed:
            raise NotThere(
                "nothing-to-export",
                "No MCT App Service of the subscription has service-to-service authentication.",
                remedy="Set one up first: mct-s2s setup, or name another subscription with --subscription.",
            )
        text = trust_file_text(found.sites)
        _show_rest(current.terminal, found)
        if options.output == "json":
            current.terminal.document(export_document(text, found))
        else:
            current.terminal.verbatim(text)
        return worst([error.exit_code for _, error in found.failed])

    return run(options, Needs(target=not options.all_sites), body)


def _show_rest(terminal: Terminal, found: Export) -> None:
    """What is not in the file, whatever the format: no one takes a part for the whole."""
    for one in found.sites:
        for sentence in one.left_out:
            terminal.say(f"{one.resource.name}: not in the file: {sentence}", style="warn")
    for resource in found.not_set_up:
        terminal.note(f"{resource.name}: not in the file: it has no service-to-service authentication.")
    for resource, error in found.failed:
        terminal.say(f"{resource.name}: not in the file: its state could not be read.", style="warn")
        show_error(terminal, error)
    for resource in found.unread:
        terminal.say(f"{resource.name}: not in the file: you can't read the settings that would tell what it is.")


def export_document(text: str, found: Export) -> dict[str, Any]:
    """`mct-s2s/export/v1`."""
    return {
        "schema": "mct-s2s/export/v1",
        "text": text,
        "sites": [
            {
                "appService": str(one.resource),
                "clients": len(one.clients),
                "managedIdentities": len(one.identities),
                "leftOut": list(one.left_out),
            }
            for one in found.sites
        ],
        "notSetUp": [str(resource) for resource in found.not_set_up],
        "failed": [
            {"appService": str(resource), "error": error_document(error)["error"]} for resource, error in found.failed
        ],
        "unchecked": [str(resource) for resource in found.unread],
    }
