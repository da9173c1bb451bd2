"""Callers with exactly the roles that docs/permissions.md promises: what it says is enough is enough."""

import pytest

from tests.cli.conftest import Program, alone
from tests.conftest import JSON, SITE, Json, Sandbox

READ = ("Application.Read.All", "Organization.Read.All")
PIPELINE = (*READ, "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All")
"""The application permissions of a pipeline that does the whole job."""
ON_THE_SITE = [("Website Contributor", SITE)]
SUBSCRIPTIONS = r"^/subscriptions$"


def refuse(*paths: str) -> list[Json]:
    """Rules that refuse requests to Resource Manager as it refuses a role that is missing."""
    return [
        {"match": {"service": "ARM", "pathRegex": path}, "fault": {"type": "status", "status": 403}} for path in paths
    ]


# --- the App Service alone: its subscription may not be read, nor searched ---


@pytest.mark.parametrize(
    "named",
    [("-a", SITE), ("-a", "contosolearn", "-g", "mct-prod"), ("-a", "contosolearn")],
    ids=["id", "group", "name"],
)
@pytest.mark.parametrize("is_listed", [True, False], ids=["subscription listed", "subscription not listed"])
def test_a_role_on_the_app_service_is_enough(
    mct: Program, azure: Sandbox, named: tuple[str, ...], is_listed: bool
) -> None:
    """Where not even the list of subscriptions shows it, Resource Manager's challenge names its tenant."""
    caller = {**azure.caller(*PIPELINE, arm=ON_THE_SITE), "MCT_S2S_RESOURCE_GROUP": ""}
    if not is_listed:
        azure.misbehave(*refuse(SUBSCRIPTIONS))
    done = mct("setup", *named, "--client", "A", *JSON, env=caller)
    looked = mct("status", *named, "-o", "json", env=caller)
    azure.behave()
    assert (done.code, looked.code) == (0, 0), (done, looked)
    assert looked.document["appService"]["id"] == SITE
    assert azure.settings()["ServiceAuthTenantId"] == azure.tenant_id


def test_a_name_that_may_not_be_searched_for_is_told_what_needs_no_search(mct: Program, azure: Sandbox) -> None:
    run = alone(mct, azure, *PIPELINE, arm=ON_THE_SITE)
    azure.misbehave(
        *refuse(r"/subscriptions/[^/]+/resources$", r"/subscriptions/[^/]+/providers/Microsoft\.Web/sites$")
    )
    refused = run("status", "-a", "contosolearn", "-g", "", "-o", "json")
    azure.behave()
    error = refused.document["error"]
    assert (refused.code, error["code"]) == (4, "permission-missing"), refused
    assert "--resource-group" in error["remedy"]


def test_a_site_that_is_not_there_is_told_also_to_who_may_search_for_none(mct: Program, azure: Sandbox) -> None:
    run = alone(mct, azure, *PIPELINE, arm=[("Website Contributor", SITE.partition("/providers/")[0])])
    azure.misbehave(*refuse(r"/subscriptions/[^/]+/providers/Microsoft\.Web/sites$"))
    missing = run("status", "-a", "contosolaern", "-g", "mct-prod", "-o", "json")
    azure.behave()
    assert (missing.code, missing.document["error"]["code"]) == (2, "site-not-found"), missing


def test_who_has_no_role_is_told_the_one_on_the_app_service(mct: Program, azure: Sandbox) -> None:
    """The subscription is asked about first; a role there is more than what is needed."""
    run = alone(mct, azure, *PIPELINE, arm=[])
    refused = run("status", "-a", SITE, "-o", "json")
    error = refused.document["error"]
    assert (refused.code, error["code"]) == (4, "permission-missing"), refused
    assert "Website Contributor on the resource" in error["remedy"]
