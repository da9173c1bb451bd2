"""Nobody's word but the directory's own and the command line's moves a right or a secret.

Attacker: a Website Contributor of one resource group, without a role in the directory, who may
write an App Service's settings; and a member of the tenant, who may register applications. What
they write is read, and never believed.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.azure.sign_in.choice import AUTHORITY
from mct_s2s.model.ids import Tag
from mct_s2s.sandbox.resources.role_assignments import WEBSITE_CONTRIBUTOR

from tests.cli.conftest import Ended, Program
from tests.conftest import JSON, SITE, Json, Sandbox
from tests.security.conftest import Member
from tests.security.staging import once_owned
from tests.support.answers import answering
from tests.support.sandbox_inside import Inside

GROUP_A = SITE.partition("/providers/")[0]
SITE_B = SITE.replace("mct-prod", "rg-b").replace("contosolearn", "site-b")
B = ("-a", "site-b", "-g", "rg-b")
ROLE = {
    "allowedMemberTypes": ["Application"],
    "description": "Pay",
    "displayName": "Pay.All",
    "id": "4b9b2f5c-0d0c-4d1e-9a6e-0d5f6a1c2b3d",
    "isEnabled": True,
    "value": "Pay.All",
}
PIPELINE_ROLES = (
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "Organization.Read.All",
    "Policy.Read.All",
)

Make = Callable[[str], Member]


class Contributor:
    """Somebody who may write the settings of the App Services in one group, and nothing else."""

    def __init__(self, azure: Sandbox) -> None:
        self._azure = azure
        caller = azure.caller(arm=[(WEBSITE_CONTRIBUTOR, GROUP_A)])
        token = azure.token(
            f"{azure.origin}/.default", caller["AZURE_CLIENT_ID"], caller["AZURE_CLIENT_SECRET"]
        )
        self._headers = {"Authorization": f"Bearer {token.json()['access_token']}"}

    def write(self, **settings: str) -> None:
        there = self._azure.settings()
        body = {"properties": {**there, **settings}}
        self._azure.arm("PUT", f"{SITE}/config/appsettings", json=body, headers=self._headers)
        self._azure.forget()

    def tag(self, **tags: str) -> None:
        self._azure.arm("PATCH", SITE, json={"tags": tags}, headers=self._headers)

    def lists(self, client_id: str) -> None:
        values = self._azure.settings().get("ServiceApplicationIds") or ""
        self.write(ServiceApplicationIds=f"{values};{client_id}".strip(";"))


@pytest.fixture
def contributor(azure: Sandbox) -> Contributor:
    return Contributor(azure)


@pytest.fixture
def payroll(azure: Sandbox) -> Json:
    """Another team's API, with a role and two clients that hold it."""
    body = {
        "displayName": "Payroll API",
        "signInAudience": "AzureADMyOrg",
        "appRoles": [ROLE],
        "api": {"requestedAccessTokenVersion": 2},
    }
    application: Json = azure.graph("POST", "/applications", json=body)
    azure.graph(
        "PATCH",
        f"/applications/{application['id']}",
        json={"identifierUris": [f"api://{application['appId']}"]},
    )
    application["principal"] = azure.graph(
        "POST", "/servicePrincipals", json={"appId": application["appId"]}
    )["id"]
    for name in ("HR sync", "Bank transfer"):
        client = registered(azure, name)
        azure.graph(
            "POST",
            f"/servicePrincipals/{application['principal']}/appRoleAssignedTo",
            json={
                "principalId": client["principal"],
                "resourceId": application["principal"],
                "appRoleId": ROLE["id"],
            },
        )
    return application


def registered(azure: Sandbox, name: str, days: int | None = None, **more: Any) -> Json:
    """A registration that somebody made by hand, perhaps with a secret that ends soon."""
    body = {"displayName": name, "signInAudience": "AzureADMyOrg", **more}
    application: Json = azure.graph("POST", "/applications", json=body)
    application["principal"] = azure.graph(
        "POST", "/servicePrincipals", json={"appId": application["appId"]}
    )["id"]
    if days is not None:
        ends = azure.now().replace(microsecond=0).timestamp() + days * 86400
        credential = {"displayName": "hand-made", "endDateTime": _text(ends)}
        azure.graph(
            "POST",
            f"/applications/{application['id']}/addPassword",
            json={"passwordCredential": credential},
        )
    return application


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def holders(azure: Sandbox, principal: str) -> list[str]:
    rows = azure.graph("GET", f"/servicePrincipals/{principal}/appRoleAssignedTo")["value"]
    return sorted(row["principalDisplayName"] for row in rows)


def refused(ended: Ended, azure: Sandbox, code: str = "service-application-not-ours") -> Json:
    """The error of a run that wrote nothing."""
    assert (ended.code, ended.document["error"]["code"], azure.writes()) == (2, code, []), ended.err
    error: Json = ended.document["error"]
    return error


def test_doctor_takes_the_options_that_it_advises(
    payroll: Json, azure: Sandbox, mct: Program
) -> None:
    azure.write_settings({**azure.settings(), "ServiceAuthAudience": f"api://{payroll['appId']}"})
    advised: list[str] = []
    for word, value in (("--service-app", payroll["appId"]), ("--role", ROLE["value"])):
        assert f"{word} {value}" in " ".join(mct("doctor", *advised).out.split())
        advised += [word, str(value)]
    assert mct("doctor", *advised).out.count(" ".join(advised)) == 2, (
        "to make changes, and to preview them"
    )


def a_second_site(azure: Sandbox, mct: Program, *clients: str) -> dict[str, str]:
    """Site B with clients of its own; its `ServiceAuth*` settings."""
    azure.add_site(name="site-b", group="rg-b")
    words = [word for name in clients for word in ("--client", name)]
    assert mct("setup", *B, *words, *JSON).code == 0
    azure.forget()
    return {
        name: value or ""
        for name, value in azure.settings(SITE_B).items()
        if name.startswith("Service")
    }


@pytest.mark.parametrize("role", ["Pay.All", ""])
def test_an_audience_in_the_settings_grants_no_role_and_changes_no_registration_of_others(
    mct: Program, azure: Sandbox, contributor: Contributor, payroll: Json, tmp_path: Path, role: str
) -> None:
    owned = registered(azure, "OwnA", 200)
    contributor.write(
        ServiceAuthAudience=f"api://{payroll['appId']}",
        ServiceAuthRole=role,
        ServiceApplicationIds=owned["appId"],
    )
    file = tmp_path / "trust.toml"
    file.write_text('[sites.contosolearn]\n[[sites.contosolearn.clients]]\nname = "OwnA"\n')
    for words in (
        ("setup",),
        ("setup", "--client", "OwnA"),
        ("setup", "--client", owned["appId"]),
        ("add-client", "New"),
        ("add-client", owned["appId"], "--no-consent"),
        ("configure-appservice",),
    ):
        error = refused(mct(*words, *JSON), azure)
        assert f"--service-app {payroll['appId']}" in error["remedy"]
    assert mct("apply", "-f", str(file), *JSON).code == 2
    assert azure.writes() == []
    assert mct("doctor").code == 3
    after = azure.graph("GET", f"/applications/{payroll['id']}")
    assert (after["api"]["requestedAccessTokenVersion"], len(after["appRoles"])) == (2, 1)
    assert holders(azure, payroll["principal"]) == ["Bank transfer", "HR sync"]


def test_a_role_is_granted_only_if_it_was_typed(
    mct: Program, azure: Sandbox, contributor: Contributor
) -> None:
    assert mct("setup", *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    roles = [*service["appRoles"], ROLE]
    azure.graph("PATCH", f"/applications/{service['id']}", json={"appRoles": roles})
    contributor.write(ServiceAuthRole="Pay.All")
    for words in (
        ("setup", "--client", "New"),
        ("add-client", "New"),
        ("add-client", "New", "--no-consent"),
    ):
        error = refused(mct(*words, *JSON), azure, "role-not-named")
        assert "--role Pay.All" in error["remedy"]
    assert mct("setup", *JSON).code == 0
    assert azure.writes() == []
    assert mct("add-client", "New", "--role", "Pay.All", *JSON).code == 0
    azure.forget()
    assert mct("setup", "--client", "New", *JSON).code == 0
    assert azure.writes() == [], "there is nothing to grant"


def test_a_role_that_no_client_holds_is_put_back(
    mct: Program, azure: Sandbox, contributor: Contributor
) -> None:
    assert mct("setup", "--client", "One", *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.graph(
        "PATCH", f"/applications/{service['id']}", json={"appRoles": [*service["appRoles"], ROLE]}
    )
    contributor.write(ServiceAuthRole="Pay.All")
    assert mct("setup", "--client", "One", "--client", "Two", *JSON).code == 0
    rows = azure.graph("GET", f"/servicePrincipals(appId='{service['appId']}')/appRoleAssignedTo")[
        "value"
    ]
    assert {row["appRoleId"] for row in rows} == {service["appRoles"][0]["id"]}
    assert azure.settings()["ServiceAuthRole"] == "S2SAppRole"


@pytest.mark.as_administrator("it adopts what others own, which a pipeline may not change")
def test_a_scheduled_rotation_makes_no_secret_for_a_merely_listed_client(
    mct: Program, azure: Sandbox, contributor: Contributor
) -> None:
    a_second_site(azure, mct, "Import")
    (theirs,) = azure.applications("Import")
    assert mct("setup", "--client", "Mine", "--secret-lifetime", "20d", *JSON).code == 0
    foreign = registered(azure, "Payroll production", 10)
    contributor.lists(foreign["appId"])
    contributor.lists(theirs["appId"])
    done = mct("rotate-secret", "--expiring-within", "400d", "--secret-lifetime", "2y", "-y")
    assert done.code == 3, "done, and clients that expire are left"
    for left in ("Payroll production", "Import"):
        assert f"Left alone, although a credential expires: '{left}'" in " ".join(
            (done.err + done.out).split()
        )
    secrets = [
        azure.graph("GET", f"/applications/{application['id']}")["passwordCredentials"]
        for application in (foreign, theirs)
    ]
    assert [len(credential) for credential in secrets] == [1, 1]
    (mine,) = azure.applications("Mine")
    assert any(
        credential["endDateTime"] > secrets[1][0]["endDateTime"]
        for credential in mine["passwordCredentials"]
    )
    azure.forget()
    for name in ("Payroll production", "Import"):
        refused(mct("rotate-secret", name, *JSON), azure, "registration-not-ours")
    assert mct("rotate-secret", foreign["appId"], *JSON).code == 0, "the operator's own word"


def test_the_name_in_a_trust_file_makes_no_secret_for_a_merely_listed_client(
    mct: Program, azure: Sandbox, contributor: Contributor, tmp_path: Path
) -> None:
    """Its author knows a client by its name; who listed another one of that name chose it, too."""
    assert mct("setup", "--client", "Mine", "--secret-lifetime", "20d", *JSON).code == 0
    foreign = registered(azure, "Payroll", 10)
    contributor.lists(foreign["appId"])
    file = tmp_path / "trust.toml"
    names = ("Mine", "Payroll")
    clients = "".join(f'[[sites.contosolearn.clients]]\nname = "{name}"\n' for name in names)
    file.write_text(f"[sites.contosolearn]\n{clients}")
    before = azure.applications("Mine")[0]["passwordCredentials"]
    done = mct("rotate-secret", "-f", str(file), "--expiring-within", "31d", *JSON)
    assert (done.code, "'Payroll', as mct-s2s did not create it" in done.out) == (3, True), done.out
    assert azure.applications("Mine")[0]["passwordCredentials"] != before
    assert len(azure.applications("Payroll")[0]["passwordCredentials"]) == 1


def test_no_secret_is_made_below_another_sites_service(
    mct: Program, azure: Sandbox, contributor: Contributor
) -> None:
    copied = a_second_site(azure, mct, "Import", "Export")
    contributor.write(**copied)
    refused(
        mct("rotate-secret", "--expiring-within", "400d", "--secret-lifetime", "2y", *JSON), azure
    )
    refused(mct("rotate-secret", "Import", *JSON), azure)


@pytest.mark.parametrize(
    "tags", [[], ["mct-s2s:mct-s2s-contosolearn"]], ids=["a display name", "and a tag"]
)
@pytest.mark.as_administrator("it adopts what others own, which a pipeline may not change")
def test_no_consent_goes_to_a_registration_that_others_made_and_listed(
    mct: Program,
    azure: Sandbox,
    contributor: Contributor,
    member: Make,
    tmp_path: Path,
    tags: list[str],
) -> None:
    assert mct("setup", "--client", "One", *JSON).code == 0
    mallory = member("mallory")
    body = {"displayName": "Nightly export", "signInAudience": "AzureADMyOrg", "tags": tags}
    application = mallory.graph("POST", "/applications", json=body)
    mallory.graph("POST", "/servicePrincipals", json={"appId": application["appId"]})
    mallory.graph("POST", f"/applications/{application['id']}/addPassword", json={})
    contributor.lists(application["appId"])
    file = tmp_path / "trust.toml"
    file.write_text(
        '[sites.contosolearn]\n[[sites.contosolearn.clients]]\nname = "Nightly export"\n'
    )
    for words in (("setup", "--client", "Nightly export"), ("add-client", "Nightly export")):
        error = refused(mct(*words, *JSON), azure, "registration-not-ours")
        assert mallory.address in error["message"]
        assert application["appId"] in error["remedy"]
    assert mct("apply", "-f", str(file), *JSON).code == 2
    assert mct("setup", *JSON).code == 0
    assert azure.writes() == []
    assert mct("setup", "--client", application["appId"], *JSON).code == 0, (
        "the operator's own word"
    )


def test_nothing_is_removed_by_copied_settings(
    mct: Program, azure: Sandbox, contributor: Contributor
) -> None:
    contributor.write(**a_second_site(azure, mct, "Import", "Export"))
    seen = mct("status", "-o", "json")
    assert (seen.code, [finding["code"] for finding in seen.document["findings"]]) == (
        3,
        ["service-application-not-ours"],
    )
    assert "site-b" in seen.document["findings"][0]["message"]
    assert mct("doctor").code == 3
    azure.forget()
    removals = ("teardown", "teardown --purge", "teardown --delete-adopted", "remove-client Import")
    for words in (*removals, "remove-client Import --purge"):
        assert "site-b" in refused(mct(*words.split(), *JSON), azure)["message"], words
    assert mct("status", *B).code == 0


def test_a_file_that_names_both_sites_removes_nothing_by_copied_settings(
    mct: Program, azure: Sandbox, contributor: Contributor, tmp_path: Path
) -> None:
    file = tmp_path / "trust.toml"
    file.write_text(
        "[sites.contosolearn]\n"
        '[[sites.contosolearn.clients]]\nname = "Mine"\n'
        '[sites.site-b]\nresource-group = "rg-b"\n'
        '[[sites.site-b.clients]]\nname = "Import"\n[[sites.site-b.clients]]\nname = "Export"\n'
    )
    copied = a_second_site(azure, mct, "Import", "Export")
    prune = (
        "apply",
        "-f",
        str(file),
        "--only",
        "contosolearn",
        "--prune",
        "--allow-removals",
        *JSON,
    )
    assert mct(*prune).code == 0
    contributor.write(
        ServiceApplicationIds=f"{azure.settings()['ServiceApplicationIds']};{copied['ServiceApplicationIds']}"
    )
    assert mct(*prune).code == 0
    listed = azure.settings()["ServiceApplicationIds"] or ""
    assert len(listed.split(";")) == 1, "what is only listed leaves the list"
    assert mct("status", *B).code == 0
    contributor.write(**copied)
    assert mct(*prune).code == 2
    assert azure.writes() == []


def test_a_registration_that_is_only_listed_is_not_deleted_or_changed(
    mct: Program, azure: Sandbox, contributor: Contributor
) -> None:
    assert mct("setup", "--client", "One", *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    declared = {
        "resourceAppId": service["appId"],
        "resourceAccess": [{"id": service["appRoles"][0]["id"], "type": "Role"}],
    }
    foreign = registered(azure, "Payroll", 200, requiredResourceAccess=[declared])
    contributor.lists(foreign["appId"])
    assert mct("teardown", "--delete-adopted", "--purge", *JSON).code == 0
    assert azure.applications("One") == []
    assert azure.applications("Payroll")[0]["requiredResourceAccess"] == [declared], "nor changed"


def test_consents_of_another_api_stay(
    mct: Program, azure: Sandbox, contributor: Contributor, payroll: Json
) -> None:
    contributor.write(ServiceAuthAudience=f"api://{payroll['appId']}", ServiceAuthRole="Pay.All")
    for more in ([], ["--delete-adopted"], ["--purge"]):
        refused(mct("teardown", *more, *JSON), azure)
    assert mct("teardown", "--service-app", payroll["appId"], *JSON).code == 0, (
        "the operator's own word"
    )
    assert holders(azure, payroll["principal"]) == ["Bank transfer", "HR sync"], (
        "which was not about that role"
    )


def test_no_token_for_another_api_comes_to_the_site(
    mct: Program, azure: Sandbox, contributor: Contributor, payroll: Json, tmp_path: Path
) -> None:
    """The site is the contributor's, and the client in the environment whoever runs the program, as
    in a pipeline.
    """
    caller = azure.environment["AZURE_CLIENT_ID"]
    azure.graph(
        "PATCH", f"/applications/{payroll['id']}", json={"api": {"requestedAccessTokenVersion": 1}}
    )
    contributor.write(ServiceAuthAudience=f"api://{payroll['appId']}", ServiceApplicationIds=caller)
    file = tmp_path / "own.env"
    names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", AUTHORITY)
    file.write_text("".join(f"{name}={azure.environment[name]}\n" for name in names))
    for words in ((), ("--credentials", str(file))):
        azure.forget()
        done = mct("verify", *words, "-o", "json")
        (call,) = [row for row in done.document["checks"] if row["ok"] is False]
        assert (done.code, "was not sent" in call["message"], len(azure.log("site"))) == (
            3,
            True,
            1,
        ), call
        assert f"MCT_S2S_SCOPE to api://{payroll['appId']}/.default" in call["remedy"]
    assert (
        "Its tokens are for 'Payroll API', as the App Service's settings alone say."
        in mct("snippet", caller).err
    )
    file.write_text(f"{file.read_text()}MCT_S2S_SCOPE=api://{payroll['appId']}/.default\n")
    mct("verify", "--credentials", str(file))
    assert len(azure.log("site")) == 3, "the operator's own word"


def test_settings_that_name_another_service_application_are_told_and_the_own_one_can_be_named(
    mct: Program, azure: Sandbox, contributor: Contributor, payroll: Json
) -> None:
    assert mct("setup", "--client", "One", *JSON).code == 0
    (ours,) = azure.applications("MCT service (contosolearn)")
    contributor.write(ServiceAuthAudience=f"api://{payroll['appId']}")
    another = azure.caller(*PIPELINE_ROLES, arm=[(WEBSITE_CONTRIBUTOR, GROUP_A)])
    for env in (another, None):
        error = refused(mct("setup", "--client", "Two", *JSON, env=env), azure)
        assert f"--service-app {payroll['appId']}" in error["remedy"]
        # Anyone can register its name.
        assert ours["appId"] not in error["remedy"], error
    assert mct("setup", "--service-app", ours["appId"], *JSON).code == 0
    assert azure.settings()["ServiceAuthAudience"] == f"api://{ours['appId']}"


@pytest.mark.as_administrator("it adopts what others own, which a pipeline may not change")
def test_an_adopted_service_application_is_remembered_for_others(
    mct: Program, azure: Sandbox, member: Make
) -> None:
    theirs = member("ada").graph(
        "POST", "/applications", json={"displayName": "By hand", "signInAudience": "AzureADMyOrg"}
    )
    adopt = ("setup", "--service-app", theirs["appId"], "--client", "One", *JSON)
    assert mct(*adopt).code == 0
    assert (
        azure.graph("GET", f"/applications/{theirs['id']}")["uniqueName"] == "mct-s2s-contosolearn"
    )
    azure.forget()
    assert mct(*adopt).code == 0
    assert azure.writes() == []
    second = azure.caller(*PIPELINE_ROLES, arm=[(WEBSITE_CONTRIBUTOR, GROUP_A)])
    assert (
        mct("setup", "--client", "One", "--client", "Two", "--no-verify", *JSON, env=second).code
        == 0
    )
    assert mct("rotate-secret", "One", *JSON, env=second).code == 0
    assert mct("status").code == 0


def test_other_settings_and_tags_of_an_app_service_change_no_plan(
    mct: Program, azure: Sandbox, contributor: Contributor
) -> None:
    assert mct("setup", "--client", "One", *JSON).code == 0
    plan = ("setup", "--client", "One", "--client", "Two", "--dry-run", "-o", "json")
    before = mct(*plan).document["fingerprint"]
    words = {
        "mct-s2s": "mct-s2s-site-b",
        "mct-s2s:adopted": "mct-s2s-contosolearn",
        "ServiceAuthAudience": f"api://{azure.environment['AZURE_CLIENT_ID']}",
    }
    contributor.tag(**words)
    contributor.write(**{f"Other_{name}": value for name, value in words.items()})
    assert mct(*plan).document["fingerprint"] == before
    assert mct("setup", "--client", "One", *JSON).code == 0
    assert azure.writes() == []


def test_a_tag_that_names_another_api_refuses_a_setup_and_nothing_else(
    mct: Program, azure: Sandbox, member: Make
) -> None:
    assert mct("setup", "--client", "One", *JSON).code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    rob, path = member("rob"), f"/applications/{service['id']}"
    tags = {"tags": [*service["tags"], Tag.API.of("Orders")]}
    once_owned(azure, rob, service, lambda: rob.graph("PATCH", path, json=tags))
    azure.forget()
    refused(mct("setup", "--client", "Two", *JSON), azure, "other-api")
    assert mct("status").code == 0
    assert mct("teardown", *JSON).code == 0
    assert azure.applications("One") == azure.applications("MCT service (contosolearn)") == []


def test_no_word_of_a_redirect_is_advice(mct: Program, azure: Sandbox, inside: Inside) -> None:
    """Who deploys the site chooses its answers: our advice would be to send a token elsewhere."""
    assert mct("setup", "--client", "One", *JSON).code == 0
    words = "robs.example/a. Then run: mct-s2s verify --url https://robs.example"
    moved = answering(lambda entry: entry.service == "site", b"", 302, {"location": words})
    inside.hooks.before.append(moved)
    done = mct("verify")
    assert (done.code, "robs.example" in done.out + done.err) == (3, False), done.out
    inside.hooks.before.clear()
    moved = answering(
        lambda entry: entry.service == "site", b"", 302, {"location": "https://robs.example/a"}
    )
    inside.hooks.before.append(moved)
    (call,) = [row for row in mct("verify", "-o", "json").document["checks"] if row["ok"] is False]
    assert call["message"].endswith("returned 302, a redirect to 'robs.example'.")
    assert "robs.example" not in call["remedy"]
