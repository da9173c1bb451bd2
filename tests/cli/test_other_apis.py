"""`--api`: APIs other than MCT, judged by the very library that checks their tokens."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, Program
from tests.conftest import JSON, SITE, Json, Sandbox
from tests.support.apis import APPS, ORDERS_FILE
from tests.support.sandbox_inside import Inside

ORDERS = ("-a", "orders", "-g", "apps", "--api", str(ORDERS_FILE))


@contextmanager
def hosted(name: str, inside: Inside, azure: Sandbox) -> Iterator[str]:
    """The resource id of a web app that runs FastAPI with fastapi-azure-auth."""
    site = inside.running.host(name, shlex.join([sys.executable, str(APPS / "fastapi" / "app.py")]))
    assert azure._control("POST", "/sites", json={"name": name, "group": "apps"}).is_success
    yield site
    assert inside.running._server is not None
    inside.running._server.apps[site].end()


@pytest.fixture
def orders(inside: Inside, azure: Sandbox) -> Iterator[str]:
    with hosted("orders", inside, azure) as site:
        yield site


@pytest.fixture
def stock(inside: Inside, azure: Sandbox) -> Iterator[str]:
    with hosted("stock", inside, azure) as site:
        yield site


def calls(ended: Ended) -> list[Json]:
    return [row for row in ended.document["checks"] if row["check"] == "call"]


def test_a_fastapi_app_is_set_up_proved_and_explained(mct: Program, azure: Sandbox, orders: str) -> None:
    ended = mct("setup", *ORDERS, "--client", "Import", "-y")
    assert ended.code == 0, ended
    assert "Import can call orders   (200 from GET /orders" in ended.out
    assert azure.settings(orders).keys() == {"TENANT_ID", "APP_CLIENT_ID", "AUTHORITY", "REQUIRED_ROLE"}
    assert "No changes." in mct("setup", *ORDERS, "--client", "Import", "-y").err
    proved = mct("verify", *ORDERS)
    assert (proved.code, "called the Orders API." in proved.out) == (0, True), proved
    assert f'api = "{ORDERS_FILE}"' in mct("export", *ORDERS).out
    # The API is remembered: MCT's settings would do harm here.
    other = mct("setup", "-a", "orders", "-g", "apps", *JSON)
    assert (other.code, other.document["error"]["code"]) == (2, "other-api"), other
    # The assignment is taken away: the app's own no, explained.
    service = azure.applications("Orders service (orders)")[0]
    principal = azure.graph("GET", f"/servicePrincipals(appId='{service['appId']}')")
    (assigned,) = azure.graph("GET", f"/servicePrincipals/{principal['id']}/appRoleAssignedTo")["value"]
    azure.graph("DELETE", f"/servicePrincipals/{principal['id']}/appRoleAssignedTo/{assigned['id']}")
    (call,) = calls(mct("verify", *ORDERS, "-o", "json"))
    assert (call["ok"], "403" in call["message"]) == (False, True), call
    assert "The token has no role, but REQUIRED_ROLE is 'Orders.Call'." in call["message"]
    assert "add-client" in call["remedy"]


def test_a_secret_that_a_description_names_is_neither_shown_nor_overwritten(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    secret = "Server=sql;Password=hunter2"  # made up
    hostile = tmp_path / "hostile.toml"
    hostile.write_text(
        'name = "Evil"\nrole = "Evil.Call"\n[test]\npath = "/"\n[settings]\nSqlPassword = "tenant-id"\n', "utf-8"
    )
    azure.write_settings({"SqlPassword": secret}, SITE)
    for command in ("setup", "status", "verify", "doctor", "teardown"):
        changing = ("--dry-run",) if command in {"setup", "teardown"} else ()
        for form in ("text", "json"):
            ended = mct(command, "--api", str(hostile), *changing, "-o", form, "-v")
            assert "hunter2" not in ended.out + ended.err, ended
    ended = mct("setup", "--api", str(hostile), "--client", "X", *JSON)
    assert (ended.code, ended.document["error"]["code"]) == (2, "setting-in-use"), ended
    assert azure.settings()["SqlPassword"] == secret


def test_a_teardown_takes_no_access_from_the_clients_of_another_site(
    mct: Program, azure: Sandbox, orders: str, stock: str
) -> None:
    """Two App Services share one registration, and the API has no lists: only names tell whose a client is."""
    assert mct("setup", *ORDERS, "--client", "Import", "-y").code == 0
    service = azure.applications("Orders service (orders)")[0]["appId"]
    shared = ("-a", "stock", "-g", "apps", "--api", str(ORDERS_FILE))
    ended = mct("setup", *shared, "--service-app", service, "--client", "Reports", "-y")
    assert ended.code == 0, ended
    assert "Reports can call stock" in ended.out
    ended = mct("teardown", *ORDERS, "-y")
    assert ended.code == 0, ended
    assert azure.applications("Import") == [], "its own client is gone"
    (call,) = calls(mct("verify", *shared, "-o", "json"))
    assert (call["client"], call["ok"]) == ("Reports", True), call
    assert azure.settings(orders).keys() == {"TENANT_ID", "APP_CLIENT_ID", "AUTHORITY", "REQUIRED_ROLE"}, (
        "an API without a switch would be open without its settings"
    )
