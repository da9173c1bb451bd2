"""Microsoft Graph: what its refusals mean and name, and what is read of its answers: its arrays are
sets.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from mct_s2s.azure.graph import (
    applications,
    credentials,
    parse,
    recycle_bin,
    replicas,
    service_principals,
)
from mct_s2s.azure.graph.client import GraphClient
from mct_s2s.azure.graph.parse import application, deleted_applications
from mct_s2s.azure.refusals import GraphOperation
from mct_s2s.errors import PermissionMissing, ServiceError
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import (
    ApplicationObjectId,
    AppRoleId,
    ClientId,
    KeyId,
    PrincipalId,
    Tag,
    client_unique_name,
    named_unique_name,
    service_unique_name,
    site_note,
)
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.waits import GONE_AFTER

from tests.azure.raw import PAGE, SITE, SUBSCRIPTION, Answer, graph_session, refusal, told
from tests.planning.scenarios import guid

# msgraph-sdk's own modules warn of their deprecation when they are imported.
pytestmark = pytest.mark.filterwarnings(
    "ignore:(GetQueryParameters|This class) is deprecated:DeprecationWarning"
)

Act = Callable[[GraphClient], Awaitable[object]]
READ, CREATE, CHANGE = (
    GraphOperation.READ,
    GraphOperation.CREATE_APPLICATION,
    GraphOperation.CHANGE_APPLICATION,
)
SECRET = GraphOperation.ADD_SECRET
OBJECT = ApplicationObjectId("6d2f7a55-5b61-4c5f-9a4f-1d7f0b7b6c11")
NOT_FOUND = (
    f"Resource '{OBJECT}' does not exist or one of its queried reference-property objects are not "
    "present."
)
CONCURRENT = (
    "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."
)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1", 1.0), ("0.249", 0.249), ("0", 0.0), ("", None), ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        (None, None), ("Wed, 21 Oct 2015 99999999999999999999:28:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_a_date_or_nothing(
    header: str | None, seconds: float | None
) -> None:
    headers = {} if header is None else {"Retry-After": header}
    assert (
        told(graph_session, refusal(429, "TooManyRequests", "", headers), READ).retry_after
        == seconds
    )


def test_retry_after_as_a_date_is_counted_from_now() -> None:
    header = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    error = told(
        graph_session, refusal(429, "TooManyRequests", "", {"Retry-After": header}), READ
    ).retry_after
    assert error is not None
    assert 50 < error <= 60


ADMINISTRATOR, OWNED = "Cloud Application Administrator", "Application.ReadWrite.OwnedBy"
LEAST = {
    READ: ("Application.Read.All and Organization.Read.All", "Directory Readers"),
    CREATE: (OWNED, "Application Developer"),
    GraphOperation.RESTORE: ("Application.ReadWrite.All", ADMINISTRATOR),
    GraphOperation.CONSENT: ("AppRoleAssignment.ReadWrite.All and Application.Read.All",
                             ADMINISTRATOR),
    GraphOperation.REVOKE: ("AppRoleAssignment.ReadWrite.All", ADMINISTRATOR),
    **dict.fromkeys((CHANGE, GraphOperation.CREATE_PRINCIPAL, SECRET,
                     GraphOperation.REMOVE_CREDENTIAL,
                     GraphOperation.ADD_CERTIFICATE, GraphOperation.ADD_FEDERATED_CREDENTIAL),
                     (OWNED, ADMINISTRATOR)),
    **dict.fromkeys((GraphOperation.DELETE_APPLICATION, GraphOperation.PURGE_APPLICATION),
                    ("Application.ReadWrite", ADMINISTRATOR)),
}  # fmt: skip


@pytest.mark.parametrize(("step", "least"), LEAST.items(), ids=LEAST.keys())
def test_a_missing_permission_names_the_least_role_and_permission(
    step: GraphOperation, least: tuple[str, str]
) -> None:
    error = told(graph_session, refusal(403, "Authorization_RequestDenied", "No."), step)
    (permission, role) = least
    assert (error.code, error.exit_code) == ("permission-missing", 4)
    assert f"the role {role} (for a person)" in error.remedy
    assert permission in error.remedy
    assert "Privileged Role Administrator" in error.remedy


@pytest.mark.parametrize(
    ("status", "lost"),
    [
        (408, True),
        (500, True),
        (502, True),
        (503, True),
        (504, True),
        (400, False),
        (404, False),
        (409, False),
        (429, False),
    ],
)
def test_whether_a_request_may_have_taken_effect_is_told_by_its_status(
    status: int, lost: bool
) -> None:
    assert (
        told(graph_session, Answer(status, PAGE, {"Content-Type": "text/html"}), SECRET).answer_lost
        is lost
    )


@pytest.mark.parametrize(
    "body",
    [b"{", PAGE, b"\xff\xfe", b'{"value": [{"id": "6d2f'],
    ids=["brace", "page", "bytes", "cut"],
)
def test_a_success_that_was_cut_off_counts_as_lost(body: bytes) -> None:
    error = told(graph_session, Answer(200, body), SECRET)
    assert (error.code, error.answer_lost) == ("graph-unreachable", True)
    assert SECRET in error.message


def test_a_success_without_a_body_is_none() -> None:
    assert (
        asyncio.run(graph_session(Answer(204, b"", {})).send("GET", "/applications", CHANGE))
        is None
    )


def test_an_error_that_is_not_a_services_refusal_is_not_hidden() -> None:
    """A bug of ours must not be told as Microsoft's refusal."""
    with pytest.raises(ZeroDivisionError):
        asyncio.run(graph_session(ZeroDivisionError()).send("GET", "/applications", CREATE))


# --- refusals that mean that the work is done ---


def directory(act: Act, *answers: Answer) -> object:
    """What the directory makes of these answers."""

    async def main() -> object:
        return await act(graph_session(*answers))

    return asyncio.run(main())


def assign(graph: GraphClient) -> Awaitable[object]:
    return service_principals.assign(
        graph, PrincipalId(OBJECT), PrincipalId(OBJECT), AppRoleId(OBJECT)
    )


def revoke(graph: GraphClient) -> Awaitable[object]:
    return service_principals.revoke(graph, PrincipalId("s"), "assignment")


@pytest.mark.parametrize(
    ("act", "answer"),
    [
        (
            assign,
            refusal(
                400, "Request_BadRequest", "Permission being assigned already exists on the object"
            ),
        ),
        (
            assign,
            refusal(
                400,
                "Request_MultipleObjectsWithSameKeyValue",
                "EntitlementGrant entry already exists.",
            ),
        ),
        (
            lambda graph: applications.by_client_id(graph, ClientId(guid("c"))),
            refusal(404, "Request_ResourceNotFound", NOT_FOUND),
        ),
    ],
)
def test_a_refusal_because_it_is_so_already_is_no_error(act: Act, answer: Answer) -> None:
    """All texts are in use: some come for a repetition whose first answer was lost, or has not
    replicated yet.
    """
    assert directory(act, answer) is None


@pytest.mark.parametrize("act", [assign, revoke])
def test_any_other_refusal_is_an_error(act: Act) -> None:
    with pytest.raises(ServiceError):
        directory(act, refusal(400, "Request_BadRequest", "Not a valid reference update."))


def test_a_principal_that_is_expected_stays_so_once_a_replica_has_shown_it() -> None:
    async def act(graph: GraphClient) -> object:
        graph.expect_lag(OBJECT)
        await service_principals.by_object_ids(graph, [PrincipalId(OBJECT)])
        return graph.is_young(OBJECT)

    row = {
        "id": OBJECT,
        "appId": guid("c"),
        "displayName": "reports-func",
        "servicePrincipalType": "ManagedIdentity",
    }
    assert directory(act, Answer(200, row)) is True


@pytest.mark.parametrize("is_whole", [True, False])
def test_registrations_with_a_tag_are_unknown_where_one_answer_does_not_hold_them_all(
    is_whole: bool,
) -> None:
    """Anyone can write the tag on as many as the page holds: the one that counts may come after."""
    page = {"value": [row()], "@odata.nextLink": f"https://localhost/v1.0/{guid('next')}"}
    if is_whole:
        del page["@odata.nextLink"]
    seen = directory(lambda graph: applications.with_each_tag(graph, ["tag"]), Answer(200, page))
    assert seen == ([[application(row())]] if is_whole else [None])


def test_an_existing_service_principal_is_read() -> None:
    conflict = refusal(
        409,
        "Request_MultipleObjectsWithSameKeyValue",
        "The name is already in use.",
        details=[{"code": "ObjectConflict"}],
    )
    row = {
        "id": guid("p"),
        "appId": guid("c"),
        "displayName": "Import",
        "servicePrincipalType": "Application",
    }
    principal = directory(
        lambda graph: service_principals.create(graph, ClientId(guid("c"))),
        conflict,
        Answer(200, row),
    )
    assert getattr(principal, "id", None) == guid("p")


@pytest.mark.parametrize(
    "act",
    [
        lambda graph: recycle_bin.restore(graph, Application(OBJECT)),
        lambda graph: applications.register(
            graph, Application(display_name="n", unique_name="u"), PrincipalId(OBJECT)
        ),
        lambda graph: credentials.remove_secret(graph, OBJECT, KeyId(OBJECT)),
        lambda graph: service_principals.create(graph, ClientId(OBJECT)),
        assign,
    ],
    ids=["restore", "register", "remove secret", "principal", "assign"],
)
@pytest.mark.parametrize("status", [400, 409])
def test_nothing_is_concluded_from_a_write_that_another_one_was_in_the_way_of(
    act: Act, status: int
) -> None:
    busy = refusal(status, "Directory_ConcurrencyViolation", CONCURRENT)
    existing = Answer(200, {"id": OBJECT})
    with pytest.raises(ServiceError) as raised:
        directory(act, busy, existing)
    assert raised.value.contention is not None


ABSENT = refusal(404, "Request_ResourceNotFound", NOT_FOUND)
DONE = Answer(204, b"", {})
SHOWN = Answer(200, {"id": OBJECT})
DENIED = refusal(403, "Authorization_RequestDenied", "Insufficient privileges.")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between two looks."""
    monkeypatch.setattr(replicas, "LOOK_PAUSE", 0.0)


def delete(graph: GraphClient) -> Awaitable[object]:
    return applications.delete(graph, OBJECT)


def test_an_object_that_a_replica_does_not_know_yet_is_deleted_all_the_same(at_once: None) -> None:
    with pytest.raises(PermissionMissing):  # sent again, it meets a replica that knows it
        directory(delete, *[ABSENT, ABSENT] * (GONE_AFTER - 1), ABSENT, SHOWN, DENIED)


def test_an_object_that_no_replica_shows_any_more_counts_as_deleted(at_once: None) -> None:
    assert directory(delete, *[ABSENT, ABSENT] * GONE_AFTER) is None


NOT_ASSIGNED = refusal(
    400, "Request_BadRequest", "EntitlementGrant being updated or deleted is not found"
)
NO_ROWS = Answer(200, {"value": []})


@pytest.mark.parametrize("refused", [ABSENT, NOT_ASSIGNED], ids=["404", "400"])
def test_an_assignment_that_is_no_longer_listed_counts_as_revoked(
    refused: Answer, at_once: None
) -> None:
    """Both are in use: some come for a repetition whose first answer was lost."""
    assert directory(revoke, *[refused, NO_ROWS] * GONE_AFTER) is None


@pytest.mark.parametrize("refused", [ABSENT, NOT_ASSIGNED], ids=["404", "400"])
def test_an_assignment_that_a_replica_does_not_know_yet_is_revoked_all_the_same(
    refused: Answer, at_once: None
) -> None:
    row = {"id": "assignment", "principalId": OBJECT, "resourceId": OBJECT, "appRoleId": OBJECT}
    looks = [refused, NO_ROWS] * (GONE_AFTER - 1)
    with pytest.raises(PermissionMissing):  # sent again, it meets a replica that knows it
        directory(revoke, *looks, refused, Answer(200, {"value": [row]}), DENIED)


def restore(graph: GraphClient) -> Awaitable[object]:
    return recycle_bin.restore(
        graph, Application(OBJECT, display_name="One", client_id=ClientId(guid("c")))
    )


NO_PRINCIPALS = (Answer(200, {"value": []}), ABSENT)


def test_an_application_shown_as_before_its_deletion_is_not_taken_for_restored(
    at_once: None,
) -> None:
    """It refuses to restore what it takes for living, and the next one restores it."""
    # Restored, changed; the replica shows it, the recycle bin does not
    is_behind = (
        ABSENT,
        ABSENT,
        SHOWN,
        ABSENT,
    )
    assert directory(restore, *is_behind, SHOWN, *NO_PRINCIPALS) == []


def test_an_application_that_takes_a_write_is_restored_already() -> None:
    assert directory(restore, ABSENT, DONE, *NO_PRINCIPALS) == []


def test_an_application_neither_there_nor_in_the_recycle_bin_was_purged(at_once: None) -> None:
    with pytest.raises(ServiceError) as raised:
        directory(restore, *[ABSENT] * (4 * GONE_AFTER))
    assert raised.value.code == "not-in-recycle-bin"


def test_a_service_principal_that_a_replica_still_shows_is_restored_with_its_application() -> None:
    row = {
        "id": guid("p"),
        "appId": guid("c"),
        "displayName": "One",
        "servicePrincipalType": "Application",
    }
    assert directory(restore, SHOWN, Answer(200, {"value": []}), Answer(200, row), SHOWN) == [
        guid("p")
    ]


# --- what is read ---


def _credential(name: str, day: int) -> dict[str, Any]:
    moment = f"2026-11-{day:02}T12:00:00Z"
    return {
        "keyId": guid(name),
        "displayName": name,
        "startDateTime": moment,
        "endDateTime": "2027-11-24T12:00:00Z",
    }


def _role(name: str) -> dict[str, Any]:
    return {
        "id": guid(name),
        "value": name,
        "isEnabled": True,
        "allowedMemberTypes": ["User", "Application"],
    }


APPLICATION = {
    "id": guid("object"),
    "appId": guid("app"),
    "createdDateTime": "2026-11-24T12:00:00Z",
    "identifierUris": ["api://b", "api://a", "https://c"],
    "appRoles": [_role("R1"), _role("R2"), _role("R3")],
    "requiredResourceAccess": [
        {
            "resourceAppId": guid(resource),
            "resourceAccess": [
                {"id": guid(f"{resource}{number}"), "type": "Role"} for number in range(3)
            ],
        }
        for resource in ("graph", "mct")
    ],
    "passwordCredentials": [_credential("one", 3), _credential("two", 1), _credential("three", 2)],
    "keyCredentials": [_credential("four", 2), _credential("five", 1)],
    "tags": ["b", "c", "a"],
}
PRINCIPAL = {
    "id": guid("object"),
    "appId": guid("app"),
    "servicePrincipalType": "ManagedIdentity",
    "alternativeNames": ["isExplicit=True", "/subscriptions/b", "/subscriptions/a"],
}


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {name: _shuffled(inner, chance) for name, inner in value.items()}
    # What is inside an entry keeps its order
    if not isinstance(value, list) or value == [
        "User",
        "Application",
    ]:
        return value
    return chance.sample([_shuffled(inner, chance) for inner in value], len(value))


def test_objects_are_the_same_in_another_order_and_with_ids_in_another_case() -> None:
    chance = random.Random(1)
    for _ in range(50):
        assert parse.application(_shuffled(APPLICATION, chance)) == parse.application(APPLICATION)
        assert parse.principal(_shuffled(PRINCIPAL, chance)) == parse.principal(PRINCIPAL)
    shouted = {**PRINCIPAL, "id": guid("object").upper(), "appId": guid("app").upper()}
    assert parse.principal(shouted) == parse.principal(PRINCIPAL)


def test_credentials_are_in_the_order_of_their_age() -> None:
    names = [credential.name for credential in parse.application(APPLICATION).credentials]
    assert names == ["two", "three", "one", "five", "four"]


def test_a_moment_has_seconds_or_seven_decimals() -> None:
    """The answer to a creation is more precise than what is read later."""
    read, answered = (
        parse.moment("2025-04-08T09:40:20Z"),
        parse.moment("2025-04-08T09:40:20.2882444Z"),
    )
    assert answered.replace(microsecond=0) == read


SERVICE = service_unique_name("contosolearn")
SLOT = ResourceId.site(SUBSCRIPTION, "group", "contosolearn", "staging")
VAULT = ResourceId.parse(
    f"/subscriptions/{guid('s')}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"
)


def row(name: str = "Import", unique_name: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": guid("id"),
        "appId": guid("app"),
        "displayName": name,
        "uniqueName": unique_name,
        **more,
    }


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ({"tags": [Tag.NAME.of(named_unique_name("x"))]}, named_unique_name("x")),
        (
            {"tags": ["x", Tag.TRUST.of(SERVICE), Tag.VAULT.of("v/n")]},
            client_unique_name(SERVICE, "Import"),
        ),
        ({"tags": [Tag.TRUST.of(SERVICE), Tag.NAME.of("its own")]}, "its own"),
        ({"notes": site_note(str(SITE).replace("contoso", "Contoso"))}, SERVICE),
        ({"notes": site_note(str(SLOT))}, service_unique_name("contosolearn", "staging")),
        ({"notes": site_note(str(VAULT))}, None),
        ({"notes": site_note("nonsense")}, None),
        ({"notes": "for reports"}, None),
        ({"tags": [Tag.VAULT.of("v/n"), "mct-s2s:"]}, None),
        ({}, None),
    ],
)
def test_where_graph_shows_no_unique_name_our_tags_and_notes_tell_it(
    written: dict[str, Any], name: str | None
) -> None:
    (deleted,) = deleted_applications([*map(application, [row(**written)])])
    assert deleted.unique_name == name


def test_where_names_are_shown_nobody_is_believed_a_tag() -> None:
    """Whoever owns a registration can write our tags on it; a `uniqueName` is given to one
    alone.
    """
    ours, theirs = (
        row("A", SERVICE),
        row("B", None, tags=[Tag.NAME.of(SERVICE)], notes=site_note(str(SITE))),
    )
    assert [
        deleted.unique_name for deleted in deleted_applications([*map(application, [theirs, ours])])
    ] == [None, SERVICE]
