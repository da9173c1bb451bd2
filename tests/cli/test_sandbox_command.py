"""`mct-s2s sandbox`: what it says, what it takes, what it leaves."""

import errno
import json
import os
import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from filelock import FileLock
from mct_s2s.cli.app import main
from mct_s2s.cli.binding import WORDS
from mct_s2s.cli.sandbox_options import ServeOptions
from mct_s2s.sandbox.entra.tenant.variations import TENANTS
from mct_s2s.sandbox.hosting import state_directory
from mct_s2s.sandbox.hosting.embedded import start
from mct_s2s.sandbox.hosting.environment import exports
from mct_s2s.sandbox.hosting.state_directory import StateDirectory
from mct_s2s.sandbox.state import seed

from tests.conftest import ANSWER_SECONDS, free_ports, program, without_azure
from tests.support.inprocess import Ended


def test_every_tenant_can_be_served() -> None:
    (tenant,) = (field for field in fields(ServeOptions) if field.name == "tenant")
    assert tenant.metadata[WORDS] == tuple(TENANTS)


class Served:
    """A process that serves, and what it said until it was ready."""

    def __init__(self, process: subprocess.Popen[str], port: int, authority: Path, at: str) -> None:
        assert process.stdout is not None
        self.port = port
        self.said = ""
        self.at = at
        while not self.said.rstrip("\n").rsplit("\n", 1)[-1].startswith("Control"):
            line = process.stdout.readline()
            assert line, f"it ended: {process.stderr.read() if process.stderr else ''}"
            self.said += line
        self.http = httpx.Client(
            verify=ssl.create_default_context(cafile=str(authority)),
            trust_env=False,
            timeout=ANSWER_SECONDS,
        )

    def control(self, method: str, path: str, **options: Any) -> Any:
        """Ask by the name that the certificate has, wherever it listens."""
        url = f"https://{self.at}:{self.port}/_sandbox/{path}"
        options |= {
            "headers": {"Host": f"localhost:{self.port}"},
            "extensions": {"sni_hostname": "localhost"},
        }
        answer = self.http.request(method, url, **options)
        return answer.json() if answer.content else None


def environment(folder: Path) -> dict[str, str]:
    return {**without_azure(), "MCT_S2S_SANDBOX_DIR": str(folder), "COLUMNS": "200"}


@contextmanager
def serving(
    folder: Path, *arguments: str, at: str = "localhost", until: str = "SIGINT"
) -> Iterator[Served]:
    port = free_ports(12)
    number = getattr(signal, until)
    # A process inherits that a signal is ignored, as it is for tests in the background of a shell.
    before = signal.signal(number, signal.SIG_DFL)
    process = subprocess.Popen(
        program(["sandbox", "serve", "--port", str(port), *arguments]),
        env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    signal.signal(number, before)
    try:
        served = Served(
            process,
            port,
            folder / ("real-names-ca.pem" if "--real-names" in arguments else "ca.pem"),
            at,
        )
        with served.http:
            yield served
        process.send_signal(number)
        _, complaints = process.communicate(timeout=60)
        assert (process.returncode, complaints) == (0, "")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """`mct-s2s sandbox …` within this process: nobody else is asked to begin."""
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.setattr("mct_s2s.cli.sandbox.START_SECONDS", 0)

    def run(*arguments: str, folder: Path = tmp_path) -> Ended:
        monkeypatch.setenv("MCT_S2S_SANDBOX_DIR", str(folder))
        return Ended(main(["sandbox", *arguments]), *capsys.readouterr())

    return run


def test_serve_with_real_names_says_how_the_names_lead_there_and_away(
    here: Callable[..., Ended], tmp_path: Path
) -> None:
    with serving(tmp_path, "--real-names") as served:
        assert served.said.startswith("Sandbox ready: https://management.azure.com\n")
        assert "  mct-s2s sandbox hosts | sudo tee -a /etc/hosts\n" in served.said
        assert "  sudo sed -i.bak '/# mct-s2s sandbox$/d' /etc/hosts" in served.said
        assert f"Clients use port 443: forward it to {served.port}" in served.said
        assert "export MCT_S2S_CLOUD=public\n" in here("env").out, "what is running decides"
        assert "  export AZURE_CONFIG_DIR=" in served.said, (
            "its sign-ins are not mixed with those to the real Azure"
        )
        assert "az cloud register" not in served.said
        assert "https://contosolearn.azurewebsites.net  mct-prod/contosolearn" in served.said
        assert served.control("GET", "health")["graph"] == "https://graph.microsoft.com"
    assert not (tmp_path / "ports.json").exists(), (
        "a later sandbox on ports of its own keeps those it had"
    )


def test_the_environment_of_a_sandbox_that_is_not_running_is_not_printed(
    here: Callable[..., Ended], tmp_path: Path
) -> None:
    for options in ([], ["--port", "21899"], ["--real-names"]):
        ended = here("env", *options)
        assert (ended.code, ended.out) == (1, "")
        assert "No sandbox is running." in ended.err
        serve = f"MCT_S2S_SANDBOX_DIR={tmp_path} {' '.join(['mct-s2s sandbox serve', *options])}"
        assert serve in map(str.strip, ended.err.splitlines()), "another terminal lacks the folder"


def test_the_environment_of_one_that_is_just_starting_is_waited_for(
    here: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mct_s2s.cli.sandbox.START_SECONDS", 60)
    answers = iter([None, None, state_directory.Served(21_899, real_names=False)])
    monkeypatch.setattr(StateDirectory, "served", lambda _: next(answers))
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert "export MCT_S2S_CLOUD=https://localhost:21899\n" in here("env", "--port", "21899").out


def test_env_and_the_commands_own_sandbox_go_past_a_proxy(
    here: Callable[..., Ended],
    served: Served,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "intranet.example, localhost")
    exported = exports(served.port, state_dir=home)
    expected = "intranet.example,localhost,127.0.0.1,.localhost"
    assert (exported["NO_PROXY"], exported["no_proxy"]) == (expected, expected)
    assert f"export no_proxy={expected}\n" in here("env", folder=home).out
    real = exports(443, real_names=True, state_dir=home)["NO_PROXY"].split(",")
    assert {"management.azure.com", ".azurewebsites.net", ".vault.azure.net"} <= {*real}
    proxied = {
        **environment(tmp_path), "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""
    }  # fmt: skip
    ended = subprocess.run(
        program(["status", "--cloud", "sandbox"]),
        env=proxied, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, "contosolearn" in ended.stdout) == (3, True), ended.stderr


def test_env_names_one_ca_for_every_client(
    tmp_path: Path,
) -> None:
    own, real = exports(8443, state_dir=tmp_path), exports(443, real_names=True, state_dir=tmp_path)
    assert set(real) < set(own)
    for environment in (own, real):
        names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        (trusted,) = {environment[name] for name in names}
        assert Path(trusted).is_absolute()


def test_env_names_tenant_and_subscription_of_the_state_that_is_served(tmp_path: Path) -> None:
    tenant, subscription = f"{1:032x}", f"{2:032x}"
    written = json.dumps(seed.seed("x" * 30).to_dict())
    written = written.replace(seed.TENANT_ID, tenant).replace(seed.SUBSCRIPTION_ID, subscription)
    theirs = tmp_path / "theirs.json"
    theirs.write_text(written, encoding="utf-8")
    folder = StateDirectory(tmp_path / "sandbox")
    before = exports(8443, state_dir=folder.path)
    expected = (seed.TENANT_ID, seed.SUBSCRIPTION_ID)
    assert (before["AZURE_TENANT_ID"], before["AZURE_SUBSCRIPTION_ID"]) == expected
    folder.adopt(theirs)
    after = exports(8443, state_dir=folder.path)
    assert (after["AZURE_TENANT_ID"], after["AZURE_SUBSCRIPTION_ID"]) == (tenant, subscription)


def test_a_client_that_disconnects_or_ctrl_c_leaves_no_traceback(tmp_path: Path) -> None:
    hangs = [
        {"match": {"service": "Graph"}, "fault": {"type": "hang"}},
        {"match": {"service": "ARM"}, "fault": {"type": "latency", "seconds": 60}},
    ]
    with serving(tmp_path) as served:
        served.control("PUT", "faults", json=hangs)
        for connection in unfinished(served, tmp_path, 3):
            connection.close()
        held = unfinished(served, tmp_path, 6)
        begun = socket.create_connection(("127.0.0.1", served.port))  # and no handshake
    for each in (*held, begun):
        each.close()


def unfinished(served: Served, folder: Path, count: int) -> list[ssl.SSLSocket]:
    """Requests that have arrived and are not answered: one without all of its body, one delayed,
    one that hangs.
    """
    trusted = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    connections = []
    for path, port in (("/_sandbox/knobs", 0), ("/subscriptions", 0), ("/v1.0/applications", 1)):
        connection = socket.create_connection(("127.0.0.1", served.port + port))
        connections.append(trusted.wrap_socket(connection, server_hostname="localhost"))
        connections[-1].sendall(
            f"PATCH {path} HTTP/1.1\r\nHost: localhost:{served.port}\r\nContent-Length: "
            f"9\r\n\r\n{{".encode()
        )
    while [entry["method"] for entry in served.control("GET", "requests")["value"]].count(
        "PATCH"
    ) < count:
        pass
    return connections


@pytest.mark.skipif(
    sys.platform != "linux", reason="all of 127.0.0.0/8 leads to this machine on Linux only"
)
def test_serve_listens_where_it_is_told_and_so_do_new_sites(tmp_path: Path) -> None:
    """Within a container the loopback is the container's own: no published port leads there."""
    with serving(tmp_path, "--listen", "127.0.0.2", at="127.0.0.2") as served:
        assert "It listens on 127.0.0.2: whoever can reach these ports controls it." in served.said
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", served.port), timeout=30)
        port_count = len(json.loads((tmp_path / "ports.json").read_text()))
        site = served.control("POST", "sites", json={"name": "another"})
        assert site["port"] == served.port + port_count, "the next one, which may be published, too"
        socket.create_connection(("127.0.0.2", site["port"]), timeout=30).close()


@pytest.mark.parametrize("address", ["localhost", "0.0.0.0:8443", "*", "\x1b[31m"])
def test_serve_refuses_to_listen_on_what_is_no_address(
    here: Callable[..., Ended], address: str
) -> None:
    ended = here("serve", "--listen", address)
    assert (ended.code, ended.out) == (2, "")
    assert "Use an IP address of this machine, such as 0.0.0.0." in " ".join(ended.err.split())
    assert "\x1b" not in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--listen", "192.0.2.1"), "This machine has no address 192.0.2.1."),
        (("--app", "orders=python 'x"), "a quotation mark is not closed."),
    ],
)
def test_serve_blames_the_word_that_is_wrong(
    here: Callable[..., Ended], words: tuple[str, str], told: str
) -> None:
    ended = here("serve", "--port", str(free_ports(12)), *words)
    assert (ended.code, told in " ".join(ended.err.split())) == (2, True), ended
    assert "--port" not in ended.err
    assert "NAME=COMMAND" not in ended.err


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a name that comes through a shell only where it is quoted."""
    made = tmp_path_factory.mktemp("served") / 'it\'s a "home" $(touch pwned) ü'
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Served]:
    """One that serves there, and misbehaves by a file."""
    rules = home.parent / "faults.json"
    rules.write_text(
        json.dumps([{"match": {"service": "Entra"}, "fault": {"type": "status", "status": 503}}])
    )
    with serving(home, "--faults", str(rules)) as made:
        yield made


def test_the_addresses_that_serve_prints_lead_there_and_hold_no_secret(
    served: Served, home: Path
) -> None:
    secret = json.loads((home / "administrator.json").read_text())["clientSecret"]
    address = f"https://localhost:{served.port}"
    assert secret not in served.said
    url = f"{address}/{seed.TENANT_ID}/v2.0/.well-known/openid-configuration"
    assert served.http.get(url).status_code == 503, "it misbehaves by a file"
    assert f"{address}/_sandbox/\n" in served.said
    assert (
        f'  eval "$(MCT_S2S_SANDBOX_DIR={shlex.quote(str(home))} mct-s2s sandbox env)"\n'
        in served.said
    )
    assert (
        f"az cloud register --name mct-sandbox --endpoint-resource-manager {address}\n"
        in served.said
    )
    assert f"https://localhost:{served.port + 2}  mct-prod/contosolearn" in served.said


def test_exported_variables_come_through_a_shell(
    here: Callable[..., Ended], served: Served, home: Path
) -> None:
    exported = here("env", folder=home).out
    assert here("env", "--port", str(served.port), folder=home).out == exported
    words = ["sh", "-c", f"{exported}\nprintenv SSL_CERT_FILE MCT_S2S_CLOUD AZURE_CLIENT_SECRET"]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=home.parent, check=False)
    secret = json.loads((home / "administrator.json").read_text())["clientSecret"]
    assert (ended.stdout, ended.stderr) == (
        f"{home / 'ca.pem'}\nhttps://localhost:{served.port}\n{secret}\n",
        "",
    )
    assert not (home.parent / "pwned").exists()


def test_a_second_serve_says_where_the_first_one_is(
    served: Served, home: Path, here: Callable[..., Ended], tmp_path: Path
) -> None:
    address = f"https://localhost:{served.port}"
    state = tmp_path / "state.json"
    state.write_text("{}")
    for options in ([], ["--port", str(served.port)]):
        ended = here("serve", *options, folder=home)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith(f"Already serving at {address}\n")
        assert 'mct-s2s sandbox env)"\n' in ended.out
    others = (
        ["--port", str(served.port + 9)],
        ["--real-names"],
        ["--world", str(state)],
        ["--listen", "0.0.0.0"],
    )
    for options in others:
        ended = here("serve", *options, folder=home)
        assert (ended.code, ended.out) == (2, "")
        assert f"A sandbox is already serving at {address}." in ended.err
    for options in others[:2]:
        ended = here("env", *options, folder=home)
        assert (ended.code, ended.out) == (1, "")
        assert f"The sandbox that is running is at {address}" in ended.err


def test_a_state_is_saved_and_served_again(here: Callable[..., Ended], tmp_path: Path) -> None:
    first, second, file = tmp_path / "1", tmp_path / "2", tmp_path / "world.json"
    with serving(first) as served:
        served.control(
            "POST", "locks", json={"scope": seed.SITE, "level": "ReadOnly", "name": "mine"}
        )
        assert here("save", str(file), folder=first).code == 0
    assert here("save", str(tmp_path / "kept.json"), folder=first).code == 0
    assert json.loads(file.read_text()) == json.loads((tmp_path / "kept.json").read_text())
    assert len(file.read_text().splitlines()) > 100
    with serving(second, "--world", str(file)) as served:
        assert served.control("GET", "world")["resources"]["locks"][0]["name"] == "mine"
    assert here("reset", folder=second).code == 0
    nowhere = here("save", str(tmp_path / "nowhere" / "world.json"), folder=second)
    assert (nowhere.code, "nowhere' does not exist" in " ".join(nowhere.err.split())) == (2, True)
    assert not (tmp_path / "nowhere").exists()
    assert StateDirectory(second).state().to_dict()["resources"]["locks"] == []


@pytest.mark.parametrize("is_served", [False, True], ids=["saved", "served"])
@pytest.mark.parametrize(
    "path",
    [
        "",  # a folder
        pytest.param(
            "/sys/world.json",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="a folder that takes no file"),
        ),
    ],
)
def test_a_file_that_cannot_be_saved_is_named_and_not_the_sandboxs_folder(
    here: Callable[..., Ended], tmp_path: Path, path: str, is_served: bool
) -> None:
    with serving(tmp_path) if is_served else nullcontext():
        ended = here("save", path or str(tmp_path))
    assert ended.code == 2
    shown = " ".join(ended.err.split())  # a long path is on a line of its own
    assert shown.startswith(f"error: Cannot write '{path or tmp_path}': ")
    assert shown.endswith("[usage] → Choose another file.")


@pytest.mark.parametrize("words", ["serve", "env", "hosts", "save state.json", "reset"])
def test_a_program_without_its_sandbox_says_how_to_install_it(
    here: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setitem(sys.modules, "mct_s2s.cli.sandbox", None)
    ended = here(*words.split())
    assert ended.code == 2
    assert "[sandbox-not-installed]" in ended.err
    assert ended.err.endswith("    pipx install --force '.[sandbox]'\n")


def test_a_file_of_serve_that_is_not_there_is_named(here: Callable[..., Ended]) -> None:
    ended = here("serve", "--faults", "nosuch.json")
    assert ended.code == 2
    assert ended.err.splitlines() == [
        "error: Cannot use 'nosuch.json': No such file or directory. [usage]",
        "  → Check the path.",
    ]


def test_sandbox_coverage_names_every_operation_and_serves_nothing(
    here: Callable[..., Ended], tmp_path: Path
) -> None:
    ended = here("serve", "--coverage")
    assert ended.code == 0
    rows = (
        "PUT {site}/config/appsettings",
        "POST /v1.0/{application}/addPassword",
        "full",
        "stub",
        "operations:",
    )
    assert [text for text in rows if text not in ended.out] == []
    assert not (tmp_path / "world.json").exists()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_refused_with_a_free_one(here: Callable[..., Ended], taken: int) -> None:
    ended = here("serve", "--port", str(taken))
    assert (ended.code, f"Port {taken} is already in use." in ended.err) == (2, True)
    suggested = suggested_port(ended)
    with socket.create_server(("127.0.0.1", suggested)):
        assert suggested_port(here("serve", "--port", str(taken))) != suggested
    typed = ("--listen", "127.0.0.1", "--tenant", "strict", "--app", "orders=sh 'my app.sh'")
    again = here("serve", "--port", str(taken), *typed).err.splitlines()[-1]
    assert shlex.split(again.partition("--port ")[2])[1:] == [*typed], "all but the port"


def suggested_port(ended: Ended) -> int:
    return int(ended.err.partition("mct-s2s sandbox serve --port ")[2].split()[0])


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--faults", "{", "is not JSON"),
        ("--faults", "{}", ": The faults must be a list of rules."),
        ("--faults", '[{"match": 5}]', ": 'match' must be an object."),
        ("--world", '{"schema": "mct-s2s/backup/v1"}', "is not a state of the sandbox"),
        ("--world", "[]", "is not a state of the sandbox"),
        ("--world", "x", "is not a state of the sandbox"),
    ],
)
def test_a_state_file_of_another_kind_is_refused_by_name(
    option: str, content: str, said: str, here: Callable[..., Ended], tmp_path: Path
) -> None:
    file = tmp_path / "given.json"
    file.write_text(content)
    ended = here("serve", option, str(file), folder=tmp_path / "sandbox")
    named = f"{file.name}'{'' if said[0] == ':' else ' '}{said}"
    assert (ended.code, named in " ".join(ended.err.split())) == (2, True), ended.err
    assert "--help" not in ended.err


def test_reset_reaches_the_running_sandbox(here: Callable[..., Ended], tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        fresh = served.control("GET", "world")["resources"]["sites"]
        served.control("POST", "sites", json={"name": "contosonew", "group": "mct-prod"})
        assert served.control("GET", "world")["resources"]["sites"] != fresh
        assert here("reset").out == "Sandbox reset.\n"
        assert served.control("GET", "world")["resources"]["sites"] == fresh


@pytest.mark.parametrize("words", [["reset"], ["save", "state.json"]])
def test_a_sandbox_that_is_stopping_is_said_not_to_answer(
    here: Callable[..., Ended], tmp_path: Path, words: list[str]
) -> None:
    folder, port = StateDirectory(tmp_path), free_ports(12)
    with folder.exclusive(1), folder.serving(state_directory.Served(port, real_names=False)):
        ended = here(*words)
    said = f"The sandbox at https://localhost:{port} does not answer: it is starting or stopping."
    assert (ended.code, said in " ".join(ended.err.split())) == (2, True), ended.err
    assert "--help" not in ended.err


@pytest.mark.skipif(os.name != "posix", reason="there are no such signals")
@pytest.mark.parametrize("how", ["SIGHUP", "SIGQUIT"])
def test_the_program_of_an_app_ends_with_the_sandbox(tmp_path: Path, how: str) -> None:
    ids = tmp_path / "ids"
    script = f"echo $$ > {shlex.quote(str(ids))}; exec sleep 600"
    app = f"orders={shlex.join(['sh', '-c', script])}"
    with serving(tmp_path / "sandbox", "--app", app, until=how) as served:
        (url,) = re.findall(r"Site +(\S+)  apps/orders", served.said)
        with pytest.raises(httpx.TimeoutException):
            served.http.get(url, timeout=1)
    with pytest.raises(ProcessLookupError):
        os.kill(int(ids.read_text()), 0)


def test_addresses_stay_the_same_if_the_usual_ports_are_taken(
    here: Callable[..., Ended], tmp_path: Path
) -> None:
    """What a client's file names works again as soon as the sandbox is served."""
    usual = free_ports(12)
    with socket.create_server(("127.0.0.1", usual)):
        running = start(tmp_path, usual)
    cloud = running.environment["MCT_S2S_CLOUD"]
    site = running.site_url
    running.close()
    used = int(cloud.rpartition(":")[2])
    assert used != usual
    ports = StateDirectory(tmp_path).ports_at(used, ["arm", "graph"])
    assert ports == {"arm": used, "graph": used + 1}
    assert site == f"https://localhost:{used + 2}"


def test_a_port_that_is_taken_for_the_moment_is_the_sites_again_afterwards(
    here: Callable[..., Ended], tmp_path: Path
) -> None:
    first = start(tmp_path, free_ports(12))
    site = first.site_url
    first.close()
    with socket.create_server(("127.0.0.1", int(site.rpartition(":")[2]))):
        meanwhile = start(tmp_path, 0)
        assert meanwhile.site_url != site
        meanwhile.close()
    again = start(tmp_path, 0)
    assert again.site_url == site
    again.close()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_named(
    here: Callable[..., Ended], tmp_path: Path
) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    ended = here("serve", folder=tmp_path / "locked" / "sandbox")
    assert (ended.code, "[sandbox-unwritable]" in ended.err) == (2, True)


def test_another_command_that_uses_the_sandbox_is_waited_for_by_name(tmp_path: Path) -> None:
    said = "another command that uses it (to run several at once: mct-s2s sandbox serve)"
    words = program(["status", "--cloud", "sandbox"])
    pipe = subprocess.PIPE
    with StateDirectory(tmp_path).exclusive(1):
        ends, goes_on = (
            subprocess.Popen(words, env=environment(tmp_path), stdout=pipe, stderr=pipe, text=True)
            for _ in range(2)
        )
        for process in (ends, goes_on):
            assert any(said in line for line in process.stderr or ())
        ends.send_signal(signal.SIGINT)
        ends.communicate(timeout=60)
        assert ends.returncode == 130
    out, _ = goes_on.communicate(timeout=60)
    assert (goes_on.returncode, "contosolearn" in out) == (3, True)


def test_a_program_is_refused_where_its_addresses_end_with_the_command(tmp_path: Path) -> None:
    # A process: simulated time would not see its sandbox
    words = program(["snippet", "Import", "--cloud", "sandbox"])
    ended = subprocess.run(
        words, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    serve = f"    MCT_S2S_SANDBOX_DIR={tmp_path} mct-s2s sandbox serve"
    assert (ended.returncode, ended.stdout, serve in ended.stderr) == (2, "", True)


@pytest.mark.parametrize("words", ["status --cloud sandbox", "sandbox serve", "sandbox hosts"])
def test_a_damaged_state_is_named_with_the_command_that_replaces_it(
    words: str, tmp_path: Path
) -> None:
    (tmp_path / "world.json").write_text("{")
    ended = subprocess.run(
        program(words.split()),
        env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"'{tmp_path / 'world.json'}' can't be read" in " ".join(ended.stderr.split())
    assert ended.stderr.endswith("\n    mct-s2s sandbox reset\n")


def test_an_app_whose_program_is_not_there_is_refused_before_it_is_served(
    here: Callable[..., Ended],
) -> None:
    ended = here("serve", "--app", "orders=no-such-program --port 1")
    assert (ended.code, ended.out) == (2, "")
    assert "'no-such-program'" in ended.err


def test_a_client_that_may_not_write_the_folder_uses_the_sandbox_that_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock cannot be opened, as in a read-only home."""

    def refuse(lock: FileLock, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), lock.lock_file)

    with serving(tmp_path) as served:
        monkeypatch.setattr(FileLock, "acquire", refuse)
        joined = start(tmp_path)
        origin = f"https://localhost:{served.port}"
        assert (joined.resource_manager, joined.is_served_elsewhere) == (origin, True)
    with pytest.raises(OSError, match="Read-only"):
        start(tmp_path)
