"""A command is a module of `cli/commands/`, which names its body's, and a line in `cli/app.py`; no other knows it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import mct_s2s.cli.commands
import pytest
import typer
from mct_s2s.cli.app import COMMANDS, app

FOLDER = Path(mct_s2s.cli.commands.__file__).parent
PROGRAM: Any = typer.main.get_command(app)
GROUPS = {"sandbox"}
"""Commands with commands of their own."""


def test_every_module_is_a_command_and_every_command_a_module() -> None:
    modules = {path.stem for path in FOLDER.glob("[!_]*.py")}
    assert modules - GROUPS == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_the_function_of_its_name_in_the_module_that_it_names(name: str) -> None:
    options = import_module(f"mct_s2s.cli.commands.{name.replace('-', '_')}")
    module = import_module(f"mct_s2s.cli.{options.BODY}")
    assert callable(getattr(module, name.replace("-", "_")))
    assert PROGRAM.get_command(None, name).params


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_has_a_result_writes_it_for_programs_too(name: str) -> None:
    names = {parameter.name for parameter in PROGRAM.get_command(None, name).params}
    assert "output" in names
