"""What the steps read is what mct-s2s writes: of a file with a site that fails, of one App Service, of errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from mct_s2s.sandbox.state import seed

from pipeline_steps.results import Results, read
from pipeline_steps.summary import summary
from tests.cli.conftest import run_here
from tests.conftest import Sandbox
from tests.pipelines.trusts import TRUST
from tests.support.sandbox_inside import Inside


@pytest.fixture
def run(azure: Sandbox, inside: Inside, tmp_path: Path) -> Runner:
    return Runner(azure, inside, tmp_path)


class Runner:
    """Runs a command and reads its document as a step does."""

    def __init__(self, azure: Sandbox, inside: Inside, home: Path) -> None:
        self.azure, self.inside, self.home = azure, inside, home

    def __call__(self, *words: str) -> tuple[int, Results]:
        named = {"MCT_S2S_APP_SERVICE", "MCT_S2S_RESOURCE_GROUP"}
        env = {key: value for key, value in self.azure.environment.items() if key not in named}
        ended = run_here(*words, "-o", "json", env=env, home=self.home, inside=self.inside)
        document = self.home / "result.json"
        document.write_text(ended.out)
        return ended.code, read(document)


def test_a_site_that_fails_stands_beside_one_that_does_not(run: Runner) -> None:
    trust = run.home / "trust.toml"
    trust.write_text(TRUST + '\n[sites.gone]\napp-service = "no-such-site"\n')
    code, results = run("apply", "-f", str(trust), "--yes")
    learn, gone = results.sites
    assert (code, gone.name, gone.changed) == (1, "gone", False)
    assert gone.failure is not None
    assert gone.failure.code == "site-not-found"
    assert [(one.client, one.saved_to.split("/")[0]) for one in learn.created] == [("Import", f"keyvault:{seed.VAULT}")]
    (application,) = run.azure.applications("Import")
    assert dict(learn.clients)["Import"] == application["appId"]
    assert (learn.url, learn.verified) == (run.azure.site_url, True)
    page = summary("MCT: applied", results)
    assert "| gone | failed (site-not-found) |  |" in page
    assert "## gone failed" in page

    code, results = run("add-client", "Other", "-a", "contosolearn", "--credential", "none", "--dry-run")
    (site,) = results.sites
    assert (code, site.name, site.url, site.changed) == (
        3,
        run.azure.site_url.removeprefix("https://"),
        run.azure.site_url,
        True,
    )


def test_an_error_of_the_whole_command_is_told_once(run: Runner) -> None:
    trust = run.home / "trust.toml"
    trust.write_text(TRUST + "colour = 1\n")
    code, results = run("apply", "-f", str(trust), "--yes")
    assert (code, results.sites) == (2, ())
    assert results.failure is not None
    assert results.failure.code == "trust-file-malformed"
    assert "colour" in summary("MCT: applied", results)
