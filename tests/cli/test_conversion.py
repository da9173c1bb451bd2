"""A value that needs no conversion comes out as the parser would have converted it, and one that is wrong as wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import typer
from mct_s2s.cli.app import COMMANDS, _parser
from mct_s2s.cli.help import choices

GIVEN: tuple[Any, ...] = (
    None, "", "x", "-", "a b", "0", "1", "3.5", " 7", "nan", "true", "no", "json", "JSON", "secret",
    True, False, 2, 2.5, (), [], ("x",), ["x", "y"], ("x", 3), (None,), "/nowhere/at/all", b"x", object,
)  # fmt: skip


def _commands() -> list[Any]:
    program = _parser()
    served = program.commands["sandbox"].commands.values()
    return [program, *(program.commands[name] for name in COMMANDS), *served]


def _outcome(process: Any, command: Any, value: Any) -> Any:
    try:
        found = process(typer.Context(command), value)
    except Exception as error:  # whatever the parser makes of it
        return type(error), str(error)
    return type(found), repr(found)


@pytest.mark.parametrize("command", [pytest.param(each, id=each.name) for each in _commands()])
def test_each_option_makes_the_same_of_each_value(command: Any) -> None:
    def usual(context: Any, given: Any) -> Any:
        return type(parameter).process_value(parameter, context, given)

    for parameter in command.get_params(typer.Context(command)):
        if parameter.name in {"help", "version"}:
            continue  # they print
        for value in (*GIVEN, parameter.default, *choices(parameter)):
            expected = _outcome(usual, command, value)
            assert _outcome(parameter.process_value, command, value) == expected, (parameter.name, value)


def test_a_command_line_of_texts_imports_nothing_to_check_them() -> None:
    code = (
        "import json, sys; from mct_s2s.cli.app import main;"
        "main(['status', '-a', 'x', '-s', 'y', '-o', 'json', '--cloud', 'https://localhost:1', '-q']);"
        "import mct_s2s.azure.graph.directory;"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    loaded = json.loads(done.stderr.splitlines()[-1])
    assert "msgraph.graph_request_adapter" in loaded
    assert not {"pydantic", "httpx._main", "pygments"} & set(loaded)
