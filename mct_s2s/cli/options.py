"""The options, as `mct-s2s COMMAND --help` shows them: one dataclass for each set that commands share.

A help text is imperative, one line of 70 characters at most, and has no semicolon: `tests/cli/test_help.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

from mct_s2s.azure.sign_in.choice import Method
from mct_s2s.cli.binding import AZURE, CHANGES, CREDENTIALS, REMOVAL, SEVERAL_OPTIONS, argument, option
from mct_s2s.cli.credentials import KindOptions
from mct_s2s.cli.credentials.base import LifetimeOptions
from mct_s2s.model.mct_api import API_PATH
from mct_s2s.model.site_settings import ENABLED, SETTINGS


class Output(StrEnum):
    """The values of `--output`."""

    TEXT = "text"
    JSON = "json"


@dataclass(kw_only=True)
class AzureOptions:
    """Options of every command that talks to Azure."""

    app_service: Annotated[
        str | None,
        option(
            "-a",
            "--app-service",
            metavar="NAME_OR_ID",
            group=AZURE,
            variable="APP_SERVICE",
            text="MCT App Service: its name or resource ID.",
        ),
    ] = None
    resource_group: Annotated[
        str | None,
        option(
            "-g",
            "--resource-group",
            metavar="NAME",
            group=AZURE,
            variable="RESOURCE_GROUP",
            text="Its resource group. Needed if the name is not unique.",
        ),
    ] = None
    subscription: Annotated[
        str | None,
        option(
            "-s",
            "--subscription",
            metavar="ID_OR_NAME",
            group=AZURE,
            variable="SUBSCRIPTION",
            text="Subscription ID or name. Default: the Azure CLI's.",
        ),
    ] = None
    slot: Annotated[
        str | None,
        option("--slot", metavar="NAME", group=AZURE, variable="SLOT", text="Deployment slot. Default: production."),
    ] = None
    tenant: Annotated[
        str | None,
        option(
            "--tenant",
            metavar="ID_OR_DOMAIN",
            group=AZURE,
            variable="TENANT",
            text="Tenant ID or domain. Default: the subscription's tenant.",
        ),
    ] = None
    cloud: Annotated[
        str,
        option(
            "--cloud",
            metavar="NAME_OR_URL",
            group=AZURE,
            variable="CLOUD",
            text="Cloud: public, usgov, usgov-dod, china, sandbox, or an ARM URL.",
        ),
    ] = "public"
    auth: Annotated[
        Method, option("--auth", metavar="METHOD", group=AZURE, variable="AUTH", text="Sign-in method.")
    ] = Method.AUTO
    output: Annotated[
        Output, option("-o", "--output", metavar="FORMAT", group=AZURE, variable="OUTPUT", text="Output format.")
    ] = Output.TEXT
    verbose: Annotated[
        bool,
        option(
            "-v", "--verbose", group=AZURE, variable="VERBOSE", text="Show each request, without tokens or secrets."
        ),
    ] = False
    timeout: Annotated[
        float,
        option(
            "--timeout",
            metavar="SECONDS",
            group=AZURE,
            variable="TIMEOUT",
            text="Deadline of the whole command, in seconds.",
        ),
    ] = 600.0


@dataclass(kw_only=True)
class ChangingOptions(AzureOptions):
    """Options of every command that changes something."""

    yes: Annotated[
        bool, option("-y", "--yes", group=CHANGES, envvar="MCT_S2S_YES", text="Do not ask for confirmation.")
    ] = False
    dry_run: Annotated[
        bool, option("--dry-run", group=CHANGES, text="Show the plan only. Exit 3 if anything would change.")
    ] = False
    no_restart: Annotated[
        bool, option("--no-restart", group=CHANGES, text="Do not restart; restart the App Service yourself.")
    ] = False
    backup: Annotated[
        Path | None,
        option(
            "--backup", metavar="FILE", group=CHANGES, text="Save the current settings to FILE. They contain secrets."
        ),
    ] = None
    no_preflight: Annotated[bool, option("--no-preflight", group=CHANGES, text="Skip the permission check.")] = False


@dataclass(kw_only=True)
class SecretOptions(LifetimeOptions, ChangingOptions):
    """Options of every command that may create a secret."""


@dataclass(kw_only=True)
class CredentialOptions(KindOptions, SecretOptions):
    """Options of every command that may give a client a credential."""

    wire: Annotated[
        str | None,
        option(
            "--wire",
            metavar="RESOURCE",
            group=CREDENTIALS,
            text="Configure the web or function app that calls the MCT API.",
        ),
    ] = None
    no_consent: Annotated[
        bool, option("--no-consent", group=CREDENTIALS, text="Let someone else grant admin consent.")
    ] = False
    service_management_reference: Annotated[
        str | None,
        option(
            "--service-management-reference",
            group=CREDENTIALS,
            metavar="ID",
            show_default=False,
            text="Service ID for app registrations, if the tenant requires one.",
        ),
    ] = None
    no_verify: Annotated[bool, option("--no-verify", group=CREDENTIALS, text="Do not test the clients at the end.")] = (
        False
    )

    @property
    def proves(self) -> bool:
        """Whether the command ends with a test of the clients: it leaves out nothing that their calls need."""
        return not (self.no_verify or self.no_consent or self.no_restart or self.dry_run)


@dataclass(kw_only=True)
class SetupOptions(CredentialOptions):
    """Options of `setup`."""

    client: Annotated[
        list[str], option("--client", metavar="NAME_OR_ID", text="Client application: a name or appId. Repeatable.")
    ] = field(default_factory=list)
    managed_identity: Annotated[
        list[str],
        option(
            "--managed-identity", metavar="RESOURCE", text="Resource whose managed identity is a client. Repeatable."
        ),
    ] = field(default_factory=list)
    service_name: Annotated[
        str | None,
        option("--service-name", metavar="NAME", text="Display name. Default: MCT service (<app service>)."),
    ] = None
    role: Annotated[str | None, option("--role", metavar="VALUE", text="App role value. Default: S2SAppRole.")] = None
    service_app: Annotated[
        str | None,
        option("--service-app", metavar="ID_OR_URI", text="Adopt this registration: its appId or Application ID URI."),
    ] = None
    no_app_service: Annotated[bool, option("--no-app-service", text="Entra ID only; skip the App Service.")] = False
    handoff: Annotated[
        Path | None, option("--handoff", metavar="FILE", text="Write the values for configure-appservice --from FILE.")
    ] = None
    handoff_text: Annotated[
        bool, option("--handoff-text", text="Print the values as a support request to the operator of MCT.")
    ] = False


@dataclass(kw_only=True)
class AddClientOptions(CredentialOptions):
    """Options of `add-client`."""

    name: Annotated[str | None, argument("NAME", "Display name, or the appId of a registration to adopt.")] = None
    managed_identity: Annotated[
        list[str],
        option(
            "--managed-identity",
            metavar="RESOURCE",
            text="Azure resource: its ID, or the name of a web or function app.",
        ),
    ] = field(default_factory=list)


@dataclass(kw_only=True)
class RemovalOptions(ChangingOptions):
    """Options of every command that removes something."""

    keep_registration: Annotated[
        bool, option("--keep-registration", group=REMOVAL, text="Keep app registrations. Revoke their access only.")
    ] = False
    delete_adopted: Annotated[
        bool, option("--delete-adopted", group=REMOVAL, text="Also delete registrations that mct-s2s did not create.")
    ] = False
    delete_secrets: Annotated[
        bool, option("--delete-secrets", group=REMOVAL, text="Also delete the clients' secrets in key vaults.")
    ] = False
    purge: Annotated[bool, option("--purge", group=REMOVAL, text="Delete permanently. Nothing can be restored.")] = (
        False
    )


@dataclass(kw_only=True)
class RemoveClientOptions(RemovalOptions):
    """Options of `remove-client`."""

    name: Annotated[str, argument("NAME_OR_ID", "Display name, appId, object ID, resource ID or allow list entry.")]
    ignore_missing: Annotated[
        bool, option("--ignore-missing", group=REMOVAL, text="Exit 0 if the client does not exist.")
    ] = False


@dataclass(kw_only=True)
class RotateOptions(SecretOptions):
    """Options of `rotate-secret`."""

    name: Annotated[str | None, argument("NAME", "Client application: its display name or appId.")] = None
    expiring_within: Annotated[
        str | None,
        option("--expiring-within", metavar="DURATION", text="All clients whose secret expires within 30d, 4w, …"),
    ] = None
    keep_old: Annotated[
        str | None,
        option("--keep-old", metavar="DURATION", text="Keep the old secret for 24h, 7d, … until the next rotation."),
    ] = None
    remove_old: Annotated[
        bool, option("--remove-old", text="Remove the old secret now, even if it is still in use.")
    ] = False


@dataclass(kw_only=True)
class DoctorOptions(AzureOptions):
    """Options of `doctor`."""

    managed_identity: Annotated[
        list[str],
        option("--managed-identity", metavar="RESOURCE", text="Resource whose managed identity to enable. Repeatable."),
    ] = field(default_factory=list)
    no_app_service: Annotated[bool, option("--no-app-service", text="Check Entra ID only.")] = False
    no_consent: Annotated[bool, option("--no-consent", text="Skip the check for admin consent.")] = False


def _setting_options() -> Iterator[Parameter]:
    """An option for each row of the table of settings that has one."""
    for setting in SETTINGS:
        if setting.option is not None:
            text = option(setting.option, text=setting.option_help)
            kind: Any = Annotated[list[str] if setting.holds.is_list else str | None, text]
            default: list[str] | None = [] if setting.holds.is_list else None
            yield Parameter(setting.name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)


@dataclass(kw_only=True)
class ConfigureOptions(ChangingOptions):
    """Options of `configure-appservice`."""

    given: dict[str, str | list[str] | None] = field(
        default_factory=dict, metadata={SEVERAL_OPTIONS: tuple(_setting_options())}
    )
    """What was given for each setting, by its name."""
    handoff: Annotated[
        Path | None, option("--from", metavar="FILE", text="Read all values from a file written by setup --handoff.")
    ] = None
    restore: Annotated[
        Path | None, option("--restore", metavar="FILE", text="Restore the settings from a backup file.")
    ] = None
    disable: Annotated[bool, option("--disable", text=f"Set {ENABLED} to false.")] = False


@dataclass(kw_only=True)
class VerifyOptions(AzureOptions):
    """Options of `verify`."""

    client: Annotated[
        list[str],
        option(
            "--client", metavar="NAME_OR_ID", text="Test this client application only: a name or appId. Repeatable."
        ),
    ] = field(default_factory=list)
    credentials: Annotated[
        list[Path], option("--credentials", metavar="FILE", text="A client's secret file. Repeatable.")
    ] = field(default_factory=list)
    path: Annotated[str, option("--path", metavar="PATH", text="Path of the MCT API to GET.")] = API_PATH
    audience: Annotated[
        str | None, option("--audience", metavar="URI", text="Test the caller's own call to this Application ID URI.")
    ] = None
    url: Annotated[str | None, option("--url", metavar="URL", text="The MCT site's URL. Default: from Azure.")] = None


@dataclass(kw_only=True)
class StatusOptions(AzureOptions):
    """Options of `status`."""

    expiring_within: Annotated[
        str,
        option(
            "--expiring-within",
            metavar="DURATION",
            text="Warn this long before the last credential expires (exit code 3).",
        ),
    ] = "30d"
    watch: Annotated[
        float | None,
        option(
            "--watch",
            metavar="SECONDS",
            min=1,
            show_default=False,
            text="Check again every 30 seconds, until Ctrl-C.",
        ),
    ] = None


@dataclass(kw_only=True)
class SchemaOptions:
    """Options of `schema`."""

    name: Annotated[str | None, argument("NAME", "A document, such as status or result. Default: list them.")] = None
    output: Annotated[
        Output, option("-o", "--output", metavar="FORMAT", variable="OUTPUT", text="Format of the list.")
    ] = Output.TEXT
