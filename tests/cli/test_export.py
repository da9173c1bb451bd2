"""What exists becomes a trust file, and applying it changes nothing: on every state that people
really have.
"""

import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.export import IF_RIGHT, ClientTable, DoubtedKeys, ExportedSite, is_name
from mct_s2s.render.exported_trust_file import trust_file_text
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, GROUP, JSON, USER_IDENTITY, Sandbox
from tests.support.by_hand import STRANGER, Hand
from tests.support.sampling import cases

PORTAL = f"{GROUP}/Microsoft.Web/sites/partner-portal"


@dataclass
class Round:
    """Export and apply, one after the other."""

    mct: Program
    azure: Sandbox
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "trust.toml"

    def export(self, *words: str) -> str:
        """Standard output."""
        done = self.mct("export", *words)
        assert done.code == 0, done.err
        return done.out

    def apply(self, text: str, *words: str) -> list[Any]:
        """The results at the sites of a file."""
        self.file.write_text(text, encoding="utf-8")
        done = self.mct("apply", "-f", str(self.file), *words, "-o", "json")
        assert done.code in {0, 3}, done.out
        return [site["result"] for site in done.document["sites"]]

    def changes_nothing(self, *words: str) -> dict[str, Any]:
        """The document of an export, which is known to change nothing."""
        text = self.export(*words)
        self.azure.forget()
        planned = self.apply(text, "--dry-run", "--prune")
        assert [
            change for site in planned for change in site["changes"] if change["action"] != "none"
        ] == []
        assert self.azure.writes() == []
        return tomllib.loads(text)


@pytest.fixture
def around(mct: Program, azure: Sandbox, tmp_path: Path) -> Round:
    return Round(mct, azure, tmp_path)


def clients(document: dict[str, Any], key: str = "contosolearn") -> dict[str, dict[str, Any]]:
    return {client.pop("name"): client for client in document["sites"][key]["clients"]}


def test_an_export_of_what_setup_made_changes_nothing_when_applied(
    around: Round, mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", "--client", "Import", "--managed-identity", "reports-func", *JSON).code == 0
    document = around.changes_nothing()
    profile = {
        "tenant": azure.environment.get("TENANT_NAME", "contosolearning.onmicrosoft.com"),
        "subscription": azure.environment["AZURE_SUBSCRIPTION_ID"],
        "cloud": azure.environment["MCT_S2S_CLOUD"],
    }
    assert document == {
        "profiles": {"contosolearning": profile},
        "sites": {
            "contosolearn": {
                "profile": "contosolearning",
                "resource-group": "mct-prod",
                "clients": [{"name": "Import", "credential": "secret"}],
                "managed-identities": [{"resource": FUNCTION_APP}],
            }
        },
    }


EVERY_KIND = {
    "Bare": "credential = 'none'\nno-consent = true",
    "Certified": "credential = 'certificate'",
    "Deploy": "credential = 'federated'\nfederated-issuer = "
    "'https://token.actions.githubusercontent.com'\n"
    "federated-subject = 'repo:octo/deploy:ref:refs/heads/next'",
    "In a vault": f"credential = 'secret'\nsecret-to = 'keyvault:{seed.VAULT}'",
    "Named there": f"credential = 'secret'\nsecret-to = 'keyvault:{seed.VAULT}/of-its-own'",
    "New": "credential = 'secret'",
}


def test_every_kind_of_credential_is_exported_as_it_was_applied(
    around: Round, mct: Program
) -> None:
    """Each client has its secret where the file says."""
    assert mct("setup", *JSON).code == 0
    text = around.export()
    text += "".join(
        f"[[sites.contosolearn.clients]]\nname = '{name}'\n{says}\n"
        for name, says in EVERY_KIND.items()
    )
    (result,) = around.apply(text, "-y", "--no-verify")
    saved = {
        credential["client"]: credential["savedTo"]
        for credential in result["credentials"]
        if credential["created"]
    }
    assert saved["In a vault"].startswith(f"keyvault:{seed.VAULT}/mct-s2s-contosolearn-in-a-vault-")
    assert saved["New"].startswith("file:")
    assert around.changes_nothing() == tomllib.loads(text)
    assert (
        around.export().count(
            "a tag of the registration says, which its owners, also earlier ones, can write"
        )
        == 2
    )


def uncommented(text: str) -> str:
    """The file of a person who vouches for all that is doubted."""
    return re.sub(r"(?m)^# (?=\[\[|[a-z-]+ = )", "", text)


def test_what_was_set_up_by_hand_is_in_comments_to_uncomment(around: Round, azure: Sandbox) -> None:
    hand = Hand(azure).step_1().step_2().step_3()
    azure.arm("PATCH", FUNCTION_APP, json={"identity": {"type": "SystemAssigned"}})
    principal = azure.arm("GET", FUNCTION_APP)["identity"]["principalId"]
    hand.write({"ServiceObjectIds": principal})
    text = around.export()
    site = tomllib.loads(text)["sites"]["contosolearn"]
    assert site["managed-identities"] == [{"resource": FUNCTION_APP}]
    assert not site.keys() & {"service-app", "clients"}, (
        "in the file, their appIds would be the operator's word"
    )
    (planned,) = around.apply(text, "--dry-run")
    assert {change["action"] for change in planned["changes"]} == {"none"}
    lines = (
        f'# service-app = "{hand.service.app_id}"  # MCT service\n',
        "# [[sites.contosolearn.clients]]\n",
        f'# name = "{hand.client.app_id}"  # S2S-client\n# credential = "secret"\n',
    )
    assert [line in text for line in lines] == [True, True, True]
    (planned,) = around.apply(uncommented(text), "--dry-run", "--prune")
    changes = [change for change in planned["changes"] if change["action"] != "none"]
    assert {change["resource"] for change in changes} <= {"API permission"}, "declared at most"


def test_an_export_names_the_owners_of_a_service_application_in_comments(
    around: Round, azure: Sandbox
) -> None:
    hand = Hand(azure).step_1().step_2().step_3()
    owner = hand.register("reports-func").principal_id
    reference = {"@odata.id": f"{azure.graph_url}/v1.0/directoryObjects/{owner}"}
    azure.graph("POST", f"/applications/{hand.service.object_id}/owners/$ref", json=reference)
    (comment,) = [line for line in around.export().splitlines() if "only its settings" in line]
    assert (", and it is owned by " in comment, "'reports-func'" in comment) == (True, True)


def test_a_review_shows_whom_a_file_adopts_also_where_nothing_changes(
    around: Round, mct: Program, azure: Sandbox
) -> None:
    """The file is the word for them from then on: a rotation gives them secrets."""
    hand = Hand(azure).step_1().step_2().step_3()
    owner = hand.register("other-team").principal_id
    reference = {"@odata.id": f"{azure.graph_url}/v1.0/directoryObjects/{owner}"}
    for registration in (hand.service, hand.client):
        path = f"/applications/{registration.object_id}/owners/$ref"
        azure.graph("POST", path, json=reference)
    text = around.export()

    def review(text: str, form: str) -> str:
        around.file.write_text(text, encoding="utf-8")
        done = mct("apply", "-f", str(around.file), "--dry-run", "-o", form)
        assert done.code == 0, done
        return re.sub(r"\s+", " ", done.out)

    fingerprints = set[str]()
    for form in ("text", "markdown"):
        with_comments, adopting = review(text, form), review(uncommented(text), form)
        assert "adopt" not in with_comments
        service, client = re.findall(r"adopt (?:service|client) application.*?\.(?=[ `])", adopting)
        assert (hand.service.app_id in service, "'other-team'" in service) == (True, True), form
        assert (hand.client.app_id in client, "'other-team'" in client) == (True, True), form
        assert "1 secret can sign in as it" in client, form
        pattern = r"Fingerprint: `?([0-9a-f]{64})"
        fingerprints |= {*re.findall(pattern, with_comments), *re.findall(pattern, adopting)}
    assert len(fingerprints) == 2, "it is another one once the lines are uncommented"


def test_a_file_that_names_what_was_set_up_by_hand_is_exported_as_it_is(
    around: Round, mct: Program, azure: Sandbox
) -> None:
    """Once it is applied, nothing but remarks is another than in the file."""
    Hand(azure).step_1().step_2().step_3()
    text = uncommented(around.export()).replace("[sites.contosolearn", "[sites.learn")
    text = text.replace(
        'profile = "contosolearning"', 'profile = "own"\napp-service = "contosolearn"'
    )
    text = text.replace("[profiles.contosolearning]", "[profiles.own]")
    around.apply(text, "-y", "--no-verify")
    done = around.export("-f", str(around.file))

    def lines(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("#")]

    assert lines(done) == lines(text)
    assert IF_RIGHT not in done
    refused = mct("export", "-f", str(around.file), "--all")
    assert (refused.code, "--all cannot be combined with --file" in refused.err) == (2, True)


def test_uncommenting_a_client_that_is_only_listed_grants_it_nothing(
    around: Round, azure: Sandbox
) -> None:
    hand = Hand(azure).step_1().step_2().step_3()
    (assignment,) = azure.graph(
        "GET", f"/servicePrincipals/{hand.client.principal_id}/appRoleAssignments"
    )["value"]
    azure.graph(
        "DELETE",
        f"/servicePrincipals/{hand.client.principal_id}/appRoleAssignments/{assignment['id']}",
    )
    text = around.export()

    (planned,) = around.apply(uncommented(text), "--dry-run")
    assert "admin consent" not in {
        change["resource"] for change in planned["changes"] if change["action"] != "none"
    }


def test_an_export_has_role_name_and_identities_of_each_kind(
    around: Round, mct: Program, azure: Sandbox
) -> None:
    """A reference counts for every client where a site has it: it is said there only where each
    client has one.
    """
    azure.let_operate(PORTAL)
    words = (
        "--managed-identity",
        "partner-portal",
        "--managed-identity",
        USER_IDENTITY,
        "--role",
        "Reader",
    )
    more = ("--service-name", 'The "API"', "--service-management-reference", "7")
    assert mct("setup", *words, *more, "--client", "A", *JSON).code == 0
    site = around.changes_nothing()["sites"]["contosolearn"]
    assert (site["role"], site["service-name"]) == ("Reader", 'The "API"')
    assert site["managed-identities"] == [{"resource": USER_IDENTITY}, {"resource": PORTAL}]
    assert (
        site["service-management-reference"]
        == site["clients"][0]["service-management-reference"]
        == "7"
    )
    assert mct("add-client", "B", "--role", "Reader", *JSON).code == 0
    site = around.changes_nothing()["sites"]["contosolearn"]
    assert "service-management-reference" not in site
    assert [client.get("service-management-reference") for client in site["clients"]] == ["7", None]


@pytest.mark.as_administrator("of others' registrations, another caller is told the owner, too")
def test_what_a_trust_file_cannot_say_is_said_beside_it(
    around: Round, mct: Program, azure: Sandbox
) -> None:
    hand = Hand(azure).step_1().step_2().step_3()
    allowed = hand.step_2("By object").client
    forgotten = hand.step_2("Not listed").client
    first = azure.applications("S2S-client")[0]["appId"]
    hand.write(
        {"ServiceApplicationIds": f"{first};{STRANGER}", "ServiceObjectIds": allowed.principal_id}
    )
    done = mct("export")
    assert done.code == 0
    service = azure.applications("MCT service")[0]["appId"]
    named = (
        f"service application 'MCT service' ({service}), which ServiceAuthAudience names: mct-s2s "
        f"did not set it up for this App Service, and only its settings name it. {IF_RIGHT}"
    )
    sentences = [
        (
            f"'By object' ({allowed.app_id}): it is allowed by its service principal's object ID, "
            "not by its appId."
        ),
        f"'Not listed' ({forgotten.app_id}): it has the app role, but is not on the allow list.",
        f"{STRANGER} in ServiceApplicationIds: no client of this tenant has that ID.",
        f"'S2S-client' ({first}): mct-s2s did not create it for this App Service. {IF_RIGHT}",
        named,
    ]
    for sentence in sentences:
        assert f"not in the file: {sentence}" in " ".join(done.err.split())
        assert re.search(rf"(?m)^# +{re.escape(sentence)}$", done.out)
    assert "clients" not in tomllib.loads(done.out)["sites"]["contosolearn"]
    document = mct("export", "-o", "json").document
    assert document["sites"][0]["leftOut"] == sentences
    assert document["text"] == done.out


def test_the_seed_has_nothing_to_export(around: Round, mct: Program) -> None:
    assert "has no service application yet" in mct("export").err
    done = mct("export", "--all", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (2, "nothing-to-export")


def test_an_export_of_all_has_sites_and_slots_and_tells_those_not_readable(
    around: Round, mct: Program, azure: Sandbox
) -> None:
    azure.add_site(name="fabrikamlearn", group="mct-prod", subscription=azure.subscription_id)
    text = (
        "[[sites.contosolearn.clients]]\nname = 'A'\n[[sites.fabrikamlearn.clients]]\nname = 'B'\n"
    )
    text += "[sites.staging]\napp-service = 'contosolearn'\nslot = 'staging'\n"
    assert (
        len(around.apply(f"{text}[[sites.staging.clients]]\nname = 'C'\n", "-y", "--no-verify"))
        == 3
    )
    document = around.changes_nothing("--all")
    assert list(document["sites"]) == ["contosolearn", "contosolearn-staging", "fabrikamlearn"]
    assert (len(document["profiles"]), document["sites"]["contosolearn-staging"]["slot"]) == (
        1,
        "staging",
    )
    match = {"service": "ARM", "method": "GET", "pathRegex": "/sites/fabrikamlearn$"}
    azure.misbehave(
        {"match": match, "fault": {"type": "status", "status": 403, "code": "AuthorizationFailed"}}
    )
    done = mct("export", "--all")
    azure.behave()
    assert done.code == 4, done.err
    assert list(tomllib.loads(done.out)["sites"]) == ["contosolearn", "contosolearn-staging"]
    assert "fabrikamlearn: its state could not be read." in done.err


PROFILE = {
    "tenant": "contoso.onmicrosoft.com",
    "subscription": "0b1f6471-1bf0-4dda-aec3-cb9272f09590",
}


def site(name: str = "learn", group: str = "g", slot: str = "", **more: Any) -> ExportedSite:
    path = (
        f"/subscriptions/{PROFILE['subscription']}/resourceGroups/{group}/providers/Microsoft.Web/"
        f"sites/{name}"
    )
    resource = ResourceId.parse(path + (f"/slots/{slot}" if slot else ""))
    options = {"resource-group": group} | ({"slot": slot} if slot else {})
    return replace(ExportedSite(resource, PROFILE, options, api="MCT"), **more)


HOSTILE = [
    '"', "'''", '"""', "a\\", "[x]", "# no", "é\u0301", "🙂", "=", "a\n[sites.evil]", "\r",
    "\x1b[31m", "\u202e",
    "\ud800",
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=12), st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join))
NAMES = TEXTS.filter(is_name)


@settings(max_examples=cases(60, 1000), deadline=None)
@given(st.lists(NAMES, max_size=3), st.lists(TEXTS, max_size=3), NAMES)
@example(['"', "\\"], ["a\n[sites.evil]\n"], "'")
def test_every_name_is_found_again_and_remarks_stay_remarks(
    names: list[str], remarks: list[str], role: str
) -> None:
    tables = tuple(
        ClientTable({"name": name, "no-consent": True}, tuple(remarks), name) for name in names
    )
    doubted = tuple(DoubtedKeys({"name": name}, name, " ".join(remarks)) for name in names)
    text = site(
        clients=tables,
        options={"resource-group": "g", "role": role},
        left_out=tuple(remarks),
        doubted_options=doubted,
        doubted_clients=doubted,
    )
    document = tomllib.loads(trust_file_text([text]))
    assert list(document["sites"]) == ["learn"]
    assert document["sites"]["learn"]["role"] == role
    assert document["sites"]["learn"].get("clients", []) == [
        {"name": name, "no-consent": True} for name in names
    ]


def test_two_sites_of_one_name_have_two_keys_and_one_profile() -> None:
    china = site("other", profile={**PROFILE, "cloud": "china"})
    document = tomllib.loads(
        trust_file_text(
            [site(), site(group="other"), site(slot="staging"), site("learn-staging"), china]
        )
    )
    assert {key: value["resource-group"] for key, value in document["sites"].items()} == {
        "learn": "g",
        "learn-other": "other",
        "learn-staging": "g",
        "learn-staging-g": "g",
        "other": "g",
    }
    assert document["sites"]["learn-staging-g"]["app-service"] == "learn-staging"
    assert document["sites"]["learn-staging"]["slot"] == "staging"
    assert list(document["profiles"]) == ["contoso", "contoso-2"]
    assert document["sites"]["other"]["profile"] == "contoso-2"
