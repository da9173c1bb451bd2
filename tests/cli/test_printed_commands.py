"""The commands that the source can print have the options of their programs: of ours, and of az
2.91.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from mct_s2s import errors

from tests.support.parsing import parsed
from tests.support.printed_commands import AZ, known_options

PACKAGE = Path(errors.__file__).parent
_IN_TEXT = re.compile(r"\b(az|mct-s2s) ([a-z][a-z-]+(?: [a-z][a-z-]*)*)((?: [^\s,;()|]+)*)")
_OPTION = re.compile(r"(?<=\s)--?[a-z][a-z-]*")


def constants(call: ast.Call) -> list[str]:
    return [str(argument.value) for argument in call.args if isinstance(argument, ast.Constant)]


def calls() -> Iterator[tuple[str, list[str]]]:
    """The constant words of each call that makes a command."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if PACKAGE / "sandbox" in path.parents:
            continue
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            words = constants(node)
            at = f"{path.relative_to(PACKAGE)}:{node.lineno}"
            if name == "command" and words[:1] == ["az"]:
                yield at, words
            elif name == "webapp_command" and words:
                yield at, ["az", "webapp", *words[0].split(), *words[1:]]
            elif (
                name == "own_command"
                or (name == "command" and isinstance(node.func, ast.Attribute))
            ) and words:
                yield at, ["mct-s2s", *words]


def texts() -> Iterator[tuple[str, str, str, list[str]]]:
    """Commands within sentences: program, verb and the rest of the words, and the options that
    follow.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        if PACKAGE / "sandbox" in path.parents:
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for line in node.value.splitlines():
                    for match in _IN_TEXT.finditer(line):
                        yield (
                            f"{path.name}:{node.lineno}",
                            match[1],
                            match[2],
                            _OPTION.findall(match[3]),
                        )


def test_the_words_of_every_command_that_is_made_are_known() -> None:
    wrong = []
    count = 0
    for at, (program, *words) in calls():
        count += 1
        options = [word for word in words if word.startswith("-")]
        unknown = set(options) - known_options(program, " ".join(words))
        wrong += [f"{at} {program} {' '.join(words)}: {', '.join(unknown)}"] if unknown else []
    assert count > 60
    assert wrong == []


def test_the_options_of_commands_within_sentences_are_known() -> None:
    wrong = []
    count = 0
    for at, program, verb, options in texts():
        is_sentence = (
            program == "az" and verb not in AZ and any(verb.startswith(f"{known} ") for known in AZ)
        )
        if not options or is_sentence:
            continue
        count += 1
        unknown = set(options) - known_options(program, verb)
        wrong += [f"{at} {program} {verb}: {', '.join(unknown)}"] if unknown else []
    assert count > 20
    assert wrong == []
