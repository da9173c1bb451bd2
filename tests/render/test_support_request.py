"""`--handoff-text`: a message that whoever operates a hosted MCT can act on without asking back."""

from __future__ import annotations

import pytest
from mct_s2s.model.site_settings import NAMES
from mct_s2s.render.support_request import DOCUMENT, support_request

from tests.planning.scenarios import SERVICE_ID, TENANT, guid
from tests.render.examples import ODD_NAMES
from tests.render.reading import line_with

VALUES = {
    "ServiceAuthEnabled": "true",
    "ServiceAuthAudience": f"api://{SERVICE_ID}",
    "ServiceAuthTenantName": TENANT.name,
    "ServiceAuthTenantId": TENANT.id,
    "ServiceObjectIds": f"{guid('one')};{guid('two')}",
    "ServiceApplicationIds": ";".join(guid(f"client {number}") for number in range(30)),
    "ServiceAuthRole": "S2SAppRole",
}


def test_every_setting_is_there_with_its_whole_value() -> None:
    text = support_request(VALUES, "contosolearn")
    assert set(VALUES) == set(NAMES)
    for name, value in VALUES.items():
        assert line_with(text, f"{name}: {value}")


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("ServiceAuthAudience", "Application ID URI"),
        ("ServiceAuthTenantName", "Tenant Name"),
        ("ServiceAuthTenantId", "Tenant ID"),
        ("ServiceObjectIds", "managed identity"),
        ("ServiceApplicationIds", "client application"),
        ("ServiceAuthRole", "app role"),
    ],
)
def test_a_setting_comes_with_the_document_s_name_for_its_value(name: str, meaning: str) -> None:
    assert meaning in line_with(support_request(VALUES, "contosolearn"), f"{name}: ")


def test_a_switch_needs_no_explanation() -> None:
    assert (
        line_with(support_request(VALUES, "contosolearn"), "ServiceAuthEnabled").strip() == "ServiceAuthEnabled: true"
    )


def test_what_does_not_apply_is_not_asked_for() -> None:
    text = support_request({"ServiceAuthRole": "S2SAppRole"}, "contosolearn")
    assert "ServiceAuthRole: S2SAppRole" in text
    assert not any(f"{name}:" in text for name in NAMES if name != "ServiceAuthRole")


def test_subject_and_body_name_the_app_service_and_the_document() -> None:
    text = support_request(VALUES, "contosolearn/staging")
    assert text.splitlines()[0].startswith("Subject: ")
    assert "contosolearn/staging" in text.splitlines()[0]
    assert "'contosolearn/staging'" in text
    assert line_with(text, DOCUMENT)


def test_whoever_acts_on_it_is_warned_of_the_function_app_and_of_the_ids_there_already() -> None:
    text = support_request(VALUES, "contosolearn")
    assert "-fa-" in text
    assert text.count("ServiceApplicationIds") == 2  # as a value, and as a list to be kept


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_role_is_asked_for_as_it_is(name: str) -> None:
    assert line_with(support_request({"ServiceAuthRole": name}, name), f"ServiceAuthRole: {name}")
