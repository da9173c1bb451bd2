"""The options, as `mct-s2s COMMAND --help` shows them: one dataclass for each set that commands share.

A help text is imperative, one line of 70 characters at most, and has no semicolon: `tests/cli/test_help.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from mct_s2s.azure.sign_in.choice import Method

AZURE = "Azure"
CHANGES = "Changes"
CREDENTIALS = "Credentials"
FEDERATION = "Federated credentials"
REMOVAL = "Removal"


class Output(StrEnum):
    """The values of `--output`."""

    TEXT = "text"
    JSON = "json"


class CredentialKind(StrEnum):
    """The values of `--credential`."""

    SECRET = "secret"  # noqa: S105  # the word, not a secret
    CERTIFICATE = "certificate"
    FEDERATED = "federated"
    NONE = "none"


def _option(*names: str, text: str, group: str | None = None, variable: str | None = None, **more: Any) -> Any:
    """An option.

    Args:
        names: `-g`, `--resource-group`.
        text: its line of help.
        group: the panel of the help that it is listed in.
        variable: the environment variable that sets it, without `MCT_S2S_`.
        more: what else typer takes.
    """
    if variable is not None:
        more = {"envvar": f"MCT_S2S_{variable}", "show_envvar": False, **more}
    return typer.Option(*names, help=text, rich_help_panel=group, **more)


def _name(metavar: str, text: str) -> Any:
    return typer.Argument(metavar=metavar, help=text, show_default=False)


@dataclass(kw_only=True)
class AzureOptions:
    """Options of every command that talks to Azure."""

    app_service: Annotated[
        str | None,
        _option(
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
        _option(
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
        _option(
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
        _option("--slot", metavar="NAME", group=AZURE, variable="SLOT", text="Deployment slot. Default: production."),
    ] = None
    tenant: Annotated[
        str | None,
        _option(
            "--tenant",
            metavar="ID_OR_DOMAIN",
            group=AZURE,
            variable="TENANT",
            text="Tenant ID or domain. Default: the subscription's tenant.",
        ),
    ] = None
    cloud: Annotated[
        str,
        _option(
            "--cloud",
            metavar="NAME_OR_URL",
            group=AZURE,
            variable="CLOUD",
            text="Cloud: public, usgov, usgov-dod, china, sandbox, or an ARM URL.",
        ),
    ] = "public"
    auth: Annotated[
        Method, _option("--auth", metavar="METHOD", group=AZURE, variable="AUTH", text="Sign-in method.")
    ] = Method.AUTO
    output: Annotated[
        Output, _option("-o", "--output", metavar="FORMAT", group=AZURE, variable="OUTPUT", text="Output format.")
    ] = Output.TEXT
    verbose: Annotated[
        bool,
        _option(
            "-v", "--verbose", group=AZURE, variable="VERBOSE", text="Show each request, without tokens or secrets."
        ),
    ] = False
    timeout: Annotated[
        float,
        _option(
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
        bool, _option("-y", "--yes", group=CHANGES, envvar="MCT_S2S_YES", text="Do not ask for confirmation.")
    ] = False
    dry_run: Annotated[
        bool, _option("--dry-run", group=CHANGES, text="Show the plan only. Exit 3 if anything would change.")
    ] = False
    no_restart: Annotated[
        bool, _option("--no-restart", group=CHANGES, text="Do not restart; restart the App Service yourself.")
    ] = False
    backup: Annotated[
        Path | None,
        _option(
            "--backup", metavar="FILE", group=CHANGES, text="Save the current settings to FILE. They contain secrets."
        ),
    ] = None
    no_preflight: Annotated[bool, _option("--no-preflight", group=CHANGES, text="Skip the permission check.")] = False


@dataclass(kw_only=True)
class SecretOptions(ChangingOptions):
    """Options of every command that may create a secret."""

    secret_lifetime: Annotated[
        str,
        _option(
            "--secret-lifetime",
            metavar="LIFETIME",
            group=CREDENTIALS,
            text="Lifetime: 1y, 2y, 180d, never, or a date such as 2027-06-30.",
        ),
    ] = "1y"  # noqa: S105  # a duration
    auto_lifetime: Annotated[
        bool, _option("--auto-lifetime", group=CREDENTIALS, text="Shorten the lifetime to what the tenant allows.")
    ] = False
    secret_to: Annotated[
        str | None,
        _option(
            "--secret-to",
            metavar="PLACE",
            group=CREDENTIALS,
            text="Save to file:PATH, keyvault:VAULT[/NAME], or show it once.",
        ),
    ] = None


@dataclass(kw_only=True)
class CredentialOptions(SecretOptions):
    """Options of every command that may give a client a credential."""

    credential: Annotated[
        CredentialKind, _option("--credential", metavar="TYPE", group=CREDENTIALS, text="Credential type.")
    ] = CredentialKind.SECRET
    certificate: Annotated[
        Path | None,
        _option(
            "--certificate",
            metavar="FILE",
            group=CREDENTIALS,
            text="PEM file with a certificate. Default: create a key pair.",
        ),
    ] = None
    wire: Annotated[
        str | None,
        _option(
            "--wire",
            metavar="RESOURCE",
            group=CREDENTIALS,
            text="Configure the web or function app that calls the MCT API.",
        ),
    ] = None
    no_consent: Annotated[
        bool, _option("--no-consent", group=CREDENTIALS, text="Let someone else grant admin consent.")
    ] = False
    github: Annotated[
        str | None,
        _option(
            "--github",
            group=FEDERATION,
            metavar="OWNER/REPO[:branch]",
            text="GitHub Actions workflows on a branch. Default: main.",
        ),
    ] = None
    federated_issuer: Annotated[
        str | None, _option("--federated-issuer", metavar="URL", group=FEDERATION, text="Issuer URL (iss).")
    ] = None
    federated_subject: Annotated[
        str | None, _option("--federated-subject", metavar="TEXT", group=FEDERATION, text="Subject (sub).")
    ] = None
    federated_audience: Annotated[
        str | None,
        _option(
            "--federated-audience",
            metavar="TEXT",
            group=FEDERATION,
            text="Audience (aud). Default: the cloud's token exchange.",
        ),
    ] = None
    service_management_reference: Annotated[
        str | None,
        _option(
            "--service-management-reference",
            group=CREDENTIALS,
            metavar="ID",
            show_default=False,
            text="Service ID for app registrations, if the tenant requires one.",
        ),
    ] = None
    no_verify: Annotated[
        bool, _option("--no-verify", group=CREDENTIALS, text="Do not test the clients at the end.")
    ] = False

    @property
    def proves(self) -> bool:
        """Whether the command ends with a test of the clients: it leaves out nothing that their calls need."""
        return not (self.no_verify or self.no_consent or self.no_restart or self.dry_run)


@dataclass(kw_only=True)
class SetupOptions(CredentialOptions):
    """Options of `setup`."""

    client: Annotated[
        list[str], _option("--client", metavar="NAME_OR_ID", text="Client application: a name or appId. Repeatable.")
    ] = field(default_factory=list)
    managed_identity: Annotated[
        list[str],
        _option(
            "--managed-identity", metavar="RESOURCE", text="Resource whose managed identity is a client. Repeatable."
        ),
    ] = field(default_factory=list)
    service_name: Annotated[
        str | None,
        _option("--service-name", metavar="NAME", text="Display name. Default: MCT service (<app service>)."),
    ] = None
    role: Annotated[str | None, _option("--role", metavar="VALUE", text="App role value. Default: S2SAppRole.")] = None
    service_app: Annotated[
        str | None,
        _option("--service-app", metavar="ID_OR_URI", text="Adopt this registration: its appId or Application ID URI."),
    ] = None
    no_app_service: Annotated[bool, _option("--no-app-service", text="Entra ID only; skip the App Service.")] = False
    handoff: Annotated[
        Path | None, _option("--handoff", metavar="FILE", text="Write the values for configure-appservice --from FILE.")
    ] = None
    handoff_text: Annotated[
        bool, _option("--handoff-text", text="Print the values as a support request to the operator of MCT.")
    ] = False


@dataclass(kw_only=True)
class AddClientOptions(CredentialOptions):
    """Options of `add-client`."""

    name: Annotated[str | None, _name("NAME", "Display name, or the appId of a registration to adopt.")] = None
    managed_identity: Annotated[
        list[str],
        _option(
            "--managed-identity",
            metavar="RESOURCE",
            text="Azure resource: its ID, or the name of a web or function app.",
        ),
    ] = field(default_factory=list)


@dataclass(kw_only=True)
class RemovalOptions(ChangingOptions):
    """Options of every command that removes something."""

    keep_registration: Annotated[
        bool, _option("--keep-registration", group=REMOVAL, text="Keep app registrations. Revoke their access only.")
    ] = False
    delete_adopted: Annotated[
        bool, _option("--delete-adopted", group=REMOVAL, text="Also delete registrations that mct-s2s did not create.")
    ] = False
    delete_secrets: Annotated[
        bool, _option("--delete-secrets", group=REMOVAL, text="Also delete the clients' secrets in key vaults.")
    ] = False
    purge: Annotated[bool, _option("--purge", group=REMOVAL, text="Delete permanently. Nothing can be restored.")] = (
        False
    )


@dataclass(kw_only=True)
class RemoveClientOptions(RemovalOptions):
    """Options of `remove-client`."""

    name: Annotated[str, _name("NAME_OR_ID", "Display name, appId, object ID, resource ID or allow list entry.")]
    ignore_missing: Annotated[
        bool, _option("--ignore-missing", group=REMOVAL, text="Exit 0 if the client does not exist.")
    ] = False


@dataclass(kw_only=True)
class RotateOptions(SecretOptions):
    """Options of `rotate-secret`."""

    name: Annotated[str | None, _name("NAME", "Client application: its display name or appId.")] = None
    expiring_within: Annotated[
        str | None,
        _option("--expiring-within", metavar="DURATION", text="All clients whose secret expires within 30d, 4w, …"),
    ] = None
    keep_old: Annotated[
        str | None,
        _option("--keep-old", metavar="DURATION", text="Keep the old secret for 24h, 7d, … until the next rotation."),
    ] = None
    remove_old: Annotated[
        bool, _option("--remove-old", text="Remove the old secret now, even if it is still in use.")
    ] = False


@dataclass(kw_only=True)
class DoctorOptions(AzureOptions):
    """Options of `doctor`."""

    managed_identity: Annotated[
        list[str],
        _option(
            "--managed-identity", metavar="RESOURCE", text="Resource whose managed identity to enable. Repeatable."
        ),
    ] = field(default_factory=list)
    no_app_service: Annotated[bool, _option("--no-app-service", text="Check Entra ID only.")] = False
    no_consent: Annotated[bool, _option("--no-consent", text="Skip the check for admin consent.")] = False


@dataclass(kw_only=True)
class ConfigureOptions(ChangingOptions):
    """Options of `configure-appservice`."""

    audience: Annotated[str | None, _option("--audience", metavar="URI", text="Application ID URI.")] = None
    tenant_name: Annotated[
        str | None, _option("--tenant-name", metavar="DOMAIN", text="The tenant's initial domain.")
    ] = None
    tenant_id: Annotated[str | None, _option("--tenant-id", metavar="ID", text="The tenant's ID.")] = None
    role: Annotated[str | None, _option("--role", metavar="VALUE", text="App role value.")] = None
    application_id: Annotated[
        list[str], _option("--application-id", metavar="ID", text="A client application's appId. Repeatable.")
    ] = field(default_factory=list)
    object_id: Annotated[
        list[str], _option("--object-id", metavar="ID", text="A managed identity's object ID. Repeatable.")
    ] = field(default_factory=list)
    handoff: Annotated[
        Path | None, _option("--from", metavar="FILE", text="Read all values from a file written by setup --handoff.")
    ] = None
    restore: Annotated[
        Path | None, _option("--restore", metavar="FILE", text="Restore the settings from a backup file.")
    ] = None
    disable: Annotated[bool, _option("--disable", text="Set ServiceAuthEnabled to false.")] = False


@dataclass(kw_only=True)
class VerifyOptions(AzureOptions):
    """Options of `verify`."""

    client: Annotated[
        list[str],
        _option(
            "--client", metavar="NAME_OR_ID", text="Test this client application only: a name or appId. Repeatable."
        ),
    ] = field(default_factory=list)
    credentials: Annotated[
        list[Path], _option("--credentials", metavar="FILE", text="A client's secret file. Repeatable.")
    ] = field(default_factory=list)
    path: Annotated[str, _option("--path", metavar="PATH", text="Path of the MCT API to GET.")] = "/api/v1/organization"
    audience: Annotated[
        str | None, _option("--audience", metavar="URI", text="Test the caller's own call to this Application ID URI.")
    ] = None
    url: Annotated[str | None, _option("--url", metavar="URL", text="The MCT site's URL. Default: from Azure.")] = None


@dataclass(kw_only=True)
class StatusOptions(AzureOptions):
    """Options of `status`."""

    expiring_within: Annotated[
        str,
        _option(
            "--expiring-within",
            metavar="DURATION",
            text="Warn this long before the last credential expires (exit code 3).",
        ),
    ] = "30d"
    watch: Annotated[
        float | None,
        _option(
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

    name: Annotated[str | None, _name("NAME", "A document, such as status or result. Default: list them.")] = None
    output: Annotated[
        Output, _option("-o", "--output", metavar="FORMAT", variable="OUTPUT", text="Format of the list.")
    ] = Output.TEXT
