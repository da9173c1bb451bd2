"""`status -f`: every site of a trust file, in several tenants, side by side; one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import Ended, Program
from tests.cli.fleets import Fleet, check_costs, fleet
from tests.support.sandboxes import Tenants

JSON = ("-o", "json")
LONG = ("--expiring-within", "10d")
"""Shorter than any secret of these tenants lasts."""

__all__ = ["fleet"]


@pytest.fixture
def status(fleet: Fleet) -> Callable[..., Ended]:
    """`status -f` where nothing is wrong."""
    return lambda *words: fleet("status", *LONG, *words)


def sites(done: Ended) -> list[str]:
    return [site["site"] for site in done.document["sites"]]


def test_every_site_of_every_tenant_is_shown_in_the_order_of_the_file(status: Callable[..., Ended]) -> None:
    done = status(*JSON)
    assert (done.code, sites(done)) == (0, [f"t{tenant}-{number}" for tenant in (1, 2, 3) for number in (1, 2, 3)])
    assert (done.document["healthy"], done.document["failed"]) == (True, [])
    text = status()
    assert [line.split()[:2] for line in text.out.splitlines()[-9:-6]] == [
        [f"t1-{number}", f"(mct-{number})"] for number in (1, 2, 3)
    ]


def test_a_site_costs_its_own_requests_and_a_tenant_one_sign_in(status: Callable[..., Ended], tenants: Tenants) -> None:
    check_costs(status, tenants)


def test_a_site_and_a_tenant_that_fail_stop_no_other(status: Callable[..., Ended], tenants: Tenants) -> None:
    _, second, third = tenants.all
    second.azure.misbehave(
        {"match": {"path": "*/oauth2/v2.0/token"}, "fault": {"type": "status", "status": 401}, "times": 99}
    )
    third.azure.misbehave(
        {"match": {"path": "*/sites/mct-2/config/appsettings/list"}, "fault": {"type": "status", "status": 409},
         "times": 99}
    )  # fmt: skip
    done, page = status(*JSON), status("-o", "csv")
    text = status()
    for one in tenants.all:
        one.azure.behave()
    assert sites(done) == ["t1-1", "t1-2", "t1-3", "t3-1", "t3-3"]
    assert {one["site"]: one["error"]["code"] for one in done.document["failed"]} == {
        **dict.fromkeys(["t2-1", "t2-2", "t2-3"], "login-unreachable"),
        "t3-2": "arm-refused",
    }
    assert [one["name"] for one in done.document["failed"]] == ["mct-1", "mct-2", "mct-3", "mct-2"]
    assert [one.code for one in (done, page, text)] == [1, 1, 1]
    assert "t2-1 (mct-1): its state could not be read." in text.err
    assert "t3-2 (mct-2): its state could not be read." in page.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-a", "contosolearn"), "--app-service cannot be combined with --file"),
        (("--all",), "--all cannot be combined with --file"),
        (("--only", "t1-0"), "names no site 't1-0'"),
    ],
)
def test_what_says_something_else_than_the_file_is_refused(
    words: tuple[str, ...], told: str, status: Callable[..., Ended], tenants: Tenants
) -> None:
    done = status(*words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert tenants.all[0].log() == []


def test_only_needs_a_file(mct: Program) -> None:
    done = mct("status", "--only", "t1-1")
    assert (done.code, "--only names sites of a trust file" in done.err) == (2, True)
