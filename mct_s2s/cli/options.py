"""The options, as `mct-s2s COMMAND --help` shows them: one dataclass for each set that commands share.

A help text is imperative, one line of 70 characters at most, and has no semicolon: `tests/cli/test_help.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

from mct_s2s.azure.sign_in.method import Method
from mct_s2s.cli.binding import ADVANCED, AZURE, CHANGES, CREDENTIALS, FEDERATION, OUTPUT, REMOVAL, FirstWord, option
from mct_s2s.errors import UsageError


class Output(StrEnum):
    """The values of `--output`."""

    TEXT = "text"
    JSON = "json"


@dataclass(kw_only=True)
class AzureOptions:
    """Options of every command that talks to Azure."""

    first_word: ClassVar[FirstWord | None] = FirstWord("app_service", "APP_SERVICE", "The same as --app-service.")

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
            group=ADVANCED,
            variable="TENANT",
            text="Tenant ID or domain. Default: the subscription's tenant.",
        ),
    ] = None
    cloud: Annotated[
        str,
        option(
            "--cloud",
            metavar="NAME_OR_URL",
            group=ADVANCED,
            variable="CLOUD",
            text="Cloud: public, usgov, usgov-dod, china, sandbox, or an ARM URL.",
        ),
    ] = "public"
    auth: Annotated[
        Method, option("--auth", metavar="METHOD", group=ADVANCED, variable="AUTH", text="Sign-in method.")
    ] = Method.AUTO
    output: Annotated[
        Output, option("-o", "--output", metavar="FORMAT", group=OUTPUT, variable="OUTPUT", text="Output format.")
    ] = Output.TEXT
    verbose: Annotated[
        bool,
        option(
            "-v", "--verbose", group=OUTPUT, variable="VERBOSE", text="Show each request, without tokens or secrets."
        ),
    ] = False
    quiet: Annotated[
        bool, option("-q", "--quiet", group=OUTPUT, variable="QUIET", text="Show results and errors only.")
    ] = False
    timeout: Annotated[
        float,
        option(
            "--timeout",
            metavar="SECONDS",
            min=0.1,
            max=86_400,
            group=ADVANCED,
            variable="TIMEOUT",
            text="Deadline of the whole command, in seconds.",
        ),
    ] = 600.0


class PlanFormat(StrEnum):
    """The values of `--output` for a command that changes something."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


@dataclass(kw_only=True)
class ChangingOptions(AzureOptions):
    """Options of every command that changes something."""

    output: Annotated[
        PlanFormat,
        option(
            "-o",
            "--output",
            metavar="FORMAT",
            group=OUTPUT,
            variable="OUTPUT",
            text="Output format. Markdown needs --dry-run.",
        ),
    ] = PlanFormat.TEXT  # type: ignore[assignment]  # one format more: that of a plan
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
    no_preflight: Annotated[bool, option("--no-preflight", group=ADVANCED, text="Skip the permission check.")] = False

    def __post_init__(self) -> None:
        """Refuse the format of a plan where there is more than a plan to print."""
        if self.output is PlanFormat.MARKDOWN and not self.dry_run:
            raise UsageError("usage", "-o markdown shows a plan only.", remedy="Add --dry-run, or use -o json.")


@dataclass(kw_only=True)
class SecretOptions(ChangingOptions):
    """Options of every command that may create a secret or a key: how long it is valid, and where it is saved."""

    secret_lifetime: Annotated[
        str | None,
        option(
            "--secret-lifetime",
            metavar="LIFETIME",
            group=CREDENTIALS,
            text="Lifetime: 1y, 2y, 180d, never, or a date. Default: 1y, or the old.",
        ),
    ] = None
    auto_lifetime: Annotated[
        bool, option("--auto-lifetime", group=CREDENTIALS, text="Shorten the lifetime to what the tenant allows.")
    ] = False
    secret_to: Annotated[
        str | None,
        option(
            "--secret-to", metavar="PLACE", group=CREDENTIALS, text="file:PATH, keyvault:VAULT, exec:COMMAND, or show."
        ),
    ] = None


class CredentialType(StrEnum):
    """The values of `--credential`."""

    SECRET = "secret"  # noqa: S105  # a kind
    CERTIFICATE = "certificate"
    FEDERATED = "federated"
    NONE = "none"


@dataclass(kw_only=True)
class CredentialOptions(SecretOptions):
    """Options of every command that may give a client a credential; those of one kind are `None` unless typed."""

    credential: Annotated[
        CredentialType | None,
        option("--credential", metavar="TYPE", group=CREDENTIALS, show_default="secret", text="Credential type."),
    ] = None
    """`None`: that of the other options, or a secret."""
    certificate: Annotated[
        Path | None,
        option(
            "--certificate",
            metavar="FILE",
            group=CREDENTIALS,
            text="PEM file with a certificate. Default: create a key pair.",
        ),
    ] = None
    github: Annotated[
        str | None,
        option(
            "--github",
            metavar="OWNER/REPO[:branch]",
            group=FEDERATION,
            text="GitHub Actions workflows on a branch. Default: main.",
        ),
    ] = None
    federated_issuer: Annotated[
        str | None, option("--federated-issuer", metavar="URL", group=FEDERATION, text="Issuer URL (iss).")
    ] = None
    federated_subject: Annotated[
        str | None, option("--federated-subject", metavar="TEXT", group=FEDERATION, text="Subject (sub).")
    ] = None
    federated_audience: Annotated[
        str | None,
        option(
            "--federated-audience",
            metavar="TEXT",
            group=FEDERATION,
            text="Audience (aud). Default: the cloud's token exchange.",
        ),
    ] = None
    no_consent: Annotated[
        bool, option("--no-consent", group=CREDENTIALS, text="Let someone else grant admin consent.")
    ] = False
    service_management_reference: Annotated[
        str | None,
        option(
            "--service-management-reference",
            group=ADVANCED,
            metavar="ID",
            show_default=False,
            text="Service ID for app registrations, if the tenant requires one.",
        ),
    ] = None
    no_verify: Annotated[bool, option("--no-verify", group=ADVANCED, text="Do not test the clients at the end.")] = (
        False
    )

    @property
    def verifies(self) -> bool:
        """Whether the command ends with a test of the clients: it leaves out nothing that their calls need."""
        return not (self.no_verify or self.no_consent or self.no_restart or self.dry_run)


@dataclass(kw_only=True)
class FileOptions:
    """Options of every command that can be about all sites of a trust file, beside those of its own."""

    file: Annotated[
        Path | None,
        option("-f", "--file", metavar="FILE", text="Trust file: every App Service that it names, in place of one."),
    ] = None
    only: Annotated[
        list[str], option("--only", metavar="SITE", text="With --file: this site of it alone. Repeatable.")
    ] = field(default_factory=list)


CLIENT = option("--client", metavar="NAME", text="The same as NAME.")
"""Of a command about one client, whose first word means the same."""


@dataclass(kw_only=True)
class AdoptingOptions:
    """Options of every command that writes to registrations, beside those of its own."""

    service_app: Annotated[
        str | None,
        option("--service-app", metavar="ID_OR_URI", text="Adopt this registration: its appId or Application ID URI."),
    ] = None


@dataclass(kw_only=True)
class RemovalOptions(AdoptingOptions, ChangingOptions):
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
