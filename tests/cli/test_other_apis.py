"""`--api`: APIs other than MCT, judged by the very library that checks their tokens."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dotenv import dotenv_values
from mct_s2s.model.api import Api
from mct_s2s.model.site_settings import Holds

from tests.cli.conftest import Ended, Program, saved_to
from tests.conftest import JSON, SITE, Json, Sandbox
from tests.support.apis import ORDERS_FILE, PROGRAMS, ApiProgram
from tests.support.printed_commands import printed_commands
from tests.support.sandbox_inside import Inside

ORDERS = ("-a", "orders", "-g", "apps", "--api", str(ORDERS_FILE))
ANOTHER_ID = "11111111-1111-4111-8111-111111111111"


@contextmanager
def hosted(
    name: str, inside: Inside, azure: Sandbox, program: ApiProgram = PROGRAMS["fastapi"]
) -> Iterator[str]:
    """The resource id of a web app that runs this program."""
    site = inside.running.host(name, shlex.join(program.command))
    azure.add_site(name=name, group="apps")
    yield site
    inside.stop_hosting()


@dataclass(frozen=True)
class HostedApi:
    """A web app `shop` that serves an API, set up with the client `Import`."""

    api: Api
    option: str
    site: str
    azure: Sandbox

    @property
    def options(self) -> tuple[str, ...]:
        return ("-a", "shop", "-g", "apps", "--api", self.option)

    @property
    def service(self) -> Json:
        (application,) = self.azure.applications(self.api.service_name("shop"))
        return application

    def assignments(self) -> list[Json]:
        principal = self.azure.graph("GET", f"/servicePrincipals(appId='{self.service['appId']}')")
        held = self.azure.graph("GET", f"/servicePrincipals/{principal['id']}/appRoleAssignedTo")
        rows: list[Json] = held["value"]
        return rows

    def revoke_all(self) -> None:
        for assignment in self.assignments():
            resource = f"/servicePrincipals/{assignment['resourceId']}"
            self.azure.graph("DELETE", f"{resource}/appRoleAssignedTo/{assignment['id']}")


def programs(*names: str) -> pytest.MarkDecorator:
    """The test is run for each of these, where what it needs is installed."""
    cases = [
        pytest.param(
            PROGRAMS[name],
            id=name,
            marks=pytest.mark.skipif(
                not PROGRAMS[name].can_run,
                reason=f"{PROGRAMS[name].command[0]} is not here, or not yet: "
                f"{PROGRAMS[name].installed_by}",
            ),
        )
        for name in names
    ]
    return pytest.mark.parametrize("shop", cases, indirect=True)


EVERY_PROGRAM = programs(*PROGRAMS)


@pytest.fixture
def shop(
    request: pytest.FixtureRequest, mct: Program, inside: Inside, azure: Sandbox
) -> Iterator[HostedApi]:
    program: ApiProgram = request.param
    with hosted("shop", inside, azure, program) as site:
        served = HostedApi(program.api, program.option, site, azure)
        ended = mct("setup", *served.options, "--client", "Import", "-y")
        assert ended.code == 0, ended
        proof = f"Import can call shop   (200 from GET {program.api.test.path}"
        assert proof in ended.out
        yield served


@pytest.fixture
def orders(inside: Inside, azure: Sandbox) -> Iterator[str]:
    with hosted("orders", inside, azure) as site:
        yield site


@pytest.fixture
def stock(inside: Inside, azure: Sandbox) -> Iterator[str]:
    with hosted("stock", inside, azure) as site:
        yield site


def test_an_app_that_the_sandbox_does_not_serve_is_told_how_it_is_served(
    mct: Program, inside: Inside
) -> None:
    inside.run_by({})  # the administrator, who may read every group
    missing = mct("setup", *ORDERS, "--client", "Import", "-y")
    assert (missing.code, "[site-not-found]" in missing.err) == (2, True), missing
    assert "    mct-s2s sandbox serve --app orders=COMMAND" in missing.err
    assert "az resource" not in missing.err


def test_an_api_whose_name_has_a_blank_is_set_up_and_remembered(
    mct: Program, azure: Sandbox, orders: str
) -> None:
    """Graph takes no blank in a tag, and the name of the API is in one."""
    named = ("-a", "orders", "-g", "apps", "--api", "microsoft-identity-web")
    assert mct("setup", *named, "--client", "Import", "-y", "--no-verify").code == 0
    again = mct("setup", *named, "--client", "Import", "-y", "--no-verify")
    assert (again.code, "No changes." in again.err) == (0, True), again
    other = mct("setup", "-a", "orders", "-g", "apps", *JSON)
    assert (other.code, other.document["error"]["code"]) == (2, "other-api"), other


def calls(ended: Ended) -> list[Json]:
    return [row for row in ended.document["checks"] if row["check"] == "call"]


@EVERY_PROGRAM
def test_an_api_is_set_up_and_proved(mct: Program, azure: Sandbox, shop: HostedApi) -> None:
    assert azure.settings(shop.site).keys() == shop.api.settings.keys()
    assert "No changes." in mct("setup", *shop.options, "--client", "Import", "-y").err
    proved = mct("verify", *shop.options)
    assert (proved.code, f"called {shop.api.called}." in proved.out) == (0, True), proved
    assert f'api = "{shop.option}"' in mct("export", *shop.options).out
    identity = ("--managed-identity", "reports-func")
    assert mct("add-client", *shop.options, *identity, "-y").code == 0
    assert {assignment["principalDisplayName"] for assignment in shop.assignments()} == {
        "Import",
        "reports-func",
    }
    # The API is remembered: MCT's settings would do harm here.
    other = mct("setup", "-a", "shop", "-g", "apps", *JSON)
    assert (other.code, other.document["error"]["code"]) == (2, "other-api"), other
    looked = mct("status", "-a", "shop", "-g", "apps")
    assert f"is the service application of this App Service for {shop.api.called}" in looked.out
    (command,) = {line for line in looked.out.splitlines() if "--api FILE" in line}
    assert command.startswith("  → mct-s2s status --api FILE -a shop -g apps"), command
    assert "mct-s2s setup" not in looked.out, "it would be refused"
    assert "mct-s2s configure-appservice" not in looked.out, looked
    assert "teardown" not in looked.out, "nothing was cut off"
    assert "teardown" not in mct("status", *shop.options).out


@EVERY_PROGRAM
def test_a_role_that_was_taken_away_is_named(mct: Program, shop: HostedApi) -> None:
    shop.revoke_all()
    ended = mct("verify", *shop.options, "-o", "json")
    (call,) = calls(ended)
    assert (ended.code, call["ok"]) == (3, False), ended
    assert "returned 401" in call["message"] or "returned 403" in call["message"]
    role = shop.api.setting(Holds.ROLE)
    asks = f"{shop.api.called} asks for" if role is None else f"{role.name} is"
    assert f"The token has no role, but {asks} '{shop.api.role}'." in call["message"]
    assert "add-client" in call["remedy"]


@EVERY_PROGRAM
def test_a_setting_that_was_spoilt_is_named_and_put_right(
    mct: Program, azure: Sandbox, shop: HostedApi
) -> None:
    spoilt = shop.api.names_service
    right = azure.settings(shop.site)
    assert spoilt is not None
    azure.write_settings({**right, spoilt.name: ANOTHER_ID}, shop.site)
    ended = mct("verify", *shop.options, "-o", "json")
    (call,) = calls(ended)
    assert (ended.code, call["ok"]) == (3, False), ended
    assert "returned 401" in call["message"]
    assert f"{spoilt.name} is '" in call["message"]
    assert f"It must be '{right[spoilt.name]}'." in call["message"]
    assert "configure-appservice" in call["remedy"]
    assert mct("configure-appservice", *shop.options, "-y").code == 0
    assert azure.settings(shop.site) == right
    assert mct("verify", *shop.options).code == 0


@programs("fastapi", "express")
def test_tokens_of_another_version_are_named_and_switched_back(
    mct: Program, azure: Sandbox, shop: HostedApi
) -> None:
    version = {"api": {"requestedAccessTokenVersion": 1}}
    azure.graph("PATCH", f"/applications/{shop.service['id']}", json=version)
    ended = mct("verify", *shop.options, "-o", "json")
    (call,) = calls(ended)
    assert (ended.code, call["ok"]) == (3, False), ended
    assert "The token is of version 1.0: its audience is 'api://" in call["message"]
    assert " setup " in call["remedy"]
    ended = mct("setup", *shop.options, "-y")
    assert ended.code == 0, ended
    switched = f"They become v2, as {shop.api.called} needs them: issuer and audience change for"
    assert switched in ended.err
    assert mct("verify", *shop.options).code == 0


def test_a_setup_whose_test_fails_does_not_say_that_there_are_no_clients(
    mct: Program, orders: str, tmp_path: Path
) -> None:
    wrong = tmp_path / "orders.toml"
    text = ORDERS_FILE.read_text("utf-8")
    wrong.write_text(text.replace('path = "/orders"', 'path = "/nowhere"'), "utf-8")
    where = ("-a", "orders", "-g", "apps", "--api", str(wrong))
    ended = mct("setup", *where, "--client", "Import", "-y")
    assert (ended.code, "returned 404" in ended.out + ended.err) == (3, True), ended
    assert "has no clients" not in ended.out + ended.err


def test_the_version_of_tokens_is_not_switched_under_another_site(
    mct: Program, azure: Sandbox, orders: str, stock: str
) -> None:
    assert mct("setup", *ORDERS, "--client", "Import", "-y").code == 0
    (service,) = azure.applications("Orders service (orders)")
    shared = ("-a", "stock", "-g", "apps", "--api", str(ORDERS_FILE))
    adopting = mct("setup", *shared, "--service-app", service["appId"], "-y")
    assert adopting.code == 0, adopting
    version = {"api": {"requestedAccessTokenVersion": 1}}
    azure.graph("PATCH", f"/applications/{service['id']}", json=version)
    azure.forget()
    ended = mct("setup", *ORDERS, *JSON)
    error = ended.document["error"]
    assert (ended.code, error["code"]) == (2, "token-version-differs"), ended
    assert "stock" in error["message"], error
    assert azure.writes() == []


def test_a_secret_that_a_description_names_is_neither_shown_nor_overwritten(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    secret = "Server=sql;Password=hunter2"  # made up
    hostile = tmp_path / "hostile.toml"
    hostile.write_text(
        'name = "Evil"\nrole = "Evil.Call"\n[test]\npath = "/"\n[settings]\nSqlPassword = '
        '"tenant-id"\n',
        "utf-8",
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


def test_a_secret_that_a_description_names_is_neither_shown_nor_written_over(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    # All made up.
    secrets = {
        "SlackWebhook": "https://hooks.example.com/services/T00000000/B00000000/XXXXXXXX",
        "PartnerApiKey": "7c9e6679742540de944be07fc1f90ae7",
        "OtherApiKey": "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKey=b0tXa2FuZGk=",
        "SendGridKey": "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",
        "MapKey": "b2f6a0de-3c51-4c19-9a2f-5b8e1d7c6f40;pass",
        "MailKey": "hunter2",
    }
    hostile = tmp_path / "hostile.toml"
    hostile.write_text(
        'name = "Evil"\nrole = "Evil.Call"\ntoken-version = 1\n[test]\npath = "/"\n[settings]\n'
        'SlackWebhook = "application-id-uri"\nPartnerApiKey = "tenant-id"\nOtherApiKey = "app-id"\n'
        'SendGridKey = "tenant-name"\nREQUIRED_ROLE = "role"\nMapKey = "application-ids"\n'
        'MailKey = "object-ids"\n',
        "utf-8",
    )
    azure.write_settings(secrets, SITE)
    handoff, trust = tmp_path / "handoff.json", tmp_path / "trust.toml"
    trust.write_text(
        f'[sites.contosolearn]\napi = "{hostile}"\nclients = [{{ name = "X" }}]\n', "utf-8"
    )
    api = ("--api", str(hostile))

    def run(*words: str) -> Ended:
        ended = mct(*words)
        assert not [value for value in secrets.values() if value in ended.out + ended.err], (
            words,
            ended,
        )
        return ended

    for command in ("setup", "configure-appservice", "teardown"):
        for form in ("text", "json", "markdown"):
            run(command, *api, "--dry-run", "-o", form)
    for command in ("status", "verify", "doctor"):
        for form in ("text", "json"):
            run(command, *api, "-o", form, "-v")
    alone = tmp_path / "alone.toml"  # the directory is asked for an application of that ID
    alone.write_text(
        'name = "Evil"\nrole = "Evil.Call"\n[test]\npath = "/"\n[settings]\nOtherApiKey = '
        '"app-id"\n',
        "utf-8",
    )
    for words in (("status",), ("doctor",), ("verify",), ("setup", "--client", "X", "--dry-run")):
        run(*words, "--api", str(alone), "-v")
    run("export", *api)
    run("apply", "-f", str(trust), "--dry-run", "-o", "markdown")
    ended = run("setup", *api, "--client", "X", "--handoff", str(handoff), *JSON)
    assert (ended.code, ended.document["error"]["code"]) == (2, "setting-in-use"), ended
    assert {name: azure.settings()[name] for name in secrets} == secrets


def test_a_teardown_takes_no_access_from_the_clients_of_another_site(
    mct: Program, azure: Sandbox, orders: str, stock: str
) -> None:
    """Two App Services share one registration, and the API has no lists: only names tell whose a
    client is.
    """
    assert mct("setup", *ORDERS, "--client", "Import", "-y").code == 0
    service = azure.applications("Orders service (orders)")[0]["appId"]
    shared = ("-a", "stock", "-g", "apps", "--api", str(ORDERS_FILE))
    ended = mct("setup", *shared, "--service-app", service, "--client", "Reports", *JSON)
    assert ended.code == 0, ended
    reports = dotenv_values(saved_to(ended))
    origin = mct("status", *ORDERS, "-o", "json").document["appService"]["url"]
    ended = mct("teardown", *ORDERS, "-y")
    assert ended.code == 0, ended
    assert azure.applications("Import") == [], "its own client is gone"
    (call,) = calls(mct("verify", *shared, "-o", "json"))
    assert (call["client"], call["ok"]) == ("Reports", True), call
    token = azure.token_of({name: value or "" for name, value in reports.items()})
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
    answer = azure._http.get(f"{origin}/orders", headers=bearer, timeout=60)
    assert answer.status_code == 200, "at both App Services of the registration"
    assert azure.settings(orders).keys() == {
        "TENANT_ID",
        "APP_CLIENT_ID",
        "AUTHORITY",
        "REQUIRED_ROLE",
    }, "an API without a switch would be open without its settings"


def remove_left_alone(mct: Program, ended: Ended) -> None:
    """Run what is printed of the two that were left alone."""
    printed = {*printed_commands(ended.out), *printed_commands(ended.err)}
    removals = [shlex.split(line)[1:] for line in printed if " remove-client " in line]
    assert len(removals) == 2, ended
    for removal in removals:
        assert mct(*removal, "-y").code == 0


def test_who_keeps_the_role_is_named_by_prune_and_by_teardown(
    mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    """Without lists, no setting says whose an adopted client and a managed identity are: they are
    left, and named.
    """
    for name in ("orders", "reports-app"):
        azure.add_site(name=name, group="apps")
    adopted = azure.graph(
        "POST", "/applications", json={"displayName": "By hand", "signInAudience": "AzureADMyOrg"}
    )
    azure.graph("POST", "/servicePrincipals", json={"appId": adopted["appId"]})
    azure.let_own(adopted["appId"])
    clients = (
        "--client",
        "Import",
        "--client",
        adopted["appId"],
        "--managed-identity",
        "reports-app",
    )
    assert mct("setup", *ORDERS, *clients, "-y", "--no-verify").code == 0
    file = tmp_path / "trust.toml"
    file.write_text(
        f'[sites.orders]\nresource-group = "apps"\napi = "{ORDERS_FILE.as_posix()}"\nclients = '
        f'[{{name = "Import"}}]\n',
        "utf-8",
    )
    prune = ("apply", "-f", str(file), "--prune", "--allow-removals")
    for ended in (mct(*prune, "--dry-run"), mct(*prune, "-y")):
        output = ended.out + ended.err
        assert (ended.code, "up to date" in output) == (3, False), ended
        assert "No changes. 2 clients left alone at orders." in output
        assert "'By hand' holds the app role and keeps its access. To revoke it:" in output
        assert "'reports-app' holds the app role and keeps its access. To revoke it:" in output
    kept = inside.keep()
    remove_left_alone(mct, ended)
    assert mct(*prune, "-y").code == 0, "no one keeps the role whom the file does not name"
    inside.become(kept)
    ended = mct("teardown", *ORDERS, "-y")
    headline = (
        "! Removed service-to-service authentication from orders; 2 clients keep their access"
    )
    assert (ended.code, headline in ended.out) == (3, True), ended
    assert "2 of 2 clients can call orders" in mct("status", *ORDERS).out
    remove_left_alone(mct, ended)
    ended = mct("teardown", *ORDERS, "-y")
    assert (ended.code, "keep" in ended.out.partition("\n")[0]) == (0, False), ended
    assert azure.applications("Orders service (orders)") == []


@pytest.mark.parametrize(
    "command", [("remove-client", "reports-func", "-y"), ("teardown", "-y"), ("verify",)]
)
def test_a_command_that_looks_for_the_clients_of_another_api_is_refused(
    mct: Program, azure: Sandbox, command: tuple[str, ...]
) -> None:
    """It would find no one, and say so, while a client goes on calling."""
    azure.add_site(name="orders", group="apps")
    client = ("--managed-identity", "reports-func")
    assert mct("setup", *ORDERS, *client, "-y", "--no-verify").code == 0
    azure.forget()
    ended = mct(*command, "-a", "orders", "-g", "apps")
    assert (ended.code, "[other-api]" in ended.err) == (2, True), ended
    assert "--api FILE" in ended.err, ended
    assert azure.writes() == []
