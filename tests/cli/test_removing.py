"""What is removed is shut out first and is this trust's own; what was deleted is restored, settings
as they were.
"""

import errno
import json
import shlex
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.cli.conftest import Ended, Program, saved_to, values_in
from tests.cli.schemas import check
from tests.conftest import (
    FUNCTION_APP,
    JSON,
    LOGIC_APP,
    MACHINE,
    SITE,
    SLOT,
    USER_IDENTITY,
    Sandbox,
)
from tests.support.printed_commands import printed_commands

SETUP = ("setup", "--client", "One", "--client", "Two", "--managed-identity", "reports-func", *JSON)


def _state(azure: Sandbox) -> Any:
    """Everything that is there, without the recycle bin and without how often the site
    began anew.
    """
    state = azure.state()
    for kind in ("applications", "servicePrincipals"):
        state["directory"][kind] = [
            entity for entity in state["directory"][kind] if not entity["deletedDateTime"]
        ]
    state["directory"] = {k: v for k, v in state["directory"].items() if k not in {"clock", "now"}}
    for site in state["resources"]["sites"].values():
        for name in ("restarts", "recycles", "ready_at", "effective", "references", "changed"):
            site.pop(name, None)
    for resource in state["resources"]["resources"].values():
        if resource.get("identity") == {"type": "None"}:
            del resource["identity"]
    return {"directory": state["directory"], "resources": state["resources"]}


def _client(status: dict[str, Any], name: str) -> dict[str, Any]:
    client: dict[str, Any] = next(c for c in status["clients"] if c["displayName"] == name)
    return client


def _changes(ended: Ended) -> list[tuple[str, str, str]]:
    return [
        (c["action"], c["resource"], c["name"])
        for c in ended.document["changes"]
        if c["action"] != "none"
    ]


def test_a_client_is_shut_out_and_then_deleted(mct: Program, azure: Sandbox) -> None:
    setup = mct(*SETUP)
    first, two = (_client(mct("status", "-o", "json").document, name) for name in ("One", "Two"))
    before = azure.token_of(values_in(saved_to(setup, "One"))).json()["access_token"]
    azure.forget()
    done = mct("remove-client", first["servicePrincipalId"], *JSON)
    assert done.code == 0, done
    kinds = [write.rpartition("/")[2].partition("?")[0] for write in azure.writes()]
    assert kinds[:2] == ["appsettings", "restart"], (
        "who is not let in any more is shut out before all else"
    )
    assert azure.restarts() == 1
    status = mct("status", "-o", "json").document
    assert status["healthy"], status["findings"]
    assert [c["displayName"] for c in status["clients"]] == ["Two", "reports-func"]
    assert azure.settings()["ServiceApplicationIds"] == two["appId"]
    assert azure.applications("One") == []
    assert azure.call_site(before) == 401
    assert azure.call_as(values_in(saved_to(setup, "Two"))) == 200
    assert not saved_to(setup, "One").exists()


@pytest.mark.parametrize("by", ["displayName", "appId"])
def test_removing_again_changes_nothing_and_says_so(mct: Program, azure: Sandbox, by: str) -> None:
    mct(*SETUP)
    named = _client(mct("status", "-o", "json").document, "One")[by]
    mct("remove-client", named, *JSON)
    azure.forget()
    again = mct("remove-client", named, *JSON)
    assert (again.code, azure.writes()) == (0, [])
    (row,) = again.document["changes"]
    assert (row["action"], row["name"]) == ("none", "One")
    assert "already deleted since" in row["detail"]
    assert mct("remove-client", named, "--purge", *JSON).code == 0, (
        "what a cut-off run left there goes for good"
    )
    deleted = azure.graph("GET", "/directory/deletedItems/microsoft.graph.application")["value"]
    assert deleted == []


ITS_COMMAND = {
    FUNCTION_APP: f"az webapp identity remove -g integrations -n {FUNCTION_APP.rpartition('/')[2]}",
    MACHINE: f"az vm identity remove -g integrations -n {MACHINE.rpartition('/')[2]}",
    LOGIC_APP: f"az resource update --ids {LOGIC_APP} --set identity.type=None",
    USER_IDENTITY: None,
}


@pytest.mark.parametrize("words", [("remove-client",), ("teardown",)])
@pytest.mark.parametrize("resource", ITS_COMMAND)
def test_an_identity_leaves_the_list_and_stays_enabled_and_the_command_that_disables_it_is_printed(
    mct: Program, azure: Sandbox, resource: str, words: tuple[str, ...]
) -> None:
    """No one can see all that uses it: roles in other subscriptions, access policies, users of
    databases.
    """
    assert mct("setup", "--managed-identity", resource, *JSON).code == 0
    principal = azure.settings()["ServiceObjectIds"]
    azure.forget()
    done = mct(*words, *([resource] if words == ("remove-client",) else []), *JSON)
    assert done.code == 0, done
    assert "ServiceObjectIds" not in azure.settings(), "a list that nobody is on goes as a whole"
    assert azure.graph("GET", f"/servicePrincipals/{principal}")["id"] == principal
    assert not [write for write in azure.writes() if write.startswith("PATCH /subscriptions")]
    (row,) = [
        change for change in done.document["changes"] if change["resource"] == "managed identity"
    ]
    assert (row["action"], row["id"]) == ("none", principal)
    commands = [
        note["command"] for note in done.document["notes"] if "stays enabled" in note["text"]
    ]
    assert commands == ([ITS_COMMAND[resource]] if ITS_COMMAND[resource] else [])


def test_an_identity_that_was_named_by_its_display_name_keeps_its_app_role(
    mct: Program, azure: Sandbox
) -> None:
    """Anyone may call a resource by that name; an id means one resource."""
    assert mct("setup", *JSON).code == 0
    (service,) = azure.graph(
        "GET",
        "/servicePrincipals",
        params={"$filter": "displayName eq 'MCT service (contosolearn)'"},
    )["value"]
    azure.graph(
        "PATCH", f"/servicePrincipals/{service['id']}", json={"appRoleAssignmentRequired": True}
    )
    words = ("setup", "--managed-identity", FUNCTION_APP, *JSON)
    roles = f"/servicePrincipals/{service['id']}/appRoleAssignedTo"
    for named, remaining in (("reports-func", 1), (FUNCTION_APP, 0)):
        assert mct(*words).code == 0
        assert len(azure.graph("GET", roles)["value"]) == 1
        assert mct("remove-client", named, *JSON).code == 0
        assert len(azure.graph("GET", roles)["value"]) == remaining


def test_remove_client_keeps_a_registration_that_was_there_before(
    mct: Program, azure: Sandbox
) -> None:
    adopted = azure.graph(
        "POST", "/applications", json={"displayName": "Theirs", "signInAudience": "AzureADMyOrg"}
    )
    azure.let_own(adopted["appId"])
    assert mct("setup", "--client", adopted["appId"], *JSON).code == 0
    by_name = mct("remove-client", "Theirs", *JSON)
    assert (by_name.code, _changes(by_name)[2:]) == (0, []), (
        "off the list, and no more: a name is no registration's own"
    )
    (row,) = [c for c in by_name.document["changes"] if c["resource"] == "client application"]
    assert row["detail"].startswith(
        "kept, with its admin consent: mct-s2s did not create it for this App Service, and it is "
        "owned by 'Deployment pipeline'"
    )
    assert mct("setup", "--client", adopted["appId"], *JSON).code == 0
    done = mct("remove-client", adopted["appId"], *JSON)
    assert done.code == 0, done
    application = azure.graph("GET", f"/applications/{adopted['id']}")
    assert application["requiredResourceAccess"] == []
    assert len(application["passwordCredentials"]) == 1, (
        "a credential of somebody else's registration is theirs to remove"
    )
    assert ("update", "API permission", "Theirs") in _changes(done)
    assert ("delete", "admin consent", "Theirs") in _changes(done)
    principal = f"/servicePrincipals(appId='{adopted['appId']}')"
    assert azure.graph("GET", f"{principal}/appRoleAssignments")["value"] == []
    assert mct("setup", "--client", adopted["appId"], *JSON).code == 0
    assert mct("remove-client", adopted["appId"], "--delete-adopted", *JSON).code == 0
    assert azure.applications("Theirs") == [], "where that is asked for"


def test_remove_client_keeps_the_registration_if_asked_to(mct: Program, azure: Sandbox) -> None:
    """And can be a client again, with the secret that it kept."""
    setup = mct(*SETUP)
    assert mct("remove-client", "One", "--keep-registration", *JSON).code == 0
    azure.forget()
    again = mct("remove-client", "One", "--keep-registration", "-y")
    assert (again.code, azure.writes()) == (0, [])
    assert "client application  One" in again.err, "what was asked for and stays is said"
    assert "kept" in again.err
    again = mct("add-client", "One", *JSON)
    assert (again.code, again.made) == (0, []), again
    assert azure.call_as(values_in(saved_to(setup, "One"))) == 200


def test_a_teardown_says_how_many_settings_it_removed(mct: Program) -> None:
    assert mct("setup", "--client", "A", "-y", "--no-verify").code == 0
    done = mct("teardown", "-y")
    assert "mct-s2s status" not in done.out, "nothing is left to look at"
    assert "(6 settings removed, 42 unchanged)" in done.err, done
    assert "settings written" not in done.err


def test_a_teardown_leaves_what_was_there_before(mct: Program, azure: Sandbox) -> None:
    seed = _state(azure)
    mct(*SETUP)
    assert _state(azure) != seed
    dry, done = mct("teardown", "--dry-run", "-o", "json"), mct("teardown", *JSON)
    assert (dry.code, done.code, _changes(done)) == (3, 0, _changes(dry))
    # As the printed command does
    azure.arm("PATCH", FUNCTION_APP, json={"identity": {"type": "None"}})
    assert (_state(azure), azure.leaks()) == (seed, [])
    azure.forget()
    assert (mct("teardown", *JSON).code, azure.writes()) == (0, [])
    assert mct("teardown", "--dry-run").code == 0


def test_an_adopted_service_application_is_kept(mct: Program, azure: Sandbox) -> None:
    theirs = azure.graph(
        "POST", "/applications", json={"displayName": "MCT API", "signInAudience": "AzureADMyOrg"}
    )
    azure.let_own(theirs["appId"])
    mct("setup", "--service-app", theirs["appId"], "--client", "One", *JSON)
    done = mct("teardown", *JSON)
    assert done.code == 0, done
    assert azure.applications("One") == []
    (application,) = azure.applications("MCT API")
    place = f"{azure.subscription_id}/mct-prod"
    assert sorted(application["tags"]) == [
        "mct-s2s:adopted:mct-s2s-contosolearn",
        f"mct-s2s:site:{place}",
    ], "nothing but that it was adopted, and where, is remembered"


BIN = "/directory/deletedItems"


def _restored(ended: Ended) -> list[tuple[str, str]]:
    return [
        (c["resource"], c["name"])
        for c in ended.document["changes"]
        if c["detail"].startswith("restored from deleted applications")
    ]


def _row(ended: Ended, resource: str) -> dict[str, Any]:
    return next(change for change in ended.document["changes"] if change["resource"] == resource)


def _ids(ended: Ended) -> tuple[str, list[str]]:
    return _row(ended, "service application")["id"], [
        credential["appId"] for credential in ended.document["credentials"]
    ]


def _set_up(mct: Program, *clients: str) -> Ended:
    named = [word for client in clients for word in ("--client", client)]
    done = mct("setup", *named, *JSON)
    assert done.code == 0, done
    return done


def test_status_after_a_removal_that_was_cut_off_says_how_to_finish_it(
    mct: Program, azure: Sandbox
) -> None:
    before = azure.settings()
    assert mct("setup", "--client", "Import", "-y", "--no-verify").code == 0
    azure.write_settings(before)
    looked = mct("status")
    assert (looked.code, "Or, to finish a removal:" in looked.out) == (3, True), looked
    assert "→ mct-s2s teardown -a contosolearn" in looked.out
    assert mct("setup", "-y").code == 0
    assert "teardown" not in mct("status").out


def test_status_after_a_clients_removal_that_was_cut_off_says_how_to_finish_it(
    mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", "--client", "Import", "-y", "--no-verify").code == 0
    before = azure.settings()
    assert mct("add-client", "Export", "-y", "--no-verify").code == 0
    azure.write_settings(before)
    lines = mct("status").out.splitlines()
    finishing = lines[lines.index("Or, to finish a removal of 'Export':") + 1]
    off = mct("configure-appservice", "--disable", "--dry-run")
    adding = "and allow who holds the app role and is not on the allow list now ('Export'):"
    assert adding in " ".join((off.out + off.err).split()), off
    assert mct(*shlex.split(finishing)[2:], "-y").code == 0
    looked = mct("status")
    assert (looked.code, "removal" in looked.out) == (0, False), looked
    assert azure.applications("Export") == []


def test_a_setup_after_a_teardown_restores_the_trust(mct: Program, azure: Sandbox) -> None:
    first = _set_up(mct, "One")
    assert mct("teardown", *JSON).code == 0
    planned = mct("setup", "--client", "One", "--dry-run", "-o", "json")
    again = _set_up(mct, "One")
    assert _ids(again) == _ids(first), (
        "the same registrations, and so the same scope for whoever calls"
    )
    restored = [
        ("service application", "MCT service (contosolearn)"),
        ("client application", "One"),
    ]
    assert _restored(planned) == restored
    assert "with its consents" not in planned.out, "the plan grants one"
    assert sorted(_restored(again)) == sorted(restored)  # each is listed when it is done
    assert planned.code == 3
    assert {"admin consent", "application settings"} <= {
        change["resource"] for change in planned.document["changes"]
    }
    assert mct("status", "-o", "json").document["healthy"], mct("status", "-o", "json").document[
        "findings"
    ]
    assert azure.call_as(values_in(saved_to(again, "One"))) == 200
    assert azure.graph("GET", f"{BIN}/microsoft.graph.application")["value"] == []
    azure.forget()
    assert (mct("setup", "--client", "One", *JSON).code, azure.writes()) == (0, [])


def test_a_client_restored_for_a_new_service_application_can_be_removed_again(
    mct: Program, azure: Sandbox
) -> None:
    made = ("setup", "--client", "A", "-y", "--no-verify")
    for words in (
        made,
        ("remove-client", "A", "-y"),
        ("teardown", "--purge", "-y"),
        made,
        ("remove-client", "A", "-y"),
    ):
        assert mct(*words).code == 0
    assert azure.applications("A") == []


def test_a_client_goes_after_its_service_application_whatever_its_role_was(
    mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", "--client", "A", "--role", "Lessons.Read", "-y", "--no-verify").code == 0
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.graph("DELETE", f"/applications/{service['id']}")
    assert mct("teardown", "-y").code == 0
    assert azure.applications("A") == []


def test_a_certificate_whose_client_was_deleted_is_made_anew(mct: Program, azure: Sandbox) -> None:
    """The recycle bin shows no certificates, so no one can tell whether the stored one is still
    among them.
    """
    words = ("setup", "--client", "One", "--credential", "certificate", *JSON)
    assert mct(*words).code == 0
    assert mct("teardown", *JSON).code == 0
    again = mct(*words)
    assert (again.code, len(again.made)) == (0, 1), again
    (application,) = azure.applications("One")
    assert len(application["keyCredentials"]) == 1
    assert {change["action"] for change in mct(*words).document["changes"]} == {"none"}


def test_a_deleted_app_named_by_its_id_is_refused_with_the_command_that_restores_it(
    mct: Program, azure: Sandbox
) -> None:
    _set_up(mct)
    theirs = azure.graph(
        "POST", "/applications", json={"displayName": "Theirs", "signInAudience": "AzureADMyOrg"}
    )
    azure.let_own(theirs["appId"])
    azure.graph("DELETE", f"/applications/{theirs['id']}")
    azure.forget()
    for asked in (("add-client", theirs["appId"]), ("setup", "--service-app", theirs["appId"])):
        refused = mct(*asked, *JSON)
        assert (refused.code, refused.document["error"]["code"]) == (2, "registration-deleted"), (
            refused
        )
        assert "'Theirs'" in refused.document["error"]["message"]
        command = f"az rest --method POST --url {azure.graph_url}/v1.0{BIN}/{theirs['id']}/restore"
        assert command in refused.document["error"]["remedy"]
    assert azure.writes() == []
    azure.graph("POST", f"{BIN}/{theirs['id']}/restore")
    again = mct("add-client", theirs["appId"], *JSON)
    assert azure.call_as(values_in(saved_to(again, theirs["appId"]))) == 200


def test_the_service_application_deleted_by_hand_comes_back_with_every_consent(
    mct: Program, azure: Sandbox
) -> None:
    first = _set_up(mct, "One", "Two")
    before = mct("status", "-o", "json").document
    azure.graph("DELETE", f"/applications/{_row(first, 'service application')['objectId']}")
    status = mct("status", "-o", "json")
    (finding,) = [
        f for f in status.document["findings"] if f["code"] == "service-application-missing"
    ]
    assert "is deleted and still in the recycle bin" in finding["message"]
    azure.forget()
    again = mct("setup", *JSON)
    assert again.code == 0, again.out
    assert mct("status", "-o", "json").document == before
    assert not [write for write in azure.writes() if "appRoleAssignedTo" in write], (
        "nobody has to consent anew"
    )
    assert azure.restarts() == 0
    for name in ("One", "Two"):
        assert azure.call_as(values_in(saved_to(first, name))) == 200


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_client_deleted_by_hand_keeps_a_secret_at_its_place(
    mct: Program, azure: Sandbox, is_kept: bool
) -> None:
    first = _set_up(mct, "One")
    if not is_kept:
        saved_to(first).unlink()
    azure.graph("DELETE", f"/applications/{_row(first, 'client application')['objectId']}")
    again = mct("add-client", "One", *JSON)
    assert (again.code, len(again.made)) == (0, 0 if is_kept else 1), again
    assert _restored(again) == [("client application", "One")]
    assert azure.call_as(values_in(saved_to(first if is_kept else again, "One"))) == 200


def test_a_clients_name_is_free_thirty_days_after_its_removal(mct: Program, azure: Sandbox) -> None:
    first = _set_up(mct)
    assert mct("teardown", *JSON).code == 0
    azure.advance(30 * 86_400 + 1)
    again = _set_up(mct)
    assert (_ids(again)[0] != _ids(first)[0], _restored(again)) == (True, [])


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_a_client_that_was_purged_is_made_anew_and_told(
    mct: Program, azure: Sandbox, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "one.env"
    asked = ("setup", "--client", "One", "--credential", kind, "--secret-to", f"file:{file}", *JSON)
    mct(*asked)
    old = mct("status", "-o", "json").document["serviceApplication"]["applicationIdUri"]
    before = file.read_text(encoding="utf-8")
    service_id = mct("status", "-o", "json").document["serviceApplication"]["objectId"]
    azure.graph("DELETE", f"/applications/{service_id}")
    azure.graph("DELETE", f"{BIN}/{service_id}")
    again = mct(*asked, "--timeout", "40")
    new = mct("status", "-o", "json").document["serviceApplication"]["applicationIdUri"]
    assert (again.code, new != old, file.read_text(encoding="utf-8") == before) == (
        3,
        True,
        True,
    ), again.out
    (token,) = [
        check for check in again.document["verification"]["checks"] if check["check"] == "token"
    ]
    assert token["remedy"] == f"Set MCT_S2S_SCOPE to {new}/.default in file:{file}."
    azure.forget()
    third = mct(*asked)
    assert {change["action"] for change in third.document["changes"]} == {"none"}
    assert any(
        note["text"].endswith(f"Set it to {new}/.default.") for note in third.document["notes"]
    )
    assert azure.writes() == []
    file.write_text(before.replace(old, new), encoding="utf-8")
    fourth = mct(*asked)
    assert fourth.code == 0, fourth.out
    assert not any("MCT_S2S_SCOPE" in note["text"] for note in fourth.document["notes"])
    assert mct("verify", "--credentials", str(file), "-o", "json").code == 0


def test_settings_are_kept_before_a_write_and_can_be_put_back(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    before = azure.settings()
    file = tmp_path / "settings.json"
    done = mct("setup", "--client", "One", "--backup", str(file), *JSON)
    assert done.code == 0, done
    assert file.stat().st_mode & 0o777 == 0o600
    document = json.loads(file.read_text(encoding="utf-8"))
    check(document)
    assert (document["schema"], document["appService"].lower()) == (
        "mct-s2s/backup/v1",
        SITE.lower(),
    )
    assert document["settings"] == before
    changed = azure.settings()
    assert changed != before
    foreign = next(name for name in before if not name.startswith("Service"))
    azure.write_settings({**changed, "AddedSince": "by somebody", foreign: "changed"})
    shown = mct("configure-appservice", "--restore", str(file), "--dry-run").out
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert {"- ServiceAuthEnabled true", f"~ {foreign} put back; the value is not shown"} <= set(
        rows
    )
    warning = f"which is not for service-to-service authentication: {foreign}. To keep"
    assert warning in " ".join(shown.split())
    azure.forget()
    back = mct("configure-appservice", "--restore", str(file), *JSON)
    assert back.code == 0, back
    assert azure.settings() == {**before, "AddedSince": "by somebody"}
    assert azure.restarts() == 1
    ours = {value for name, value in changed.items() if name.startswith("Service")}
    foreigners = [
        value for value in before.values() if value and len(value) > 20 and value not in ours
    ]
    assert [value for value in foreigners if value in shown + back.out + back.err] == []
    azure.forget()
    again = mct("configure-appservice", "--restore", str(file), *JSON)
    assert (again.code, azure.writes()) == (0, [])
    azure.write_settings({**changed, foreign: str(before[foreign])})
    of_ours = mct("configure-appservice", "--restore", str(file), "--dry-run").out
    assert "Warning: the backup also puts back" not in " ".join(of_ours.split())


def test_a_restore_names_a_client_that_was_deleted_since(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "settings.json"
    assert mct("setup", "--client", "One", "-y").code == 0
    restore = ("configure-appservice", "--restore", str(file))
    assert mct("configure-appservice", "--backup", str(file), "-y").code == 0
    client_id = azure.settings()["ServiceApplicationIds"]
    assert mct("remove-client", "One", "-y").code == 0
    shown = mct(*restore, "--dry-run").out
    assert f"+ ServiceApplicationIds  {client_id}  One" in shown
    assert "'One' is deleted, so its ID gives no access. To restore it, too:" in shown
    assert mct(*restore, "-y").code == 0
    assert mct("setup", "--client", "One", "-y").code == 0
    assert azure.settings()["ServiceApplicationIds"] == client_id


@pytest.mark.parametrize("is_final", [False, True], ids=["recycle bin", "gone for good"])
def test_a_restore_after_a_teardown_says_what_gives_no_access(
    mct: Program, azure: Sandbox, tmp_path: Path, is_final: bool
) -> None:
    file = tmp_path / "settings.json"
    added = ("--client", "One", "--client", "Two", "--managed-identity", FUNCTION_APP)
    assert mct("setup", *added, "-y", "--no-verify").code == 0
    assert mct("configure-appservice", "--backup", str(file), "-y").code == 0
    backup = json.loads(file.read_text(encoding="utf-8"))
    never_there = str(UUID(int=1))
    settings = backup["settings"]
    settings["ServiceObjectIds"] += f";{never_there}"
    file.write_text(json.dumps(backup), encoding="utf-8")
    assert mct("teardown", *(["--purge"] if is_final else []), "-y").code == 0
    done = mct("configure-appservice", "--restore", str(file), "-y")
    shown = " ".join(done.err.split())
    if is_final:
        gone = (*settings["ServiceApplicationIds"].split(";"), never_there)
        service_id = settings["ServiceAuthAudience"].removeprefix("api://")
        assert f"has the appId {service_id} of the backup's service application" in shown
        for identifier in gone:
            assert identifier in shown.partition("Nothing in this tenant has the IDs")[2]
        return
    assert "The service application 'MCT service (contosolearn)' is deleted, so no" in shown
    assert "'One', 'Two' are deleted, so their IDs give no access." in shown
    assert f"Nothing in this tenant has the ID {never_there}, so it gives no access." in shown
    (back,) = [line for line in printed_commands(done.err) if " setup " in f"{line} "]
    assert mct(*shlex.split(back)[1:], "-y").code == 0
    verdict = mct("status").out
    assert "3 of 3 clients can call" in verdict, verdict


def test_a_run_that_resumes_keeps_the_older_backup(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "settings.json"
    words = ("setup", "--client", "One", "--backup", str(file), *JSON)
    before = azure.settings()
    refused = {"type": "status", "status": 409}
    azure.misbehave({"match": {"service": "ARM", "method": "PUT"}, "fault": refused, "times": 1})
    assert mct(*words).code == 1
    azure.behave()
    azure.write_settings({**before, "AddedSince": "by somebody"})
    done = mct(*words)
    assert done.code == 0, done
    assert "Kept the older backup" in done.err
    assert json.loads(file.read_text(encoding="utf-8"))["settings"] == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("setup", "--backup", "{}"), "backup-place-taken"),
        (("setup", "--backup", "{}/folder"), "backup-place-unwritable"),
        (("configure-appservice", "--restore", "{}"), "backup-unreadable"),
        (("configure-appservice", "--restore", "{}", "--disable"), "contradictory-options"),
    ],
)
def test_a_file_that_is_no_backup_is_neither_read_nor_written_over(
    mct: Program, azure: Sandbox, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    file = tmp_path / "precious.txt"
    file.write_text("precious")
    done = mct(*(word.format(file) for word in words), *JSON)
    assert (done.code, done.document["error"]["code"]) == (2, code)
    assert (file.read_text(), azure.writes()) == ("precious", [])


def test_a_backup_goes_back_only_to_where_it_came_from(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "settings.json"
    mct("setup", "--backup", str(file), *JSON)
    azure.forget()
    done = mct("configure-appservice", "--slot", "staging", "--restore", str(file), *JSON)
    assert (done.code, done.document["error"]["code"], azure.writes()) == (
        2,
        "backup-of-another-site",
        [],
    )
    mct("configure-appservice", "--slot", "staging", "--audience", "api://x", "--tenant-name", "x",
        "--tenant-id",
        azure.tenant_id, "--backup", str(tmp_path / "slot.json"), *JSON)  # fmt: skip
    mct(
        "configure-appservice", "--slot", "staging", "--restore", str(tmp_path / "slot.json"), *JSON
    )
    assert "ServiceAuthAudience" not in azure.settings(SLOT)


RESTORABLE = "Deleted app registrations can be restored for 30 days"


def test_what_a_teardown_leaves_to_do_is_said_at_its_end(mct: Program) -> None:
    mct("setup", "--managed-identity", "reports-func", "-y")
    done = mct("teardown", "-y")
    assert "az webapp identity remove -g integrations -n reports-func" in done.out, done
    assert RESTORABLE in done.out


@pytest.mark.parametrize(
    ("option", "is_restorable"), [("--purge", False), ("--keep-registration", False), ("-y", True)]
)
def test_a_removal_says_whether_the_registration_can_be_restored(
    mct: Program, option: str, is_restorable: bool
) -> None:
    assert mct("setup", "--client", "One", "--no-verify", "-y").code == 0
    done = mct("remove-client", "One", "-y", option)
    assert (done.code, RESTORABLE in done.out) == (0, is_restorable), done


def test_options_that_exclude_each_other_are_all_named(mct: Program) -> None:
    refused = mct("configure-appservice", "--disable", "--restore", "x.json", "--role", "A")
    assert "--restore cannot be combined with --disable, --role." in refused.err, refused


def test_a_dry_run_tries_the_place_of_a_backup(mct: Program, tmp_path: Path) -> None:
    words = ("configure-appservice", "--disable", "--dry-run", "--backup")
    refused = mct(*words, str(tmp_path), *JSON)
    assert (refused.code, refused.document["error"]["code"]) == (2, "backup-place-taken"), refused
    assert mct(*words, str(tmp_path / "backup.json")).code == 3
    assert not (tmp_path / "backup.json").exists()


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_the_plan_of_a_removal_names_the_files_that_go(mct: Program, kind: str) -> None:
    file = saved_to(mct("setup", "--client", "A", "--credential", kind, *JSON))
    files = {name for name in file.parent.iterdir() if name.is_file()}
    assert len(files) == (1 if kind == "secret" else 2)
    planned = mct("remove-client", "A", "--dry-run")
    assert all(f"'{name.name}'" in planned.out or f"'{name}'" in planned.out for name in files)
    assert all(name.exists() for name in files)
    removed = mct("remove-client", "A", "-y")
    for name in files:
        assert (name.exists(), str(name) in removed.err) == (False, True), removed


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_file_of_a_removed_secret_that_stays_is_named(
    mct: Program, monkeypatch: pytest.MonkeyPatch, *, is_kept: bool
) -> None:
    file = saved_to(mct("setup", "--client", "A", *JSON))
    unlink = Path.unlink

    def refuse(path: Path, **options: bool) -> None:
        if is_kept and path == file:
            raise PermissionError(errno.EROFS, "Read-only file system")
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", refuse)
    removed = mct("remove-client", "A", "-y")
    assert ("Could not delete files" in removed.err, removed.code) == (is_kept, 0), removed
