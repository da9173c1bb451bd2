"""The sandbox's control routes ask for no token: they answer programs on this machine, and no page in its browser."""

import os
import stat
import sys
from pathlib import Path

import pytest
from mct_s2s.sandbox.hosting.state_directory import StateDirectory
from mct_s2s.sandbox.state.seed import SITE

from tests.conftest import FUNCTION_APP, Sandbox
from tests.support.sandbox_inside import Inside

ROUTES = {
    "the state with all its secrets": ("GET", "/_sandbox/world"),
    "a new state": ("PUT", "/_sandbox/world"),
    "a caller who may do everything": ("POST", "/_sandbox/callers"),
    "the log": ("GET", "/_sandbox/requests"),
    "one that is not there": ("GET", "/_sandbox/nothing"),
    "written otherwise": ("GET", "/_SANDBOX/world"),
    "tokens of a managed identity": ("GET", f"/_sandbox/identity{FUNCTION_APP}/msi/token"),
}


@pytest.mark.parametrize(("method", "path"), ROUTES.values(), ids=ROUTES.keys())
def test_a_name_that_leads_here_and_a_page_in_a_browser_are_refused(azure: Sandbox, method: str, path: str) -> None:
    port = azure.origin.rpartition(":")[2]
    for host in (
        "evil.example",
        f"evil.example:{port}",
        f"localhost.evil.example:{port}",
        "127.0.0.2",
        "",
        "a@localhost",
    ):
        answer = azure._http.request(method, azure.origin + path, headers={"Host": host})
        assert answer.status_code == 421, (host, answer.text)
    for page in ("https://evil.example", "null", "", azure.origin):
        answer = azure._http.request(method, azure.origin + path, headers={"Origin": page})
        assert answer.status_code == 403, (page, answer.text)
    assert SITE in str(azure.state()["resources"]), "and nothing was changed"


def test_programs_on_this_machine_are_answered(azure: Sandbox, inside: Inside) -> None:
    port = azure.origin.rpartition(":")[2]
    for host in ("localhost", f"localhost:{port}", f"LOCALHOST:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        answer = azure._http.get(f"{azure.origin}/_sandbox/health", headers={"Host": host})
        assert answer.status_code == 200, host


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX")
def test_folders_that_the_sandbox_makes_are_its_users_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        state = StateDirectory(tmp_path / "a" / "b" / "sandbox")
        state.administrator()
    finally:
        os.umask(before)
    made = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "sandbox"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in made] == [0o700] * 3
    assert stat.S_IMODE((made[-1] / "administrator.json").stat().st_mode) == 0o600
