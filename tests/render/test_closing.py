"""How a command ends: who can call, where each secret is found, and what to run next, in a few lines."""

from __future__ import annotations

from dataclasses import replace

from mct_s2s.model.client_credentials import NEVER, CredentialKind
from mct_s2s.planning.reports.verification import CALL, CheckSubject, Verification, VerificationCheck
from mct_s2s.render.closing import ClientResult, Closing, credential_lines, show_closing, vault_reading
from mct_s2s.render.documents import SavedCredential

from tests.planning.scenarios import guid
from tests.render.conftest import Screens
from tests.render.examples import WHERE, saved
from tests.render.reading import line_with, pasteable

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


def closing(*clients: ClientResult, **more: object) -> Closing:
    parts = {"seconds": 23.4, "verification": PROVED, "next_commands": NEXT}
    return Closing(SITE, clients, **{**parts, **more})  # type: ignore[arg-type]


def test_a_secret_in_a_key_vault_comes_with_the_command_that_reads_it(screens: Screens) -> None:
    screen = screens(80, is_terminal=True)
    place = "keyvault:contoso-vault/import-secret"
    show_closing(screen.terminal, closing(client(credential=saved(saved_to=place))))
    assert line_with(screen.out, "Secret", place)
    assert vault_reading(place) in pasteable(screen.out)


def test_the_command_that_reads_a_vault_prints_the_value_alone() -> None:
    words = vault_reading("keyvault:contoso-vault/import-secret").split()
    assert words[:4] == ["az", "keyvault", "secret", "show"]
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert options == {
        "--vault-name": "contoso-vault", "--name": "import-secret", "--query": "value", "--output": "tsv",
    }  # fmt: skip


def test_a_secret_that_was_shown_is_not_shown_again_nor_said_to_be_saved(screens: Screens) -> None:
    screen = screens()
    shown = replace(saved(saved_to="show"), secret="s3cr3t")
    show_closing(screen.terminal, closing(client(credential=shown)))
    assert "s3cr3t" not in screen.out
    assert line_with(screen.out, "Secret", "shown above, once")
    assert "saved" not in screen.out


def test_a_certificate_and_a_federated_credential_are_called_by_their_kind(screens: Screens) -> None:
    screen = screens()
    certificate = replace(saved(), kind=CredentialKind.CERTIFICATE)
    show_closing(screen.terminal, closing(client(credential=certificate)))
    assert line_with(screen.out, "Certificate", "/home/ada/import.env")
    federated = replace(saved(saved_to=None), expires=None, kind=CredentialKind.FEDERATED)
    show_closing(screen.terminal, closing(client(credential=federated)))
    assert line_with(screen.out, "Federated", "does not expire")
    assert "None" not in screen.out


def test_a_client_that_was_not_tested_is_set_up(screens: Screens) -> None:
    screen = screens()
    show_closing(screen.terminal, closing(client(can_call=None), verification=None))
    assert screen.out.startswith("✓ Import is set up to call contosolearn   (not tested; 23 s)")
    screen = screens()
    show_closing(screen.terminal, closing(client(can_call=None), is_partial=True))
    assert screen.out.startswith("! Import can call contosolearn when the steps below are done   (23 s)")


def test_a_managed_identity_has_an_object_id_and_nothing_to_keep(screens: Screens) -> None:
    screen = screens()
    show_closing(screen.terminal, closing(ClientResult("reports-func", principal_id=guid("identity"))))
    assert line_with(screen.out, "Object ID").split()[-1] == guid("identity")
    assert "Secret" not in screen.out


def test_several_clients_with_differing_places_keep_them(screens: Screens) -> None:
    screen = screens()
    places = ("file:/a/import.env", "file:/b/reports.env", "keyvault:vault/hr")
    several = [client(place, saved(place, place)) for place in places]
    several[0] = client("Import", replace(saved("Import", places[0]), expires=NEVER))
    show_closing(screen.terminal, closing(*several))
    assert line_with(screen.out, guid("Import"), "/a/import.env", "does not expire")
    assert line_with(screen.out, guid(places[1]), "/b/reports.env", "2027-11-24")
    assert line_with(screen.out, guid(places[2]), "keyvault:vault/hr", "2027-11-24")


def test_what_some_clients_can_others_need_not(screens: Screens) -> None:
    screen = screens()
    show_closing(
        screen.terminal, closing(client(), client("Two", can_call=False), ClientResult("vm", principal_id="1"))
    )
    said = [line.split("   ")[0] for line in screen.out.splitlines()[:3]]
    assert said == [
        "✓ Import can call contosolearn", "✗ Two cannot call contosolearn", "✓ vm is set up to call contosolearn",
    ]  # fmt: skip


def test_another_command_says_what_it_did(screens: Screens) -> None:
    screen = screens()
    show_closing(screen.terminal, closing(headline="Removed Import from contosolearn", next_commands=NEXT[1:]))
    assert screen.out.splitlines() == ["✓ Removed Import from contosolearn   (23 s)", "", f"  Next        {NEXT[1]}"]


# a secret that is shown


def test_a_secret_that_was_asked_for_is_one_line_and_whole() -> None:
    secret = "q8Q~[/red]" + "s" * 120
    (line,) = credential_lines(replace(saved(saved_to="show"), secret=secret))
    assert line.plain == f"Secret of Import  expires 2027-11-24, shown here once: {secret}"


def test_a_private_key_that_is_shown_begins_on_a_line_of_its_own() -> None:
    shown = replace(saved(saved_to="show"), secret=PEM, kind=CredentialKind.CERTIFICATE)
    head, *key = (line.plain for line in credential_lines(shown))
    assert head.startswith("Certificate of Import")
    assert key == PEM.splitlines()


def test_a_credential_of_an_interrupted_run_has_its_place() -> None:
    (line,) = credential_lines(saved())
    assert line.plain == "Secret of Import  expires 2027-11-24, saved to /home/ada/import.env"
