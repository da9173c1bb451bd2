"""`remove-client` of a name that means nobody is an error that names the nearest one, and changes nothing.

Without it a slip of the pen ends green, the client that was meant goes on calling, and a tag of another one is lost.
"""

from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, JSON, Sandbox

SETUP = ("setup", "--client", "Reports import", "--managed-identity", "reports-func", *JSON)
NOBODY = ["Report import", "9f6f2c53-43a6-4a8c-a39d-6a9f2f1f7b10", "someone else"]


def test_a_name_that_is_not_there_is_an_error_that_scripts_can_pass_over(mct: Program, azure: Sandbox) -> None:
    mct(*SETUP)
    azure.arm("PATCH", FUNCTION_APP, json={"identity": {"type": "None"}})  # its tag is left over: no business of this
    azure.forget()
    before = azure.state()
    for name in NOBODY:
        refused, dry = mct("remove-client", name, *JSON), mct("remove-client", name, "--dry-run", "-o", "json")
        for ended in (refused, dry):
            assert (ended.code, ended.document["error"]["code"]) == (2, "client-unknown")
        error = refused.document["error"]
        assert ("Did you mean 'Reports import'?" in error["remedy"]) == (name == NOBODY[0])
        assert f"'{name}' is not a client of this App Service. The clients are: Reports import" in error["message"]
        passed = mct("remove-client", name, "--ignore-missing", *JSON)
        assert (passed.code, passed.document["changes"]) == (0, [])
    assert (azure.writes(), azure.state()["resources"]) == ([], before["resources"])


def test_where_nothing_is_set_up_nobody_is_there(mct: Program, azure: Sandbox) -> None:
    ended = mct("remove-client", "One", *JSON)
    assert (ended.code, ended.document["error"]["code"], azure.writes()) == (2, "client-unknown", [])
    assert "There are none." in ended.document["error"]["message"]
    assert mct("teardown", *JSON).code == 0


def test_a_deleted_registration_of_somebody_else_is_not_taken_for_a_client(mct: Program, azure: Sandbox) -> None:
    mct(*SETUP)
    theirs = azure.graph("POST", "/applications", json={"displayName": "Theirs", "signInAudience": "AzureADMyOrg"})
    azure.graph("DELETE", f"/applications/{theirs['id']}")
    azure.forget()
    ended = mct("remove-client", theirs["appId"], "--purge", *JSON)
    assert (ended.code, ended.document["error"]["code"], azure.writes()) == (2, "client-unknown", [])
