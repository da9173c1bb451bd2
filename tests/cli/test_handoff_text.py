"""`--handoff-text`: a request that a person can send to whoever operates a hosted MCT."""

from __future__ import annotations

from tests.cli.conftest import Program
from tests.conftest import Sandbox


def test_the_values_are_a_request_in_the_documents_own_names(mct: Program, azure: Sandbox) -> None:
    words = ("setup", "--client", "A", "--no-app-service", "--handoff-text", "--secret-to", "show", "-y")
    done = mct(*words)
    assert done.code == 0
    request = done.out.partition("Subject:")[2].partition("This message contains no secrets.")[0]
    secret = done.out.partition("shown here once: ")[2].splitlines()[0].strip()
    assert secret
    assert secret not in request
    for told in (
        "contosolearn", "docs.microsoftcommunitytraining.com", "ServiceAuthEnabled: true", "ServiceAuthAudience: api://",
        "(Application ID URI)", f"ServiceAuthTenantId: {azure.tenant_id}", "(Tenant ID)",
        "ServiceAuthTenantName: contosolearning.onmicrosoft.com", "(Tenant Name)", "ServiceApplicationIds: ",
        "ServiceAuthRole: S2SAppRole", "restart the App Service", "-fa-",
    ):  # fmt: skip
        assert told in request
    assert azure.log("arm") == [] or {row["path"] for row in azure.log("arm")} == {"/metadata/endpoints"}


def test_beside_json_the_request_goes_to_standard_error(mct: Program, azure: Sandbox) -> None:
    done = mct("setup", "--client", "A", "--no-app-service", "--handoff-text", "-y", "-o", "json")
    assert done.document["dryRun"] is False
    assert "Subject: Service-to-service authentication for contosolearn" in done.err
