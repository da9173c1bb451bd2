"""Which credential is lacking: by its kind and what a cut-off attempt has left; and whose tokens
are taken.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from mct_s2s.errors import Instruction, Refused, UsageError
from mct_s2s.model.client_credentials import (
    GITHUB,
    OUR_CREDENTIALS,
    Certificate,
    Credential,
    CredentialKind,
    CredentialSpec,
    Federation,
    NewCredential,
    SecretNote,
    attempt_tag,
    ending,
)
from mct_s2s.model.desired import ClientSpec
from mct_s2s.model.directory_objects import Custody
from mct_s2s.model.ids import ClientId, KeyId, Tag, certificate_key_id, federated_name
from mct_s2s.model.observed import SiteOfFile
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.changes import AddCredential, UpdateApplication
from mct_s2s.planning.federation import describe_federation, describe_missing_ids, federated_spec
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Plan

from tests.planning.scenarios import (
    LATER,
    NOW,
    SERVICE_ID,
    WHERE,
    complete,
    credential,
    guid,
    observed_state,
    said,
    site,
    spec,
    with_credentials,
)

CERTIFICATE = CredentialKind.CERTIFICATE
GIVEN = Certificate(b"der", "AB" * 20, NOW, LATER)
MADE = NewCredential(LATER, CERTIFICATE)
FEDERATED = Federation(GITHUB, "repo:contoso/Learn:ref:refs/heads/main")
EXCHANGE = "api://AzureADTokenExchange"


def existing(
    subject: str = FEDERATED.subject,
    audience: str = EXCHANGE,
    name: str | None = None,
    issuer: str = GITHUB,
) -> Credential:
    federation = Federation(issuer, subject, audience)
    return Credential(
        CredentialKind.FEDERATED,
        KeyId(guid(subject)),
        name or federation.name,
        None,
        federation=federation,
    )


def plan_of(
    wanted: CredentialSpec, *credentials: Credential, note: SecretNote | None = None
) -> Plan:
    observed = complete(with_credentials(*credentials))
    if note is not None:
        observed = replace(observed, secrets={"Import": note})
    return make_plan(spec(ClientSpec("Import", wanted)), observed)


SECRET = credential(name="secret")
HELD = credential(name="cert", kind=CERTIFICATE)
EXPIRED = credential(-1, name="old", kind=CERTIFICATE)
PENDING = replace(GIVEN, thumbprint="CD" * 20)
REGISTERED = Credential(CERTIFICATE, PENDING.key_id, "mct-s2s", PENDING.expires)
IMPORT_ID = ClientId(guid("Import"))


@pytest.mark.parametrize(
    ("wanted", "credentials", "lacking"),
    [
        (MADE, [], "create certificate Import"),
        (MADE, [SECRET], "create certificate Import"),
        (MADE, [existing()], "create certificate Import"),
        (MADE, [EXPIRED], "create certificate Import"),
        (MADE, [SECRET, HELD], None),
        (MADE, [credential(20, name="ending", kind=CERTIFICATE)], None),
        (GIVEN, [HELD], "create certificate Import"),
        (GIVEN, [replace(HELD, thumbprint="AB" * 20)], None),
        (GIVEN, [replace(HELD, key_id=certificate_key_id("ab" * 20))], None),
        (GIVEN, [replace(EXPIRED, thumbprint="AB" * 20)], "create certificate Import"),
        (FEDERATED, [], "create federated credential Import"),
        (FEDERATED, [SECRET, HELD], "create federated credential Import"),
        (FEDERATED, [existing()], None),
        (FEDERATED, [existing(name="by-hand")], None),
        (
            FEDERATED,
            [existing("repo:Contoso/Learn:ref:refs/heads/main")],
            "create federated credential Import",
        ),
        (FEDERATED, [existing(issuer=f"{GITHUB}/")], "create federated credential Import"),
        (FEDERATED, [existing(audience="api://old")], "update federated credential Import"),
        (replace(FEDERATED, audience="api://mine"), [existing(audience="api://mine")], None),
        (NewCredential(LATER), [HELD], None),
        (NewCredential(LATER), [existing()], None),
        (None, [], None),
    ],
)
def test_a_client_lacks_a_credential_if_none_of_the_wanted_kind_is_there(
    wanted: CredentialSpec, credentials: list[Credential], lacking: str | None
) -> None:
    assert said(plan_of(wanted, *credentials)) == ([lacking] if lacking else [])


@pytest.mark.parametrize("wanted", [MADE, GIVEN, FEDERATED])
def test_a_new_client_gets_its_credential_before_its_api_permission(wanted: CredentialSpec) -> None:
    desired = spec(ClientSpec("Import", wanted))
    plan = make_plan(desired, observed_state())
    proof = next(c for c in plan.changes if isinstance(c, AddCredential))
    access = next(
        c
        for c in plan.changes
        if isinstance(c, UpdateApplication) and c.resource == "API permission"
    )
    assert proof.key in plan.waits_for(access)


@pytest.mark.parametrize(
    ("changed", "is_told"),
    [
        ({}, False),
        ({"scope": "api://gone/.default"}, True),
        (
            {"scope": "api://gone/.default", "url": "https://CONTOSOLEARN.azurewebsites.net:443/"},
            True,
        ),
        ({"scope": "api://gone/.default", "url": "https://other.example.com"}, False),
        ({"scope": "api://gone/.default", "url": None}, False),
        ({"scope": "api://gone/.default", "client_id": ClientId(guid("another"))}, False),
        ({"scope": "api://gone/.default", "delivered": None}, False),
        ({"scope": None}, False),
    ],
)
def test_a_stored_scope_of_an_earlier_service_application_is_told(
    changed: dict[str, Any], is_told: bool
) -> None:
    found = with_credentials(SECRET)
    uri = f"api://{SERVICE_ID}"
    place = {
        "place": SecretPlace.parse("file:import.env"),
        "url": site().url,
        "scope": f"{uri}/.default",
    }
    note = SecretNote(delivered=SECRET.key_id, client_id=found.client_id, **place)  # type: ignore[arg-type]
    plan = plan_of(NewCredential(LATER), SECRET, note=replace(note, **changed))
    message = (
        "MCT_S2S_SCOPE in file:import.env is 'api://gone/.default', which is no longer the service "
        f"application. Set it to {uri}/.default."
    )
    assert (plan.notes, plan.is_empty) == ((message,) if is_told else (), True)


@pytest.mark.parametrize(
    ("asked", "credentials", "is_taken_up"),
    [(365, [], True), (365, [REGISTERED], True), (365, [SECRET, REGISTERED], True), (30, [], False),
     (30, [REGISTERED], True)],
)  # fmt: skip
def test_a_key_that_was_not_delivered_is_taken_up_where_it_is_registered_or_lasts_as_wanted(
    asked: int, credentials: list[Credential], is_taken_up: bool
) -> None:
    wanted = NewCredential(NOW + timedelta(days=asked), CERTIFICATE)
    (change,) = plan_of(wanted, *credentials, note=SecretNote(pending=PENDING)).changes
    assert isinstance(change, AddCredential)
    assert change.spec.expires == (PENDING.expires if is_taken_up else wanted.expires)
    assert change.detail.startswith(
        "with the key from an interrupted run" if is_taken_up else "with a new key"
    )


A_SECRET = NewCredential(LATER)
GONE = SecretNote(delivered=KeyId(guid("gone")), client_id=IMPORT_ID)
ARRIVED = replace(GONE, delivered_at=NOW, kind=CERTIFICATE)
WITHOUT_ITS_KEY = SecretNote(pending=PENDING)
WITH_ITS_KEY = SecretNote(
    pending=PENDING, delivered=PENDING.key_id, client_id=IMPORT_ID, kind=CERTIFICATE
)
OF_ANOTHER = replace(GONE, client_id=ClientId(guid("another")))


@pytest.mark.parametrize(
    ("wanted", "credentials", "note", "lacking"),
    [
        # A certificate without its key is nothing to sign in with.
        (A_SECRET, [REGISTERED], WITHOUT_ITS_KEY, "create secret Import"),
        (A_SECRET, [REGISTERED], WITH_ITS_KEY, None),
        (MADE, [REGISTERED], WITH_ITS_KEY, None),
        # One that arrived minutes ago is known although no replica shows it.
        (MADE, [], ARRIVED, None),
        (A_SECRET, [], ARRIVED, "create secret Import"),
        (MADE, [], replace(ARRIVED, kind=CredentialKind.SECRET), "create certificate Import"),
        # What its store holds counts only while the directory does: who reads it has one that is
        # not good.
        (A_SECRET, [SECRET], GONE, "create secret Import"),
        (A_SECRET, [SECRET], replace(GONE, delivered=SECRET.key_id), None),
        (A_SECRET, [SECRET], OF_ANOTHER, None),
        (A_SECRET, [SECRET], replace(GONE, delivered_at=NOW), None),
        (MADE, [HELD], replace(GONE, kind=CERTIFICATE), "create certificate Import"),
        (MADE, [HELD], replace(GONE, kind=CERTIFICATE, delivered=HELD.key_id), None),
        (MADE, [HELD], replace(OF_ANOTHER, kind=CERTIFICATE), None),
        (MADE, [HELD], ARRIVED, None),
        # Nor is a certificate of an attempt's name removed as a lost secret.
        (A_SECRET, [HELD], SecretNote(attempts={"cert": None}), None),
    ],
)
def test_a_secret_is_planned_by_what_store_and_directory_remember(
    wanted: CredentialSpec, credentials: list[Credential], note: SecretNote, lacking: str | None
) -> None:
    assert said(plan_of(wanted, *credentials, note=note)) == ([lacking] if lacking else [])


IN_A_VAULT = SecretNote(place=SecretPlace.parse("keyvault:contoso/import"))
IS_IN_A_VAULT = replace(IN_A_VAULT, delivered=SECRET.key_id, client_id=IMPORT_ID)


@pytest.mark.parametrize(
    ("credentials", "note", "is_tagged"),
    [
        pytest.param([SECRET], IS_IN_A_VAULT, True, id="a secret that is in the vault already"),
        pytest.param([], IN_A_VAULT, True, id="a secret that goes there now"),
        pytest.param([SECRET], IN_A_VAULT, False, id="no secret of the vault"),
    ],
)
def test_a_registration_remembers_the_vault_that_has_its_secret_and_no_other(
    credentials: list[Credential], note: SecretNote, is_tagged: bool
) -> None:
    """A removal finds it by that tag, which anyone who owns the registration can have taken
    away.
    """
    plan = plan_of(A_SECRET, *credentials, note=note)
    assert [
        change.edits.tags for change in plan.changes if isinstance(change, UpdateApplication)
    ] == ([(Tag.VAULT.of("contoso/import"),)] if is_tagged else [])


def test_a_vault_that_a_tag_names_already_is_not_noted_again() -> None:
    client = with_credentials(SECRET)
    tagged = replace(client.application, tags=(Tag.VAULT.of("contoso/import"),))
    observed = complete(replace(client, application=tagged))
    noted = replace(observed, secrets={"Import": IS_IN_A_VAULT})
    assert said(make_plan(spec(ClientSpec("Import", A_SECRET)), noted)) == []


@pytest.mark.parametrize(
    ("file", "command"),
    [
        pytest.param(None, f"Import --secret-to {IN_A_VAULT.place} {WHERE}", id="the place"),
        pytest.param(
            SiteOfFile("-f trust.toml --only learn", ("Import",)),
            "Import -f trust.toml --only learn",
            id="a trust file, which has the place",
        ),
    ],
)
def test_the_command_that_replaces_a_lost_secret_names(
    file: SiteOfFile | None, command: str
) -> None:
    """It is not replaced unasked, as somebody may have it."""
    ours = replace(credential(name=f"{OUR_CREDENTIALS}x"), begins=NOW)
    observed = complete(with_credentials(ours))
    lost = replace(observed, secrets={"Import": IN_A_VAULT}, file=file)
    plan = make_plan(spec(ClientSpec("Import", A_SECRET)), lost)
    (note,) = [note for note in plan.notes if isinstance(note, Instruction)]
    assert note.command == f"mct-s2s rotate-secret {command}"


@pytest.mark.parametrize(("lifetime", "is_noted"), [("20d", True), ("90d", False)])
def test_a_plan_says_that_a_lifetime_of_a_trust_file_is_always_reported(
    lifetime: str, is_noted: bool
) -> None:
    file = SiteOfFile("-f trust.toml --only learn", ("Nightly",), {"Nightly": lifetime})
    observed = replace(complete(), file=file)
    plan = make_plan(spec(ClientSpec("Nightly", A_SECRET)), observed)
    notes = [str(note) for note in plan.notes if "secret-lifetime" in str(note)]
    assert len(notes) == is_noted
    assert all("--expiring-within 10d" in note for note in notes)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        pytest.param(
            "file:import.env",
            "which file:import.env does not hold. It stays valid. Wrong folder? Paths are relative "
            "to the current one.",
            id="a file",
        ),
        pytest.param(
            "keyvault:contoso/import",
            "which keyvault:contoso/import does not hold. It stays valid.",
            id="a key vault",
        ),
    ],
)
def test_a_second_secret_is_planned_with_a_word_on_the_first(place: str, says: str) -> None:
    ours = replace(credential(name=f"{OUR_CREDENTIALS}x"), begins=NOW)
    observed = complete(with_credentials(ours))
    elsewhere = replace(
        observed, secrets={"Import": replace(IN_A_VAULT, place=SecretPlace.parse(place))}
    )
    plan = make_plan(spec(ClientSpec("Import", replace(A_SECRET, is_kept=True))), elsewhere)
    assert "create secret Import" in said(plan)
    (note,) = plan.notes
    assert note == f"'Import' has another secret ({ending(ours.expires)}), {says}"


@pytest.mark.parametrize(
    ("place", "is_kept"), [("file:import.env", True), ("keyvault:contoso/import", False)]
)
def test_a_restored_client_keeps_a_secret_that_its_own_file_has_and_none_by_a_vaults_tags(
    place: str, is_kept: bool
) -> None:
    """The tags of a vault are others' to write."""
    deleted = with_credentials(SECRET, credential(name="another")).application
    observed = complete()
    binned = replace(
        observed,
        trust=replace(observed.trust, deleted=(deleted,)),
        custody={**observed.custody, deleted.client_id: Custody()},
        secrets={"Import": replace(IS_IN_A_VAULT, place=SecretPlace.parse(place))},
    )
    plan = make_plan(spec(ClientSpec("Import", A_SECRET)), binned)
    assert ("create secret Import" in said(plan)) is not is_kept


def test_the_tag_of_an_attempt_goes_once_its_secret_has_arrived_and_no_other_does() -> None:
    """A run that is killed between the two leaves it."""
    client = with_credentials(SECRET)
    tags = (Tag.VAULT.of("contoso/import"), attempt_tag("secret"), attempt_tag("another"))
    tagged = replace(client.application, tags=tags, undelivered=frozenset({SECRET.key_id}))
    observed = complete(replace(client, application=tagged))
    noted = replace(observed, secrets={"Import": IS_IN_A_VAULT})
    plan = make_plan(spec(ClientSpec("Import", A_SECRET)), noted)
    assert [
        change.edits.no_tags for change in plan.changes if isinstance(change, UpdateApplication)
    ] == [(attempt_tag("secret"),)]


def test_a_persons_federated_credential_for_another_audience_is_a_question() -> None:
    with pytest.raises(Refused, match="api://old") as refused:
        plan_of(FEDERATED, existing(audience="api://old", name="by-hand"))
    assert refused.value.code == "federated-credential-differs"


@pytest.mark.parametrize(
    ("cloud", "end"),
    [
        ("public", ""),
        ("usgov", "USGov"),
        ("usgov-dod", "USGov"),
        ("china", "China"),
        ("sandbox", ""),
    ],
)
def test_a_federated_credential_has_the_audience_of_its_cloud(cloud: str, end: str) -> None:
    plan = make_plan(spec(ClientSpec("A", FEDERATED)), replace(observed_state(), cloud=cloud))
    (change,) = (c for c in plan.changes if isinstance(c, AddCredential))
    assert change.spec == replace(FEDERATED, audience=f"{EXCHANGE}{end}")


def test_a_federated_credentials_name_is_the_same_each_time_and_fits_graphs_rule() -> None:
    names = {
        federated_name(issuer, subject)
        for issuer in (GITHUB, "https://a")
        for subject in ("repo:a/b", "repo:A/b", "repo:a-b", "é" * 600, "s" * 600)
    }
    assert len(names) == 10
    assert all(3 <= len(name) <= 120 for name in names)
    assert all(
        char.isascii() and (char.isalnum() or char in "-_") for name in names for char in name
    )


ISSUER = "https://oidc.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/"
SUBJECT = "system:serviceaccount:integrations:sync"


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("contoso/Learn", "contoso/Learn:ref:refs/heads/main"),
        ("contoso/Learn:dev", "contoso/Learn:ref:refs/heads/dev"),
        ("contoso@5544123/Learn@821093847", "contoso@5544123/Learn@821093847:ref:refs/heads/main"),
        ("contoso@1/Learn@2:dev", "contoso@1/Learn@2:ref:refs/heads/dev"),
        ("contoso/...", "contoso/...:ref:refs/heads/main"),
        (
            "Contoso-1/learn.web_2:feature/x-1.0",
            "Contoso-1/learn.web_2:ref:refs/heads/feature/x-1.0",
        ),
        ("https://github.com/contoso/Learn", "contoso/Learn:ref:refs/heads/main"),
        ("https://github.com/contoso/Learn/", "contoso/Learn:ref:refs/heads/main"),
        ("https://github.com/contoso/Learn.git", "contoso/Learn:ref:refs/heads/main"),
        ("https://github.com/contoso/Learn:dev", "contoso/Learn:ref:refs/heads/dev"),
        ("git@github.com:contoso/Learn.git", "contoso/Learn:ref:refs/heads/main"),
        ("ssh://git@github.com/contoso/Learn.git", "contoso/Learn:ref:refs/heads/main"),
        (
            "https://github.com/contoso/Learn/tree/feature/x",
            "contoso/Learn:ref:refs/heads/feature/x",
        ),
    ],
)
def test_a_repository_or_its_pasted_address_is_a_subject(text: str, subject: str) -> None:
    assert federated_spec(None, None, None, text) == Federation(GITHUB, f"repo:{subject}")


@pytest.mark.parametrize(
    "text",
    [
        "", "contoso", "/Learn", "contoso/", "contoso/Learn:", "contoso/Learn: main",
        "contoso/Learn:a b", "-x/Learn",
        "contoso/Learn/tree/main", "https://github.com/contoso",
        "https://gitlab.com/contoso/Learn", "contoso/Learn:main*", "contoso/Learn:a..b",
        "contoso/Learn:/main", "contoso/Learn:main/", "contoso/Learn:x.lock", "contoso/Learn:a:b",
        "con toso/Learn",
        "contoso/Learn\n", "contoso/..", "contoso/.", "contoso@1/..@2", "contoso@1/Learn",
        "contoso/Learn@2",
        "contoso@0/Learn@2", "contoso@x/Learn@2", "contoso@1/Learn@2@3", "contoso@/Learn@",
        "contoso@1/Learn@٢",
        "contoso/Learn:@{x",
    ],
)  # fmt: skip
def test_a_text_that_is_no_github_repository_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        federated_spec(None, None, None, text)
    assert refused.value.code == "malformed-repository"


@pytest.mark.parametrize(
    ("issuer", "subject", "words"),
    [
        (GITHUB, "repo:contoso/learn:ref:refs/heads/main", "GitHub contoso/learn, branch main"),
        (GITHUB, "repo:c@1/l@2:ref:refs/heads/f/x-1.0", "GitHub c@1/l@2, branch f/x-1.0"),
        (
            GITHUB,
            "repo:contoso/learn:environment:x",
            f"repo:contoso/learn:environment:x of {GITHUB}",
        ),
        (GITHUB, "repo:a/b:ref:refs/heads/x, y", f"repo:a/b:ref:refs/heads/x, y of {GITHUB}"),
        (ISSUER, "repo:a/b:ref:refs/heads/x", f"repo:a/b:ref:refs/heads/x of {ISSUER}"),
    ],
)
def test_a_plan_says_in_words_which_branch_of_github_signs_in(
    issuer: str, subject: str, words: str
) -> None:
    assert describe_federation(Federation(issuer, subject)) == words


@pytest.mark.parametrize(
    ("issuer", "repository", "is_told"),
    [
        (GITHUB, "contoso/learn", True), (GITHUB, "contoso@1/learn@2", False),
        (ISSUER, "contoso/learn", False),
    ],
)  # fmt: skip
def test_a_plan_says_which_repositories_of_github_need_their_ids(
    issuer: str, repository: str, is_told: bool
) -> None:
    told = [*describe_missing_ids(Federation(issuer, f"repo:{repository}:ref:refs/heads/main"))]
    assert ["AADSTS700213" in sentence for sentence in told] == [True] * is_told


@pytest.mark.parametrize(
    ("issuer", "subject", "audience"),
    [
        (ISSUER, SUBJECT, None),
        ("https://oidc.example:8443/x", "anything that is printable", "api://mine"),
        (GITHUB, "repo:contoso/Learn:environment:Production", None),
        ("https://accounts.google.com", "112633961854638529490", "api://AzureADTokenExchange"),
        ("https://i.example", "s" * 600, "a" * 600),
    ],
)
def test_an_issuer_subject_and_audience_are_taken_as_typed(
    issuer: str, subject: str, audience: str | None
) -> None:
    assert federated_spec(issuer, subject, audience, None) == Federation(
        issuer, subject, audience or ""
    )


NEVER_MATCHES = {
    "issuer": [
        "http://oidc.example", "oidc.example", "https://", "https://oidc.example?x=1",
        "https://oidc.example#",
        "https://user@oidc.example", "https://oidc.example:port", " https://oidc.example",
        "https://oidc.example\n",
        f"{GITHUB}/", f"https://oidc.example/{'x' * 600}",
    ],
    "subject": [
        "", f"{SUBJECT} ", "s" * 601, "repo:contoso/*", "system:serviceaccount:sync",
        "system:serviceaccount:Integrations:sync", "system:serviceaccount:integrations:sync:x",
    ],
    "audience": ["", "a" * 601],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in NEVER_MATCHES.items() for text in texts]
)
def test_a_federated_credential_that_could_never_match_is_refused(name: str, text: str) -> None:
    values = {"issuer": ISSUER, "subject": SUBJECT, "audience": None, name: text}
    with pytest.raises(UsageError, match=f"--federated-{name}") as refused:
        federated_spec(**values, github=None)
    assert refused.value.code == "malformed-federation"


@pytest.mark.parametrize(
    ("issuer", "subject", "github", "code"),
    [
        (None, None, None, "federation-incomplete"),
        (ISSUER, None, None, "federation-incomplete"),
        (None, SUBJECT, None, "federation-incomplete"),
        (ISSUER, None, "contoso/Learn", "contradictory-options"),
        (None, SUBJECT, "contoso/Learn", "contradictory-options"),
    ],
)
def test_options_of_a_federated_credential_belong_together(
    issuer: str | None, subject: str | None, github: str | None, code: str
) -> None:
    with pytest.raises(UsageError) as refused:
        federated_spec(issuer, subject, None, github)
    assert refused.value.code == code
