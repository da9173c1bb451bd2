"""How a command ends: who can call, where each secret is found, and what to run next, in a few lines."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mct_s2s.model.client_credentials import NEVER, CredentialKind
from mct_s2s.planning.permissions.rights import Instruction
from mct_s2s.planning.reports.verification import CALL, CheckSubject, Verification, VerificationCheck
from mct_s2s.render.console import Terminal
from mct_s2s.render.outcome import (
    ClientResult,
    SavedCredential,
    SiteReport,
    credential_lines,
    show_closing,
    vault_reading,
)

from tests.planning.scenarios import guid
from tests.render.examples import WHERE, saved
from tests.support.screens import check_texts

Shown = Callable[[Terminal], None]
SITE = "contosolearn"
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n"
PROVED = Verification(
    "https://contosolearn.azurewebsites.net",
    "/api/v1/organization",
    (VerificationCheck("Import", CheckSubject.APPLICATION, CALL, True, "returned 200"),),
)
NEXT = (f"mct-s2s snippet Import {WHERE}", f"mct-s2s status {WHERE}")


def client(
    name: str = "Import", credential: SavedCredential | None = None, can_call: bool | None = True
) -> ClientResult:
    return ClientResult(name, guid(name), credential=credential or saved(name), can_call=can_call)


def closing(*clients: ClientResult, next_commands: tuple[str, ...] = NEXT, headline: str = "", **more: Any) -> Shown:
    site = SiteReport(SITE, **{"verification": PROVED, **more})
    return lambda terminal: show_closing(terminal, site, clients, headline, seconds=23.4, next_commands=next_commands)


VAULT = "keyvault:contoso-vault/import-secret"
PLACES = ("file:/b/reports.env", "keyvault:vault/hr")
CLOSINGS: dict[str, Shown] = {
    "a secret in a key vault": closing(client(credential=saved(saved_to=VAULT))),
    "a secret that was shown": closing(client(credential=replace(saved(saved_to="show"), secret="s3cr3t"))),
    "a certificate": closing(client(credential=replace(saved(), kind=CredentialKind.CERTIFICATE))),
    "a federated credential": closing(
        client(credential=replace(saved(saved_to=None), expires=None, kind=CredentialKind.FEDERATED))
    ),
    "not tested": closing(client(can_call=None), verification=None),
    "in part": closing(client(can_call=None), manual_steps=[Instruction("Grant consent")]),
    "a managed identity": closing(ClientResult("reports-func", principal_id=guid("identity"))),
    "several places": closing(
        client("Import", replace(saved("Import", "file:/a/import.env"), expires=NEVER)),
        *(client(place, saved(place, place)) for place in PLACES),
    ),
    "some of them": closing(client(), client("Two", can_call=False), ClientResult("vm", principal_id="1")),
    "another command": closing(headline="Removed Import from contosolearn", next_commands=NEXT[1:]),
}


def test_a_command_ends_as_it_did() -> None:
    shown = check_texts("closings", CLOSINGS)
    assert "s3cr3t" not in shown, "it was shown, once"
    assert vault_reading(VAULT) in shown


# a secret that is shown


def test_a_secret_is_one_line_and_whole_or_its_place() -> None:
    secret = "q8Q~[/red]" + "s" * 120
    (line,) = credential_lines(replace(saved(saved_to="show"), secret=secret))
    assert line.plain == f"Secret of Import  expires 2027-11-24, shown here once: {secret}"
    (line,) = credential_lines(saved())
    assert line.plain == "Secret of Import  expires 2027-11-24, saved to /home/ada/import.env"


def test_a_private_key_that_is_shown_begins_on_a_line_of_its_own() -> None:
    shown = replace(saved(saved_to="show"), secret=PEM, kind=CredentialKind.CERTIFICATE)
    head, *key = (line.plain for line in credential_lines(shown))
    assert head.startswith("Certificate of Import")
    assert key == PEM.splitlines()
