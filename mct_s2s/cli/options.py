"""The options that commands share.

Help texts: imperative, 70 characters, no semicolon (`tests/cli/test_help.py`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, get_args

from mct_s2s.cli.binding import (
    ADVANCED,
    AZURE,
    CHANGES,
    CREDENTIALS,
    FEDERATION,
    OUTPUT,
    FirstWord,
    option,
    typed_options,
)
from mct_s2s.errors import UsageError, contradiction
from mct_s2s.model.client_sign_in import CredentialType, Method


def service_app_option() -> Any:
    return option(
        "--service-app ID_OR_URI", "The service application: its appId or Application ID URI."
    )


def url_option() -> Any:
    return option(
        "--url URL", "The API's URL, such as Azure Front Door's. Default: the App Service's."
    )


def output_option(*formats: str, text: str = "Output format.", group: str | None = OUTPUT) -> Any:
    return option(
        "-o --output FORMAT", text, group, "text", env=True, words=("text", "json", *formats)
    )


@dataclass(kw_only=True)
class AzureOptions:
    first_word: ClassVar[FirstWord | None] = FirstWord(
        "app_service", "APP_SERVICE", "The same as --app-service."
    )

    app_service: str | None = option(
        "-a --app-service NAME_OR_ID", "MCT App Service: its name or resource ID.", AZURE, env=True
    )
    resource_group: str | None = option(
        "-g --resource-group NAME",
        "Its resource group. Needed if the name is not unique.",
        AZURE,
        env=True,
    )
    subscription: str | None = option(
        "-s --subscription ID_OR_NAME",
        "Subscription ID or name. Default: the Azure CLI's.",
        AZURE,
        env=True,
    )
    slot: str | None = option(
        "--slot NAME", "Deployment slot. Default: production.", AZURE, env=True
    )
    tenant: str | None = option(
        "--tenant ID_OR_DOMAIN",
        "Tenant ID or domain. Default: the subscription's tenant.",
        ADVANCED,
        env=True,
    )
    api: str = option(
        "--api NAME_OR_FILE",
        "API of the App Service: mct, or a description.",
        ADVANCED,
        "mct",
        env=True,
    )
    cloud: str = option(
        "--cloud NAME_OR_URL",
        "Cloud: public, usgov, usgov-dod, china, sandbox, or an ARM URL.",
        ADVANCED,
        "public",
        env=True,
    )
    auth: Method = option("--auth METHOD", "Sign-in method.", ADVANCED, Method.AUTO, env=True)
    output: str = output_option()
    verbose: bool = option(
        "-v --verbose", "Show each request, without tokens or secrets.", OUTPUT, env=True
    )
    quiet: bool = option("-q --quiet", "Show results and errors only.", OUTPUT, env=True)
    timeout: float = option(
        "--timeout SECONDS",
        "Deadline of the whole command, in seconds.",
        ADVANCED,
        600.0,
        env=True,
        min=0.1,
        max=86400,
    )

    @property
    def signs_in_to(self) -> tuple[str, ...]:
        """What one account of these options is asked tokens for at once: of `arm` and `graph`."""
        if getattr(self, "file", None) is not None:
            return ()  # each profile of a trust file may have an account of its own
        return ("graph",) if getattr(self, "no_app_service", False) else ("arm", "graph")

    def directory_half(self) -> str | None:
        """The command by which someone else does the directory's part of this one.

        `None` where it has none. That command writes `HANDOFF`.
        """
        return None

    without_site: ClassVar[str] = ""
    """How who may change the directory alone comes to the same, or nearly; empty where not."""
    takes_handoff: ClassVar[bool] = False
    """Whether `--from HANDOFF` does without the directory."""


@dataclass(kw_only=True)
class ChangingOptions(AzureOptions):
    output: str = output_option("markdown", text="Output format. Markdown needs --dry-run.")
    yes: bool = option("-y --yes", "Do not ask for confirmation.", CHANGES, envvar="MCT_S2S_YES")
    dry_run: bool = option(
        "--dry-run", "Show the plan only. Exit 3 if anything would change.", CHANGES
    )
    no_restart: bool = option(
        "--no-restart", "Do not restart at the end. App Service restarts by itself, too.", CHANGES
    )
    backup: Path | None = option(
        "--backup FILE", "Save the current settings to FILE. They contain secrets.", CHANGES
    )
    no_preflight: bool = option("--no-preflight", "Skip the permission check.", ADVANCED)
    service_app: str | None = service_app_option()

    def __post_init__(self) -> None:
        if self.output == "markdown" and not self.dry_run:
            raise UsageError(
                "usage", "-o markdown shows a plan only.", remedy="Add --dry-run, or use -o json."
            )


def _complete_place(incomplete: str) -> list[str]:
    """Complete the kind of a place for secrets, for the Tab key."""
    kinds = ("file:", "keyvault:", "exec:", "show")
    return [kind for kind in kinds if kind.startswith(incomplete)]


@dataclass(kw_only=True)
class SecretOptions(ChangingOptions):
    secret_lifetime: str | None = option(
        "--secret-lifetime LIFETIME",
        "Lifetime: 1y, 2y, 180d, never, or a date. Default: 1y, or as before.",
        CREDENTIALS,
    )
    auto_lifetime: bool = option(
        "--auto-lifetime", "Shorten the lifetime to what the tenant allows.", CREDENTIALS
    )
    secret_to: str | None = option(
        "--secret-to PLACE",
        "file:PATH, keyvault:VAULT, exec:COMMAND, or show.",
        CREDENTIALS,
        autocompletion=_complete_place,
    )


@dataclass(kw_only=True)
class CredentialOptions(SecretOptions):
    credential: CredentialType | None = option(
        "--credential TYPE",
        "Credential type.",
        CREDENTIALS,
        words=get_args(CredentialType),
        show_default="secret",
    )
    """`None`: that of the other options, or a secret."""
    certificate: Path | None = option(
        "--certificate FILE",
        "PEM file with a certificate. Default: create a key pair.",
        CREDENTIALS,
    )
    github: str | None = option(
        "--github OWNER/REPO[:branch]",
        "GitHub Actions workflows on a branch. Default: main.",
        FEDERATION,
    )
    federated_issuer: str | None = option("--federated-issuer URL", "Issuer URL (iss).", FEDERATION)
    federated_subject: str | None = option("--federated-subject TEXT", "Subject (sub).", FEDERATION)
    federated_audience: str | None = option(
        "--federated-audience TEXT",
        "Audience (aud). Default: the cloud's token exchange.",
        FEDERATION,
    )
    no_consent: bool = option("--no-consent", "Let someone else grant admin consent.", CREDENTIALS)
    service_management_reference: str | None = option(
        "--service-management-reference ID",
        "Service ID for app registrations, if the tenant requires one.",
        ADVANCED,
        show_default=False,
    )
    no_verify: bool = option("--no-verify", "Do not test the clients at the end.", ADVANCED)

    @property
    def verifies(self) -> bool:
        return not (self.no_verify or self.no_consent or self.no_restart or self.dry_run)


def refuse_site_beside_all() -> None:
    """Raises UsageError: one App Service was typed beside all of them.

    Variables that name one have no effect.
    """
    for field in ("app_service", "resource_group", "slot"):
        if field in typed_options():
            name = f"--{field.replace('_', '-')}"
            raise contradiction(
                f"{name} cannot be combined with --all, which is about every App Service."
            )


@dataclass(kw_only=True)
class FileOptions:
    file: Path | None = option(
        "-f --file FILE", "Trust file: every App Service that it names, in place of one."
    )
    only: list[str] = option(
        "--only SITE", "With --file: this site of it alone. Repeatable.", default=list
    )


CLIENT = ("--client NAME", "The same as NAME.")
ClientOptions = dict[str, Any]
"""Options that say how a client signs in, by the names of their fields; none for an identity."""
HANDOFF = Path("handoff.json")
"""The file in printed commands by which one person hands over to the other."""
