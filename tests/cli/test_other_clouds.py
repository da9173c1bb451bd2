"""Clouds that know fewer api-versions than the public one: the whole job is done, and each refusal met but once."""

from __future__ import annotations

import pytest
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program
from tests.conftest import FUNCTION_APP, MACHINE, Json, Sandbox

GOVERNMENT: Json = {"Microsoft.Web": ["2022-09-01", "2023-01-01", "2023-12-01", "2024-04-01"]}
"""As US Government had it in August 2025 (Azure/azure-cli#31943)."""
OLDER: Json = {
    "Microsoft.Web": ["2016-08-01", "2018-02-01"],
    "Microsoft.Resources": ["2016-06-01", "2019-06-01"],
    "Microsoft.Authorization": ["2015-07-01", "2016-09-01"],
    "KeyVault": ["2016-10-01"],
}
"""Behind everything that is asked for, as Azure Stack Hub is."""


def turn(azure: Sandbox, versions: Json) -> None:
    assert azure._control("PATCH", "/knobs", json={"apiVersions": versions}).is_success


def refused(azure: Sandbox) -> list[str]:
    return [f"{row['service']} {row['method']}" for row in azure.log() if row["status"] == 400]


@pytest.mark.parametrize("versions", [GOVERNMENT, OLDER], ids=["government", "older"])
def test_the_whole_job_is_done_in_a_cloud_that_lags_behind(mct: Program, azure: Sandbox, versions: Json) -> None:
    """Each service is asked once with what it does not take; a run that went on asking would cost twice the time."""
    turn(azure, versions)
    callers = ("--client", "Import", "--managed-identity", MACHINE, "--managed-identity", FUNCTION_APP)
    job = ("setup", *callers, "--secret-to", f"keyvault:{seed.VAULT}", "-y", "-o", "json")
    done = mct(*job)
    assert done.code == 0, done.err
    assert done.document["status"]["healthy"] is True
    if versions is GOVERNMENT:
        assert refused(azure) == []
    else:
        # Requests that are on their way at once are refused at once.
        assert 3 < len(refused(azure)) < 15, refused(azure)
        assert "ARM PUT" not in refused(azure), "the settings are read before they are written"
    azure.forget()
    assert mct(*job).code == 0
    assert azure.writes() == []
