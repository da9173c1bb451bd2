"""Whom tests run the program as: a pipeline with exactly the rights that docs/permissions.md asks
for, no other; there from the beginning, in the state that each test starts with.
"""

from collections.abc import Mapping
from types import MappingProxyType

import pytest
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.entra.directory import ObjectIds
from mct_s2s.sandbox.middleware.pipeline import Pipeline

from tests.conftest import (
    CONTAINER_APP,
    FUNCTION_APP,
    LOGIC_APP,
    MACHINE,
    SITE,
    USER_IDENTITY,
    VAULT,
)

READ = ("Application.Read.All", "Organization.Read.All")
PIPELINE = (*READ, "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All")
"""The application permissions of a pipeline that does the whole job."""
ON_THE_SITE = [("Website Contributor", SITE)]
ASSIGNED = (USER_IDENTITY, USER_IDENTITY.replace("sync-identity", "etl-identity"))
"""The identities that users assigned to the virtual machine and to the container app: a change
sends them, too.
"""
OPERATOR = [("Managed Identity Operator", identity) for identity in ASSIGNED]
ON_RESOURCES = [
    *ON_THE_SITE,
    ("Key Vault Secrets Officer", VAULT),
    ("Virtual Machine Contributor", MACHINE),
    ("Logic App Contributor", LOGIC_APP),
    ("Contributor", CONTAINER_APP),
    ("Website Contributor", FUNCTION_APP),
    *OPERATOR,
]
"""The Azure roles, each on the resource itself: none on a group or on the subscription."""

NAME = "MCT pipeline"
CLIENT_ID = "5d2f8a07-93b6-4c1e-8f4a-6b0c7e91d235"
_SECRET = "the-least-callers-own-secret-of-these-tests"
LEAST: Mapping[str, str] = MappingProxyType(
    {"AZURE_CLIENT_ID": CLIENT_ID, "AZURE_CLIENT_SECRET": _SECRET}
)
"""What it signs in with, in each tenant that tests run."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "as_administrator(why): the program is run by the sandbox's administrator, not by a "
        "pipeline with the documented rights alone",
    )


def admit(pipeline: Pipeline) -> str:
    """Give a new sandbox this caller; returns its object id."""
    state = pipeline._state
    directory = state.directory
    random = directory.ids
    # In each tenant the same: one may become what another was.
    directory.ids = ObjectIds(CLIENT_ID)
    _, principal = seeding.add_application(
        directory, NAME, app_id=CLIENT_ID, secret=_SECRET, graph_roles=PIPELINE
    )
    directory.ids = random
    pipeline.observability.watch.record(_SECRET)
    access = state.resources.access
    for role, scope in ON_RESOURCES:
        access.assign(principal["id"], access.role_named(role), scope)
    return str(principal["id"])


def caller_of(test: pytest.Item) -> Mapping[str, str]:
    """What the program signs in with in a test, over the sandbox's own environment, which is the
    administrator's.
    """
    marker = test.get_closest_marker("as_administrator")
    if marker is None:
        return LEAST
    (why,) = marker.args
    assert why, f"{test.nodeid} does not say why it takes an administrator"
    return {}
