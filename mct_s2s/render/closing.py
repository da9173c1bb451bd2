"""What a change at one App Service has come to, and what comes next."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from rich.console import RenderableType
from rich.text import Text

from mct_s2s.errors import Instruction
from mct_s2s.model.client_credentials import ending
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import DONE, FAILED, OPEN, Terminal, one_line
from mct_s2s.render.credentials import path_or_place, vault_reading
from mct_s2s.render.diagnostics import print_items
from mct_s2s.render.manual_steps import show_manual_steps
from mct_s2s.render.site_report import ClientResult, SavedCredential, SiteReport

LABELS = 12
"""Columns of the words before the values; the longest is `Certificate`."""


def show_closing(
    terminal: Terminal,
    site: SiteReport,
    clients: Sequence[ClientResult],
    headline: str,
    next_commands: Sequence[str],
    *,
    seconds: float = 0.0,
    sandbox: str = "",
    remarks: Sequence[Instruction] = (),
) -> None:
    """Show what a change at one App Service has come to, and what comes next.

    `sandbox`: the command that starts the sandbox again that ends with this run; empty where none
    does.
    """
    for sign, line, detail in _headlines(site, clients, headline, f"{max(1, round(seconds))} s"):
        terminal.result(Text.assemble(sign, (line, "head"), (f"   ({detail})", "quiet")))
    shown = [client for client in clients if client.id]
    if shown or site.manual_steps or next_commands:
        terminal.result()
    for row in _rows(shown):
        terminal.out.print(row)
    if site.manual_steps:  # without them, what comes next fails
        terminal.result()
        show_manual_steps(terminal.out, site.manual_steps)
        terminal.result()
    if sandbox:
        _show_commands(
            terminal, "To run the program, start the sandbox again in another terminal", [sandbox]
        )
    if next_commands:
        _show_commands(terminal, "Next", next_commands)
    if remarks:
        terminal.result()
    print_items(terminal.out, remarks, "", "warn")


def _show_commands(terminal: Terminal, label: str, commands: Sequence[str]) -> None:
    for row in _labelled(label, "", *(Text(each, style="command") for each in commands)):
        terminal.out.print(row)


def _headlines(
    site: SiteReport, clients: Sequence[ClientResult], headline: str, took: str
) -> Iterator[tuple[tuple[str, str], str, str]]:
    verification = site.verification
    is_partial = bool(
        site.manual_steps or site.left_alone_text or (site.plan is not None and site.plan.losing)
    )
    if headline:
        yield OPEN if is_partial else DONE, headline, took
        return
    for can_call in (True, False, None):
        names = [client.name for client in clients if client.can_call is can_call]
        if not names:
            continue
        who, are = (names[0], "is") if len(names) == 1 else (f"{len(names)} clients", "are")
        if can_call and verification is not None:
            yield DONE, f"{who} can call {site.title}", f"200 from GET {verification.path}, {took}"
        elif can_call is False:
            yield FAILED, f"{who} cannot call {site.title}", f"the test failed, see above; {took}"
        elif is_partial:
            yield OPEN, f"{who} can call {site.title} when the steps below are done", took
        else:
            is_open = verification is not None and not verification.is_proved
            detail = "not tested"
            if is_open:
                detail = f"not tested yet, see above; {took}"
            elif all(client.is_secret_elsewhere for client in clients if client.can_call is None):
                detail = "not tested: the secret is not where it goes"
            elif all(client.is_identity for client in clients if client.can_call is None):
                detail = "not tested: only the resource itself can call"
            yield OPEN if is_open else DONE, f"{who} {are} set up to call {site.title}", detail


def _rows(clients: Sequence[ClientResult]) -> Iterator[RenderableType]:
    credentials = [client.credential for client in clients if client.credential is not None]
    if len(clients) == 1:
        yield from _labelled("Object ID" if clients[0].is_identity else "Client ID", clients[0].id)
        if clients[0].is_secret_elsewhere:
            yield from _labelled("Secret", _elsewhere(clients[0]))
        for credential in credentials:
            label = credential.kind.noun.capitalize().split()[0]
            yield from _labelled(label, ending(credential.expires), *_places(credential))
        return
    ends = {ending(credential.expires) for credential in credentials}
    folders = {file.parent for credential in credentials if (file := _file(credential)) is not None}
    table = Columns()
    for client in clients:
        place, end = f"secret {_elsewhere(client)}" if client.is_secret_elsewhere else "", ""
        if client.credential is not None:
            place = str(next(_places(client.credential), ""))
            end = ending(client.credential.expires)
            file = _file(client.credential)
            place = file.name if file is not None and len(folders) == 1 else place
        table.add(f"  {client.name}", client.id, place, end if len(ends) > 1 else "")
    if clients:
        yield table
    if credentials and (len(folders) == 1 or len(ends) == 1):
        are_several = len(credentials) > 1
        end = ending(credentials[0].expires, are_several=are_several) if len(ends) == 1 else ""
        label = "Credentials" if are_several else "Credential"
        yield from _labelled(label, end, *(map(str, folders) if len(folders) == 1 else ()))


def _elsewhere(client: ClientResult) -> str:
    """Where a secret may be that is not in the place that was named for it."""
    if client.tagged_vault is None:
        return "kept elsewhere, or lost"
    return f"in {client.tagged_vault}, by a tag of its registration"


def _places(credential: SavedCredential) -> Iterator[str | Text]:
    place = credential.saved_to
    if place is None:
        return
    yield "shown above, once" if credential.secret is not None else path_or_place(place)
    file = _file(credential)
    if file is not None and credential.kind.is_key and file.suffix == ".env":
        yield f"{file.with_suffix('.pem')}, its private key"
    if place.is_vault:
        yield "To read it:"
        yield Text(vault_reading(place), style="command")


def _file(credential: SavedCredential) -> PurePath | None:
    place = credential.saved_to
    return PurePath(place.name) if place is not None and place.is_file else None


def _labelled(label: str, value: str, *below: str | Text) -> Iterator[Text]:
    yield Text.assemble((f"  {label.ljust(LABELS) if value else label}", "quiet"), one_line(value))
    yield from (Text.assemble("    ", one_line(line)) for line in below)
