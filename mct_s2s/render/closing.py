"""How a command that changes something ends: who can call now, where each secret is, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from rich.console import RenderableType
from rich.text import Text

from mct_s2s.model.client_credentials import ending
from mct_s2s.model.commands import command
from mct_s2s.planning.reports.verification import Verification
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import Terminal, one_line, prose
from mct_s2s.render.documents import SavedCredential

LABELS = 12
"""Columns of the words before the values; the longest is `Certificate`."""
FILE = "file:"


@dataclass(frozen=True)
class ClientResult:
    """A client that a command was about."""

    name: str
    client_id: str = ""
    """Of a client application."""
    principal_id: str = ""
    """Of a managed identity, which has no credential that anyone has to keep."""
    credential: SavedCredential | None = None
    can_call: bool | None = None
    """Whether its call was answered; `None` where it was not tested."""


@dataclass(frozen=True)
class Closing:
    """What there is to say when everything is done."""

    label: str
    """What the clients call."""
    clients: Sequence[ClientResult] = ()
    headline: str = ""
    """What was done, where that is not about clients that can call."""
    seconds: float = 0.0
    verification: Verification | None = None
    is_partial: bool = False
    """Whether someone else has something left to do, so that no call is expected to succeed yet."""
    next_commands: Sequence[str] = ()
    remarks: Sequence[tuple[str, str]] = ()
    """Sentences at the end, each with a command or none."""


def show_closing(terminal: Terminal, closing: Closing) -> None:
    """Print whether each client can call, what its user has to know, and the next commands."""
    for line in _headlines(closing):
        prose(terminal.out, line, indent=2)
    rows = list(_rows(closing))
    if rows:
        terminal.result()
    for row in rows:
        terminal.out.print(row)
    if closing.remarks:
        terminal.result()
    for text, run in closing.remarks:
        prose(terminal.out, Text(text, style="warn"), indent=2)
        if run:
            terminal.result(Text(f"  {run}", style="command"))


def credential_lines(credential: SavedCredential) -> list[Text]:
    """Whose it is, when it expires and where it is, in one line; and the lines of a private key that is shown."""
    what = credential.kind.noun.capitalize()
    here, *below = _where(credential)
    head = Text.assemble((f"{what} of {credential.client}", "head"), f"  {ending(credential.expires)}{here}")
    return [head, *map(Text, below)]


def is_in_vault(saved_to: str) -> bool:
    """Whether it is in a key vault, by what `--secret-to` takes."""
    return saved_to.startswith("keyvault:")


def vault_reading(saved_to: str) -> str:
    """The command that prints a secret of a key vault; `saved_to` is `keyvault:VAULT/NAME`."""
    vault, _, name = saved_to.removeprefix("keyvault:").partition("/")
    place = ["--vault-name", vault, "--name", name]
    return command("az", "keyvault", "secret", "show", *place, "--query", "value", "--output", "tsv")


DONE, FAILED, OPEN = ("✓ ", "good"), ("✗ ", "bad"), ("! ", "warn")


def _headlines(closing: Closing) -> Iterator[Text]:
    """What was done; or for clients, a line for those who can call, those who cannot, and those who are untested."""
    took = f"{max(1, round(closing.seconds))} s"
    if closing.headline:
        yield _headline(OPEN if closing.is_partial else DONE, closing.headline, took)
        return
    for can_call in (True, False, None):
        names = [client.name for client in closing.clients if client.can_call is can_call]
        if names:
            who = names[0] if len(names) == 1 else f"{len(names)} clients"
            yield _about_clients(who, can_call, closing, took, is_one=len(names) == 1)


def _about_clients(who: str, can_call: bool | None, closing: Closing, took: str, *, is_one: bool) -> Text:
    label = closing.label
    if can_call and closing.verification is not None:
        return _headline(DONE, f"{who} can call {label}", f"200 from GET {closing.verification.path}, {took}")
    if can_call is False:
        return _headline(FAILED, f"{who} cannot call {label}", f"the test failed, see above; {took}")
    if closing.is_partial:
        return _headline(OPEN, f"{who} can call {label} when the steps below are done", took)
    set_up = f"{who} {'is' if is_one else 'are'} set up to call {label}"
    if closing.verification is not None and not closing.verification.is_proved:
        return _headline(OPEN, set_up, f"not tested yet, see above; {took}")
    return _headline(DONE, set_up, f"not tested; {took}")


def _headline(sign: tuple[str, str], text: str, detail: str) -> Text:
    return Text.assemble(sign, (text, "head"), (f"   ({detail})", "quiet"))


def _rows(closing: Closing) -> Iterator[RenderableType]:
    shown = [client for client in closing.clients if client.client_id or client.principal_id]
    if len(shown) == 1:
        yield from _one(shown[0])
    elif shown:
        yield from _several(shown)
    if closing.next_commands:
        yield from _labelled("Next", "", *(Text(run, style="command") for run in closing.next_commands))


def _one(client: ClientResult) -> Iterator[Text]:
    if client.principal_id:
        yield from _labelled("Object ID", client.principal_id)
        return
    yield from _labelled("Client ID", client.client_id)
    credential = client.credential
    if credential is not None:
        label = credential.kind.noun.capitalize().split()[0]
        yield from _labelled(label, ending(credential.expires), *_places(credential))


def _places(credential: SavedCredential) -> Iterator[str | Text]:
    """Where it is, and how to read it there."""
    saved_to = credential.saved_to or ""
    if saved_to:
        yield "shown above, once" if credential.secret is not None else saved_to.removeprefix(FILE)
    if is_in_vault(saved_to):
        yield Text(vault_reading(saved_to), style="command")


def _several(clients: Sequence[ClientResult]) -> Iterator[RenderableType]:
    """A line for each, and once what they have in common."""
    made = [client.credential for client in clients if client.credential is not None]
    ends = {ending(credential.expires) for credential in made}
    folders = {file.parent for credential in made if (file := _file(credential)) is not None}
    table = Columns([None] * 4)
    for client in clients:
        place, end = "", ""
        if client.credential is not None:
            place, end = str(next(_places(client.credential), "")), ending(client.credential.expires)
            file = _file(client.credential)
            place = file.name if file is not None and len(folders) == 1 else place
        identifier = client.client_id or client.principal_id
        table.add(f"  {client.name}", identifier, place, end if len(ends) > 1 else "")
    yield table
    if made and (len(folders) == 1 or len(ends) == 1):
        shared = ends.pop() if len(ends) == 1 else ""
        yield from _labelled("Credentials", shared, *(map(str, folders) if len(folders) == 1 else ()))


def _file(credential: SavedCredential) -> PurePath | None:
    saved_to = credential.saved_to or ""
    return PurePath(saved_to.removeprefix(FILE)) if saved_to.startswith(FILE) else None


def _labelled(label: str, value: str, *below: str | Text) -> Iterator[Text]:
    """A value behind its label, and what is long on lines of its own, to be copied whole."""
    yield Text.assemble((f"  {label.ljust(LABELS) if value else label}", "quiet"), one_line(value))
    yield from (Text.assemble("    ", one_line(line)) for line in below)


def _where(credential: SavedCredential) -> list[str]:
    """Where it is. A shown value of several lines, such as a private key, has lines of its own."""
    if credential.is_lost:
        return [", reached no one. Remove it:", f"  {credential.removal}"]
    if credential.secret:
        lines = credential.secret.rstrip().split("\n")
        return [", shown here once:", *lines] if len(lines) > 1 else [f", shown here once: {lines[0]}"]
    return [f", saved to {credential.saved_to.removeprefix(FILE)}" if credential.saved_to else ""]
