"""A ready-to-run program that calls the MCT API as one client: `mct-s2s snippet`.

`templates/LANGUAGE/SOURCE.j2` is the program for one language and one source of credentials. A line that begins with
`%%` is the template's, `«…»` is a value, and everything else is printed as it is. A new language is a folder and a row
of `_LITERALS`. A program that is not in its folder is not offered.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mct_s2s.model.language import Language
from mct_s2s.render.snippets import literals
from mct_s2s.render.snippets.caller import ApiCaller, CredentialSource
from mct_s2s.render.snippets.literals import Quoted

if TYPE_CHECKING:
    from jinja2 import Environment


_LITERALS: dict[Language, Callable[[str], Quoted]] = {
    Language.CURL: literals.shell,
    Language.PYTHON: literals.escaped,
    Language.CSHARP: literals.escaped,
    Language.POWERSHELL: literals.powershell,
    Language.GITHUB_ACTIONS: literals.workflow_shell,
    Language.APP_SETTINGS: literals.shell,
}


def languages_for(source: type[CredentialSource]) -> list[Language]:
    """The languages in which a program can use such a credential."""
    there = set(_environment(Language.CURL).list_templates())
    return [language for language in Language if _template(language, source) in there]


def snippet(caller: ApiCaller, language: Language) -> str:
    """The program, with a line end at its end."""
    template = _environment(language).get_template(_template(language, type(caller.credential)))
    return template.render(caller=caller, source=caller.credential, api=caller.api)


def snippet_document(caller: ApiCaller, language: Language) -> dict[str, Any]:
    """`mct-s2s/snippet/v1`."""
    return {
        "schema": "mct-s2s/snippet/v1",
        "language": language.value,
        "client": caller.name,
        "text": snippet(caller, language),
    }


def _template(language: Language, source: type[CredentialSource]) -> str:
    return f"{language.value}/{source.template}.j2"


@functools.cache
def _environment(language: Language) -> Environment:
    """Templates whose values are literals of that language; one that is printed as it is, raises `TypeError`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  # 30 ms, for this command alone

    environment = Environment(  # noqa: S701  # no HTML: `finalize` is what keeps values in their places
        loader=PackageLoader(__name__, "templates"),
        variable_start_string="«",
        variable_end_string="»",
        block_start_string="«%",
        block_end_string="%»",
        comment_start_string="«#",
        comment_end_string="#»",
        line_statement_prefix="%%",
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        finalize=_checked,
    )
    environment.filters |= {
        "literal": _LITERALS[language],
        "comment": literals.comment,
        "command": _command,
        "words": _words,
        "yaml": literals.workflow_yaml,
    }
    return environment


def _command(words: Sequence[str]) -> Quoted:
    """A shell's command."""
    return Quoted(" ".join(map(literals.shell, words)))


def _words(value: str | Sequence[str]) -> str:
    """Words of a shell's command, to be part of a comment."""
    return shlex.join([value] if isinstance(value, str) else value)


def _checked(value: Any) -> Quoted:
    if not isinstance(value, Quoted):
        raise TypeError(f"A template prints {value!r} without a filter that makes a literal of it.")
    return value
