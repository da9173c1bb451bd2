"""What stays valid beside the credential that a trust file asks for: plans and `status` say it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from mct_s2s.errors import Instruction
from mct_s2s.model.client_credentials import (
    GITHUB,
    OUR_CREDENTIALS,
    Certificate,
    Credential,
    CredentialKind,
    CredentialSpec,
    Federation,
    NewCredential,
    ending,
)
from mct_s2s.model.desired import ClientSpec, Rotation
from mct_s2s.model.ids import KeyId
from mct_s2s.model.observed import ObservedState, SiteOfFile
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.reports.findings import Severity, diagnose

from tests.planning.scenarios import (
    IMPORT,
    LATER,
    NOW,
    SPEC,
    complete,
    credential,
    said,
    spec,
    with_credentials,
)

CLIENT_ID = IMPORT.client_id
NEW = Federation(GITHUB, "repo:contoso/other:ref:refs/heads/main", "api://AzureADTokenExchange")
OLD = replace(NEW, subject="repo:contoso/learn:ref:refs/heads/main")
A_SECRET = NewCredential(LATER)
A_KEY = NewCredential(LATER, CredentialKind.CERTIFICATE)
GIVEN = Certificate(b"der", "AB" * 20, NOW, LATER)
SECRET = credential(name="secret")
KEY = credential(name="key", kind=CredentialKind.CERTIFICATE)


def federated(federation: Federation) -> Credential:
    key_id = KeyId(federation.name)
    return Credential(
        CredentialKind.FEDERATED, key_id, federation.name, None, federation=federation
    )


def in_file(wanted: CredentialSpec | None, *held: Credential) -> ObservedState:
    asked = {"Import": (wanted,) if wanted is not None else ()}
    file = SiteOfFile("-f trust.toml --only learn", ("Import",), credentials=asked)
    return replace(complete(with_credentials(*held)), file=file)


def notes_on(wanted: CredentialSpec | None, observed: ObservedState) -> list[Instruction]:
    plan = make_plan(spec(ClientSpec("Import", wanted)), observed)
    return [note for note in plan.notes if isinstance(note, Instruction) and "keeps" in note.what]


def kept(kind: str, what: str) -> str:
    return (
        f"'Import' keeps a {kind} that the trust file does not name ({what}). It stays valid. When "
        "nothing needs it, delete it:"
    )


BY_OLD = kept("federated credential", "GitHub contoso/learn, branch main")
DELETE_OLD = (
    f"az ad app federated-credential delete --id {CLIENT_ID} --federated-credential-id {OLD.name}"
)
DELETE_SECRET = f"az ad app credential delete --id {CLIENT_ID} --key-id {SECRET.key_id}"
DELETE_KEY = f"az ad app credential delete --id {CLIENT_ID} --key-id {KEY.key_id} --cert"
BY_SECRET = kept("secret", ending(SECRET.expires))
BY_KEY = kept("certificate", ending(KEY.expires))
CHANGED_IN_FILE = [
    pytest.param(NEW, [federated(OLD)], [(BY_OLD, DELETE_OLD)], id="another repository"),
    pytest.param(NEW, [SECRET], [(BY_SECRET, DELETE_SECRET)], id="federated, and no secret"),
    pytest.param(NEW, [SECRET, KEY], [(BY_SECRET, DELETE_SECRET), (BY_KEY, DELETE_KEY)], id="two"),
    pytest.param(A_KEY, [SECRET], [(BY_SECRET, DELETE_SECRET)], id="a certificate"),
    pytest.param(GIVEN, [KEY], [(BY_KEY, DELETE_KEY)], id="another certificate"),
]
AS_IN_FILE = [
    pytest.param(NEW, [federated(NEW)], id="the repository"),
    pytest.param(NEW, [federated(NEW), credential(-1)], id="the repository, and an expired secret"),
    pytest.param(A_SECRET, [SECRET, credential(name="older")], id="secrets"),
    pytest.param(A_SECRET, [KEY], id="a certificate, which does in place of a secret"),
    pytest.param(None, [SECRET, KEY, federated(OLD)], id="a file that leaves it to others"),
]


@pytest.mark.parametrize(("wanted", "held", "expected"), CHANGED_IN_FILE)
def test_a_plan_names_each_credential_that_a_changed_file_leaves_valid(
    wanted: CredentialSpec, held: list[Credential], expected: list[tuple[str, str]]
) -> None:
    observed = in_file(wanted, *held)
    assert [(note.what, note.command) for note in notes_on(wanted, observed)] == expected
    assert notes_on(wanted, replace(observed, file=None)) == [], "a command adds, and replaces none"


@pytest.mark.parametrize(("wanted", "held"), AS_IN_FILE)
def test_a_plan_says_nothing_of_credentials_as_the_file_has_them(
    wanted: CredentialSpec | None, held: list[Credential]
) -> None:
    observed = in_file(wanted, *held)
    assert (said(make_plan(spec(ClientSpec("Import", wanted)), observed)), diagnose(observed)) == (
        [],
        (),
    )
    assert notes_on(wanted, observed) == []


def test_status_notes_a_credential_that_the_file_no_longer_names_once_it_has_the_new_one() -> None:
    before = in_file(NEW, federated(OLD))
    assert diagnose(before) == (), "what it needs until 'apply' has added the new one"
    (finding,) = diagnose(in_file(NEW, federated(NEW), federated(OLD)))
    assert (finding.code, finding.severity) == ("credential-not-in-file", Severity.NOTE)
    assert (f"{finding.message}:", finding.remedy) == (BY_OLD, DELETE_OLD)
    assert notes_on(NEW, in_file(NEW, federated(NEW), federated(OLD))), "'apply' says it again"


def test_status_prints_no_rotation_of_a_secret_that_the_file_no_longer_names() -> None:
    """A rotation by the file does nothing there: the warning could not be cleared."""
    (note,) = diagnose(in_file(NEW, ours(9), federated(NEW)))
    assert (note.code, note.severity) == ("credential-not-in-file", Severity.NOTE)
    (warning,) = diagnose(in_file(NEW, ours(9)))
    assert (warning.code, warning.remedy) == (
        "secret-expiring",
        "mct-s2s apply -f trust.toml --only learn",
    )


def ours(days: float) -> Credential:
    return replace(credential(days, name=f"{OUR_CREDENTIALS}{days}"), begins=NOW)


@pytest.mark.parametrize(
    ("held", "is_left"),
    [
        pytest.param([ours(9)], True, id="a secret that ends"),
        pytest.param([ours(179), ours(180)], False, id="two that last, of an unfinished rotation"),
        pytest.param([ours(9), federated(NEW)], False, id="what the file no longer names ends"),
    ],
)
def test_a_rotation_leaves_a_client_alone_that_it_is_not_asked_for_and_that_ends(
    held: list[Credential], is_left: bool
) -> None:
    rotation = Rotation(SPEC, expiring_within=timedelta(days=20), only_named=True)
    plan = make_plan(rotation, in_file(NEW, *held))
    expected = ("Left alone, although a credential expires: 'Import'. Nothing asks to rotate it.",)
    assert tuple(each.what for each in plan.left_alone) == (expected if is_left else ())
    assert plan.notes == ()


def test_a_plan_says_nothing_of_credentials_that_another_site_of_the_file_asks_for() -> None:
    observed = in_file(NEW, federated(NEW), federated(OLD))
    assert observed.file is not None
    both = replace(observed.file, credentials={"Import": (NEW, OLD)})
    assert notes_on(NEW, replace(observed, file=both)) == []
