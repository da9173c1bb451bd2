"""A run against another sandbox: what it finds, what it leaves, and what its report may show."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mct_s2s.sandbox.services import coverage
from mct_s2s.sandbox.state import seed

from conformance.comparing.recordings import Tables
from conformance.steps import SETTING, Service
from conformance.story import story
from tests.conformance.conftest import APP_SERVICE, GROUP, OTHER, SITE, SUBSCRIPTION, TENANT, VAULT, Conformance, Quiet
from tests.conftest import Json


def test_another_sandbox_differs_in_nothing(quiet: Quiet) -> None:
    report = quiet.conformance
    assert report.section("Differences") == []
    assert report.section("Refused, most often for lack of a permission") == []
    assert report.section("Answers that came later") == []
    assert report.section("Not compared") == []
    assert (quiet.ended.code, quiet.ended.err.count("Not removed")) == (0, 0)
    assert len(report.section("Operations of the sandbox that no request asked for")) > 5


def test_nothing_is_left_and_nothing_else_has_changed(quiet: Quiet) -> None:
    assert lasting(quiet.after) == lasting(quiet.before)
    assert quiet.conformance.journals() == []


def test_only_what_was_told_is_written(quiet: Quiet) -> None:
    name = re.search(r"mct-s2s-conformance-[0-9a-f]{10}", quiet.ended.err)
    assert name is not None
    for told in (SETTING, APP_SERVICE, GROUP, VAULT, TENANT, f"{name[0]}-api", "--clean-up"):
        assert told in quiet.ended.err
    arm = [line for line in quiet.log if "/providers/" in line and not line.startswith("GET")]
    site, identity = f"{SITE}/config/appsettings", f"userAssignedIdentities/{name[0]}"
    assert {line for line in arm if identity not in line} == {f"PUT {site}", f"POST {site}/list"}
    assert not any("restart" in line for line in quiet.log)
    assert {name[0] in line for line in quiet.log if "secrets/" in line} == {True}


def test_the_report_holds_nothing_of_the_tenant(quiet: Quiet) -> None:
    text = "\n".join(file.read_text() for file in sorted(quiet.conformance.report.iterdir()))
    own, root = set(texts(seed.seed("x").to_dict())), Path(seed.__file__).parents[3]
    code = [file for package in ("mct_s2s", "conformance") for file in (root / package).rglob("*.py")]
    public = "\n".join(file.read_text() for file in code) + "\n".join(own)
    private = {value for value in texts(quiet.after) if len(value) > 3 and value not in public}
    private |= {*OTHER.values(), TENANT, SUBSCRIPTION, quiet.conformance.cloud.azure.environment["AZURE_CLIENT_SECRET"]}
    assert len(private) > 60
    assert [value for value in sorted(private) if value.lower() in text.lower()] == []
    assert re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[0-9a-f]{4}-(?!00000000)[0-9a-f]{12}", text) == []
    assert not re.search(r"eyJ[A-Za-z0-9_-]{8}|localhost|202\d-\d\d-\d\dT", text)
    assert "A last look replaced" not in text


def test_its_tables_are_recordings_that_the_sandbox_agrees_with(quiet: Quiet) -> None:
    tables = Tables.read(quiet.conformance.report)
    rows = [tables[name] for name in tables]
    assert len(rows) == len(story(with_vault=True))
    assert {row.service for row in rows} == {service.value for service in Service}


def test_every_step_asks_for_an_operation_of_the_sandbox() -> None:
    known = {row.operation for row in coverage.rows()}
    steps = [step for step in story(with_vault=True) if step.service is not Service.SITE]
    assert [step.id for step in steps if step.operation not in known] == []
    assert not any(step.service is Service.VAULT for step in story(with_vault=False))


def test_what_could_not_be_removed_stays_in_a_private_journal(conformance: Conformance) -> None:
    conformance.cloud.azure.misbehave(
        {"match": {"service": "ARM", "method": "DELETE"}, "fault": {"type": "status", "status": 409}}
    )
    ended = conformance("-y")
    (journal,) = conformance.journals()
    assert (ended.code, stat.S_IMODE(journal.stat().st_mode)) == (1, 0o600)


def lasting(state: Json) -> Json:
    """A state without what passes: sign-ins, and when things were last looked at."""
    kept: Json = json.loads(json.dumps(state))
    for name in ("sessions", "young", "replication", "secretHashes"):
        kept["directory"].pop(name, None)
    kept["resources"].pop("operations", None)
    for site in kept["resources"]["sites"].values():
        for name in site.keys() - {"settings", "effective", "connection_strings", "sticky"}:
            del site[name]
    return kept


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
