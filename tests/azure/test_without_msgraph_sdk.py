"""The program where msgraph-sdk cannot be installed: Windows, whose paths are too short for it by
default.
"""

import json
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import at_home, without_azure
from tests.support.project import PROJECT

NOT_INSTALLED = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        kiota = [f"kiota_serialization_{kind}" for kind in ("json", "text", "form", "multipart")]
        if name.partition(".")[0] in {"msgraph", *kiota}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from mct_s2s.cli.app import main
code = main(["setup", "--client", "demo", "--yes", "-o", "json"])
print("msgraph_core" in sys.modules, "msgraph" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


def test_setup_runs_where_msgraph_sdk_is_not_installed(tmp_path: Path) -> None:
    environment = {**without_azure(), **at_home(tmp_path), "MCT_S2S_CLOUD": "sandbox"}
    ended = subprocess.run(
        [sys.executable, "-c", NOT_INSTALLED],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.splitlines()[-1] == "True False"
    document = json.loads(ended.stdout)
    assert document["verification"]["proved"] is True


def test_windows_needs_msgraph_core_alone() -> None:
    needed = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
    on_windows = {
        canonicalize_name(each.name)
        for each in needed
        if each.marker is None or each.marker.evaluate({"sys_platform": "win32"})
    }
    assert "msgraph-core" in on_windows
    assert "msgraph-sdk" not in on_windows
