"""Which sites are MCT's: by their settings or by the function app beside them; a function app never is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.mct_sites import has_our_settings, is_function_app, with_function_app

from tests.planning.worlds import FOREIGN, SUBSCRIPTION, site


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("contosolearn", "app", False),
        ("contosolearn", "app,linux,container", False),
        ("reports", "functionapp", True),
        ("reports", "functionapp,linux", True),
        ("flow", "functionapp,workflowapp", True),
        ("contosolearn-fa-x7k2q", "app", True),
        ("Contoso-FA-x", "app", True),
        ("sofa", "app", False),
    ],
)
def test_a_function_app_is_told_by_its_kind_or_by_its_name(name: str, kind: str, expected: bool) -> None:
    assert is_function_app(site(name, kind)) is expected


def test_an_app_service_is_mct_s_if_the_function_app_is_in_its_resource_group() -> None:
    apps = [site("ContosoLearn"), site("shop"), site("contosolearn-fa-x7k2q", "functionapp"), site("other-fa-1", "app")]
    elsewhere = replace(site("other"), resource=ResourceId.site(SUBSCRIPTION, "web", "other"))
    assert with_function_app([*apps, elsewhere]) == {str(apps[0].resource).lower()}


def test_one_setting_is_enough() -> None:
    assert not has_our_settings(FOREIGN)
    assert has_our_settings({**FOREIGN, "serviceauthenabled": "false"})
