"""The options of commands that change nothing, and which module of `cli` runs each."""

from dataclasses import MISSING, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mct_s2s.cli.binding import FirstWord, option
from mct_s2s.cli.options import (
    CLIENT,
    AzureOptions,
    FileOptions,
    output_option,
    service_app_option,
    url_option,
)
from mct_s2s.cli.setup import directory_half
from mct_s2s.model.client_sign_in import Language


@dataclass(kw_only=True)
class VerifyOptions(FileOptions, AzureOptions):
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
    examples = ("mct-s2s export -a contosolearn > trust.toml", "mct-s2s export --all > trust.toml")
    all_sites: bool = option("--all", "Export every MCT App Service of the subscription.")


@dataclass(kw_only=True)
class DoctorOptions(FileOptions, AzureOptions):
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

    def directory_half(self) -> str | None:
        return directory_half(self, ["NAME"])


def _run(module: str, function: str, options: Any) -> int:
    code: int = getattr(import_module(f"mct_s2s.cli.{module}"), function)(options)
    return code


def verify(options: VerifyOptions) -> int:
    return _run("verifying", "verify", options)


def snippet(options: SnippetOptions) -> int:
    return _run("snippets", "snippet", options)


def export(options: ExportOptions) -> int:
    return _run("export", "export", options)


def doctor(options: DoctorOptions) -> int:
    return _run("doctor", "doctor", options)
