"""Clouds that know fewer api-versions than the public one: nothing newer is asked for than the job takes."""

from __future__ import annotations

from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, MACHINE, Json, Sandbox

GOVERNMENT: Json = {"Microsoft.Web": ["2022-09-01", "2023-01-01", "2023-12-01", "2024-04-01"]}
"""As US Government had it in August 2025 (Azure/azure-cli#31943)."""


def test_the_whole_job_is_done_in_a_cloud_that_lags_behind(mct: Program, azure: Sandbox) -> None:
    azure.vary(api_versions=GOVERNMENT)
    callers = ("--client", "Import", "--managed-identity", MACHINE, "--managed-identity", FUNCTION_APP)
    done = mct("setup", *callers, "--secret-to", f"keyvault:{seed.VAULT}", "-y", "-o", "json")
    assert done.code == 0, done.err
    assert mct("status", "-o", "json").document["healthy"] is True
    assert [row for row in azure.log() if row["status"] == 400] == []
