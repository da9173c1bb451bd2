"""A sandbox for tests that talk to Azure: asked over TLS, watched through its request log, as new
for each test.
"""

import os
import random
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import hypothesis
from mct_s2s.sandbox.state import seed

from tests.support.simulated_time import SimulatedTime

pytest_plugins = [
    "tests.support.spared", "tests.support.sampling", "tests.support.handed_over",
    "tests.support.screens",
    "tests.support.tidiness", "tests.support.least_caller", "tests.support.sandbox_inside",
    "tests.support.sandboxes",
]  # fmt: skip

# The same examples each time: a red run is about the change, not about luck.
hypothesis.settings.register_profile("mct", deadline=None, database=None, derandomize=True)
# … and others each night, by --hypothesis-profile another --hypothesis-seed NUMBER.
hypothesis.settings.register_profile("another", deadline=None, database=None)
hypothesis.settings.load_profile("mct")

Json = dict[str, Any]
JSON = ("-y", "-o", "json")
"""How a program runs a command: no question, and one document."""

GROUP = f"{seed.SUBSCRIPTION}/resourceGroups/integrations/providers"
FUNCTION_APP = f"{GROUP}/Microsoft.Web/sites/reports-func"
MACHINE = f"{GROUP}/Microsoft.Compute/virtualMachines/etl-vm"
LOGIC_APP = f"{GROUP}/Microsoft.Logic/workflows/nightly-import"
CONTAINER_APP = f"{GROUP}/Microsoft.App/containerApps/hr-sync"
USER_IDENTITY = f"{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/sync-identity"
SITE = seed.SITE
SLOT = f"{SITE}/slots/staging"
VAULT = f"{GROUP}/Microsoft.KeyVault/vaults/{seed.VAULT}"

_SITES = "2025-05-01"
ANSWER_SECONDS = 60.0
"""For so long a sandbox may take to answer a test, on a machine that is busy."""
TOKEN_SECONDS = 1800
"""How long a token is used again; the sandbox's are good for an hour and more."""


class Sandbox:
    """A running sandbox, seen from outside by its administrator."""

    def __init__(self, environment: Mapping[str, str], time: SimulatedTime) -> None:
        self.time = time
        self.environment = dict(environment)
        """What the program is run with; its caller is another than this helper."""
        self.administrator = {
            name: environment[name] for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
        }
        self.pipeline = ""
        """The object id of that caller, where it is tests/support/least_caller.py."""
        self.origin = environment["MCT_S2S_CLOUD"]
        self.tenant_id = environment["AZURE_TENANT_ID"]
        self.subscription_id = environment["AZURE_SUBSCRIPTION_ID"]
        self.site_url = environment["MCT_S2S_URL"]
        self.ca_file = environment["SSL_CERT_FILE"]
        self.own_requests: set[str] = set()
        """The ids of the requests that tests have sent, in the log beside those of the program."""
        self._http = httpx.Client(
            verify=ssl.create_default_context(cafile=self.ca_file),
            trust_env=False,
            timeout=ANSWER_SECONDS,
            event_hooks={"response": [self.remember_own]},
        )
        self.graph_url = self._control("GET", "/health").json()["graph"]
        self._tokens: dict[str, tuple[str, float]] = {}
        self._seed = self._control("GET", "/world").json()
        self._seed["knobs"] |= {"restartSeconds": 0.0, "operationSeconds": 0.0}
        self._mark = 0

    def close(self) -> None:
        self._http.close()

    def reset(self) -> None:
        """Bring back the seed; what is done from here on is what `log` shows."""
        assert self._control("PUT", "/world", json=self._seed).status_code == 204
        self.forget()

    def forget(self) -> None:
        """Begin a new page of the request log."""
        self._control("DELETE", "/requests")

    def log(self, service: str | None = None) -> list[Json]:
        """Requests since the last `forget`, this helper's own calls of Azure included."""
        rows: list[Json] = self._control("GET", "/requests").json()["value"]
        return [r for r in rows if r["service"] != "control" and service in (None, r["service"])]

    def writes(self) -> list[str]:
        """Requests that may have changed something, each as `METHOD path`: sign-in and listings of
        settings do not.
        """
        return [
            f"{row['method']} {row['path']}"
            for row in self.log()
            if row["method"] not in {"GET", "HEAD"}
            and row["service"] in {"graph", "arm", "vault"}
            and not row["path"].endswith("/config/appsettings/list")
        ]

    def restarts(self) -> int:
        return sum(write.endswith("/restart") for write in self.writes())

    def token(
        self, scope: str, client_id: str | None = None, secret: str | None = None
    ) -> httpx.Response:
        """Ask the token service as a client would; as the administrator, where none is named."""
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id or self.administrator["AZURE_CLIENT_ID"],
            "client_secret": secret or self.administrator["AZURE_CLIENT_SECRET"],
            "scope": scope,
        }
        return self._http.post(f"{self.origin}/{self.tenant_id}/oauth2/v2.0/token", data=form)

    def token_of(self, values: Mapping[str, str], scope: str = "") -> httpx.Response:
        """Ask as the client whose credential a file holds, for the MCT API if for nothing else."""
        named = scope or values["MCT_S2S_SCOPE"]
        return self.token(named, values["AZURE_CLIENT_ID"], values["AZURE_CLIENT_SECRET"])

    def call_as(self, values: Mapping[str, str]) -> int:
        """What the MCT API answers to the client whose credential a file holds; 0 where it gets no
        token.
        """
        answer = self.token_of(values)
        return self.call_site(answer.json()["access_token"]) if answer.is_success else 0

    def arm(self, method: str, path: str, *, version: str = _SITES, **options: Any) -> Any:
        return self._asked(
            method, f"{self.origin}{path}", self.origin, params={"api-version": version}, **options
        )

    def graph(self, method: str, path: str, **options: Any) -> Any:
        return self._asked(method, f"{self.graph_url}/v1.0{path}", self.graph_url, **options)

    def vault(
        self, method: str, path: str, *, vault: str = seed.VAULT, **options: Any
    ) -> httpx.Response:
        """Ask a key vault, by its name where it listens: not every system's resolver knows names
        below localhost.
        """
        port = self.origin.rsplit(":", 1)[1]
        headers = {
            "Authorization": f"Bearer {self._token_for(f'https://vault.localhost:{port}')}",
            "Host": f"{vault}.vault.localhost:{port}",
        }
        params = {"api-version": "7.6"}
        return self._http.request(
            method, self.origin + path, params=params, headers=headers, **options
        )

    def settings(self, site: str = SITE) -> dict[str, str | None]:
        values: dict[str, str | None] = self.arm("POST", f"{site}/config/appsettings/list")[
            "properties"
        ]
        return values

    def write_settings(self, settings: Mapping[str, str | None], site: str = SITE) -> None:
        self.arm("PUT", f"{site}/config/appsettings", json={"properties": dict(settings)})

    def applications(self, display_name: str) -> list[Json]:
        name = display_name.replace("'", "''")
        rows: list[Json] = self.graph(
            "GET", "/applications", params={"$filter": f"displayName eq '{name}'"}
        )["value"]
        return rows

    def call_site(self, token: str, url: str | None = None) -> int:
        headers = {"Authorization": f"Bearer {token}", "ClientType": "Service"}
        return self._http.get(
            f"{url or self.site_url}/api/v1/organization", headers=headers
        ).status_code

    def issued(self, subject: str, **claims: str) -> str:
        """A token of the sandbox's own foreign issuer, `/_sandbox/issuer/cluster`."""
        sent = {"subject": subject, "audience": "api://AzureADTokenExchange", "claims": claims}
        return str(self._control("POST", "/issuer/cluster/token", json=sent).json()["token"])

    def identity_environment(self, resource: str) -> dict[str, str]:
        """The environment of code that runs inside a web or function app."""
        answer: dict[str, str] = self._control(
            "GET", "/identity-environment", params={"resource": resource}
        ).json()
        return answer

    def advance(self, seconds: float) -> None:
        """Let so much time pass, for the sandbox and for the program."""
        self.time.move_to(self.time.seconds + seconds)
        assert self._control("POST", "/clock", json={"advanceSeconds": 0}).status_code == 200
        self._tokens.clear()

    def now(self) -> datetime:
        return datetime.fromisoformat(self._control("GET", "/clock").json()["now"])

    def misbehave(self, *rules: Json) -> None:
        """From now on, requests that match a rule meet its misfortune.

        Rules: mct_s2s/sandbox/observability/faults.py.
        """
        assert self._control("PUT", "/faults", json=list(rules)).is_success

    def behave(self) -> None:
        assert self._control("DELETE", "/faults").is_success

    def lag(self, seconds: float, mode: str = "replicas") -> None:
        """From now on, what is written to the directory reaches its replicas so much later."""
        sent = {"lagSeconds": seconds, "lagJitter": 0.5, "lagMode": mode}
        assert self._control("PATCH", "/knobs", json=sent).is_success

    def tenant(self, name: str) -> None:
        """Let this be one of the sandbox's tenants."""
        assert self._control("PUT", "/tenant", json={"name": name}).is_success

    def vary(self, **values: Any) -> None:
        """Let this tenant differ from most in a way or two."""
        assert self._control("PUT", "/tenant", json=values).is_success

    def made_by_us(self) -> list[Json]:
        """Registrations that carry a tag of ours."""
        rows = self.graph("GET", "/applications")["value"]
        return [row for row in rows if any(tag.startswith("mct-s2s:") for tag in row["tags"])]

    def restart_takes(self, seconds: float) -> None:
        """From now on, a site that restarts answers 503 for so long."""
        assert self._control("PATCH", "/knobs", json={"restartSeconds": seconds}).is_success

    def operations_take(self, seconds: float) -> None:
        """From now on, what Resource Manager accepts first is done so much later."""
        assert self._control("PATCH", "/knobs", json={"operationSeconds": seconds}).is_success

    def state(self) -> Any:
        """Everything that is there, as the sandbox keeps it."""
        return self._control("GET", "/world").json()

    def load(self, state: Any) -> None:
        """Put a kept state in place of this one, and begin a new page of the log."""
        assert self._control("PUT", "/world", json=state).status_code == 204
        self.forget()

    def add_site(self, **sent: str) -> Any:
        """One more site, with its subscription and its group where they are not there yet.

        The pipeline that the program is run as operates it.
        """
        site: Json = self._control("POST", "/sites", json=sent).json()
        self.let_operate(site["id"])
        return site

    def let_operate(self, scope: str, role: str = "Website Contributor") -> None:
        """Give the pipeline that the program is run as a role on one more resource."""
        self.assign_role(self.pipeline, role, scope)

    def let_own(self, *app_ids: str) -> None:
        """Give it registrations that others made, with their service principals; an administrator
        needs to own nothing.
        """
        if self.environment.items() >= self.administrator.items():
            return
        owner = {"@odata.id": f"{self.graph_url}/v1.0/directoryObjects/{self.pipeline}"}
        for app_id in app_ids:
            for kind in ("applications", "servicePrincipals"):
                rows = self.graph("GET", f"/{kind}", params={"$filter": f"appId eq '{app_id}'"})
                for row in rows["value"]:
                    self.graph("POST", f"/{kind}/{row['id']}/owners/$ref", json=owner)

    def assign_role(self, principal: str, role: str, scope: str) -> None:
        sent = {"principalId": principal, "role": role, "scope": scope}
        assert self._control("POST", "/role-assignments", json=sent).is_success

    def caller(
        self, *graph_roles: str, arm: Sequence[tuple[Any, str]] = (), **more: Any
    ) -> dict[str, str]:
        """The environment of a new service principal with just these rights; `arm` are pairs of
        role and scope.
        """
        roles = [{"role": role, "scope": scope} for role, scope in arm]
        sent = {"name": "caller", "graphRoles": graph_roles, "armRoles": roles, **more}
        created = self._control("POST", "/callers", json=sent).json()
        return {
            "AZURE_CLIENT_ID": created["clientId"],
            "AZURE_CLIENT_SECRET": created["clientSecret"],
        }

    def as_caller(self, caller: Mapping[str, str]) -> dict[str, str]:
        """The headers of a request to Graph by one of those callers."""
        token = self.token(
            f"{self.graph_url}/.default", caller["AZURE_CLIENT_ID"], caller["AZURE_CLIENT_SECRET"]
        )
        return {"Authorization": f"Bearer {token.json()['access_token']}"}

    def give_directory_role(self, address: str, role: str) -> None:
        """Give a person a directory role, past what their tokens show."""
        assert self._control(
            "POST", "/directory-roles", json={"user": address, "role": role}
        ).is_success

    def person(self, name: str, arm: Sequence[tuple[Any, str]] = (), **more: Any) -> str:
        """A new person's address."""
        roles = [{"role": role, "scope": scope} for role, scope in arm]
        created = self._control("POST", "/people", json={"name": name, "armRoles": roles, **more})
        return str(created.json()["userPrincipalName"])

    def restrict(self, kind: str, *rules: Json) -> None:
        """Restrict the tenant's `passwordCredentials` or `keyCredentials` by its app management
        policy.
        """
        may = self.caller("Policy.ReadWrite.ApplicationConfiguration")
        token = self.token(
            f"{self.graph_url}/.default", may["AZURE_CLIENT_ID"], may["AZURE_CLIENT_SECRET"]
        )
        headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        policy = {"isEnabled": True, "applicationRestrictions": {kind: list(rules)}}
        self.graph("PATCH", "/policies/defaultAppManagementPolicy", json=policy, headers=headers)

    def lock(self, scope: str, level: str = "ReadOnly") -> None:
        assert self._control("POST", "/locks", json={"scope": scope, "level": level}).is_success

    def deny(self, scope: str, *actions: str) -> None:
        """Deny actions to everybody, as a managed application does."""
        assert self._control(
            "POST", "/deny-assignments", json={"scope": scope, "actions": actions}
        ).is_success

    def leaks(self) -> list[Json]:
        """Secrets that were seen where they have no business."""
        rows: list[Json] = self._control("GET", "/leaks").json()["value"]
        return rows

    def remember_own(self, answer: httpx.Response) -> None:
        """Note that a request is a test's own, by the id that Graph or Resource Manager gave it."""
        for name in ("request-id", "x-ms-request-id"):
            if name in answer.headers:
                self.own_requests.add(answer.headers[name])

    def _control(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._http.request(method, f"{self.origin}/_sandbox{path}", **options)

    def _asked(self, method: str, url: str, resource: str, **options: Any) -> Any:
        headers = {
            "Authorization": f"Bearer {self._token_for(resource)}",
            **options.pop("headers", {}),
        }
        answer = self._http.request(method, url, headers=headers, **options)
        assert answer.is_success, f"{method} {url}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def _token_for(self, resource: str) -> str:
        """The administrator's token; the last one while it is good."""
        token, good_until = self._tokens.get(resource, ("", 0.0))
        # Time may jump by as long as this session lasts: see `SimulatedTime.flow`.
        if self.time.timestamp() > good_until:
            token = self.token(f"{resource}/.default").json()["access_token"]
            self._tokens[resource] = token, self.time.timestamp() + TOKEN_SECONDS
        return token


def free_ports(count: int) -> int:
    """The first of several free loopback ports in a row.

    Below those that systems give to connections, and chosen by chance: several runs may look at the
    same moment. Workers of one run have others each: what one has found free, it takes a second
    later.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    for first in random.SystemRandom().sample(range(20_000 + 16 * worker, 32_000, 64), 150):
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def without_azure(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """An environment that names no cloud and no caller."""
    ours = (
        "AZURE_",
        "MCT_S2S_",
        "REQUESTS_CA",
        "SSL_CERT",
        "COLUMNS",
        "FORCE_COLOR",
        "IDENTITY_",
        "MSI_",
    )
    pipelines = ("CI", "GITHUB_ACTIONS", "TF_BUILD")
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(ours) and name not in pipelines
    }


def at_home(home: Path) -> dict[str, str]:
    """A home of one's own, with the folders in it that the program keeps things in."""
    return {"HOME": str(home)} | {
        f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("DATA", "STATE", "CACHE")
    }


def program(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "mct_s2s", *arguments]
