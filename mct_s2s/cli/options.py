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


FORMAT = option("-o --output FORMAT", "Output format.", OUTPUT, env=True)


@dataclass(kw_only=True)
class AzureOptions:
    """Options of every command that talks to Azure."""

    first_word: ClassVar[FirstWord | None] = FirstWord("app_service", "APP_SERVICE", "The same as --app-service.")

    app_service: Annotated[
        str | None, option("-a --app-service NAME_OR_ID", "MCT App Service: its name or resource ID.", AZURE, env=True)
    ] = None
    resource_group: Annotated[
        str | None,
        option("-g --resource-group NAME", "Its resource group. Needed if the name is not unique.", AZURE, env=True),
    ] = None
    subscription: Annotated[
        str | None,
        option("-s --subscription ID_OR_NAME", "Subscription ID or name. Default: the Azure CLI's.", AZURE, env=True),
    ] = None
    slot: Annotated[str | None, option("--slot NAME", "Deployment slot. Default: production.", AZURE, env=True)] = None
    tenant: Annotated[
        str | None,
        option("--tenant ID_OR_DOMAIN", "Tenant ID or domain. Default: the subscription's tenant.", ADVANCED, env=True),
    ] = None
    cloud: Annotated[
        str,
        option(
            "--cloud NAME_OR_URL", "Cloud: public, usgov, usgov-dod, china, sandbox, or an ARM URL.", ADVANCED, env=True
        ),
    ] = "public"
    auth: Annotated[Method, option("--auth METHOD", "Sign-in method.", ADVANCED, env=True)] = Method.AUTO
    output: Annotated[Output, FORMAT] = Output.TEXT
    verbose: Annotated[
        bool, option("-v --verbose", "Show each request, without tokens or secrets.", OUTPUT, env=True)
    ] = False
    quiet: Annotated[bool, option("-q --quiet", "Show results and errors only.", OUTPUT, env=True)] = False
    timeout: Annotated[
        float,
        option(
            "--timeout SECONDS", "Deadline of the whole command, in seconds.", ADVANCED, env=True, min=0.1, max=86_400
        ),
    ] = 600.0


class DocumentFormat(StrEnum):
    """The values of `--output` where a plan or a report can be printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


@dataclass(kw_only=True)
class ChangingOptions(AzureOptions):
    """Options of every command that changes something."""

    output: Annotated[
        DocumentFormat, option("-o --output FORMAT", "Output format. Markdown needs --dry-run.", OUTPUT, env=True)
    ] = DocumentFormat.TEXT  # type: ignore[assignment]  # one format more: that of a plan
    yes: Annotated[bool, option("-y --yes", "Do not ask for confirmation.", CHANGES, envvar="MCT_S2S_YES")] = False
    dry_run: Annotated[bool, option("--dry-run", "Show the plan only. Exit 3 if anything would change.", CHANGES)] = (
        False
    )
    no_restart: Annotated[
        bool, option("--no-restart", "Do not restart; restart the App Service yourself.", CHANGES)
    ] = False
    backup: Annotated[
        Path | None, option("--backup FILE", "Save the current settings to FILE. They contain secrets.", CHANGES)
    ] = None
    no_preflight: Annotated[bool, option("--no-preflight", "Skip the permission check.", ADVANCED)] = False

    def __post_init__(self) -> None:
        """Refuse the format of a plan where there is more than a plan to print."""
        if self.output is DocumentFormat.MARKDOWN and not self.dry_run:
            raise UsageError("usage", "-o markdown shows a plan only.", remedy="Add --dry-run, or use -o json.")


@dataclass(kw_only=True)
class SecretOptions(ChangingOptions):
    """Options of every command that may create a secret or a key: how long it is valid, and where it is saved."""

    secret_lifetime: Annotated[
        str | None,
        option(
            "--secret-lifetime LIFETIME",
            "Lifetime: 1y, 2y, 180d, never, or a date. Default: 1y, or the old.",
            CREDENTIALS,
        ),
    ] = None
    auto_lifetime: Annotated[
        bool, option("--auto-lifetime", "Shorten the lifetime to what the tenant allows.", CREDENTIALS)
    ] = False
    secret_to: Annotated[
        str | None, option("--secret-to PLACE", "file:PATH, keyvault:VAULT, exec:COMMAND, or show.", CREDENTIALS)
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
        CredentialType | None, option("--credential TYPE", "Credential type.", CREDENTIALS, show_default="secret")
    ] = None
    """`None`: that of the other options, or a secret."""
    certificate: Annotated[
        Path | None,
        option("--certificate FILE", "PEM file with a certificate. Default: create a key pair.", CREDENTIALS),
    ] = None
    github: Annotated[
        str | None,
        option("--github OWNER/REPO[:branch]", "GitHub Actions workflows on a branch. Default: main.", FEDERATION),
    ] = None
    federated_issuer: Annotated[str | None, option("--federated-issuer URL", "Issuer URL (iss).", FEDERATION)] = None
    federated_subject: Annotated[str | None, option("--federated-subject TEXT", "Subject (sub).", FEDERATION)] = None
    federated_audience: Annotated[
        str | None,
        option("--federated-audience TEXT", "Audience (aud). Default: the cloud's token exchange.", FEDERATION),
    ] = None
    no_consent: Annotated[bool, option("--no-consent", "Let someone else grant admin consent.", CREDENTIALS)] = False
    service_management_reference: Annotated[
        str | None,
        option(
            "--service-management-reference ID",
            "Service ID for app registrations, if the tenant requires one.",
            ADVANCED,
            show_default=False,
        ),
    ] = None
    no_verify: Annotated[bool, option("--no-verify", "Do not test the clients at the end.", ADVANCED)] = False

    @property
    def verifies(self) -> bool:
        """Whether the command ends with a test of the clients: it leaves out nothing that their calls need."""
        return not (self.no_verify or self.no_consent or self.no_restart or self.dry_run)


@dataclass(kw_only=True)
class FileOptions:
    """Options of every command that can be about all sites of a trust file, beside those of its own."""

    file: Annotated[
        Path | None, option("-f --file FILE", "Trust file: every App Service that it names, in place of one.")
    ] = None
    only: Annotated[list[str], option("--only SITE", "With --file: this site of it alone. Repeatable.")] = field(
        default_factory=list
    )


CLIENT = option("--client NAME", "The same as NAME.")
"""Of a command about one client, whose first word means the same."""


@dataclass(kw_only=True)
class AdoptingOptions:
    """Options of every command that writes to registrations, beside those of its own."""

    service_app: Annotated[
        str | None, option("--service-app ID_OR_URI", "Adopt this registration: its appId or Application ID URI.")
    ] = None


@dataclass(kw_only=True)
class RemovalOptions(AdoptingOptions, ChangingOptions):
    """Options of every command that removes something."""

    keep_registration: Annotated[
        bool, option("--keep-registration", "Keep app registrations. Revoke their access only.", REMOVAL)
    ] = False
    delete_adopted: Annotated[
        bool, option("--delete-adopted", "Also delete registrations that mct-s2s did not create.", REMOVAL)
    ] = False
    delete_secrets: Annotated[
        bool, option("--delete-secrets", "Also delete the clients' secrets in key vaults.", REMOVAL)
    ] = False
    purge: Annotated[bool, option("--purge", "Delete permanently. Nothing can be restored.", REMOVAL)] = False
