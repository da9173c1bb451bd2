"""A command is a class of `cli/commands.py`, which names its body's module, and a line in `cli/app.py`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
import typer
from mct_s2s.cli import commands
from mct_s2s.cli.app import COMMANDS, app

PROGRAM: Any = typer.main.get_command(app)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_the_function_of_its_name_in_the_module_that_its_options_name(name: str) -> None:
    options = getattr(commands, f"{name.title().replace('-', '')}Options")
    module = import_module(f"mct_s2s.cli.{options.body}")
    assert callable(getattr(module, name.replace("-", "_")))
    assert PROGRAM.get_command(None, name).params


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_has_a_result_writes_it_for_programs_too(name: str) -> None:
    names = {parameter.name for parameter in PROGRAM.get_command(None, name).params}
    assert "output" in names
