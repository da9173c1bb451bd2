"""A web app that runs a program: its settings are the program's environment, from one start of the
site to the next.
"""

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from mct_s2s.sandbox.services import hosted_app

from tests.conftest import Sandbox
from tests.support.sandbox_inside import Inside

SHOWS_ITS_ENVIRONMENT = """
import http.server, json, os
GREETING = os.environ["GREETING"]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(203)
        self.send_header("Content-Length", "12")
        self.end_headers()
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


def test_an_answer_has_the_headers_of_the_program_once(app: App, azure: Sandbox) -> None:
    azure.write_settings({"GREETING": "hello"}, app.resource_id)
    assert len(app.get().headers.get_list("Date")) == 1
    asked = azure._http.head(f"{app.url}/hello", headers={"X-Asked": "me"}, timeout=60)
    assert asked.headers.get_list("Content-Length") == ["12"]


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


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_a_program_that_is_ended_while_calls_wait_for_it_is_not_started_again(
    inside: Inside, azure: Sandbox, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    script = f"echo $$ >> {shlex.quote(str(starts))}; exec sleep 600"
    resource_id = inside.running.host("silent", shlex.join(["sh", "-c", script]))
    url = azure._control("POST", "/sites", json={"name": "silent", "group": "apps"}).json()["url"]
    with ThreadPoolExecutor(3) as callers:
        calls = [callers.submit(azure._http.get, url, timeout=60) for _ in range(3)]
        assert until(lambda: starts.exists() and bool(starts.read_text()))
        begun = time.monotonic()
        assert inside.running._server is not None
        inside.running._server.apps[resource_id].end()
        assert [call.result().status_code for call in calls] == [503] * 3
        assert time.monotonic() - begun < 10
    [started] = starts.read_text().split()
    assert not is_running(int(started))
    inside.stop_hosting()


def test_a_program_takes_what_it_has_started_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted_app, "END_SECONDS", 0.2)
    beats = tmp_path / "beats"
    child = f"trap '' TERM; while :; do echo >> {shlex.quote(str(beats))}; sleep 0.02; done"
    hosted = hosted_app.HostedApp(
        "wrapped", shlex.join(["sh", "-c", f"({child}) & wait"]), tmp_path
    )
    hosted._start({})
    assert until(beats.exists)
    hosted.end()
    ended = beats.stat().st_size
    time.sleep(0.2)
    assert beats.stat().st_size == ended


def test_another_program_for_a_site_leaves_its_settings(
    app: App, inside: Inside, azure: Sandbox
) -> None:
    azure.write_settings({"GREETING": "hello"}, app.resource_id)
    again = App(inside, azure)
    assert again.get().json() == {"GREETING": "hello"}


def test_a_program_is_started_anew_in_another_world_that_restarted_as_often(
    app: App, azure: Sandbox
) -> None:
    world = azure.state()
    site = world["resources"]["sites"][app.resource_id]
    for greeting in ("hello", "good evening"):
        site["settings"] = site["effective"] = {"GREETING": greeting}
        azure.load(world)
        assert app.get().json() == {"GREETING": greeting}
