"""One story: a fresh sandbox, names that are bound, and exchanges that are sent and compared one
after the other.
"""

import base64
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mct_s2s.sandbox.core.addresses import SITES, Addresses, label_of_site
from mct_s2s.sandbox.entra.tokens import delegated
from mct_s2s.sandbox.entra.types import AZURE_CLI_APP_ID
from mct_s2s.sandbox.state import seed

from conformance.comparison import Answer, Tables, differences, filled, put
from tests.sandbox.conftest import Client, seeded
from tests.sandbox.traffic.not_compared import DEVIATIONS

TABLES = Tables.read(Path(__file__).parent.parent / "real_traffic")
VAULT = "contoso-integrations"


class NamedAsInAzure(Addresses):
    """The usual ports, with sites named as in the recordings; no story calls one."""

    def of_site(self, resource_id: str) -> str:
        return f"{label_of_site(resource_id)}.{SITES}"

    def of_deployment(self, resource_id: str) -> str:
        return f"{label_of_site(resource_id)}.scm.{SITES}"


class Story:
    """A fresh sandbox and what has been found out in it.

    Attributes:
        names: values of placeholders, given or shown by answers.
        found: differences by the id of the exchange.
    """

    def __init__(self) -> None:
        self.state = seeded()
        self.client = Client(self.state, NamedAsInAzure(8443, 8444, {}))
        self.found: dict[str, list[str]] = {}
        where = self.client.addresses
        self.names: dict[str, str] = {
            "graph": where.graph,
            "login": where.login,
            "vault": where.of_vault(VAULT),
            "vault audience": where.vault,
            "tenantId": seed.TENANT_ID,
            "sub": seed.SUBSCRIPTION_ID,
            "name": "traffic",
            "name2": "traffic two",
            "missing": str(uuid.UUID(int=7)),
        }
        self.bearer: dict[str, str] = {}

    def send(
        self,
        exchange_id: str,
        *,
        change: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        path: str | None = None,
        version: str | None = None,
        may_have: Sequence[str] = (),
        **names: str,
    ) -> httpx.Response:
        """Send a recorded request and compare the answer with the recorded one.

        Args:
            exchange_id: e.g. `applications/02`.
            change: members of the request's body to replace, by JSON pointer, where the recording
                has none.
            body: in place of the recorded body.
            headers: on top of the recorded ones.
            path: in place of the recorded path.
            version: in place of the recorded api-version.
            may_have: members that the sandbox answers and the recording, being older, has not.
            names: values of placeholders, from here on.
        """
        exchange = TABLES[exchange_id]
        self.names |= names
        sent = deepcopy(exchange["request"]["body"]) if body is None else body
        for pointer, value in (change or {}).items():
            put(sent, pointer, value)
        answer = self.ask(
            exchange["service"],
            exchange["request"]["method"],
            filled(path or exchange["request"]["path"], self.names),
            query=filled(
                exchange["request"]["query"] | ({"api-version": version} if version else {}),
                self.names,
            ),
            body=filled(sent, self.names),
            headers={**filled(exchange["request"]["headers"], self.names), **(headers or {})},
            anonymous=exchange["request"].get("no-authorization", False),
        )
        compare = {
            **exchange["compare"],
            "may-have": [*exchange["compare"].get("may-have", ()), *may_have],
        }
        shown = Answer(answer.status_code, answer.headers, _body(answer))
        expected = deepcopy(exchange["response"])
        if exchange_id in DEVIATIONS:
            put(expected, DEVIATIONS[exchange_id].pointer, DEVIATIONS[exchange_id].answered)
        self.found[exchange_id] = differences(expected, shown, self.names, compare)
        return answer

    def ask(
        self,
        service: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
    ) -> httpx.Response:
        """Send a request that no recording is about, or that was put together from one."""
        where = self.client.addresses
        roots = {
            "graph": where.graph,
            "arm": where.arm,
            "login": where.login,
            "vault": self.names["vault"],
        }
        options: dict[str, Any] = {"params": dict(query or {})}
        sent = {
            name: value
            for name, value in (headers or {}).items()
            if name.lower() != "content-length"
        }
        if (
            not anonymous
            and service != "login"
            and "authorization" not in {name.lower() for name in sent}
        ):
            sent["Authorization"] = (
                f"Bearer {self.bearer.get(service) or self.client.token(_scope(where, service))}"
            )
        if service == "login" and body is not None:
            options["data"] = body
        elif isinstance(body, str):
            options["content"] = body
        elif body is not None:
            options["json"] = body
        return self.client.request(method, roots[service] + path, headers=sent, **options)

    def graph(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Ask Graph for something that must work; give the body."""
        answer = self.ask("graph", method, f"/v1.0{path}", body=body, query=query)
        assert answer.is_success, answer.text
        return _body(answer)

    def application(self, name: str = "traffic", **body: Any) -> None:
        """Make an application that the story is about, and bind its ids."""
        made = self.graph("POST", "/applications", {"displayName": name, **body})
        self.names |= {"name": name, "appId": made["appId"], "appObjectId": made["id"]}

    def principal(self) -> str:
        """Make the service principal of the story's application, and bind its id."""
        created = self.graph("POST", "/servicePrincipals", {"appId": self.names["appId"]})
        self.names["spObjectId"] = created["id"]
        return str(created["id"])

    def caller(self, service: str, *graph_roles: str) -> str:
        """Go on as a new caller with just these rights; give its object id."""
        sent = {"name": "caller", "graphRoles": graph_roles}
        created = self.client.request("POST", "/_sandbox/callers", json=sent).json()
        scope = _scope(self.client.addresses, service)
        self.bearer[service] = self.client.token(
            scope, created["clientId"], created["clientSecret"]
        )
        return str(created["principalId"])

    def signed_in(self, address: str, service: str = "graph") -> str:
        """Sign a person in with a device code; give the token."""
        path = f"/{self.names['tenantId']}/oauth2/v2.0"
        form = {"client_id": AZURE_CLI_APP_ID}
        scope = {"scope": _scope(self.client.addresses, service)}
        code = self.ask("login", "POST", f"{path}/devicecode", body={**form, **scope}).json()
        assert delegated.approve(self.state.directory, code["user_code"], address)
        sent = {**form, "grant_type": "device_code", "device_code": code["device_code"]}
        return str(self.ask("login", "POST", f"{path}/token", body=sent).json()["access_token"])

    def site(self, name: str = "traffic-site", **more: Any) -> str:
        """Make a site that the story is about, and bind what its paths say."""
        sent = {"name": name, "group": "traffic", "kind": "app", "settings": {}}
        sent |= {"subscription": seed.SUBSCRIPTION_ID, "owner_app_id": seed.ADMINISTRATOR_ID}
        made = seed.add_site(self.state.resources, **(sent | more))
        made["properties"]["httpsOnly"] = False
        self.names |= {"site": name, "rg": "traffic", "plan": "traffic-sites"}
        return str(made["id"])

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        self.state.clock.advance(seconds)


def _scope(where: Addresses, service: str) -> str:
    return {"graph": where.graph, "arm": where.arm, "vault": where.vault}[service] + "/.default"


def _body(answer: httpx.Response) -> Any:
    if not answer.content:
        return ""
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


_KEY = ec.generate_private_key(ec.SECP256R1())
_NAME = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso"),
    ]
)
CERTIFICATE = (
    x509.CertificateBuilder()
    .subject_name(_NAME)
    .issuer_name(_NAME)
    .public_key(_KEY.public_key())
    .serial_number(1)
    .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    .not_valid_after(dt.datetime(2047, 1, 1, tzinfo=dt.UTC))
    .sign(_KEY, hashes.SHA256())
)
DER = CERTIFICATE.public_bytes(serialization.Encoding.DER)
PEM = CERTIFICATE.public_bytes(serialization.Encoding.PEM)
BASE64 = base64.b64encode(DER).decode()
