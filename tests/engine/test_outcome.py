"""What a run says of the state that it leaves behind."""

import pytest
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request
from mct_s2s.model.desired import ServiceSpec, Setup
from mct_s2s.model.site_settings import NOT_SHOWN
from mct_s2s.planning.plan import Plan

from tests.engine.conftest import TARGET
from tests.planning.scenarios import NOW, SITE_OF, served
from tests.support.apis import ORDERS


@pytest.mark.parametrize(("named", "shown"), [("Orders.Read", "Orders.Read"), (None, NOT_SHOWN)])
def test_of_the_roles_in_settings_the_one_that_the_command_names_is_shown(
    named: str | None, shown: str
) -> None:
    """Any other value may be a secret, whose setting a description names for a role's."""
    request = Request(Setup(ServiceSpec(role=named)), NOW, TARGET, api=ORDERS)
    outcome = Outcome(request, Plan(()), served(ORDERS))
    outcome.settings = {**SITE_OF["Orders"], "REQUIRED_ROLE": "Orders.Read"}
    assert outcome.after.settings["REQUIRED_ROLE"] == shown
