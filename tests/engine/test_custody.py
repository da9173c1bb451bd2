"""Registrations that nothing but their name speaks for, met while a plan is carried out."""

from __future__ import annotations

import pytest
from mct_s2s.engine.apply.restoration import check_restored
from mct_s2s.errors import Refused
from mct_s2s.model.directory_objects import Owner
from mct_s2s.model.ids import PrincipalId

from tests.engine.memory import MemoryState, run
from tests.planning.scenarios import guid


@pytest.mark.parametrize("is_seen", [True, False], ids=["seen", "not seen by a replica"])
def test_a_service_principal_in_foreign_hands_is_never_gone_on_with(is_seen: bool) -> None:
    here = MemoryState()
    application = here.register("A", "key.A")
    principal = here.principal_of(application.client_id)
    assert principal is not None
    here.owners[principal.id] = (Owner(PrincipalId(guid("mallory")), "mallory@contoso.com"),)
    if not is_seen:
        del here.applications[application.object_id]
    with pytest.raises(Refused, match="owned by mallory"):
        run(check_restored(here.azure, principal, "--client"))
    assert "remove_principal_credentials" not in " ".join(here.calls)
