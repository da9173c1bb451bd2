"""Whatever is sent, no service fails: an answer is one of its own, in its own shape."""

import asyncio
import json
import re
import uuid
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mct_s2s.sandbox.entra.types import TYPES
from mct_s2s.sandbox.resources.providers import VERSIONS
from mct_s2s.sandbox.services import key_vault
from mct_s2s.sandbox.services.arm import arm
from mct_s2s.sandbox.services.graph import graph
from mct_s2s.sandbox.services.login import login
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import CLI, GROUP, SECRET, Client, client_of, seeded
from tests.support.sampling import cases

FUZZ = settings(
    max_examples=cases(4, 12),
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@cache
def target() -> Client:
    """One state for all: whatever one request leaves behind, the next one must bear."""
    client = client_of(seeded())
    for origin in (client.addresses.graph, client.addresses.arm, client.addresses.vault):
        # Before a request that hits takes the caller's own application away.
        client.token(origin + "/.default")
    return client


@cache
def known() -> dict[str, list[str]]:
    directory = target().state.directory
    return {
        "application": [application["id"] for application in directory.applications.seen_all()],
        "appId": [application["appId"] for application in directory.applications.seen_all()],
        "principal": [principal["id"] for principal in directory.service_principals.seen_all()],
        "user": [user["id"] for user in directory.users.seen_all()],
        "resource": [body["id"] for body in target().state.resources.resources.values()],
    }


def send(
    port: int, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> tuple[int, bytes]:
    """Send one request without a client that would refuse to."""
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def hold(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode("latin-1", "replace"))
            for name, value in headers.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", port),
    }
    asyncio.run(target().app(scope, receive, hold))
    answer = b"".join(message.get("body", b"") for message in messages[1:])
    return messages[0]["status"], answer


def names() -> st.SearchStrategy[str]:
    every = {name for properties in TYPES.values() for name in properties}
    others = {
        "properties",
        "identity",
        "type",
        "userAssignedIdentities",
        "location",
        "passwordCredential",
        "@odata.id",
    }
    return st.sampled_from(
        sorted(every | others | {"ids", "types", "requests", "keyId", "url", "dependsOn"})
    )


ODD = ["", "a\n b", "'", "''", "\\x00", "ü", "%", "null", "x" * 300, "../..", "$ref", "(id)"]


@pytest.fixture(autouse=True, scope="module")
def ready() -> None:
    """Make the state before the first draw: keys and tokens take chance that hypothesis does not
    steer.
    """
    known()


TEXT = st.text(max_size=12) | st.sampled_from(ODD)
GUIDS = st.uuids().map(str) | st.just(str(uuid.UUID(int=0)))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | TEXT
    | GUIDS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | names(), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def typed(draw: st.DrawFn, type_name: str, depth: int = 0) -> dict[str, Any]:
    """A body of the right shape, a value here and there not."""
    properties = TYPES[type_name]
    if not properties:
        return {}
    chosen = draw(st.lists(st.sampled_from(sorted(properties)), max_size=4, unique=True))
    right = {"String": TEXT, "Boolean": st.booleans(), "Int32": st.integers(0, 3), "Guid": GUIDS}
    right |= {"DateTimeOffset": st.just("2030-01-01T00:00:00Z"), "Binary": st.just("AAAA")}
    body: dict[str, Any] = {}
    for name in chosen:
        member = properties[name]
        inner = typed(member.type, depth + 1) if member.type in TYPES and depth < 3 else VALUES
        fitting: st.SearchStrategy[Any] = right.get(member.type, inner)
        fitting = st.lists(fitting, max_size=2) if member.collection else fitting
        body[name] = draw(fitting | fitting | fitting | VALUES)
    return body


BODIES = st.one_of(
    VALUES,
    st.dictionaries(names(), VALUES, max_size=4),
    typed("application"),
    typed("servicePrincipal"),
    typed("federatedIdentityCredential"),
    st.fixed_dictionaries({"passwordCredential": typed("passwordCredential") | VALUES}),
    st.fixed_dictionaries({"properties": VALUES, "identity": VALUES}),
).map(lambda value: json.dumps(value).encode())
RAW = BODIES | BODIES | BODIES | st.binary(max_size=12)
OPTIONS = st.dictionaries(
    st.sampled_from(
        [
            "$filter",
            "$select",
            "$top",
            "$count",
            "$orderby",
            "$expand",
            "$skiptoken",
            "$search",
            "x",
        ]
    ),
    TEXT
    | st.sampled_from(
        ["displayName eq 'x'", "tags/any(t:t eq 'a')", "id in ('a')", "not (", "1", "displayName"]
    ),
    max_size=3,
)
HEADERS = st.fixed_dictionaries(
    {"Content-Type": st.just("application/json") | TEXT},
    optional={
        "Prefer": st.just("create-if-missing"),
        "ConsistencyLevel": st.just("eventual"),
        "If-Match": TEXT,
    },
)


def segment(name: str) -> st.SearchStrategy[str]:
    """What may stand for `{name}` in a template, right and wrong."""
    identifiers = known()
    keyed = {
        "application": ("applications", identifiers["application"], identifiers["appId"]),
        "principal": ("servicePrincipals", identifiers["principal"], identifiers["appId"]),
    }
    if name in keyed:
        collection, ids, app_ids = keyed[name]
        by_id = (st.sampled_from(ids) | GUIDS | TEXT).map(
            lambda object_id: f"{collection}/{object_id}"
        )
        by_key = (st.sampled_from(app_ids) | TEXT).map(
            lambda app_id: f"{collection}(appId='{app_id}')"
        )
        return (
            by_id
            | by_key
            | TEXT.map(lambda unique_name: f"{collection}(uniqueName='{unique_name}')")
        )
    if name == "credential":
        return TEXT.map(lambda name: f"federatedIdentityCredentials(name='{name}')") | GUIDS.map(
            lambda object_id: f"federatedIdentityCredentials/{object_id}"
        )
    if name in {"id", "site", "scaleSet", "scope"}:
        return st.sampled_from(
            [
                *identifiers["resource"],
                seed.SITE,
                GROUP,
                seed.SUBSCRIPTION,
                f"{GROUP}/providers/M.N/x/y",
            ]
        )
    fixed = {
        "subscription": [seed.SUBSCRIPTION_ID],
        "group": ["integrations"],
        "tenant": [seed.TENANT_ID],
    }
    ids = [
        *identifiers["application"],
        *identifiers["principal"],
        *identifiers["user"],
        *fixed.get(name, []),
    ]
    return st.sampled_from(ids) | GUIDS | TEXT


@st.composite
def path_of(draw: st.DrawFn, template: str) -> str:
    parts = re.split(r"\{(\w+)\}", template)
    for index in range(1, len(parts), 2):
        parts[index] = draw(segment(parts[index]))
    return "".join(parts)


def bearer(scope: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {target().token(scope + '/.default')}"}


def refused(
    port: int,
    method: str,
    path: str,
    options: dict[str, str],
    headers: dict[str, str],
    body: bytes,
    *,
    is_json: bool = True,
) -> Any:
    """Send one request, which must not fail; the refusal, if it is one."""
    status, content = send(port, method, path, urlencode(options), headers, body)
    assert status != 500, (
        f"{method} {path}?{options} {headers.get('Host')} {body!r}: {content[:300]!r}"
    )
    return json.loads(content) if status >= 400 and content and is_json else None


SECRETS = st.fixed_dictionaries(
    {},
    optional={
        "value": TEXT | VALUES,
        "contentType": TEXT | VALUES,
        "tags": st.dictionaries(TEXT, TEXT, max_size=3) | VALUES,
        "attributes": st.dictionaries(
            st.sampled_from(["enabled", "exp", "nbf"]), SCALARS, max_size=3
        )
        | VALUES,
    },
).map(lambda value: json.dumps(value).encode())
FIELDS = [
    "grant_type", "client_id", "client_secret", "scope", "resource", "client_assertion",
    "client_assertion_type",
    "device_code", "refresh_token", "user_code", "user", "action",
]  # fmt: skip
FIELD_VALUES = [
    "client_credentials", "device_code", "refresh_token", seed.ADMINISTRATOR_ID, CLI, SECRET,
    "https://localhost:8444/.default", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiJ9.W10.AA",
]  # fmt: skip
FORM = st.dictionaries(st.sampled_from(FIELDS), TEXT | st.sampled_from(FIELD_VALUES), max_size=8)
VAULTS = st.sampled_from([seed.VAULT, seed.VAULT, seed.VAULT, "contosolearn-kv", "nobody"])
MANAGER_VERSIONS = [
    "2025-05-01",
    "2022-04-01",
    "2022-09-01",
    "2020-05-01",
    "2024-11-01",
    "2019-05-01",
]


@pytest.mark.parametrize("row", graph.OPERATIONS, ids=lambda row: f"{row.method} {row.template}")
@given(data=st.data())
@FUZZ
def test_graph_answers_in_its_own_shape(row: Any, data: st.DataObject) -> None:
    path = "/v1.0/" + data.draw(path_of(row.template))
    headers = data.draw(HEADERS) | bearer(target().addresses.graph)
    refusal = refused(8444, row.method, path, data.draw(OPTIONS), headers, data.draw(RAW))
    assert refusal is None or {"code", "message", "innerError"} <= set(refusal["error"])


@pytest.mark.parametrize("row", arm.OPERATIONS, ids=lambda row: f"{row.method} {row.template}")
@given(data=st.data())
@FUZZ
def test_resource_manager_answers_in_its_own_shape(row: Any, data: st.DataObject) -> None:
    path = data.draw(path_of(row.template))
    headers = data.draw(HEADERS) | bearer(target().addresses.arm)
    options = data.draw(OPTIONS) | {
        "api-version": data.draw(st.sampled_from(MANAGER_VERSIONS) | TEXT)
    }
    refusal = refused(
        8443,
        row.method,
        path,
        options,
        {"Content-Type": "application/json"} | headers,
        data.draw(RAW),
    )
    if refusal is not None and path.lower().startswith(("/subscriptions", "/providers")):
        error = (
            refusal.get("error") or refusal
        )  # App Service speaks for itself, without the envelope
        assert {"code", "message"} <= {name.lower() for name in error}


@pytest.mark.parametrize(
    "row", key_vault.OPERATIONS, ids=lambda row: f"{row.method} {row.template}"
)
@given(data=st.data())
@FUZZ
def test_key_vault_answers_in_its_own_shape(row: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["a", "b", "c-1"]) | TEXT)
    path = row.template.replace("{name}", name).replace("{version}", data.draw(TEXT))
    options = data.draw(
        st.dictionaries(st.sampled_from(["maxresults", "$skiptoken"]), TEXT | st.just("5"))
    )
    options |= {"api-version": data.draw(st.sampled_from(VERSIONS["KeyVault"]) | TEXT)}
    host = target().addresses.of_vault(data.draw(VAULTS)).removeprefix("https://")
    headers = {"Host": host} | bearer(target().addresses.vault)
    refusal = refused(8443, row.method, path, options, headers, data.draw(SECRETS | SECRETS | RAW))
    assert refusal is None or {"code", "message"} <= set(refusal["error"])


@pytest.mark.parametrize("row", login.OPERATIONS, ids=lambda row: f"{row.method} {row.template}")
@given(data=st.data())
@settings(FUZZ, max_examples=cases(10, 100))
def test_the_token_service_answers_in_its_own_shape(row: Any, data: st.DataObject) -> None:
    path = row.template.replace(
        "{tenant}", data.draw(st.sampled_from([seed.TENANT_ID, "common", "nobody"]))
    )
    form = data.draw(FORM.map(lambda form: urlencode(form).encode()) | st.binary(max_size=20))
    header = data.draw(
        st.sampled_from([{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Basic ?"}])
    )
    refusal = refused(
        8443, row.method, path, data.draw(OPTIONS), header, form, is_json=path != "/devicelogin"
    )
    assert refusal is None or {"error", "error_description", "error_codes", "trace_id"} <= set(
        refusal
    )


@given(body=VALUES | st.fixed_dictionaries({"requests": st.lists(VALUES | st.fixed_dictionaries(
    {"id": VALUES, "method": st.sampled_from(["GET", "POST", "x"]),
     "url": TEXT | st.just("/applications")},
    optional={"headers": VALUES, "body": VALUES, "dependsOn": VALUES},
), max_size=3)}))  # fmt: skip
@settings(FUZZ, max_examples=cases(40, 160))
def test_a_batch_answers_in_its_own_shape(body: Any) -> None:
    headers = {"Content-Type": "application/json", **bearer(target().addresses.graph)}
    status, content = send(8444, "POST", "/v1.0/$batch", "", headers, json.dumps(body).encode())
    assert (status, list(json.loads(content))) in [(200, ["responses"]), (400, ["error"])], (
        f"{body!r}: {content!r}"
    )


CONTROL = [
    "health", "requests", "leaks", "knobs", "clock", "faults", "callers", "people", "sites",
    "role-assignments",
    "deny-assignments", "locks", "identity-environment", "nothing-of-the-kind",
]  # fmt: skip
PLACES = st.one_of(
    st.sampled_from(CONTROL).map(lambda name: (8443, f"/_sandbox/{name}")),
    TEXT.map(lambda name: (8443, f"/_sandbox/issuer/{name}/token")),
    TEXT.map(lambda name: (8443, f"/_sandbox/issuer/{name}/keys")),
    (st.just(seed.SITE) | TEXT).map(
        lambda resource: (8443, f"/_sandbox/identity{resource}/msi/token")
    ),
    (st.just(seed.SITE) | TEXT).map(
        lambda resource: (8443, f"/_sandbox/identity{resource}/metadata/identity/oauth2/token")
    ),
    st.just((8443, "/metadata/endpoints")),
    TEXT.map(lambda rest: (8445, f"/api/v1/{rest}")),
    TEXT.map(lambda rest: (8443, f"/{rest}")),
)
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "fault": st.fixed_dictionaries({"type": st.sampled_from(["latency", "status", "x"])})
            | VALUES
        },
        optional={
            "match": VALUES,
            "nth": VALUES,
            "every": VALUES,
            "times": st.just(0) | VALUES,
            "probability": VALUES,
        },
    ),
    max_size=2,
)


@given(
    place=PLACES,
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    options=st.dictionaries(
        st.sampled_from(["api-version", "resource", "since", "service", "client_id"]), TEXT
    ),
    headers=st.fixed_dictionaries(
        {"Content-Type": st.just("application/json")},
        optional={
            "Authorization": TEXT,
            "ClientType": TEXT,
            "Metadata": TEXT,
            "X-IDENTITY-HEADER": TEXT,
        },
    ),
    body=RAW | RULES.map(lambda rules: json.dumps(rules).encode()),
)
@settings(FUZZ, max_examples=cases(150, 600))
def test_every_other_address_of_the_sandbox_answers(
    place: tuple[int, str],
    method: str,
    options: dict[str, str],
    headers: dict[str, str],
    body: bytes,
) -> None:
    port, path = place
    try:
        refused(port, method, path, options, headers, body, is_json=False)
    finally:
        send(8443, "DELETE", "/_sandbox/faults", "", {}, b"")
