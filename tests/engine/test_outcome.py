"""What a run says of the state that it leaves behind."""

import pytest
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request
from mct_s2s.errors import ServiceError
from mct_s2s.model.desired import ServiceSpec, Setup
from mct_s2s.model.site_settings import NOT_SHOWN
from mct_s2s.planning.changes import CreateServicePrincipal
from mct_s2s.planning.plan import Plan

from tests.engine.conftest import TARGET
from tests.planning.scenarios import IMPORT, NOW, SITE_OF, observed_state, served
from tests.support.apis import ORDERS
from tests.support.mct import MCT


@pytest.mark.parametrize(("named", "shown"), [("Orders.Read", "Orders.Read"), (None, NOT_SHOWN)])
def test_of_the_roles_in_settings_the_one_that_the_command_names_is_shown(
    named: str | None, shown: str
) -> None:
    """Any other value may be a secret, whose setting a description names for a role's."""
    request = Request(Setup(ServiceSpec(role=named)), NOW, TARGET, api=ORDERS)
    outcome = Outcome(request, Plan(()), served(ORDERS))
    outcome.settings = {**SITE_OF["Orders"], "REQUIRED_ROLE": "Orders.Read"}
    assert outcome.after.settings["REQUIRED_ROLE"] == shown


@pytest.mark.parametrize(
    ("status", "label"), [(0, "in doubt"), (504, "in doubt"), (400, "not done"), (409, "not done")]
)
def test_a_change_that_may_have_been_made_is_not_reported_as_not_done(
    status: int, label: str
) -> None:
    """Graph or Resource Manager may have carried out what it did not answer."""
    change = CreateServicePrincipal(
        key="principal:Import", name="Import", client_id=IMPORT.client_id
    )
    request = Request(Setup(ServiceSpec()), NOW, TARGET, api=MCT)
    outcome = Outcome(request, Plan((change,)), observed_state())
    outcome.start(change)
    outcome.fail(change, ServiceError("x", "No.", status=status, remedy="Again."))
    reported = {"in doubt": outcome.in_doubt, "not done": outcome.not_done}
    assert {name: list(changes) for name, changes in reported.items()} == {
        "in doubt": [],
        "not done": [],
        label: [change],
    }
