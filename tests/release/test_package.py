"""The package's metadata and its locks: what a user meets before anything runs."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from mct_s2s import __version__
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REPOSITORY = "https://github.com/mct-s2s/mct-s2s"


def pins(lock: str) -> dict[str, str]:
    """What a lock pins: the version, with the condition under which it is installed."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace(" \\\n", " ")
    found = {}
    for name, version, condition in re.findall(
        r"(?m)^([\w.-]+)(?:\[.+?\])?==([^ ;]+)(?: ; (.+?))? +--hash=sha256:", text
    ):
        found[f"{canonicalize_name(name)} {condition}".strip()] = version
    assert found
    return found


def test_on_pypi_every_link_of_the_readme_leads_into_the_repository_of_that_version() -> None:
    """There, README.md has no neighbours: a relative link leads nowhere, and the picture is not shown."""
    text = ProjectMetadata(str(ROOT), PluginManager()).core.readme
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) > 20
    pictures = [link for link in links if link.endswith(".svg")]
    assert pictures == [f"https://raw.githubusercontent.com/mct-s2s/mct-s2s/v{__version__}/docs/setup.svg"]
    for link in set(links) - set(pictures):
        assert link.startswith("https://"), link
        if link.startswith(REPOSITORY):
            path = link.removeprefix(f"{REPOSITORY}/blob/v{__version__}/").partition("#")[0]
            assert (ROOT / path).is_file(), link


def test_every_python_that_it_names_is_one_that_it_takes() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert named == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"


@pytest.mark.parametrize("lock", ["scripts/release/requirements.lock", "scripts/build.lock"])
def test_what_users_install_is_what_is_tested(lock: str) -> None:
    """`scripts/lock` makes one from the other; a lock that was edited by hand would be installed by users alone."""
    versions = {name.split()[0]: version for name, version in pins("requirements-dev.lock").items()}
    assert pins(lock) == {name: versions.get(name.split()[0]) for name in pins(lock)}


def test_the_published_requirements_have_everything_that_the_program_and_its_extras_need() -> None:
    project = PROJECT["project"]
    needed = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    published = {name.split()[0]: version for name, version in pins("scripts/release/requirements.lock").items()}
    for requirement in map(Requirement, needed):
        assert requirement.specifier.contains(published[canonicalize_name(requirement.name)]), requirement
    assert "pytest" not in published, "what tests need is not for users"


def test_a_tag_that_is_not_this_version_is_no_release() -> None:
    ended = subprocess.run([ROOT / "scripts/release/notes", "v0.0.0"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"the tag would have to be v{__version__}" in ended.stderr
