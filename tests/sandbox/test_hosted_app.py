"""A web app that runs a program: its settings are the program's environment, from one start of the
site to the next.
"""

import shlex
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Sandbox
from tests.support.sandbox_inside import Inside

SHOWS_ITS_ENVIRONMENT = """
import http.server, json, os
GREETING = os.environ["GREETING"]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(203)
        self.send_header("X-Asked", self.headers["X-Asked"] + " " + self.path)
        self.end_headers()
        inside = {name: os.environ[name] for name in os.environ if name.startswith("IDENTITY_")}
        self.wfile.write(json.dumps({"GREETING": GREETING, **inside}).encode())
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


class App:
    def __init__(self, inside: Inside, azure: Sandbox) -> None:
        self.azure = azure
        command = shlex.join([sys.executable, "-c", SHOWS_ITS_ENVIRONMENT])
        self.resource_id = inside.running.host("greeter", command)
        self.url = azure._control(
            "POST", "/sites", json={"name": "greeter", "group": "apps"}
        ).json()["url"]

    def get(self) -> httpx.Response:
        return self.azure._http.get(f"{self.url}/hello?a=1", headers={"X-Asked": "me"}, timeout=60)


@pytest.fixture
def app(inside: Inside, azure: Sandbox) -> Iterator[App]:
    hosted = App(inside, azure)
    yield hosted
    inside.stop_hosting()


def test_a_program_that_ends_says_why_on_the_terminal_and_in_the_log(
    app: App, azure: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = "The program of the web app 'greeter' ended with exit code 1."
    for _ in range(2):
        assert app.get().status_code == 503
    shown = capfd.readouterr().err
    assert "KeyError: 'GREETING'" in shown, "its own words"
    assert shown.splitlines().count(ended) == 1
    requests = azure._control("GET", "/requests").json()["value"]
    assert [row["note"] for row in requests if row["path"] == "/hello"] == [ended] * 2


def test_settings_are_the_environment_of_the_program_from_the_next_start_on(
    app: App, azure: Sandbox
) -> None:
    assert app.get().status_code == 503  # it dies without its setting
    azure.write_settings({"GREETING": "hello"}, app.resource_id)
    answer = app.get()
    assert (answer.status_code, answer.json()) == (203, {"GREETING": "hello"})
    assert answer.headers["X-Asked"] == "me /hello?a=1"
    azure.write_settings({"GREETING": "good evening"}, app.resource_id)
    assert app.get().json() == {"GREETING": "good evening"}


def test_a_program_gets_tokens_of_the_managed_identity_of_its_site(
    app: App, azure: Sandbox
) -> None:
    azure.arm("PATCH", app.resource_id, json={"identity": {"type": "SystemAssigned"}})
    azure.write_settings({"GREETING": "hello"}, app.resource_id)
    inside = app.get().json()
    answer = azure._http.get(
        inside["IDENTITY_ENDPOINT"],
        params={"api-version": "2019-08-01", "resource": azure.graph_url},
        headers={"X-IDENTITY-HEADER": inside["IDENTITY_HEADER"]},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["access_token"]


def test_a_program_that_is_not_there_is_answered_503(
    inside: Inside, azure: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    inside.running.host("nothing", "/no/such/program")
    url = azure._control("POST", "/sites", json={"name": "nothing", "group": "apps"}).json()["url"]
    assert azure._http.get(url).status_code == 503
    assert "The program of the web app 'nothing' can't be started.\n" in capfd.readouterr().err
    inside.stop_hosting()


def test_a_program_answers_at_a_site_that_was_there_before_it(
    inside: Inside, azure: Sandbox
) -> None:
    url = azure._control("POST", "/sites", json={"name": "earlier", "group": "apps"}).json()["url"]
    assert azure._http.get(url).status_code == 200
    inside.running.host("earlier", "/no/such/program")
    assert azure._http.get(url).status_code == 503
    inside.stop_hosting()


def test_another_program_takes_the_place_of_the_first_one(
    app: App, inside: Inside, azure: Sandbox
) -> None:
    azure.write_settings({"GREETING": "hello"}, app.resource_id)
    assert app.get().status_code == 203
    another = SHOWS_ITS_ENVIRONMENT.replace("203", "206")
    inside.running.host("greeter", shlex.join([sys.executable, "-c", another]))
    assert app.get().status_code == 206
