"""A command is a class of options: what is printed to be typed again means the same, and each has a body."""

import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from mct_s2s.cli import commands
from mct_s2s.cli.app import COMMANDS, app
from mct_s2s.cli.binding import command, command_line
from mct_s2s.cli.commands import (
    AddClientOptions,
    ConfigureAppserviceOptions,
    DoctorOptions,
    ExportOptions,
    RemoveClientOptions,
    RotateSecretOptions,
    SetupOptions,
    SnippetOptions,
    StatusOptions,
    TeardownOptions,
    VerifyOptions,
)
from mct_s2s.model.client_sign_in import CredentialType

FEDERATED = CredentialType("federated")


def typed(line: str, kind: type[Any]) -> Any:
    """The options that the parser makes of a command line."""
    read, group = list[Any](), typer.Typer(add_completion=False)

    def take(options: Any) -> int:
        read.append(options)
        return 0

    command(group, "x", kind, take, "Some.")
    program, _, *words = shlex.split(line)
    typer.main.get_command(group)(words, standalone_mode=False)
    assert program == "mct-s2s"
    return read[0]


@pytest.mark.parametrize(
    "options",
    [
        SetupOptions(app_service="contosolearn", resource_group="mct-prod"),
        SetupOptions(app_service="a", client=["One", "Two words", "$(touch x)", "-x"], managed_identity=["func"]),
        SetupOptions(app_service="a", client=["A"], credential=FEDERATED, github="o/r:b", no_restart=True),
        SetupOptions(cloud="sandbox", timeout=90.5, handoff=Path("it's.json"), yes=True, role="-role"),
        AddClientOptions(client="Import", app_service="a", secret_to="keyvault:v"),
        AddClientOptions(client="--odd", app_service="a", from_file=Path("-f")),
    ],
)
def test_what_is_printed_means_the_same(options: Any) -> None:
    assert typed(command_line("x", options), type(options)) == options


def test_defaults_are_left_out_and_short_names_used() -> None:
    options = SetupOptions(app_service="contosolearn", resource_group="mct-prod", client=["A b"])
    assert command_line("setup", options) == "mct-s2s setup -a contosolearn -g mct-prod --client 'A b'"


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        *((kind, "--client", "Import") for kind in (AddClientOptions, RemoveClientOptions, RotateSecretOptions)),
        *((kind, "--client", "Import") for kind in (SnippetOptions, VerifyOptions)),
        *((kind, "-a", "learn") for kind in (SetupOptions, StatusOptions, DoctorOptions, ExportOptions)),
        *((kind, "-a", "learn") for kind in (TeardownOptions, ConfigureAppserviceOptions)),
    ],
)
def test_the_first_word_is_the_client_of_a_command_about_one_and_else_the_app_service(
    kind: type[Any], option: str, value: str
) -> None:
    assert typed(f"mct-s2s x {value}", kind) == typed(f"mct-s2s x {option} {value}", kind)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_body_where_its_options_say_and_writes_its_result_for_programs_too(name: str) -> None:
    options = getattr(commands, f"{name.title().replace('-', '')}Options")
    assert callable(getattr(import_module(f"mct_s2s.cli.{options.body}"), name.replace("-", "_")))
    program: Any = typer.main.get_command(app)
    assert "output" in {parameter.name for parameter in program.get_command(None, name).params}
