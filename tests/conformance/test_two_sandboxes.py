"""A run against another sandbox: what it finds, what it leaves, and what its report may show."""

import re
from pathlib import Path

from mct_s2s.sandbox.state import seed

from conformance.comparison import Tables
from conformance.redaction import strings
from conformance.story import SETTING, STEPS, Service
from tests.conformance.conftest import APP_SERVICE, GROUP, OTHER, SITE, SUBSCRIPTION, TENANT, VAULT, Quiet, lasting


def test_another_sandbox_differs_in_nothing_and_is_left_as_it_was(quiet: Quiet) -> None:
    for title in (
        "Differences",
        "Refused, most often for lack of a permission",
        "Answers that came later",
        "Not compared",
    ):
        assert quiet.conformance.section(title) == [], title
    assert (quiet.ended.code, quiet.ended.err.count("Not removed")) == (0, 0)
    assert lasting(quiet.after) == lasting(quiet.before)


def test_only_what_was_told_is_written(quiet: Quiet) -> None:
    name = re.search(r"mct-s2s-conformance-[0-9a-f]{10}", quiet.ended.err)
    assert name is not None
    for told in (SETTING, APP_SERVICE, GROUP, VAULT, TENANT, f"{name[0]}-api", f"--clean-up {name[0]}"):
        assert told in quiet.ended.err
    arm = [line for line in quiet.log if "/providers/" in line and not line.startswith("GET")]
    site, identity = f"{SITE}/config/appsettings", f"userAssignedIdentities/{name[0]}"
    assert {line for line in arm if identity not in line} == {f"PUT {site}", f"POST {site}/list"}
    assert {name[0] in line for line in quiet.log if "secrets/" in line} == {True}


def test_the_report_holds_nothing_of_the_tenant(quiet: Quiet) -> None:
    text = "\n".join(file.read_text() for file in sorted(quiet.conformance.report.iterdir()))
    own, root = set(strings(seed.seed("x").to_dict())), Path(seed.__file__).parents[3]
    code = [*(root / "mct_s2s" / "sandbox").rglob("*.py"), *(root / "scripts" / "conformance.d").rglob("*.py")]
    public = "\n".join(file.read_text() for file in code) + "\n".join(own)
    private = {value for value in strings(quiet.after) if len(value) > 3 and value not in public}
    private |= {*OTHER.values(), TENANT, SUBSCRIPTION, quiet.conformance.cloud.azure.environment["AZURE_CLIENT_SECRET"]}
    assert len(private) > 60
    assert [value for value in sorted(private) if value.lower() in text.lower()] == []
    assert re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[0-9a-f]{4}-(?!00000000)[0-9a-f]{12}", text) == []
    assert not re.search(r"eyJ[A-Za-z0-9_-]{8}|localhost|202\d-\d\d-\d\dT", text)
    assert "removed" not in text.replace("objects were not removed", "")  # the redaction of each answer was enough


def test_its_tables_are_recordings(quiet: Quiet) -> None:
    tables = Tables.read(quiet.conformance.report)
    rows = [tables[name] for name in tables]
    assert len(rows) == len(STEPS)
    assert {row["service"] for row in rows} == {service.value for service in Service}
