"""Which place a plan names for each client's credential: what is reviewed is where it goes."""

from dataclasses import replace

import pytest
from mct_s2s.engine.credential_stores import name_places
from mct_s2s.engine.request import Request, Session
from mct_s2s.inputs.secret_to import ClientPlaces, secret_to
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.stores.store import OutputStore

from tests.engine.conftest import TARGET, Engine
from tests.planning.scenarios import NOW, observed_state, spec
from tests.support.mct import MCT


@pytest.mark.parametrize(
    ("asked", "noted", "named"),
    [
        pytest.param(None, None, "default file", id="its usual file"),
        pytest.param(
            None, "keyvault:contoso/two", "keyvault:contoso/two", id="the vault that a tag names"
        ),
        pytest.param(
            "keyvault:contoso",
            "keyvault:contoso/a-1",
            "keyvault:contoso",
            id="the vault that was asked for",
        ),
        pytest.param("file:/tmp/a.env", None, "file:/tmp/a.env", id="the file that was asked for"),
    ],
)
def test_a_plan_names_the_place_as_it_was_asked_for_or_the_vault_that_a_tag_names(
    asked: str | None, noted: str | None, named: str, engine: Engine
) -> None:
    """Who owns a registration writes its tags: a vault that was not reviewed would get the secret
    unseen.
    """
    request = Request(spec("A"), NOW, TARGET, api=MCT, places=ClientPlaces(secret_to(asked, 1)))
    observed = replace(observed_state(), secrets={"A": SecretNote(place=noted)})
    stores = {"A": OutputStore(lambda _: True)}

    async def work(session: Session) -> tuple[tuple[str, str], ...]:
        return name_places(session, request, stores, observed)

    assert engine.run(work) == (("A", named),)
