"""Which place a client's credential has: the one that is reviewed, and no other client's."""

from dataclasses import replace

import pytest
from mct_s2s.engine.credential_stores import name_places, open_stores, retire_files
from mct_s2s.engine.local_notes import default_folder
from mct_s2s.engine.request import Request, Session
from mct_s2s.inputs.secret_to import ClientPlaces, SecretTo, secret_to
from mct_s2s.model.client_credentials import (
    OUR_CREDENTIALS,
    Credential,
    CredentialKind,
    NewCredential,
    SecretNote,
)
from mct_s2s.model.client_sign_in import MadeCredential, SecretCredential
from mct_s2s.model.desired import Rotation
from mct_s2s.model.directory_objects import Tenant
from mct_s2s.model.ids import ClientId, KeyId, api_uri
from mct_s2s.model.observed import Trust
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.changes import AddCredential, RemoveCredential
from mct_s2s.sandbox.state import seed
from mct_s2s.stores.files import FileStore
from mct_s2s.stores.store import OutputStore
from mct_s2s.stores.vaults import MAKER

from tests.engine.conftest import TARGET, Engine, planned
from tests.planning.scenarios import (
    LATER,
    NOW,
    SERVICE_ID,
    SPEC,
    TENANT,
    client,
    complete,
    credential,
    guid,
    observed_state,
    spec,
)
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
    observed = replace(
        observed_state(),
        secrets={"A": SecretNote(place=SecretPlace.parse(noted) if noted else None)},
    )
    stores = {"A": OutputStore(lambda _: True)}

    async def work(session: Session) -> tuple[tuple[str, SecretPlace], ...]:
        return name_places(session, request, stores, observed)

    assert engine.run(work) == (("A", SecretPlace.parse(named)),)


@pytest.mark.parametrize("kind", [CredentialKind.SECRET, CredentialKind.CERTIFICATE])
def test_a_rotation_opens_a_place_for_a_key_only_where_a_certificate_is_replaced(
    kind: CredentialKind, engine: Engine
) -> None:
    made = replace(credential(name=f"{OUR_CREDENTIALS}x", kind=kind), begins=NOW)
    rotation = Rotation(SPEC, ("A",), expires=LATER)
    request = Request(rotation, NOW, TARGET, api=MCT)
    stores, _ = engine.run(
        lambda session: open_stores(session, request, complete(client("A", made)))
    )
    store = stores["A"]
    assert isinstance(store, FileStore)
    assert store.keeps_key is kind.is_key


@pytest.mark.parametrize(
    ("tenant", "folder"), [(TENANT, TENANT.id), (None, "unknown-tenant")], ids=["known", "unknown"]
)
def test_the_usual_files_of_each_tenant_have_a_folder_of_their_own(
    tenant: Tenant | None, folder: str, engine: Engine
) -> None:
    observed = replace(observed_state(), tenant=tenant)

    async def work(session: Session) -> tuple[str, ...]:
        return default_folder(session, "contosolearn/Staging", observed).parts[-4:]

    assert engine.run(work) == (folder, "contosolearn", "slots", "staging")


A, ANOTHER = ClientId(guid("A")), ClientId(guid("another"))


def test_a_delivery_to_a_vault_replaces_our_tags_and_keeps_those_of_others(engine: Engine) -> None:
    azure = engine.inside.azure
    before = {"made-by": MAKER, "client": "A", "keyId": guid("old"), "team": "HR"}
    azure.vault("PUT", "/secrets/a", json={"value": "old", "tags": before})
    made = MadeCredential(
        TENANT.id,
        A,
        credential=SecretCredential("new"),
        scope="api://x/.default",
        name="A",
        key_id=KeyId(guid("new")),
        credential_name="attempt",
        expires=LATER,
    )

    async def work(session: Session) -> None:
        store = session.vault(seed.VAULT).store("a", "A")
        await store.begin("attempt", A)
        await store.deliver(made)

    engine.run(work)
    secret = azure.vault("GET", "/secrets/a").json()
    assert (secret["value"], secret["tags"]["team"]) == ("new", "HR")
    assert secret["tags"]["keyId"] == guid("new")


OLD, NEW, OTHER = (credential(days, name=f"{OUR_CREDENTIALS}x") for days in (30, 365, 366))


@pytest.mark.parametrize(
    ("removed", "in_file", "is_renewed", "goes"),
    [
        ((), NEW, False, False),
        ((OLD,), NEW, False, False),
        ((OLD,), OLD, False, True),
        ((OLD, NEW), OTHER, True, False),
        ((OLD, NEW), NEW, True, True),
        ((OLD, NEW), OTHER, False, True),
    ],
    ids=[
        "nothing is removed", "another one is removed", "its own is removed", "it has the new one",
        "the new one is elsewhere", "none is left",
    ],
)  # fmt: skip
def test_the_usual_file_of_a_client_goes_with_its_credential(
    removed: tuple[Credential, ...],
    in_file: Credential,
    is_renewed: bool,
    goes: bool,
    engine: Engine,
) -> None:
    of_client = client("A", OLD, NEW)
    object_id = of_client.application.object_id
    outcome = planned()
    outcome.before = replace(outcome.before, trust=Trust(clients=(of_client,)))
    for gone in removed:
        key = gone.key_id
        outcome.done[key] = RemoveCredential(key=key, name="A", object_id=object_id, key_id=key)
    if is_renewed:
        outcome.done["new"] = AddCredential(
            key="new",
            name="A",
            object_id=object_id,
            client_id=of_client.client_id,
            audience=api_uri(SERVICE_ID),
            spec=NewCredential(LATER),
        )

    async def work(session: Session) -> bool:
        folder = default_folder(session, outcome.request.label, outcome.before)
        store = FileStore(SecretTo().file_for("A", folder), is_default_place=True)
        await store.check(of_client.client_id)
        await store.deliver(
            MadeCredential(
                TENANT.id,
                of_client.client_id,
                credential=SecretCredential("value"),
                scope="api://x/.default",
                name="A",
                key_id=in_file.key_id,
                credential_name="attempt",
                expires=LATER,
            )
        )
        retired = retire_files(session, outcome)
        assert retired == ([] if store.dotenv.exists() else [store.dotenv])
        return not store.dotenv.exists()

    assert engine.run(work) is goes
