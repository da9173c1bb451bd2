"""`mct-s2s snippet`: a program that calls the MCT API as one client, or the settings of one. Nothing is written."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from mct_s2s import clock
from mct_s2s.azure.clouds import BY_NAME, SANDBOX
from mct_s2s.cli.commands.snippet import SnippetOptions
from mct_s2s.cli.credential_stores.opening import default_folder
from mct_s2s.cli.credential_stores.sources import CredentialSearch, doubt_about, place
from mct_s2s.cli.requests import request_for, service_spec, where
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.observe.observe import observe
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere, UsageError
from mct_s2s.inputs.target import api_path
from mct_s2s.local_files import is_there
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Desired
from mct_s2s.model.language import Language
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.app_service import guards
from mct_s2s.planning.registrations.application_uri import uri_shown
from mct_s2s.planning.registrations.membership import client_called, is_logic_app
from mct_s2s.planning.reports.findings import Finding, diagnose
from mct_s2s.render.snippets import languages_for, snippet_document
from mct_s2s.render.snippets.caller import ApiCaller, CalledApi, ManagedIdentity
from mct_s2s.render.snippets.notes import notes, show_notes, use


def snippet(options: SnippetOptions) -> int:
    """Print the program; return the process exit code."""
    path, given, ca_file = api_path(options.path), place(options.credentials), _authority_file(options.cloud)

    async def body(current: Run, session: Session) -> int:
        now = clock.now()
        desired = Desired(service_spec(session.target, None, may_create=False))
        request = replace(request_for(session, desired, now), shown=options.client)
        observed = await observe(session.azure, request)
        guards.check(observed)
        at = where(options, observed.site)
        findings = diagnose(observed, now, at)
        page = "" if options.language is Language.APP_SETTINGS else path
        api = replace(
            _api(session, observed, findings, page), is_known=options.cloud.lower() in BY_NAME, ca_file=ca_file
        )
        client = client_called(options.client, observed, request.unique_name, at)
        folder = default_folder(session.label, observed, request.label)
        search = CredentialSearch(options.language, given, folder, request.label, session.vaults, now)
        source = search.source_of(client)
        caller = ApiCaller(client.display_name, client.client_id, source, api)
        _check_language(caller, options.language, in_logic_app=is_logic_app(client))
        show_notes(current.terminal, notes(caller, options.language, findings, at, _missing_file(caller)))
        doubt = doubt_about(source, client, now)
        if doubt is not None:
            remedy = own_command("rotate-secret", about=client.client_id, where=at)
            show_notes(current.terminal, [(f"{doubt} To save a new one here:", remedy)])
        _print(current, caller, options, at)
        return 0

    return run(options, Needs(), body)


def _missing_file(caller: ApiCaller) -> str | None:
    file = caller.credential.file
    return file if file is not None and not is_there(Path(file)) else None


def _print(current: Run, caller: ApiCaller, options: SnippetOptions, at: str) -> None:
    document, terminal = snippet_document(caller, options.language), current.terminal
    if terminal.json:
        terminal.document(document)
        return
    terminal.verbatim(document["text"])
    if terminal.out.is_terminal:
        terminal.say()
        show_notes(terminal, [use(options.client, options.language, at)], style="quiet")


def _api(session: Session, observed: ObservedState, findings: tuple[Finding, ...], path: str) -> CalledApi:
    """What is called.

    Raises:
        NotThere: there is no service application yet, or it has no Application ID URI.
    """
    application = observed.trust.service
    audience = uri_shown(application, observed) if application is not None else None
    if audience is None:
        cause = next(one for one in findings if one.code in _NO_AUDIENCE)
        raise NotThere("service-application-missing", cause.message, remedy="Set it up first:", command=cause.remedy)
    assert observed.tenant is not None  # noqa: S101  # the directory was read, and a site was named
    assert observed.app_service is not None  # noqa: S101
    site = observed.app_service.site
    return CalledApi(
        site=site.label,
        url=f"{site.url}{path}",
        audience=audience,
        tenant_id=observed.tenant.id,
        authority=session.login,
        is_public=session.azure.authority_host is None,
    )


_NO_AUDIENCE = {"not-configured", "service-application-missing", "application-id-uri-missing"}


def _check_language(caller: ApiCaller, language: Language, *, in_logic_app: bool) -> None:
    """Refuse a program that could not work.

    Raises:
        UsageError: the client's credential cannot be used in that language, or in any.
    """
    if in_logic_app:
        raise UsageError(
            "snippet-unsuitable",
            f"'{caller.name}' is a Logic App: it calls the MCT API by an HTTP action, not by a program.",
            remedy=f"Add an HTTP action: method GET, URI {caller.api.url}, header ClientType: Service, "
            f"authentication type Managed identity, audience {caller.api.audience}.",
        )
    offered = languages_for(type(caller.credential))
    resource = caller.credential.resource if isinstance(caller.credential, ManagedIdentity) else None
    if resource is not None and not resource.is_site:
        offered.remove(Language.APP_SETTINGS)
    if language not in offered:
        raise UsageError(
            "snippet-unsuitable",
            f"'{caller.name}' signs in with a {caller.credential.noun}, which {language.value} cannot use.",
            remedy=f"Choose another language: {', '.join(offered)}. Or add a client of its own for {language.value}.",
        )


def _authority_file(cloud: str) -> str | None:
    """The certificate authority that a program has to be told of: the sandbox's, or that of a cloud of one's own.

    Raises:
        UsageError: the sandbox is not served, so that its addresses end with this command.
    """
    if cloud.lower() in BY_NAME:
        return None
    if cloud != SANDBOX:
        return os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
    try:
        from mct_s2s.sandbox.hosting.environment import exports  # noqa: PLC0415  # an extra
        from mct_s2s.sandbox.hosting.state_directory import StateDirectory  # noqa: PLC0415
    except ImportError:
        return None  # opening this cloud is refused, with what to install
    folder = StateDirectory()
    served = folder.served()
    if served is None:
        raise UsageError(
            "sandbox-not-served",
            "The sandbox ends with each command, and with it the addresses that the program would call.",
            remedy="Serve it in another terminal, then run this again:",
            command="mct-s2s sandbox serve",
        )
    return exports(served.port, state_dir=folder.path)["SSL_CERT_FILE"]
