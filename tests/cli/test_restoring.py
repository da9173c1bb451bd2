"""What was deleted a moment ago or a week ago still holds its name and its URI: it is restored, and works at once."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended, Program, saved_to, values_in
from tests.conftest import JSON, Sandbox

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
    return _row(ended, "service application")["id"], [one["appId"] for one in ended.document["credentials"]]


def _set_up(mct: Program, *clients: str) -> Ended:
    named = [word for client in clients for word in ("--client", client)]
    done = mct("setup", *named, *JSON)
    assert done.code == 0, done
    return done


def test_a_setup_after_a_teardown_restores_the_trust(mct: Program, azure: Sandbox) -> None:
    first = _set_up(mct, "One")
    assert mct("teardown", *JSON).code == 0
    planned = mct("setup", "--client", "One", "--dry-run", "-o", "json")
    again = _set_up(mct, "One")
    assert _ids(again) == _ids(first), "the same registrations, and so the same scope for whoever calls"
    restored = [("service application", "MCT service (contosolearn)"), ("client application", "One")]
    assert _restored(planned) == restored
    assert sorted(_restored(again)) == sorted(restored)  # each is listed when it is done
    assert planned.code == 3
    assert {"admin consent", "application settings"} <= {one["resource"] for one in planned.document["changes"]}
    assert mct("status", "-o", "json").document["healthy"], mct("status", "-o", "json").document["findings"]
    assert azure.call_as(values_in(saved_to(again, "One"))) == 200
    assert azure.graph("GET", f"{BIN}/microsoft.graph.application")["value"] == []
    azure.forget()
    assert (mct("setup", "--client", "One", *JSON).code, azure.writes()) == (0, [])


def test_a_certificate_whose_client_was_deleted_is_made_anew(mct: Program, azure: Sandbox) -> None:
    """The recycle bin shows no certificates, so no one can tell whether the stored one is still among them."""
    words = ("setup", "--client", "One", "--credential", "certificate", *JSON)
    assert mct(*words).code == 0
    assert mct("teardown", *JSON).code == 0
    again = mct(*words)
    assert (again.code, len(again.made)) == (0, 1), again
    (one,) = azure.applications("One")
    assert len(one["keyCredentials"]) == 1
    assert {change["action"] for change in mct(*words).document["changes"]} == {"none"}


def test_one_that_is_named_by_its_app_id_is_refused_with_the_command_that_restores_it(
    mct: Program, azure: Sandbox
) -> None:
    _set_up(mct)
    theirs = azure.graph("POST", "/applications", json={"displayName": "Theirs", "signInAudience": "AzureADMyOrg"})
    azure.graph("DELETE", f"/applications/{theirs['id']}")
    azure.forget()
    for asked in (("add-client", theirs["appId"]), ("setup", "--service-app", theirs["appId"])):
        refused = mct(*asked, *JSON)
        assert (refused.code, refused.document["error"]["code"]) == (2, "registration-deleted"), refused
        assert "'Theirs'" in refused.document["error"]["message"]
        command = f"az rest --method POST --url {azure.graph_url}/v1.0{BIN}/{theirs['id']}/restore"
        assert command in refused.document["error"]["remedy"]
    assert azure.writes() == []
    azure.graph("POST", f"{BIN}/{theirs['id']}/restore")
    again = mct("add-client", theirs["appId"], *JSON)
    assert azure.call_as(values_in(saved_to(again, theirs["appId"]))) == 200


def test_the_service_application_deleted_by_hand_comes_back_with_every_consent(mct: Program, azure: Sandbox) -> None:
    first = _set_up(mct, "One", "Two")
    before = mct("status", "-o", "json").document
    azure.graph("DELETE", f"/applications/{_row(first, 'service application')['objectId']}")
    status = mct("status", "-o", "json")
    (finding,) = [f for f in status.document["findings"] if f["code"] == "service-application-missing"]
    assert "is deleted and still in the recycle bin" in finding["message"]
    azure.forget()
    again = mct("setup", *JSON)
    assert again.code == 0, again.out
    assert mct("status", "-o", "json").document == before
    assert not [write for write in azure.writes() if "appRoleAssignedTo" in write], "nobody has to consent anew"
    assert azure.restarts() == 0
    for name in ("One", "Two"):
        assert azure.call_as(values_in(saved_to(first, name))) == 200


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_client_deleted_by_hand_keeps_the_secret_if_it_lies_at_its_place(
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


def test_after_thirty_days_the_name_is_free(mct: Program, azure: Sandbox) -> None:
    first = _set_up(mct)
    assert mct("teardown", *JSON).code == 0
    azure.advance(30 * 86_400 + 1)
    again = _set_up(mct)
    assert (_ids(again)[0] != _ids(first)[0], _restored(again)) == (True, [])


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_one_deleted_for_good_is_made_anew_and_the_line_to_change_is_told(
    mct: Program, azure: Sandbox, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "one.env"
    asked = ("setup", "--client", "One", "--credential", kind, "--secret-to", f"file:{file}", *JSON)
    mct(*asked)
    old = mct("status", "-o", "json").document["serviceApplication"]["applicationIdUri"]
    before = file.read_text(encoding="utf-8")
    gone = mct("status", "-o", "json").document["serviceApplication"]["objectId"]
    azure.graph("DELETE", f"/applications/{gone}")
    azure.graph("DELETE", f"{BIN}/{gone}")
    again = mct(*asked, "--timeout", "40")
    new = mct("status", "-o", "json").document["serviceApplication"]["applicationIdUri"]
    assert (again.code, new != old, file.read_text(encoding="utf-8") == before) == (3, True, True), again.out
    (token,) = [check for check in again.document["verification"]["checks"] if check["check"] == "token"]
    assert token["remedy"] == f"Set MCT_S2S_SCOPE to {new}/.default in file:{file}."
    azure.forget()
    third = mct(*asked)
    assert {change["action"] for change in third.document["changes"]} == {"none"}
    assert any(note["text"].endswith(f"Set it to {new}/.default.") for note in third.document["notes"])
    assert azure.writes() == []
    file.write_text(before.replace(old, new), encoding="utf-8")
    fourth = mct(*asked)
    assert fourth.code == 0, fourth.out
    assert not any("MCT_S2S_SCOPE" in note["text"] for note in fourth.document["notes"])
    assert mct("verify", "--credentials", str(file), "-o", "json").code == 0
