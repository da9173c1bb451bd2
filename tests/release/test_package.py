"""The package's metadata, its locks and its images: what a user meets before anything runs."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from mct_s2s import __version__
from mct_s2s.cli.sandbox_options import DEFAULT_PORT
from mct_s2s.sandbox.hosting.startup import names_of
from mct_s2s.sandbox.state.seed import seed
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements-dev.lock", "scripts/release/requirements.lock", "scripts/build.lock"]
DOCKERFILE = (ROOT / "scripts" / "release" / "Dockerfile").read_text(encoding="utf-8")
STAGES = re.split(r"(?m)^FROM ", DOCKERFILE)[1:]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REPOSITORY = "https://github.com/mct-s2s/mct-s2s"


def pins(lock: str) -> dict[str, str]:
    """What a lock pins: the version, with the condition under which it is installed."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace(" \\\n", " ")
    pinned = {}
    for name, version, condition in re.findall(
        r"(?m)^([\w.-]+)(?:\[.+?\])?==([^ ;]+)(?: ; (.+?))? +--hash=sha256:", text
    ):
        pinned[f"{canonicalize_name(name)} {condition}".strip()] = version
    assert pinned
    return pinned


def test_on_pypi_every_link_of_the_readme_leads_into_the_repository_of_that_version() -> None:
    """There, README.md has no neighbours: a relative link leads nowhere, and the picture is not
    shown.
    """
    text = ProjectMetadata(str(ROOT), PluginManager()).core.readme
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) > 20
    pictures = [link for link in links if link.endswith(".svg")]
    assert pictures == [
        f"https://raw.githubusercontent.com/mct-s2s/mct-s2s/v{__version__}/docs/setup.svg"
    ]
    for link in set(links) - set(pictures):
        assert link.startswith("https://"), link
        if link.startswith(REPOSITORY):
            path = link.removeprefix(f"{REPOSITORY}/blob/v{__version__}/").partition("#")[0]
            assert (ROOT / path).is_file(), link


def test_every_python_that_it_names_is_one_that_it_takes() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert named == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_what_users_install_is_what_is_tested(lock: str) -> None:
    """`scripts/lock` makes one from the other; a lock that was edited by hand would be installed by
    users alone.
    """
    versions = {name.split()[0]: version for name, version in pins(LOCKS[0]).items()}
    assert pins(lock) == {name: versions.get(name.split()[0]) for name in pins(lock)}


def test_the_published_requirements_have_everything_that_the_program_and_its_extras_need() -> None:
    project = PROJECT["project"]
    needed = [
        *project["dependencies"],
        *(
            requirement
            for extra in project["optional-dependencies"].values()
            for requirement in extra
        ),
    ]
    published = {name.split()[0]: version for name, version in pins(LOCKS[1]).items()}
    for requirement in map(Requirement, needed):
        assert requirement.specifier.contains(published[canonicalize_name(requirement.name)]), (
            requirement
        )
    assert "pytest" not in published, "what tests need is not for users"


def test_a_tag_that_is_not_this_version_is_no_release() -> None:
    ended = subprocess.run(
        [ROOT / "scripts/release/notes", "v0.0.0"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"the tag would have to be v{__version__}" in ended.stderr


# Locks: what is installed from one is what it lists, whatever an index offers


def test_nothing_installs_a_lock_otherwise() -> None:
    """Whatever asks for hashes asks for no dependencies: `--no-deps` stands on each such line, of
    scripts and pages.
    """
    files = subprocess.run(
        ["git", "ls-files", "scripts", "docs", ".github"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [
        line
        for file in files.stdout.split()
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
    ]
    found = [line for line in lines if "--require-hashes" in line]
    assert found
    assert [line for line in found if "--no-deps" not in line] == []


# Images: what hadolint does not look at; scripts/release/images builds and runs them


def test_an_image_runs_without_a_shell_and_not_as_root() -> None:
    """Commands are lists: no shell could read a string.

    The user is a number, which Kubernetes can check.
    """
    assert STAGES[1].startswith("gcr.io/distroless/")
    assert "USER 65532:65532" in STAGES[1]
    assert [stage.partition("\n")[0] for stage in STAGES[2:]] == [
        "program AS cli",
        "program AS sandbox",
    ]
    for stage in STAGES[1:]:
        assert not re.search(r"(?m)^(RUN|ADD|USER (?!65532))", stage), stage
        for words in re.findall(r"(?m)^(?:ENTRYPOINT|VOLUME|    CMD) (.+)$", stage):
            assert json.loads(words), words


def test_base_images_are_pinned_by_digests() -> None:
    """Images, and no program of another that reads this file."""
    assert "syntax=" not in DOCKERFILE
    named = [re.match(r"(\S+)(?: AS (\S+))?", stage) for stage in STAGES]
    digests = {match[2] for match in named if match}
    bases = {match[1] for match in named if match} - digests
    assert len(bases) == 2
    for base in bases:
        assert re.fullmatch(r"[\w./-]+:[\w-]+@sha256:[0-9a-f]{64}", base), base


def test_what_is_installed_is_pinned_by_hashes_and_needs_no_compiler() -> None:
    assert "--no-deps --require-hashes --only-binary :all: -r /dist/requirements.txt" in STAGES[0]
    assert "--no-index --no-deps /dist/*.whl" in STAGES[0]


def test_the_published_ports_are_those_of_the_sandbox() -> None:
    exposed = re.search(r"(?m)^EXPOSE (\d+)-(\d+)$", STAGES[3])
    assert exposed
    assert int(exposed[1]) == DEFAULT_PORT
    assert int(exposed[2]) >= DEFAULT_PORT + len(names_of(seed(""))) + 10, (
        "and room for sites that tests add"
    )


# What an image consists of


def test_the_contents_of_an_image_are_those_of_the_wheel_and_debians_packages(
    tmp_path: Path,
) -> None:
    program = {"type": "library", "bom-ref": "root", "name": "mct-s2s", "version": "1.2.3"}
    library = {"type": "library", "bom-ref": "rich==15", "name": "rich", "version": "15"}
    wheel = tmp_path / "wheel.cdx.json"
    wheel.write_text(json.dumps({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": program},
        "components": [library], "dependencies": [{"ref": "root", "dependsOn": ["rich==15"]}],
    }), encoding="utf-8")  # fmt: skip
    packages = tmp_path / "status.d"
    packages.mkdir()
    (packages / "libssl3t64").write_text(
        "Package: libssl3t64\nVersion: 3.5.1-1+deb13u1\nArchitecture: arm64\n"
    )
    (packages / "libssl3t64.md5sums").write_text("0000  usr/lib/libssl.so.3\n")

    program_file = ROOT / "scripts/release/image_contents.py"
    command = [sys.executable, str(program_file), str(wheel), str(packages), "mct-s2s-cli"]
    contents = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    assert contents["metadata"]["component"]["type"] == "container"
    assert [each["name"] for each in contents["components"]] == ["rich", "mct-s2s", "libssl3t64"]
    debian = "pkg:deb/debian/libssl3t64@3.5.1-1%2Bdeb13u1?arch=arm64"
    assert contents["components"][-1]["purl"] == debian
    assert contents["dependencies"][-1] == {
        "ref": "image-mct-s2s-cli",
        "dependsOn": ["root", debian],
    }


# Names that are not ours yet


INSTALLERS = (
    r"uv tool (?:install|upgrade)|uvx|pipx (?:install|upgrade|run)|pip install|docker "
    r"(?:run|pull)|gh release download"
)
BY_NAME = re.compile(
    rf"(?:{INSTALLERS})(?: +(?:-\S+|v[\d.]+))* +'?(?:ghcr\.io/)?mct[-_]s2s(?![-\w]*/bin)"
)


@pytest.mark.parametrize(
    ("line", "is_by_name"),
    [
        ("uv tool install 'mct-s2s[sandbox]'", True),
        ("uvx mct-s2s --help", True),
        ("pip install -U mct-s2s", True),
        ("docker run --rm -it ghcr.io/mct-s2s/mct-s2s setup", True),
        ("gh release download v1.2.3 --repo mct-s2s/mct-s2s", True),
        ("pipx install '.[sandbox]'", False),
        ("mct-s2s/bin/pip install .", False),
        ("docker run --pull never --rm mct-s2s setup", False),
    ],
)
def test_a_command_that_installs_by_name_is_recognised(line: str, is_by_name: bool) -> None:
    assert bool(BY_NAME.search(line.replace("--repo mct-s2s", "mct-s2s"))) is is_by_name


def test_nothing_that_is_printed_installs_by_a_name_that_is_not_ours() -> None:
    """Before the first release, a package or an image of that name would be someone else's."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if re.search(r"(?m)^## \[\d", changelog):
        pytest.skip("there is a release: its name is ours")
    files = [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.*"),
        *(ROOT / "mct_s2s").rglob("*.py"),
        *(ROOT / "mct_s2s").rglob("*.j2"),
    ]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    assert [
        line for line in lines if BY_NAME.search(line.replace("--repo mct-s2s", "mct-s2s"))
    ] == []
