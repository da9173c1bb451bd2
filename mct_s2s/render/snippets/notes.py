"""What has to be known beside a program: printed to standard error, as the program has standard output for itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.text import Text

from mct_s2s.model.commands import option, own_command
from mct_s2s.model.language import Language
from mct_s2s.planning.reports.findings import Finding, Severity
from mct_s2s.render.console import Terminal, prose
from mct_s2s.render.snippets.caller import ApiCaller, FederatedToken, SecretFile

Note = tuple[str, str]
"""A sentence, and the command that belongs to it or nothing."""

_USES: Mapping[Language, str] = {
    Language.CURL: "| sh",
    Language.PYTHON: "> caller.py",
    Language.CSHARP: "> caller.cs",
    Language.POWERSHELL: "> caller.ps1",
    Language.GITHUB_ACTIONS: "> .github/workflows/call-mct.yml",
    Language.APP_SETTINGS: "> app-settings.sh",
}
"""Where a shell brings the program."""
_OF_ONE_CLIENT = frozenset({"client-not-consented", "client-not-allowed", "no-credential", "secret-expired"})
"""What is wrong with another client, and does not concern this one."""
_NOT_HERE = (
    "The client's credential is not saved on this machine. The program reads it from the file below. If it is "
    "somewhere else, add --credentials FILE or --credentials keyvault:VAULT/NAME."
)


def notes(
    caller: ApiCaller, language: Language, findings: tuple[Finding, ...], where: str, missing_file: str | None = None
) -> Iterator[Note]:
    """Everything that keeps the program from working, or soon will."""
    wrong = [finding for finding in findings if finding.severity is not Severity.NOTE]
    yield from ((finding.message, finding.remedy) for finding in wrong if finding.subject == caller.name)
    others = sum(finding.severity is Severity.ERROR and finding.code not in _OF_ONE_CLIENT for finding in wrong)
    if others:
        count = "another problem" if others == 1 else f"{others} other problems"
        yield f"{caller.api.site} has {count}:", own_command("status", where=where)
    if language is Language.APP_SETTINGS:
        if isinstance(caller.credential, SecretFile):
            move = own_command("rotate-secret", "--secret-to", "keyvault:VAULT", about=caller.client_id, where=where)
            yield "The client's secret is in no key vault, so AZURE_CLIENT_SECRET is left out. To move it to one:", move
    elif missing_file is not None and language is Language.GITHUB_ACTIONS:
        to_gh = "exec:gh secret set AZURE_CLIENT_SECRET --repo OWNER/REPO"
        places = own_command("rotate-secret", "--secret-to", to_gh, about=caller.client_id, where=where)
        yield "The client's credential is not saved on this machine. To give the repository a new secret:", places
    elif missing_file is not None:
        yield _NOT_HERE, missing_file
    yield from _other_issuer(caller, language)


def use(client: str, language: Language, where: str) -> Note:
    """How to run the program, or to save it."""
    printing = own_command("snippet", "--language", language.value, about=client, where=where)
    return "To run it:" if language is Language.CURL else "To save it:", f"{printing} {_USES[language]}"


def show_notes(terminal: Terminal, found: Iterable[Note], style: str = "warn") -> None:
    """Print them; each command on a line of its own."""
    for text, command in found:
        prose(terminal.err, Text(text, style=style))
        if command:
            terminal.say(command, style="command")
        if terminal.err.is_terminal:
            terminal.say()


def _other_issuer(caller: ApiCaller, language: Language) -> Iterator[Note]:
    if not isinstance(caller.credential, FederatedToken):
        return
    subject, in_workflow = caller.credential.federation.subject, language is Language.GITHUB_ACTIONS
    if caller.credential.is_of_github and not in_workflow:
        there = option("--language", Language.GITHUB_ACTIONS.value)
        yield f"{caller.name} signs in with a token of GitHub Actions ({subject}): use {there} for it.", ""
    if in_workflow and not caller.credential.is_of_github:
        yield f"{caller.name} has no federated credential for GitHub Actions: only {subject} can sign in.", ""
