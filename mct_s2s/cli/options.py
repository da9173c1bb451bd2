"""The options, as `mct-s2s COMMAND --help` shows them. One dataclass for each set that commands share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from inspect import Parameter
from pathlib import Path
from typing import Annotated

import typer

from mct_s2s.azure.sign_in.choice import Method
from mct_s2s.cli.binding import SEVERAL_OPTIONS
from mct_s2s.cli.credentials import KindOptions
from mct_s2s.cli.credentials.base import CREDENTIAL, LifetimeOptions
from mct_s2s.model.mct_api import API_PATH
from mct_s2s.model.site_settings import ENABLED, SETTINGS

SHARED = "Azure"
CHANGING = "Changing something"


class Output(StrEnum):
    """`-o`."""

    TEXT = "text"
    JSON = "json"


def _shared(*names: str, variable: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        *names, envvar=f"MCT_S2S_{variable}", help=text, rich_help_panel=SHARED, show_envvar=False
    )
    return option


@dataclass(kw_only=True)
class AzureOptions:
    """Every command that talks to Azure."""

    app_service: Annotated[
        str | None,
        _shared("-a", "--app-service", variable="APP_SERVICE", text="The MCT App Service: its name or resource id."),
    ] = None
    resource_group: Annotated[
        str | None,
        _shared(
            "-g", "--resource-group", variable="RESOURCE_GROUP", text="Its resource group, if the name is not unique."
        ),
    ] = None
    subscription: Annotated[
        str | None,
        _shared(
            "-s",
            "--subscription",
            variable="SUBSCRIPTION",
            text="Id or name. Default: the environment's, the Azure CLI's.",
        ),
    ] = None
    slot: Annotated[str | None, _shared("--slot", variable="SLOT", text="A deployment slot instead of production.")] = (
        None
    )
    tenant: Annotated[
        str | None, _shared("--tenant", variable="TENANT", text="Id or domain. Default: the subscription's tenant.")
    ] = None
    cloud: Annotated[
        str,
        _shared(
            "--cloud",
            variable="CLOUD",
            text="public, usgov, usgov-dod, china, sandbox, or the URL of an Azure Resource Manager.",
        ),
    ] = "public"
    auth: Annotated[Method, _shared("--auth", variable="AUTH", text="How to sign in.")] = Method.AUTO
    output: Annotated[
        Output, _shared("-o", "--output", variable="OUTPUT", text="JSON goes to standard output alone.")
    ] = Output.TEXT
    verbose: Annotated[
        bool, _shared("-v", "--verbose", variable="VERBOSE", text="Show each request. Never a token or a secret.")
    ] = False
    timeout: Annotated[
        float, _shared("--timeout", variable="TIMEOUT", text="One deadline for the whole command, in seconds.")
    ] = 600.0


@dataclass(kw_only=True)
class ChangingOptions(AzureOptions):
    """Every command that changes something."""

    yes: Annotated[
        bool, typer.Option("-y", "--yes", help="Do not ask.", rich_help_panel=CHANGING, envvar="MCT_S2S_YES")
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show the plan and change nothing: exit 0 if nothing would change, else 3.",
            rich_help_panel=CHANGING,
        ),
    ] = False
    no_restart: Annotated[
        bool,
        typer.Option(
            "--no-restart", help="Do not restart; restart the App Service yourself.", rich_help_panel=CHANGING
        ),
    ] = False
    backup: Annotated[
        Path | None,
        typer.Option(
            "--backup",
            help="Keep all application settings as they were in FILE (mode 0600: they hold secrets).",
            rich_help_panel=CHANGING,
        ),
    ] = None
    no_preflight: Annotated[
        bool,
        typer.Option(
            "--no-preflight",
            help="Skip the permission check.",
            rich_help_panel=CHANGING,
        ),
    ] = False


@dataclass(kw_only=True)
class SecretOptions(LifetimeOptions, ChangingOptions):
    """Every command that may make a secret."""


@dataclass(kw_only=True)
class CredentialOptions(KindOptions, SecretOptions):
    """Every command that may give a client a credential."""

    wire: Annotated[
        str | None,
        typer.Option(
            "--wire",
            help="The web or function app that calls: its settings get what it needs, and a reference to the secret.",
            rich_help_panel=CREDENTIAL,
        ),
    ] = None
    service_management_reference: Annotated[
        str | None,
        typer.Option(
            "--service-management-reference",
            metavar="ID",
            help="For app registrations, in tenants that demand one: the service's id in your asset management.",
            show_default=False,
        ),
    ] = None
    no_consent: Annotated[
        bool,
        typer.Option("--no-consent", help="Leave admin consent to somebody else.", rich_help_panel=CREDENTIAL),
    ] = False
    no_verify: Annotated[
        bool,
        typer.Option("--no-verify", help="Do not test the clients at the end."),
    ] = False

    @property
    def proves(self) -> bool:
        """Whether the command ends with a proof: everything that it needs is done by this very command."""
        return not (self.no_verify or self.no_consent or self.no_restart or self.dry_run)


@dataclass(kw_only=True)
class SetupOptions(CredentialOptions):
    """`setup`."""

    service_name: Annotated[
        str | None, typer.Option("--service-name", help="Display name. Default: MCT service (<app service>).")
    ] = None
    role: Annotated[str | None, typer.Option("--role", help="App role value. Default: S2SAppRole.")] = None
    service_app: Annotated[
        str | None,
        typer.Option("--service-app", help="The appId or Application ID URI of a registration to adopt."),
    ] = None
    client: Annotated[
        list[str], typer.Option("--client", help="A client application, by name or appId. May be repeated.")
    ] = field(default_factory=list)
    managed_identity: Annotated[
        list[str],
        typer.Option("--managed-identity", help="An Azure resource whose managed identity may call. May be repeated."),
    ] = field(default_factory=list)
    no_app_service: Annotated[
        bool, typer.Option("--no-app-service", help="Entra ID only; skip the App Service, and print the values for it.")
    ] = False
    handoff: Annotated[
        Path | None, typer.Option("--handoff", help="Write those values for configure-appservice --from FILE.")
    ] = None
    handoff_text: Annotated[
        bool,
        typer.Option("--handoff-text", help="Print those values as a request to whoever operates a hosted MCT."),
    ] = False


@dataclass(kw_only=True)
class AddClientOptions(CredentialOptions):
    """`add-client`."""

    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Display name, or the appId of a registration to adopt.", show_default=False
        ),
    ] = None
    managed_identity: Annotated[
        list[str],
        typer.Option("--managed-identity", help="An Azure resource: its id, or a web or function app's bare name."),
    ] = field(default_factory=list)


@dataclass(kw_only=True)
class RemovalOptions(ChangingOptions):
    """Every command that takes something away."""

    keep_registration: Annotated[
        bool,
        typer.Option("--keep-registration", help="Leave the registrations; take only their access to the MCT API."),
    ] = False
    delete_adopted: Annotated[
        bool,
        typer.Option("--delete-adopted", help="Delete registrations that were not made by this tool, too."),
    ] = False
    delete_secrets: Annotated[
        bool, typer.Option("--delete-secrets", help="Delete what key vaults hold for clients that go, too.")
    ] = False
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete for good: nothing is left in the recycle bin to restore.")
    ] = False


@dataclass(kw_only=True)
class RemoveClientOptions(RemovalOptions):
    """`remove-client`."""

    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_ID",
            help="Display name, appId, object id or resource id; or an entry of an allow list.",
            show_default=False,
        ),
    ]
    ignore_missing: Annotated[
        bool, typer.Option("--ignore-missing", help="Exit 0 and change nothing where there is no such client.")
    ] = False


@dataclass(kw_only=True)
class RotateOptions(SecretOptions):
    """`rotate-secret`."""

    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A client application's display name or appId.", show_default=False),
    ] = None
    expiring_within: Annotated[
        str | None,
        typer.Option("--expiring-within", help="Instead of NAME: every client whose secret ends within 30d, 4w, …"),
    ] = None
    keep_old: Annotated[
        str | None,
        typer.Option(
            "--keep-old", help="Leave the old secret for 24h, 7d, …; the first rotation after that removes it."
        ),
    ] = None
    remove_old: Annotated[
        bool,
        typer.Option("--remove-old", help="Remove the old secret at once, although somebody may still use it."),
    ] = False


@dataclass(kw_only=True)
class DoctorOptions(AzureOptions):
    """`doctor`."""

    managed_identity: Annotated[
        list[str],
        typer.Option(
            "--managed-identity", help="An Azure resource whose identity is to be switched on. May be repeated."
        ),
    ] = field(default_factory=list)
    no_app_service: Annotated[
        bool, typer.Option("--no-app-service", help="Look at the directory's part of the job only.")
    ] = False
    no_consent: Annotated[
        bool, typer.Option("--no-consent", help="Admin consent is somebody else's part of the job.")
    ] = False


def _setting_options() -> Iterator[Parameter]:
    """An option for each row of the table of settings that has one."""
    for setting in SETTINGS:
        if setting.option is not None:
            kind, default = (list[str], []) if setting.holds.is_list else (str | None, None)
            text = typer.Option(setting.option, help=setting.option_help)
            yield Parameter(setting.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, text])


@dataclass(kw_only=True)
class ConfigureOptions(ChangingOptions):
    """`configure-appservice`."""

    given: dict[str, str | list[str] | None] = field(
        default_factory=dict, metadata={SEVERAL_OPTIONS: tuple(_setting_options())}
    )
    """What was given for each setting, by its name."""
    handoff: Annotated[Path | None, typer.Option("--from", help="A handoff file, as setup --handoff writes it.")] = None
    restore: Annotated[Path | None, typer.Option("--restore", help="Put the settings of a backup file back.")] = None
    disable: Annotated[bool, typer.Option("--disable", help=f"Set {ENABLED} to false.")] = False


@dataclass(kw_only=True)
class VerifyOptions(AzureOptions):
    """`verify`."""

    client: Annotated[
        list[str],
        typer.Option("--client", help="Only this client application, by name or appId. May be repeated."),
    ] = field(default_factory=list)
    credentials: Annotated[
        list[Path],
        typer.Option("--credentials", help="A client's secret file. May be repeated."),
    ] = field(default_factory=list)
    path: Annotated[str, typer.Option("--path", help="What to GET of the MCT API.")] = API_PATH
    audience: Annotated[
        str | None,
        typer.Option(
            "--audience",
            help="Application ID URI: prove this caller's own call by --auth or --credentials, and read nothing else.",
        ),
    ] = None
    url: Annotated[
        str | None, typer.Option("--url", help="The MCT site's https address. Default: the one that Azure lists.")
    ] = None


@dataclass(kw_only=True)
class StatusOptions(AzureOptions):
    """`status`."""

    expiring_within: Annotated[
        str,
        typer.Option(
            "--expiring-within", help="Warn this long before the last credential expires (exit code 3): 30d, 4w."
        ),
    ] = "30d"
    watch: Annotated[
        float | None,
        typer.Option(
            "--watch", metavar="SECONDS", min=1, help="Check again every 30 seconds, until Ctrl-C.",
            show_default=False,
        ),
    ] = None  # fmt: skip


@dataclass(kw_only=True)
class SchemaOptions:
    """`schema`."""

    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="The document, such as status or result. Without it, list the documents.",
            show_default=False,
        ),
    ] = None
    output: Annotated[
        Output,
        typer.Option("-o", "--output", help="The list as text or JSON.", envvar="MCT_S2S_OUTPUT", show_envvar=False),
    ] = Output.TEXT
