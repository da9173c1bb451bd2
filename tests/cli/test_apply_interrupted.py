"""An `apply` that is ended from outside: each site is accounted for, and every secret that was made is told."""

from __future__ import annotations

import os
import signal

import pytest
from mct_s2s.sandbox.observability.exchange import Entry

from tests.cli.conftest import Ended
from tests.cli.trust_file_program import ACADEMY, TWO, Applied, applied, of_site
from tests.conftest import SITE
from tests.support.sandbox_inside import Inside

__all__ = ["applied"]

JSON = ("-o", "json")
HANG = {"type": "hang"}


def is_request(entry: Entry, method: str, path: str) -> bool:
    return entry.method == method and entry.path.casefold() == path.casefold()


def stopped_at_the_academys_settings(applied: Applied, inside: Inside, number: signal.Signals, *words: str) -> Ended:
    """The first site is being restarted, the second one has its secret; its settings are being written."""
    applied.other_site()
    settings = f"{ACADEMY}/config/appsettings"
    applied.azure.misbehave(
        {"match": {"path": settings, "method": "PUT"}, "fault": {"type": "latency", "seconds": 60}},
        {"match": {"path": settings, "method": "PUT"}, "fault": HANG},
    )
    is_writing = sent = False

    async def written(entry: Entry) -> None:
        nonlocal is_writing
        is_writing = is_writing or is_request(entry, "PUT", settings)

    async def restarted(entry: Entry) -> None:
        nonlocal sent
        if not sent and is_request(entry, "POST", f"{SITE}/restart"):
            sent = True
            while not is_writing:
                await inside.time.sleep(0.05)
            os.kill(os.getpid(), number)

    inside.hooks.before.append(written)
    inside.hooks.after.append(restarted)
    return applied("-y", "--no-verify", *words, text=TWO)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_each_site_is_accounted_for(applied: Applied, inside: Inside, number: signal.Signals, code: int) -> None:
    done = stopped_at_the_academys_settings(applied, inside, number, *JSON)
    assert done.code == code, done
    failed = of_site(done, "academy")["error"]
    assert failed["error"]["code"] == "interrupted"
    assert "secret" in {step["resource"] for step in failed["done"]}
    assert [made["client"] for made in failed["credentials"]] == ["Export"]
    assert "application settings" in {step["resource"] for step in failed["inDoubt"]}
    learn = of_site(done, "learn")
    account = learn["error"] or learn["result"]
    assert [made["client"] for made in account["credentials"]] == ["Import"]


def test_a_person_is_told_the_same(applied: Applied, inside: Inside) -> None:
    done = stopped_at_the_academys_settings(applied, inside, signal.SIGINT)
    assert done.code == 130
    account = done.err[done.err.index("Interrupted.") :]
    assert account.rstrip().endswith("Run the same command again to resume.")
    assert account.index("Site learn (contosolearn)") < account.index("Site academy")
    assert "Unconfirmed: application settings academy" in account
    assert account.count("Secret of ") == 2
    applied.azure.behave()
    inside.leave_alone()
    again = applied("-y")
    assert (again.code, len(applied.azure.applications("Export"))) == (0, 1)


def test_the_deadline_is_one_for_all_sites(applied: Applied) -> None:
    applied.other_site()
    applied.azure.misbehave({"match": {"path": f"{ACADEMY}/config/appsettings", "method": "PUT"}, "fault": HANG})
    done = applied("-y", "--no-verify", "--timeout", "40", *JSON, text=TWO)
    assert done.code == 1, done
    assert of_site(done, "academy")["error"]["error"]["code"] == "deadline-passed"
    assert applied.status("learn")["healthy"] is True
