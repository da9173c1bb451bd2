"""`snippet`: a program that calls the MCT API as one client, or the settings of one."""

from dataclasses import MISSING, dataclass
from pathlib import Path

from mct_s2s.cli.binding import FirstWord, option
from mct_s2s.cli.options import CLIENT, AzureOptions, url_option
from mct_s2s.errors import UsageError
from mct_s2s.model.client_sign_in import Language


@dataclass(kw_only=True)
class SnippetOptions(AzureOptions):
    examples = (
        "mct-s2s snippet Import -a contosolearn | sh",
        "mct-s2s snippet Import -a contosolearn -l python > caller.py",
        "mct-s2s snippet Import -a contosolearn -l app-settings",
    )
    first_word = FirstWord(
        "client", "NAME", "Display name, appId, object ID or resource ID of the client."
    )

    client: str = option(*CLIENT, default=MISSING)
    language: Language = option("-l --language LANGUAGE", "What to print.", default=Language.CURL)
    path: str | None = option(
        "--path PATH", "Path to GET. Default: the API's, /api/v1/organization for MCT."
    )
    url: str | None = url_option()
    credentials: Path | None = option("--credentials FILE", "The client's secret file.")


def snippet(options: SnippetOptions) -> int:
    from mct_s2s.cli.command_run import CommandRun, run_in_session
    from mct_s2s.cli.options_to_request import api_of, look
    from mct_s2s.cli.session import Services
    from mct_s2s.cli.snippets import (
        not_set_up,
        notes,
        refuse_language,
        source_for,
        unsuitable_for_logic_app,
    )
    from mct_s2s.engine.request import Session
    from mct_s2s.inputs.target import api_path, checked_url
    from mct_s2s.planning.clients import client_called, is_logic_app
    from mct_s2s.planning.reports.findings import diagnose
    from mct_s2s.planning.service_facts import known_audience
    from mct_s2s.render.manual_steps import show_manual_steps
    from mct_s2s.render.snippets import ApiCall
    from mct_s2s.render.snippets import snippet as program_for

    api = api_of(options)
    path, language = api_path(options.path, api), options.language
    typed = checked_url(options.url) if options.url is not None else None

    async def body(command_run: CommandRun, session: Session) -> int:
        terminal, connection = command_run.terminal, session.connection
        if connection.reopened_by:
            raise UsageError(
                "sandbox-not-served",
                "The program needs a running sandbox: this one ends with each command.",
                remedy="Serve it in another terminal, then run this again:",
                command=connection.reopened_by,
            )
        observed = await look(
            options,
            session,
            clients=(options.client,) if options.client else (),
            url=typed,
        )
        site, tenant = observed.app_service, observed.tenant
        cloud, environ = connection.cloud, connection.environ
        assert site is not None  # snippet always names one
        assert tenant is not None  # and reads the directory
        audience = known_audience(observed)
        if audience is None:
            raise not_set_up(site.label, observed, options.client)
        client = client_called(options.client, observed)
        url = typed or site.url
        if is_logic_app(client):
            raise unsuitable_for_logic_app(client, api, f"{url}{path}", audience)
        source = source_for(session, client, observed, options.credentials, language)
        refuse_language(language, client, source)
        trusted = (
            None
            if cloud.is_microsofts
            else environ.get("SSL_CERT_FILE") or environ.get("REQUESTS_CA_BUNDLE")
        )
        call = ApiCall(
            client.display_name,
            client.client_id,
            source,
            site.label,
            url if language is Language.APP_SETTINGS else f"{url}{path}",
            audience,
            tenant.id,
            cloud.login,
            is_public=cloud.authority_host is None,
            is_known=cloud.is_microsofts,
            ca_file=trusted,
            api=api,
        )
        show_manual_steps(terminal.err, [*notes(call, language, diagnose(observed), observed)])
        text = program_for(call, language)
        if terminal.json:
            from mct_s2s.render.documents import SnippetDocument  # text needs none of its models

            terminal.document(SnippetDocument(language=language, client=call.client, text=text))
        else:
            terminal.verbatim(text)
        return 0

    return run_in_session(options, Services(), body)
