"""The page of a job: what a run has changed, in Markdown.

Names are data, also where they look like markup.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from mct_s2s.pipeline_steps.results import CreatedCredential, Failure, Results, SiteResult
from mct_s2s.render.markdown import fenced, table, text

_ITEM = "  - "
_ADVICE_WITH_COMMAND = re.compile(
    r"(?:(?P<advice>.*?:) )?(?P<command>mct-s2s (?:(?!\. | Or | Then ).)*)(?<!\.)",
    re.DOTALL,
)
"""A remedy that ends with one command, which can be copied. Where others come after it, all of it
is prose.
"""
_ACTIONS = (("create", "created"), ("update", "changed"), ("delete", "removed"))


def summary(title: str, results: Results) -> str:
    """The whole text."""
    lines = [f"# {title}"]
    if results.failure is not None:
        lines += ["", *_failed(results.failure)]
    if results.sites:
        rows = [(site.name, _outcome(site), site.url) for site in results.sites]
        lines += table(("Site", "Outcome", "Address"), rows)
    for site in results.sites:
        if site.created:
            lines += ["", f"## New credentials of {text(site.name)}"]
            lines += _credentials(site.created)
        if site.failure is not None:
            lines += ["", f"## {text(site.name)} failed", ""]
            lines += _failed(site.failure)
    return "\n".join(lines) + "\n"


def _outcome(site: SiteResult) -> str:
    if site.failure is not None:
        return f"failed ({site.failure.code})"
    parts = [
        f"{site.changes[action]} {word}" for action, word in _ACTIONS if site.changes[action]
    ] or ["no changes"]
    if site.left_to_others:
        parts.append(f"{site.left_to_others} left to someone else")
    if site.verified is False:
        parts.append("the test of a client failed")
    return ", ".join(parts)


def _credentials(created: Sequence[CreatedCredential]) -> Iterator[str]:
    yield from table(
        ("Client", "Credential", "Expires", "Stored in"),
        [
            (credential.client, credential.kind, credential.expires, credential.saved_to)
            for credential in created
        ],
    )
    if any(credential.is_in_file for credential in created):
        yield ""
        yield (
            "**A file on the machine of this job goes away with it.** Store secrets elsewhere: "
            "`keyvault:VAULT`."
        )


def _failed(failure: Failure) -> Iterator[str]:
    yield from _message(failure.message)
    if not failure.remedy:
        return
    yield ""
    known = _ADVICE_WITH_COMMAND.fullmatch(failure.remedy)
    if known is None:
        yield text(failure.remedy)
        return
    if known["advice"]:
        yield from (text(known["advice"]), "")
    yield from fenced(*known["command"].splitlines())


def _message(message: str) -> Iterator[str]:
    """The statement and its list, which the document has in one text."""
    for is_list, lines in groupby(message.splitlines(), key=lambda line: line.startswith(_ITEM)):
        if is_list:
            yield from ("", *(f"- {text(line.removeprefix(_ITEM))}" for line in lines), "")
        else:
            yield text(" ".join(lines))
