"""What is installed from a lock is what it lists, though an index offers a newer release of everything."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import venv
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.support.sampling import every_cell

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements-dev.lock", "scripts/release/requirements.lock", "scripts/build.lock"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an index: the locked files, which are in pip's cache after an installation, and newer ones."""
    folder = tmp_path_factory.mktemp("index")
    download = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
    ]
    subprocess.run([*download, "--dest", folder, "-r", ROOT / LOCKS[0]], check=True)
    for wheel in list(folder.glob("*.whl")):
        name = wheel.name.partition("-")[0]
        project = folder / canonicalize_name(name)
        project.mkdir()
        wheel.rename(project / wheel.name)
        with zipfile.ZipFile(project / f"{name}-9999-py3-none-any.whl", "w") as newer:
            newer.writestr(f"{name}-9999.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 9999\n")
            newer.writestr(
                f"{name}-9999.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            newer.writestr(f"{name}-9999.dist-info/RECORD", "")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.skipif(not every_cell(), reason="only with --all: it takes all files of the lock")
@pytest.mark.parametrize("pip", ["22.3", "26.3"], ids="pip {}".format)  # what Python 3.11.0 brings, and a new one
@pytest.mark.parametrize("locks", [LOCKS[:1], LOCKS[1:]], ids=["dev", "user"])
def test_newer_releases_change_nothing(locks: list[str], pip: str, index: str, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"pip=={pip}"], check=True)
    # What the scripts source, as it is; pip only says what it would install, for that is the question.
    # Without its extras, a lock names less than it needs: pip would look for what it takes to be missing.
    stripped = [tmp_path / Path(lock).name for lock in locks]
    for lock, copy in zip(locks, stripped, strict=True):
        copy.write_text(re.sub(r"(?m)^([\w.-]+)\[.+?\]==", r"\1==", (ROOT / lock).read_text(encoding="utf-8")))
    words = " ".join(f"-r {copy}" for copy in stripped)
    report = tmp_path / "report.json"
    subprocess.run(
        ["bash", "-euc", f"source scripts/locked.bash; install_locked {tmp_path}/venv {words}"],
        cwd=ROOT, check=True,
        env={**ENVIRONMENT, "PIP_INDEX_URL": index, "PIP_DRY_RUN": "1", "PIP_REPORT": str(report)},
    )  # fmt: skip
    told = json.loads(report.read_text(encoding="utf-8"))
    assert told["pip_version"] == pip
    taken = {parse_wheel_filename(one["download_info"]["url"].rpartition("/")[2])[:2] for one in told["install"]}
    locked = {
        (canonicalize_name(name), version)
        for lock in locks
        for name, version in re.findall(
            r"(?m)^([\w.-]+)(?:\[.+?\])?==([^ ;]+)", (ROOT / lock).read_text(encoding="utf-8")
        )
    }
    assert len(taken) > 70
    assert {(name, str(version)) for name, version in taken} <= locked


def test_nothing_installs_a_lock_otherwise() -> None:
    """Whatever asks for hashes asks for no dependencies: `--no-deps` stands on each such line, of scripts and pages."""
    files = subprocess.run(
        ["git", "ls-files", "scripts", "docs", ".github"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [line for file in files.stdout.split() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    found = [line for line in lines if "--require-hashes" in line]
    assert found
    assert [line for line in found if "--no-deps" not in line] == []
