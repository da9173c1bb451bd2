"""What someone leaves behind who owned a registration once, or who may write where a secret goes.

He could do all of it while he owned it. A later run of an administrator must not take it for its
own: what comes back from the recycle bin, what a vault's tag says, and what clutters a removal.
"""

import base64
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from mct_s2s.model.ids import Tag, client_unique_name, secret_name
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, saved_to, values_in
from tests.conftest import JSON, SITE, Json, Sandbox
from tests.security.conftest import Contributor, Member
from tests.security.staging import (
    OWN,
    A,
    add_owner,
    assign,
    disown,
    is_refused,
    listed,
    once_owned,
    planted_service,
    register,
    role,
    secrets,
)
from tests.support.certificates import pem_of

IMPORT = client_unique_name(OWN, "Import")
Words = tuple[str, ...]


# What comes back from the recycle bin


@pytest.fixture
def torn_down(admin: Program, azure: Sandbox, rob: Member) -> Json:
    """A client that this machine has set up and removed, and that Rob owned meanwhile."""
    assert admin("setup", "--client", "Import", *A, *JSON).code == 0
    client: Json = azure.applications("Import")[0]
    add_owner(azure, f"applications/{client['id']}", rob)
    assert admin("teardown", *A, *JSON).code == 0
    return client


def restore(rob: Member, client: Json) -> None:
    rob.graph("POST", f"/directory/deletedItems/{client['id']}/restore")


@pytest.mark.parametrize(
    ("admin", "still_owned"),
    # What a program has created is its own, unless others own it.
    [("person", True), ("person", False), ("program", True)],
    indirect=["admin"],
)
def test_a_client_that_its_owner_restored_with_a_secret_of_his_is_not_taken_up(
    admin: Program, azure: Sandbox, rob: Member, torn_down: Json, still_owned: bool
) -> None:
    restore(rob, torn_down)
    rob.graph("POST", f"/applications/{torn_down['id']}/addPassword", json={})
    if not still_owned:
        rob.graph("DELETE", f"/applications/{torn_down['id']}/owners/{rob.id}/$ref")
    azure.forget()
    error = is_refused(
        admin("setup", "--client", "Import", *A, *JSON), azure, "registration-not-ours"
    )
    assert torn_down["appId"] in error["remedy"]
    again = admin("setup", "--client", torn_down["appId"], *A, *JSON)
    assert again.code == 0, "the operator's own word"


@pytest.mark.parametrize("meanwhile", ["", "restored, changed and deleted again"])
def test_a_client_that_this_machine_deleted_comes_back_without_what_others_put_into_it(
    admin: Program, azure: Sandbox, rob: Member, torn_down: Json, meanwhile: str
) -> None:
    if meanwhile:
        restore(rob, torn_down)
        rob.graph("POST", f"/applications/{torn_down['id']}/addPassword", json={})
        rob.graph("DELETE", f"/applications/{torn_down['id']}")
    setup = admin("setup", "--client", "Import", *A, *JSON)
    assert setup.code == 0, setup.out
    assert secrets(azure, torn_down) == 1
    assert azure.call_as(values_in(saved_to(setup))) == 200
    details = [row["detail"] for row in setup.document["changes"] if row["detail"]]
    assert any(detail.endswith(f"also owned by {rob.address}") for detail in details)


@pytest.mark.parametrize("meanwhile", ["", "restored, its role assigned, and deleted again"])
def test_a_service_application_that_this_machine_deleted_brings_no_one_along(
    admin: Program, azure: Sandbox, rob: Member, meanwhile: str
) -> None:
    assert admin("setup", *A, "--client", "Import", *JSON).code == 0
    service: Json = azure.applications("MCT service (contosolearn)")[0]
    principal = azure.graph("GET", f"/servicePrincipals(appId='{service['appId']}')")["id"]
    for half in (f"applications/{service['id']}", f"servicePrincipals/{principal}"):
        add_owner(azure, half, rob)
    assert admin("teardown", *A, *JSON).code == 0
    if meanwhile:
        restore(rob, service)
        rob.graph("POST", f"/directory/deletedItems/{principal}/restore")
        service["principal"] = principal
        planted = rob.squat(client_unique_name(OWN, "N"), "N", signInAudience="AzureADMyOrg")
        rob.graph("POST", f"/applications/{planted['id']}/addPassword", json={})
        assign(rob, service, planted, service["appRoles"][0]["id"])
        rob.graph("DELETE", f"/applications/{service['id']}")
    again = admin("setup", *A, "--client", "Import", "--no-verify", *JSON)
    if not meanwhile:
        assert again.code == 0, again.out
        return
    assert again.code in {1, 2}, again.out
    assert again.document["error"]["code"] == "registration-not-ours"
    assert azure.applications("MCT service (contosolearn)") == [], "it went back"


@pytest.mark.parametrize("name", ["Import", "MCT service (contosolearn)"])
def test_what_this_machine_deleted_is_not_taken_up_with_an_owner_who_was_added_since(
    admin: Program, azure: Sandbox, rob: Member, adele: Member, name: str
) -> None:
    setup = ("setup", "--client", "Import", *A, "--no-verify", *JSON)
    assert admin(*setup).code == 0
    app: Json = azure.applications(name)[0]
    half = f"applications/{app['id']}"
    add_owner(azure, half, rob)
    assert admin("teardown", *A, *JSON).code == 0
    restore(rob, app)
    add_owner(rob, half, adele)
    rob.graph("DELETE", f"/{half}")
    again = admin(*setup)
    error = again.document["error"]
    assert (again.code != 0, error["code"]) == (True, "registration-not-ours"), again.out
    assert adele.address in error["message"]
    assert azure.applications(name) == [], "it went back"


SIGNS_IN: dict[str, Json] = {
    "a secret": {},
    "a federated credential": {
        "name": "theirs",
        "issuer": "https://issuer.contoso.example",
        "subject": "payroll",
        "audiences": ["api://AzureADTokenExchange"],
    },
}


@pytest.mark.parametrize("credential", SIGNS_IN)
def test_another_teams_deleted_client_with_our_name_keeps_what_signs_in_as_it(
    admin: Program, azure: Sandbox, rob: Member, adele: Member, credential: str
) -> None:
    """Rob owned it once, and its team has no owner any more: it can be restored for 30 days."""
    theirs = register(adele, "Payroll", days=300 if credential == "a secret" else None)
    path = f"/applications/{theirs['id']}"
    if credential != "a secret":
        adele.graph("POST", f"{path}/federatedIdentityCredentials", json=SIGNS_IN[credential])
    once_owned(azure, rob, theirs, lambda: rob.graph("PATCH", path, json={"uniqueName": IMPORT}))
    disown(adele, theirs)
    azure.graph("DELETE", path)
    setup = ("setup", "--client", "Import", *A, "--no-verify", *JSON)
    error = admin(*setup).document["error"]
    assert error["code"] == "registration-not-ours", error
    assert "you know that it serves no one, purge it" in error["remedy"]
    assert azure.applications("Payroll") == []
    azure.graph("POST", f"/directory/deletedItems/{theirs['id']}/restore")
    federated = azure.graph("GET", f"{path}/federatedIdentityCredentials")["value"]
    assert len(federated) + secrets(azure, theirs) == 1


# What a vault, or a tag that names one, says of a secret


def test_a_restored_client_keeps_no_credential_that_only_a_vaults_tag_names(
    admin: Program, azure: Sandbox, rob: Member
) -> None:
    """Rob made the registration and may write the vault, and deleted the registration again."""
    assert admin("setup", *A, *JSON).code == 0
    planted = rob.squat(IMPORT, "Import", signInAudience="AzureADMyOrg")
    like_ours = {"passwordCredential": {"displayName": "mct-s2s 2026-11-30 0a1b2c3d"}}
    added = rob.graph("POST", f"/applications/{planted['id']}/addPassword", json=like_ours)
    disown(rob, planted)
    azure.graph("DELETE", f"/applications/{planted['id']}")
    tags = {"made-by": "mct-s2s", "appId": planted["appId"], "keyId": added["keyId"]}
    name = secret_name("contosolearn", "Import")
    stored = {"value": added["secretText"], "tags": {**tags, "client": "Import"}}
    assert azure.vault("PUT", f"/secrets/{name}", json=stored).is_success
    words = ("setup", "--client", "Import", "--secret-to", f"keyvault:{seed.VAULT}", *A, *JSON)
    setup = admin(*words)
    assert setup.code == 0, setup.out
    (key,) = azure.graph("GET", f"/applications/{planted['id']}")["passwordCredentials"]
    assert key["keyId"] != added["keyId"]
    assert azure.vault("GET", f"/secrets/{name}").json()["tags"]["keyId"] == key["keyId"]
    azure.forget()
    assert (admin(*words).code, azure.writes()) == (0, [])


ROBS = f"{seed.VAULT}/robs"


@pytest.fixture
def without_secret(admin: Program, azure: Sandbox, rob: Member) -> Json:
    """A client whose secret its former owner has removed; his tag says where it was."""
    setup = admin("setup", "--client", "Import", *A, *JSON)
    assert setup.code == 0, setup.out
    client: Json = azure.applications("Import")[0]
    path = f"/applications/{client['id']}"
    (key,) = client["passwordCredentials"]

    def tagged() -> None:
        rob.graph("PATCH", path, json={"tags": [*client["tags"], Tag.VAULT.of(ROBS)]})
        rob.graph("POST", f"{path}/removePassword", json={"keyId": key["keyId"]})

    once_owned(azure, rob, client, tagged)
    Path(saved_to(setup)).unlink()
    return client


@pytest.mark.parametrize("is_stored", [True, False])
def test_no_new_secret_goes_where_only_a_tag_of_a_former_owner_says(
    admin: Program, azure: Sandbox, without_secret: Json, is_stored: bool
) -> None:
    if is_stored:
        tags = {"made-by": "mct-s2s", "appId": without_secret["appId"], "client": "Import"}
        azure.vault("PUT", "/secrets/robs", json={"value": "no secret of it", "tags": tags})
    azure.forget()
    error = is_refused(
        admin("setup", "--client", "Import", *A, *JSON), azure, "secret-place-unproved"
    )
    assert f"--secret-to keyvault:{ROBS}" in error["remedy"]
    named = admin("setup", "--client", "Import", "--secret-to", f"keyvault:{ROBS}", *A, *JSON)
    assert named.code == 0, "the operator's own word"


# What hides the end of ours


def certificate(azure: Sandbox, name: str) -> Json:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = pem_of(key, azure.now() + timedelta(days=3000))
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    encoded = base64.b64encode(der).decode()
    more = {"type": "AsymmetricX509Cert", "usage": "Verify"}
    return {"key": encoded, "displayName": name, **more}


LEFT: dict[str, Json] = {
    "a secret": {"passwordCredential": {"displayName": "theirs"}},
    "a secret named like ours": {
        "passwordCredential": {"displayName": "mct-s2s 2026-12-02 abcdef12"}
    },
    "a federated credential": SIGNS_IN["a federated credential"],
    "a certificate": {"displayName": "theirs"},
    "a certificate named like ours": {"displayName": "mct-s2s 2026-12-02 abcdef12"},
}


def leave(azure: Sandbox, rob: Member, client: Json, what: str) -> None:
    """Rob owns a client for a while, and leaves a credential there that lasts."""
    path, left = f"/applications/{client['id']}", LEFT[what]
    if "certificate" in what:
        keys = {"keyCredentials": [certificate(azure, left["displayName"])]}
        once_owned(azure, rob, client, lambda: rob.graph("PATCH", path, json=keys))
    elif "federated" in what:
        path += "/federatedIdentityCredentials"
        once_owned(azure, rob, client, lambda: rob.graph("POST", path, json=left))
    else:
        lasting = {**left["passwordCredential"], "endDateTime": rob.in_days(3000)}
        secret = {"passwordCredential": lasting}
        path += "/addPassword"
        once_owned(azure, rob, client, lambda: rob.graph("POST", path, json=secret))


@pytest.mark.parametrize("place", ["", f"keyvault:{seed.VAULT}"], ids=["a file", "a vault"])
@pytest.mark.parametrize("what", LEFT)
@pytest.mark.parametrize("admin", ["person"], indirect=True)
def test_what_a_former_owner_left_hides_the_end_of_no_secret_of_ours(
    admin: Program, azure: Sandbox, rob: Member, place: str, what: str
) -> None:
    words = ("--secret-to", place) if place else ()
    lasting = ("--secret-lifetime", "20d", "--no-verify")
    assert admin("setup", "--client", "Import", *lasting, *words, *A, *JSON).code == 0
    leave(azure, rob, azure.applications("Import")[0], what)
    # Of secrets named like ours, status has no way to tell which one a vault holds.
    if not place or what != "a secret named like ours":
        seen = admin("status", *A, "-o", "json").document
        assert [finding["code"] for finding in seen["findings"]] == ["secret-expiring"]
    nightly = ("rotate-secret", "--expiring-within", "31d", "--secret-lifetime", "1y", *A, *JSON)
    rotated = admin(*nightly)
    assert rotated.code == 0, rotated.out
    new = [row for row in rotated.document["credentials"] if row["created"]]
    assert [(row["client"], row["kind"]) for row in new] == [("Import", "secret")]
    assert new[0]["savedTo"].startswith(place or "file:")
    azure.forget()
    admin(*nightly)
    assert not any(write.endswith("/addPassword") for write in azure.writes()), "it lasts"
    azure.advance(7200)
    again = admin("rotate-secret", "Import", *A, *JSON)
    new = [row for row in again.document["credentials"] if row["created"]]
    assert [row["kind"] for row in new] == ["secret"]
    assert new[0]["savedTo"].startswith(place or "file:")


@pytest.mark.parametrize("place", [f"keyvault:{seed.VAULT}", "exec:wc -c"])
@pytest.mark.parametrize("what", ["a federated credential", "a certificate named like ours"])
def test_a_file_gets_the_kind_of_credential_that_it_asks_for_whatever_a_former_owner_left(
    mct: Program,
    azure: Sandbox,
    rob: Member,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    what: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "trust.toml"
    file.write_text(
        '[sites.contosolearn]\nresource-group = "mct-prod"\n'
        '[[sites.contosolearn.clients]]\nname = "Import"\nsecret-lifetime = "20d"\n'
        f'secret-to = "{place}"\n'
    )
    applied = mct("apply", "-f", str(file), "--no-verify", *JSON)
    assert applied.code == 0, applied.out
    leave(azure, rob, azure.applications("Import")[0], what)
    nightly = ("rotate-secret", "-f", str(file), "--expiring-within", "31d")
    rotated = mct(*nightly, "--secret-lifetime", "1y", *JSON)
    assert rotated.code == 0, rotated.out
    (site,) = rotated.document["sites"]
    new = [row for row in site["result"]["credentials"] if row["created"]]
    assert [row["kind"] for row in new] == ["secret"]


@pytest.mark.parametrize("admin", ["person"], indirect=True)
def test_an_exported_file_names_our_federated_credential_and_says_that_there_are_others(
    admin: Program, azure: Sandbox, rob: Member
) -> None:
    words = ("setup", "--client", "Deploy", "--github", "contoso/deploy", *A, *JSON)
    assert admin(*words).code == 0
    client: Json = azure.applications("Deploy")[0]
    path = f"/applications/{client['id']}/federatedIdentityCredentials"
    left = {**SIGNS_IN["a federated credential"], "name": "mct-s2s-a"}
    assert "several federated credentials" not in admin("export", *A).out
    once_owned(azure, rob, client, lambda: rob.graph("POST", path, json=left))
    file = admin("export", *A).out
    assert "contoso/deploy" in file
    assert left["issuer"] not in file
    assert "# It has several federated credentials" in file


# What was named like ours


@pytest.mark.parametrize("content", ["a role of its own", "a secret"])
def test_an_api_that_a_former_owner_named_like_ours_gets_no_role_and_no_uri_on_the_settings_word(
    admin: Program,
    azure: Sandbox,
    rob: Member,
    adele: Member,
    contributor: Contributor,
    content: str,
) -> None:
    """Its tokens are of the version that is asked for, so that nothing else would stop it."""
    more = {"appRoles": [{**role(), "value": "Pay.All"}]} if content == "a role of its own" else {}
    theirs = register(adele, "Payroll API", days=300 if content == "a secret" else None, **more)
    named = {"uniqueName": OWN}
    path = f"/applications/{theirs['id']}"
    once_owned(azure, rob, theirs, lambda: rob.graph("PATCH", path, json=named))
    contributor.write(ServiceAuthAudience=f"api://{theirs['appId']}")
    azure.forget()
    for words in (("setup",), ("setup", "--client", "Import"), ("add-client", "Import")):
        error = is_refused(admin(*words, *A, *JSON), azure, "service-application-not-ours")
        assert f"--service-app {theirs['appId']}" in error["remedy"]
    named_by_operator = ("setup", "--service-app", theirs["appId"], "--client", "Import")
    assert admin(*named_by_operator, *A, *JSON).code == 0, "the operator's own word"
    assert admin("setup", "--client", "Export", *A, *JSON).code == 0, "from then on, it is complete"


# What clutters a removal


NAMES = ("One", "Two", "Three", "Four")


def trust_file(*names: str) -> str:
    clients = (f'[[sites.contosolearn.clients]]\nname = "{name}"\n' for name in names)
    return "\n".join(("[sites.contosolearn]", *clients))


@pytest.mark.parametrize("is_listed", [True, False])
def test_clients_that_someone_planted_stop_no_prune(
    admin: Program,
    azure: Sandbox,
    rob: Member,
    contributor: Contributor,
    tmp_path: Path,
    is_listed: bool,
) -> None:
    """They are called like ours, and cannot call: no one has given them the role."""
    clients = [word for name in NAMES for word in ("--client", name)]
    assert admin("setup", *clients, *A, "--no-verify", *JSON).code == 0
    for name in ("P", "Q", "R"):
        planted = rob.squat(
            client_unique_name(OWN, name),
            name,
            signInAudience="AzureADMyOrg",
            tags=[Tag.TRUST.of(OWN)],
        )
        if is_listed:
            contributor.lists(planted["appId"])
    file = tmp_path / "trust.toml"
    file.write_text(trust_file(*NAMES[:3]))
    done = admin("apply", "-f", str(file), "--prune", "--no-verify", *JSON)
    assert done.code in {0, 1, 3}, done.out
    assert azure.applications("Four") == []
    assert len(listed(azure).split(";")) == 3
    file.write_text(trust_file("One"))
    azure.forget()
    cut = admin("apply", "-f", str(file), "--prune", "--no-verify", *JSON)
    assert (cut.code, "too-many-removals" in cut.out, azure.writes()) == (2, True, [])


def test_a_pipeline_that_may_not_delete_what_someone_planted_removes_the_others(
    mct: Program, azure: Sandbox, rob: Member, contributor: Contributor, tmp_path: Path
) -> None:
    """It may change only what it owns."""
    rights = ("Application.ReadWrite.OwnedBy", "Application.Read.All", "Organization.Read.All")
    env = azure.caller(*rights, "AppRoleAssignment.ReadWrite.All", arm=[("Owner", SITE)])
    clients = [word for name in NAMES for word in ("--client", name)]
    assert mct("setup", *clients, *A, "--no-verify", *JSON, env=env).code == 0
    planted = {"signInAudience": "AzureADMyOrg", "tags": [Tag.TRUST.of(OWN)]}
    for name in ("P", "Zz"):
        disown(rob, rob.squat(client_unique_name(OWN, name), name, **planted))
    contributor.lists(azure.applications("P")[0]["appId"])
    file = tmp_path / "trust.toml"
    file.write_text(trust_file(*NAMES[:3]))
    prune = ("apply", "-f", str(file), "--prune", "--no-verify", *JSON)
    done = mct(*prune, env=env)
    assert done.code == 0, done.out
    assert "kept: it holds no role, and you may delete only what you own" in done.out
    assert azure.applications("Four") == []
    assert len(listed(azure).split(";")) == 3
    azure.forget()
    assert (mct(*prune, env=env).code, azure.writes()) == (0, []), "it is no client any more"
    assert mct("teardown", *A, *JSON, env=env).code == 0
    assert [azure.applications(name) for name in ("One", "MCT service (contosolearn)")] == [[], []]
    assert len(azure.applications("P")) == len(azure.applications("Zz")) == 1


def test_a_client_that_someone_plants_after_the_review_stops_no_reviewed_prune(
    admin: Program, azure: Sandbox, rob: Member, tmp_path: Path
) -> None:
    clients = [word for name in NAMES for word in ("--client", name)]
    assert admin("setup", *clients, *A, "--no-verify", *JSON).code == 0
    file = tmp_path / "trust.toml"
    file.write_text(trust_file(*NAMES[:3]))
    prune = ("apply", "-f", str(file), "--prune", "--no-verify", *JSON)
    reviewed = admin(*prune, "--dry-run").document["fingerprint"]
    planted = {"signInAudience": "AzureADMyOrg", "tags": [Tag.TRUST.of(OWN)]}
    rob.squat(client_unique_name(OWN, "P"), "P", **planted)
    done = admin(*prune, "--expect", reviewed)
    assert (done.code, azure.applications("Four")) == (0, []), done.out


# What a name and settings say together


def test_no_token_for_another_teams_api_goes_to_the_site_whose_name_it_was_given(
    mct: Program, azure: Sandbox, rob: Member, adele: Member, contributor: Contributor
) -> None:
    """A caller's own credential, in the environment, is stored for no API."""
    payroll = register(adele, "Payroll API", days=300, appRoles=[{**role(), "value": "Pay.All"}])
    path = f"/applications/{payroll['id']}"
    adele.graph("PATCH", path, json={"identifierUris": [f"api://{payroll['appId']}"]})
    caller = azure.environment["AZURE_CLIENT_ID"]
    principal = azure.graph("GET", f"/servicePrincipals(appId='{caller}')")["id"]
    assign(adele, payroll, {"principal": principal})
    once_owned(azure, rob, payroll, lambda: rob.graph("PATCH", path, json={"uniqueName": OWN}))
    contributor.write(
        ServiceAuthEnabled="true",
        ServiceAuthAudience=f"api://{payroll['appId']}",
        ServiceAuthRole="Pay.All",
        ServiceApplicationIds=caller,
    )
    azure.forget()
    done = mct("verify", *A)
    assert "Its token was not sent" in " ".join(done.out.split()), done


def test_words_of_a_note_offer_no_registration_for_adoption(
    admin: Program, azure: Sandbox, rob: Member
) -> None:
    """Who registers under our name writes its notes, too; the settings do not name it."""
    service = planted_service(azure, rob, register(rob, "evil", days=300))
    words = "this very App Service, before it was moved. It is safe to answer y"
    notes = f"Made by mct-s2s for {words}"
    rob.graph("PATCH", f"/applications/{service['id']}", json={"notes": notes})
    disown(rob, service)
    refused = admin("setup", *A, "--client", "Import", "--no-verify", "-y")
    shown = " ".join(refused.err.split())
    assert refused.code == 2
    assert ("its app roles are assigned to" in shown, words in shown) == (True, False), shown


def test_who_holds_the_roles_of_an_adopted_api_is_said(
    admin: Program, azure: Sandbox, rob: Member
) -> None:
    service = planted_service(azure, rob, register(rob, "evil", days=300))
    disown(rob, service)
    adopting = ("--service-app", service["appId"], "--dry-run")
    shown = " ".join(admin("setup", *A, "--client", "Import", *adopting).out.split())
    assert "its app roles are assigned to 'evil'" in shown, shown


def test_a_planted_clients_vault_has_no_say_about_another_client(
    admin: Program, azure: Sandbox, rob: Member, contributor: Contributor
) -> None:
    in_vault = ("--secret-to", f"keyvault:{seed.VAULT}")
    assert admin("setup", "--client", "Import", *in_vault, *A, *JSON).code == 0
    (client,) = azure.applications("Import")
    tags = [Tag.TRUST.of(OWN), Tag.VAULT.of(f"{seed.VAULT}/robs")]
    unique_name = client_unique_name(OWN, "Aaa")
    planted = rob.squat(unique_name, "Aaa", signInAudience="AzureADMyOrg", tags=tags)
    (service,) = azure.applications("MCT service (contosolearn)")
    principal = azure.graph("GET", f"/servicePrincipals(appId='{service['appId']}')")["id"]
    role_id = service["appRoles"][0]["id"]
    once_owned(azure, rob, service, lambda: assign(rob, {"principal": principal}, planted, role_id))
    contributor.lists(planted["appId"])
    forged = {
        "made-by": "mct-s2s",
        "appId": client["appId"],
        "tenantId": azure.tenant_id,
        "authorityHost": azure.origin,
    }
    secret = {"value": "garbage-secret", "tags": forged}
    assert azure.vault("PUT", "/secrets/robs", json=secret).is_success
    shown = " ".join(admin("verify", *A).out.split())
    assert "AADSTS7000215" not in shown, shown


# Another team's client that a former owner named like ours


@pytest.fixture
def payroll(azure: Sandbox, rob: Member, adele: Member, contributor: Contributor) -> Json:
    """Another team's client, older than the API that it is said to be a client of.

    Rob owned it once, may write the App Service's settings, and has registered an API of its name.
    """
    theirs = register(adele, "Payroll")
    azure.advance(45 * 60)
    named = {"uniqueName": client_unique_name(OWN, "Payroll")}
    path = f"/applications/{theirs['id']}"
    once_owned(azure, rob, theirs, lambda: rob.graph("PATCH", path, json=named))
    planted = planted_service(azure, rob, theirs)
    disown(rob, planted)
    contributor.write(
        ServiceAuthAudience=f"api://{planted['appId']}", ServiceApplicationIds=theirs["appId"]
    )
    return theirs


def add_secret(owner: Member, client: Json, name: str) -> None:
    credential = {"displayName": name, "endDateTime": owner.in_days(20)}
    path = f"/applications/{client['id']}/addPassword"
    owner.graph("POST", path, json={"passwordCredential": credential})


def test_a_client_whose_secret_is_on_this_machine_is_removed_with_what_others_added(
    admin: Program, azure: Sandbox
) -> None:
    assert admin("setup", "--client", "Import", *A, *JSON).code == 0
    (client,) = azure.applications("Import")
    by_hand = {"passwordCredential": {"displayName": "for a test"}}
    azure.graph("POST", f"/applications/{client['id']}/addPassword", json=by_hand)
    assert admin("teardown", *A, *JSON).code == 0
    assert azure.applications("Import") == []


REMOVALS = [("teardown",), ("teardown", "--purge"), ("remove-client", "Payroll"), ("apply",)]


@pytest.mark.parametrize("removal", REMOVALS, ids=" ".join)
def test_no_removal_deletes_an_ownerless_client_that_another_teams_secret_signs_in_as(
    admin: Program, azure: Sandbox, adele: Member, payroll: Json, tmp_path: Path, removal: Words
) -> None:
    add_secret(adele, payroll, "theirs")
    disown(adele, payroll)
    done = remove(admin, tmp_path, removal)
    assert done.code in {0, 3}, done
    assert secrets(azure, payroll) == 1, "it is still there"
    assert "(credentials)" in done.out


@pytest.mark.parametrize("secret", ["", "mct-s2s 2026-11-24 a1b2c3d4"])
@pytest.mark.parametrize("removal", [("teardown",), ("apply",)], ids=" ".join)
def test_no_removal_deletes_a_client_with_an_owner_that_is_older_than_its_api(
    admin: Program,
    azure: Sandbox,
    adele: Member,
    payroll: Json,
    tmp_path: Path,
    removal: Words,
    secret: str,
) -> None:
    """Its only secret has a name that mct-s2s gives: it may be a client of another App Service."""
    if secret:
        add_secret(adele, payroll, secret)
    done = remove(admin, tmp_path, removal)
    assert done.code in {0, 3}, done
    assert secrets(azure, payroll) == bool(secret), "it is still there"
    assert adele.address in done.out


def test_no_rotation_replaces_the_secret_of_a_client_with_an_owner_that_is_older_than_its_api(
    admin: Program, azure: Sandbox, adele: Member, payroll: Json
) -> None:
    add_secret(adele, payroll, "mct-s2s 2026-11-24 a1b2c3d4")
    azure.forget()
    done = admin("rotate-secret", "--expiring-within", "31d", *A, *JSON)
    assert (secrets(azure, payroll), azure.writes()) == (1, []), done


def remove(admin: Program, folder: Path, words: Words) -> Ended:
    """Run a removal, or apply a trust file that does not name the client."""
    if words != ("apply",):
        return admin(*words, *A, *JSON)
    file = folder / "trust.toml"
    file.write_text(trust_file("Import"))
    prune = ("--prune", "--allow-removals", "--no-verify")
    return admin("apply", "-f", str(file), *prune, *JSON)


def test_what_signs_in_as_a_client_in_another_tenant_proves_no_vault(
    admin: Program, azure: Sandbox, rob: Member
) -> None:
    """Whoever has a tenant adds credentials of his own to a multitenant client there."""
    made = admin("setup", "--client", "Import", "--secret-lifetime", "20d", *A, *JSON)
    Path(saved_to(made)).unlink()
    (client,) = azure.applications("Import")
    change = {
        "tags": [*client["tags"], Tag.VAULT.of(f"{seed.VAULT}/robs")],
        "signInAudience": "AzureADMultipleOrgs",
    }
    path = f"/applications/{client['id']}"
    once_owned(azure, rob, client, lambda: rob.graph("PATCH", path, json=change))
    robs_tenant = "11111111-2222-4333-8444-555555555555"
    tags = {
        "made-by": "mct-s2s",
        "appId": client["appId"],
        "tenantId": robs_tenant,
        "authorityHost": azure.origin,
    }
    secret = {"value": "of-robs-tenant", "tags": tags}
    assert azure.vault("PUT", "/secrets/robs", json=secret).is_success
    azure.forget()
    ended = admin("rotate-secret", "--expiring-within", "31d", *A, *JSON)
    assert "no secret there signs in as it" in ended.out, ended.out
    assert not [row for row in azure.log() if robs_tenant in row["path"]]
    assert azure.vault("GET", "/secrets/robs").json()["value"] == "of-robs-tenant"


def test_no_token_of_an_api_without_our_role_is_sent(
    admin: Program,
    azure: Sandbox,
    rob: Member,
    adele: Member,
    contributor: Contributor,
    tmp_path: Path,
) -> None:
    """Another team's bare API, to which someone who once owned it gave our name."""
    theirs = register(adele, "Payroll API")
    path, uri = f"/applications/{theirs['id']}", f"api://{theirs['appId']}"
    adele.graph("PATCH", path, json={"identifierUris": [uri]})
    caller = register(adele, "Payroll", days=100)
    name = {"uniqueName": OWN}
    once_owned(azure, rob, theirs, lambda: rob.graph("PATCH", path, json=name))
    contributor.write(
        ServiceAuthAudience=uri, ServiceAuthEnabled="true", ServiceAuthTenantId=azure.tenant_id
    )
    values = {
        "AZURE_TENANT_ID": azure.tenant_id,
        "AZURE_CLIENT_ID": caller["appId"],
        "AZURE_CLIENT_SECRET": caller["secret"],
        "AZURE_AUTHORITY_HOST": azure.origin,
    }
    file = tmp_path / "payroll.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    file.chmod(0o600)
    azure.forget()
    ended = admin("verify", "--credentials", str(file), *A, "-o", "json")
    assert "Its token was not sent" in ended.out, ended.out
    assert len(azure.log("site")) <= 1, "the call without a token alone"
