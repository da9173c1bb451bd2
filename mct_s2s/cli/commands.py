"""The options of each command, the module of `cli` that runs it (`body`), and its examples."""

import re
from dataclasses import MISSING, dataclass
from pathlib import Path

from mct_s2s.cli.binding import ADVANCED, REMOVAL, FirstWord, argument, option
from mct_s2s.cli.options import (
    CLIENT,
    AzureOptions,
    ChangingOptions,
    CredentialOptions,
    FileOptions,
    RemovalOptions,
    SecretOptions,
    output_option,
    service_app_option,
    url_option,
)
from mct_s2s.errors import contradiction, malformed
from mct_s2s.model.client_sign_in import Language
from mct_s2s.model.site_settings import WORDS, Holds

_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


@dataclass(kw_only=True)
class SetupOptions(CredentialOptions):
    body = "guided"
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


@dataclass(kw_only=True)
class AddClientOptions(CredentialOptions):
    body = "changing"
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


@dataclass(kw_only=True)
class ConfigureAppserviceOptions(ChangingOptions):
    body = "changing"
    examples = (
        "mct-s2s configure-appservice -a contosolearn --dry-run",
        "mct-s2s configure-appservice -a contosolearn --from handoff.json",
        "mct-s2s configure-appservice -a contosolearn --restore before.json",
    )
    audience: str | None = option("--audience URI", "Application ID URI.")
    tenant_name: str | None = option("--tenant-name NAME", "The tenant's initial domain.")
    tenant_id: str | None = option("--tenant-id ID", "The tenant's ID.")
    object_id: list[str] = option(
        "--object-id ID", "A managed identity's object ID. Repeatable.", default=list
    )
    application_id: list[str] = option(
        "--application-id ID", "A client application's appId. Repeatable.", default=list
    )
    role: str | None = option("--role VALUE", "App role value.")
    handoff: Path | None = option(
        "--from FILE", "Read all values from a file written by setup --handoff."
    )
    restore: Path | None = option("--restore FILE", "Restore the settings from a backup file.")
    disable: bool = option("--disable", "Switch service-to-service authentication off.")

    @property
    def given(self) -> dict[Holds, list[str]]:
        options = {
            holds: word.option[2:].replace("-", "_")
            for holds, word in WORDS.items()
            if word.option is not None
        }
        given = {holds: getattr(self, option) for holds, option in options.items()}
        return {
            name: one if isinstance(one, list) else [one]
            for name, one in given.items()
            if one not in (None, [])
        }


@dataclass(kw_only=True)
class RotateSecretOptions(FileOptions, SecretOptions):
    body = "rotating"
    examples = (
        "mct-s2s rotate-secret Import -a contosolearn",
        "mct-s2s rotate-secret -a contosolearn --expiring-within 30d --yes",
        "mct-s2s rotate-secret Import -a contosolearn --keep-old 7d",
        "mct-s2s rotate-secret -f trust.toml --expiring-within 30d --yes",
    )
    first_word = FirstWord("client", "NAME", "Client application: its display name or appId.")

    client: str | None = option(*CLIENT)
    expiring_within: str | None = option(
        "--expiring-within DURATION", "All clients whose credential expires within 30d, 4w, …"
    )
    expect: str | None = option(
        "--expect FINGERPRINT",
        "With --file: stop if secrets would go elsewhere than a dry run showed.",
    )
    keep_old: str | None = option(
        "--keep-old DURATION", "Keep the old one for 24h, 7d, … until the next rotation."
    )
    remove_old: bool = option("--remove-old", "Remove the old one now, even if it is still in use.")


@dataclass(kw_only=True)
class RemoveClientOptions(RemovalOptions):
    body = "changing"
    examples = (
        "mct-s2s remove-client Import -a contosolearn --dry-run",
        "mct-s2s remove-client Import -a contosolearn --keep-registration",
    )
    first_word = FirstWord(
        "client", "NAME", "Display name, appId, object ID, resource ID or allow list entry."
    )

    client: str = option(*CLIENT, default=MISSING)
    ignore_missing: bool = option(
        "--ignore-missing", "Exit 0 if the client does not exist.", REMOVAL
    )


@dataclass(kw_only=True)
class TeardownOptions(RemovalOptions):
    body = "changing"
    examples = (
        "mct-s2s teardown -a contosolearn --dry-run",
        "mct-s2s teardown -a contosolearn --keep-registration",
    )


@dataclass(kw_only=True)
class ApplyOptions(ChangingOptions):
    body = "apply"
    examples = (
        "mct-s2s apply -f trust.toml --dry-run",
        "mct-s2s apply -f trust.toml",
        "mct-s2s apply -f trust.toml --dry-run -o markdown",
        "mct-s2s apply -f trust.toml --expect FINGERPRINT --yes",
        "mct-s2s apply -f trust.toml --only contosolearn --prune",
    )
    first_word = None

    file: Path = option(
        "-f --file FILE", "Trust file: the sites and their clients.", default=MISSING
    )
    only: list[str] = option(
        "--only SITE", "Only this site, by its name in the file. Repeatable.", default=list
    )
    expect: str | None = option(
        "--expect FINGERPRINT", "Refuse any other plan than the one that a dry run printed."
    )
    prune: bool = option(
        "--prune", "Remove clients of these sites that the file does not name.", REMOVAL
    )
    allow_removals: bool = option(
        "--allow-removals", "Let --prune remove more than a third of the clients.", REMOVAL
    )
    no_verify: bool = option("--no-verify", "Do not test the clients at the end.", ADVANCED)

    # Those of one App Service: the file names each. Typed, they are refused; their variables are
    # not read.
    app_service: str | None = option("-a --app-service VALUE", "In the file.", hidden=True)
    resource_group: str | None = option("-g --resource-group VALUE", "In the file.", hidden=True)
    slot: str | None = option("--slot VALUE", "In the file.", hidden=True)
    backup: Path | None = option("--backup VALUE", "Of one App Service alone.", hidden=True)
    service_app: str | None = option("--service-app VALUE", "In the file.", hidden=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.allow_removals and not self.prune:
            no_effect = "--allow-removals has no effect without --prune."
            raise contradiction(no_effect, "Add --prune, or remove --allow-removals.")
        if self.expect is not None and not _FINGERPRINT.fullmatch(self.expect):
            remedy = "Use the fingerprint that the dry run printed: 64 hexadecimal digits."
            raise malformed("malformed-fingerprint", "--expect", self.expect, remedy)


@dataclass(kw_only=True)
class StatusOptions(FileOptions, AzureOptions):
    body = "status"
    examples = (
        "mct-s2s status -a contosolearn",
        "mct-s2s status -a contosolearn --expiring-within 60d -o json",
        "mct-s2s status --all -o csv",
        "mct-s2s status -f trust.toml -o markdown",
    )
    output: str = output_option("csv", "ics", "markdown")
    expiring_within: str = option(
        "--expiring-within DURATION",
        "Warn this long before the last credential expires (exit code 3).",
        default="30d",
    )
    all_sites: bool = option("--all", "Show every MCT App Service of the subscription.")


@dataclass(kw_only=True)
class VerifyOptions(FileOptions, AzureOptions):
    body = "verifying"
    examples = (
        "mct-s2s verify -a contosolearn",
        "mct-s2s verify -a contosolearn --client Import",
        "mct-s2s verify -f trust.toml",
        "mct-s2s verify --audience api://APP_ID --url https://HOST",
    )
    first_word = FirstWord("client", "NAME_OR_ID", "The same as --client.")

    client: list[str] = option(
        "--client NAME_OR_ID", "Test this client only: its name or ID. Repeatable.", default=list
    )
    credentials: list[Path] = option(
        "--credentials FILE", "A client's secret file. Repeatable.", default=list
    )
    path: str | None = option(
        "--path PATH", "Path to GET. Default: the API's, /api/v1/organization for MCT."
    )
    audience: str | None = option(
        "--audience URI", "Test the caller's own call to this Application ID URI."
    )
    url: str | None = url_option()

    @property
    def signs_in_to(self) -> tuple[str, ...]:
        return () if self.audience else super().signs_in_to


@dataclass(kw_only=True)
class SnippetOptions(AzureOptions):
    body = "snippets"
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


@dataclass(kw_only=True)
class ExportOptions(AzureOptions):
    body = "export"
    examples = ("mct-s2s export -a contosolearn > trust.toml", "mct-s2s export --all > trust.toml")
    all_sites: bool = option("--all", "Export every MCT App Service of the subscription.")


@dataclass(kw_only=True)
class DoctorOptions(FileOptions, AzureOptions):
    body = "doctor"
    examples = (
        "mct-s2s doctor -a contosolearn",
        "mct-s2s doctor -a contosolearn --managed-identity reports-func",
        "mct-s2s doctor -a contosolearn -o markdown",
        "mct-s2s doctor -f trust.toml",
    )
    output: str = output_option("markdown")
    managed_identity: list[str] = option(
        "--managed-identity RESOURCE",
        "Resource whose managed identity to enable. Repeatable.",
        default=list,
    )
    service_app: str | None = service_app_option()
    role: str | None = option("--role VALUE", "App role value. Default: S2SAppRole for MCT.")
    no_app_service: bool = option("--no-app-service", "Check Entra ID only.")
    no_consent: bool = option("--no-consent", "Skip the check for admin consent.")


@dataclass(kw_only=True)
class SchemaOptions:
    body = "schema"
    examples = ("mct-s2s schema", "mct-s2s schema status")
    name: str | None = argument("NAME", "A document, such as status or result. Default: list them.")
    output: str = output_option(text="Format of the list.", group=None)
