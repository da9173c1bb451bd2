"""`setup` and `add-client`, each of which prints commands of the other.

As in every module of a command: what a help does not need is imported when the command runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.cli.binding import FirstWord, command_line, option
from mct_s2s.cli.options import (
    CLIENT,
    HANDOFF,
    AzureOptions,
    ClientOptions,
    CredentialOptions,
    url_option,
)
from mct_s2s.errors import Cancelled, S2SError, UsageError, contradiction
from mct_s2s.exit_codes import ExitCode

if TYPE_CHECKING:
    from mct_s2s.cli.command_run import CommandRun
    from mct_s2s.engine.request import Request, Session
    from mct_s2s.model.observed import SiteOfFile

OF_A_RUN = {
    "output", "verbose", "quiet", "timeout", "yes", "dry_run", "backup", "no_restart",
    "no_preflight", "no_verify",
}  # fmt: skip
"""Options that say how a run behaves, and not what it makes: `directory_half` leaves them out."""
THINKING_SECONDS = 1800.0
"""Added to the command's deadline: nothing waits for Azure while a person reads and types."""


@dataclass(kw_only=True)
class SetupOptions(CredentialOptions):
    examples = (
        "mct-s2s setup",
        "mct-s2s setup -a contosolearn --client Import --dry-run",
        "mct-s2s setup -a contosolearn --client Import",
        "mct-s2s setup -a contosolearn --managed-identity reports-func",
        "mct-s2s setup -a contosolearn --url https://contoso.azurefd.net",
    )
    client: list[str] = option(
        "--client NAME_OR_ID", "Client application: a name or appId. Repeatable.", default=list
    )
    managed_identity: list[str] = option(
        "--managed-identity RESOURCE",
        "Resource whose managed identity is a client. Repeatable.",
        default=list,
    )
    service_name: str | None = option(
        "--service-name NAME", "Display name. Default: MCT service (APP_SERVICE)."
    )
    role: str | None = option("--role VALUE", "App role value. Default: S2SAppRole for MCT.")
    url: str | None = url_option()
    no_app_service: bool = option("--no-app-service", "Entra ID only; skip the App Service.")
    handoff: Path | None = option(
        "--handoff FILE", "Write the values for configure-appservice --from FILE."
    )

    def directory_half(self) -> str | None:
        return directory_half(self, self.client)


@dataclass(kw_only=True)
class AddClientOptions(CredentialOptions):
    examples = (
        "mct-s2s add-client Import -a contosolearn",
        "mct-s2s add-client Deploy --credential federated --github contoso/deploy",
        "mct-s2s add-client --managed-identity reports-func -a contosolearn",
    )
    first_word = FirstWord(
        "client", "NAME", "Display name, or the appId of a registration to adopt."
    )

    client: str | None = option(*CLIENT)
    from_file: Path | None = option("--from FILE", "Add every client in FILE: one name a line.")
    managed_identity: list[str] = option(
        "--managed-identity RESOURCE",
        "Azure resource: its ID, or the name of a web or function app.",
        default=list,
    )
    role: str | None = option("--role VALUE", "App role to grant. Default: S2SAppRole for MCT.")
    url: str | None = url_option()

    def directory_half(self) -> str | None:
        # `setup` has no `--from`: the file's clients would be missing from it.
        if self.client is None or self.from_file is not None:
            return None
        return directory_half(self, [self.client])


def directory_half(options: AzureOptions, clients: list[str]) -> str:
    """The `setup` that does the directory's part of a command, and where each credential goes.

    An option that `SetupOptions` lacks is left out without a word.
    """
    shared = {field.name for field in fields(SetupOptions)} & {
        field.name for field in fields(options)
    }
    values = {name: getattr(options, name) for name in shared - OF_A_RUN}
    values |= {"client": clients, "no_app_service": True, "handoff": HANDOFF}
    return command_line("setup", SetupOptions(**values))


def setup(options: SetupOptions) -> int:
    from mct_s2s.cli.change import run_change
    from mct_s2s.cli.command_run import may_ask

    names_site = options.app_service or options.no_app_service
    if not (names_site or options.client or options.managed_identity) and may_ask(options):
        return guided_setup(options)
    return run_change(options, setup_request(options, options.client))


def setup_request(
    options: SetupOptions, names: Sequence[str], file: "SiteOfFile | None" = None
) -> "Request":
    """Check the options of a setup, which may be those of a trust file's site."""
    from mct_s2s import clock
    from mct_s2s.cli.options_to_request import (
        api_of,
        caller_resources,
        change_request,
        check_role,
        check_service_app,
        client_specs,
    )
    from mct_s2s.inputs.client_options import management_reference
    from mct_s2s.inputs.secret_to import ClientPlaces, secret_to
    from mct_s2s.inputs.target import checked_url
    from mct_s2s.inputs.user_files import SettingsFile
    from mct_s2s.model.desired import ServiceSpec, SettingsScope, Setup
    from mct_s2s.model.run_files import Handoff

    now = clock.now()
    clients = client_specs(options, names, now)
    identities = caller_resources(options.managed_identity)
    places = ClientPlaces(secret_to(options.secret_to, len(clients)))
    if options.no_app_service and options.backup is not None:
        raise contradiction(
            "--backup cannot be combined with --no-app-service, which reads no settings."
        )
    if options.handoff is not None:
        SettingsFile(options.handoff, Handoff).check(dry_run=options.dry_run)
    check_role(options.role, api_of(options))
    check_service_app(options.service_app)
    # Without an App Service, the name says which one is meant.
    names_one = options.app_service is not None or not options.no_app_service
    service = ServiceSpec(
        options.service_name or "",
        is_name_typed=options.service_name is not None and names_one,
        role=options.role,
        adopt=options.service_app,
        management_reference=management_reference(options.service_management_reference),
        url=checked_url(options.url) if options.url is not None else None,
        is_in_file=file is not None,
    )
    return change_request(
        options,
        Setup(
            service=service,
            clients=clients,
            settings=SettingsScope.NONE if options.no_app_service else SettingsScope.ALL,
        ),
        now,
        identities=identities,
        places=places,
        handoff=options.handoff,
        verify=options.verifies and not options.no_app_service,
        file=file,
    )


def add_client(options: AddClientOptions) -> int:
    from mct_s2s import clock
    from mct_s2s.cli.change import run_change
    from mct_s2s.cli.options_to_request import (
        api_of,
        caller_resources,
        change_request,
        check_role,
        check_service_app,
        client_specs,
        where,
    )
    from mct_s2s.inputs.client_options import management_reference, read_client_list
    from mct_s2s.inputs.secret_to import ClientPlaces, secret_to
    from mct_s2s.inputs.target import checked_url
    from mct_s2s.model.commands import own_command
    from mct_s2s.model.desired import ServiceSpec, SettingsScope, Setup

    if options.client is None and options.from_file is None and not options.managed_identity:
        raise UsageError(
            "client-missing",
            "No client given: no name, no file and no managed identity.",
            remedy="Name one; for a managed identity, add --managed-identity RESOURCE in place of "
            "NAME:",
            command=own_command("add-client", about="NAME", where=where(options)),
        )
    names = [] if options.client is None else [options.client]
    if options.from_file is not None:
        names += read_client_list(options.from_file)
    now = clock.now()
    clients = client_specs(options, names, now)
    identities = caller_resources(options.managed_identity)
    places = ClientPlaces(secret_to(options.secret_to, len(clients)))
    check_role(options.role, api_of(options))
    check_service_app(options.service_app)
    service = ServiceSpec(
        role=options.role,
        adopt=options.service_app,
        management_reference=management_reference(options.service_management_reference),
        url=checked_url(options.url) if options.url is not None else None,
        may_create=False,
    )
    setup = Setup(service=service, clients=clients, settings=SettingsScope.CLIENTS)
    return run_change(
        options,
        change_request(
            options,
            setup,
            now,
            identities=identities,
            places=places,
            verify=options.verifies,
        ),
    )


# The guided way: on a terminal, without an App Service and a client


def guided_setup(options: SetupOptions) -> int:
    from mct_s2s.cli.command_run import run_in_session
    from mct_s2s.cli.session import Services

    setup_request(options, options.client)  # what was typed is refused before anything is asked
    # With questionary, which takes a tenth of a second.
    from mct_s2s.cli.guided import WRONG_PLACE, ask_for_clients, have_places, with_places
    from mct_s2s.cli.picking import pick_site

    async def body(command_run: "CommandRun", session: "Session") -> int:
        command_run.terminal.say("Nothing is changed before you agree to the plan. Ctrl-C cancels.")
        command_run.is_asking = True  # it stays so where Ctrl-C ends it
        session = await pick_site(options, session)
        clients = await ask_for_clients(command_run.terminal, session)
        asks_for_place = options.secret_to is None and have_places(clients)
        while True:
            command_run.is_asking = True
            placed = await with_places(clients) if asks_for_place else clients
            command_run.is_asking = False
            try:
                return await _set_up_as_answered(command_run, session, options, placed)
            except S2SError as error:
                is_mended = error.exit_code == ExitCode.NOT_BEGUN and error.code in WRONG_PLACE
                if not (asks_for_place and is_mended):
                    raise
                command_run.terminal.say(error.headline)

    return run_in_session(
        replace(options, timeout=options.timeout + THINKING_SECONDS), Services(target=False), body
    )


async def _set_up_as_answered(
    command_run: "CommandRun",
    session: "Session",
    options: SetupOptions,
    clients: Mapping[str, ClientOptions],
) -> int:
    """Set up these clients, and print the command for the same; return the exit code."""
    from mct_s2s.cli.change import change
    from mct_s2s.cli.options_to_request import with_client

    chosen, more = answers_of(options, clients)
    request = setup_request(chosen, chosen.client)
    for client in more:
        request = with_client(request, client, client.client or "")
    try:
        code = await change(command_run, session, chosen, request)
    except Cancelled:
        raise  # who said no does not want to repeat it
    except S2SError as error:
        if error.exit_code != ExitCode.NOT_BEGUN:  # else an answer was wrong: it would be repeated
            _show_command(command_run, chosen, more)
        raise
    _show_command(command_run, chosen, more)
    return code


def _show_command(
    command_run: "CommandRun", chosen: SetupOptions, more: Sequence[AddClientOptions]
) -> None:
    if command_run.adopted is not None:
        chosen = replace(chosen, service_app=command_run.adopted)
    commands = [("setup", chosen), *(("add-client", client) for client in more)]
    command_run.terminal.say()
    command_run.terminal.say("To repeat this without questions:")
    command_run.terminal.say(
        " && ".join(f"{command_line(verb, options)} --yes" for verb, options in commands),
        style="command",
    )


def answers_of(
    options: SetupOptions, clients: Mapping[str, ClientOptions]
) -> tuple[SetupOptions, list[AddClientOptions]]:
    """A command gives all its clients the same credential: others get an `add-client` of their own.

    `clients`: the credential options of each, by its name; none for a managed identity.
    """
    applications = {name: credential for name, credential in clients.items() if credential}
    first = next(iter(applications.values()), {})
    together = [name for name, credential in applications.items() if credential == first]
    identities = [name for name, credential in clients.items() if not credential]
    setup = replace(options, client=together, managed_identity=identities, **first)
    reset = {"credential": None, "github": None}
    shared = {
        field.name: getattr(options, field.name) for field in fields(CredentialOptions)
    } | reset
    apart = {name: credential for name, credential in applications.items() if credential != first}
    return setup, [
        AddClientOptions(client=name, **(shared | credential)) for name, credential in apart.items()
    ]
