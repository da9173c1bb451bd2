"""`status -f`, `rotate-secret -f`: the sites of a trust file in several tenants, side by side: none
stops another.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended, Program
from tests.conftest import Json
from tests.reliability.harness import label
from tests.support.sandbox_inside import Inside
from tests.support.sandboxes import Tenants

JSON = ("-o", "json")
LONG = ("--expiring-within", "10d")
"""Shorter than any secret of these tenants lasts."""
DUE_SOON = ("--expiring-within", "30d")
ROTATE = (*DUE_SOON, "-y", "-o", "json")
DUE = [f"t{tenant}-{number}" for tenant in (1, 2, 3) for number in (1, 2)]
PER_TENANT = 3
SOON = "20d"
"""The lifetime of the secrets at the first two sites of each tenant; at the third it is a year."""
_KEPT: list[Json] = []
"""The state of each tenant, made once."""


@dataclass
class Fleet:
    """Runs the program over the file; variables that name one App Service stay set, as they would
    in a user's shell.
    """

    mct: Program
    tenants: Tenants
    file: Path

    def __call__(self, command: str, *words: str) -> Ended:
        """Run a command with `-f`, each tenant by the login host of its own cloud."""
        return self.mct(command, "-f", str(self.file), *words, env={"AZURE_AUTHORITY_HOST": ""})

    def write(self, **of_clients: str) -> None:
        """The file, with more lines for the client of a site: `t1_2='secret-to = "…"'`."""
        sites = [(tenant, number) for tenant in (1, 2, 3) for number in range(1, PER_TENANT + 1)]
        tables = (
            _site(tenant, number, of_clients.get(f"t{tenant}_{number}", ""))
            for tenant, number in sites
        )
        self.file.write_text(self.tenants.profiles() + "".join(tables))


def _site(tenant: int, number: int, more: str) -> str:
    return f"""
[sites.t{tenant}-{number}]
profile = "tenant-{tenant}"
app-service = "mct-{number}"
resource-group = "mct"
[[sites.t{tenant}-{number}.clients]]
name = "Import {number}"
{more}
"""


def requests_of(tenant: Inside) -> Counter[str]:
    """What a sandbox was asked since the last time, each site's by `mct-N`."""
    counted = Counter(re.sub(r"mct-\d|import-\d-\w+", "…", label(row)) for row in tenant.log())
    tenant.pipeline.observability.log.clear()
    return counted


OF_A_TENANT = (
    "transitiveMemberOf", "appRoleAssignments", "ownedObjects", "/policies/", "/organization",
    "/token", "/metadata",
)  # fmt: skip
"""In requests about the tenant, the subscription or the caller, of which there is one for all
sites.
"""


@pytest.fixture
def fleet(mct: Program, tenants: Tenants, tmp_path: Path) -> Fleet:
    """The tenants as they begin: each site has a client with a secret, and the first one
    another.
    """
    first = tenants.all[0]
    if not _KEPT:
        first.azure.reset()
        for number in range(1, PER_TENANT + 1):
            first.azure.add_site(
                name=f"mct-{number}", group="mct", subscription=first.azure.subscription_id
            )
            words = ["-a", f"mct-{number}", "-g", "mct", "--client", f"Import {number}"]
            words += ["--client", "Other"] if number == 1 else []
            words += ["--secret-lifetime", SOON] if number < PER_TENANT else []
            assert mct("setup", *words, "-y", "--no-verify").code == 0
        _KEPT.append(first.keep())
    tenants.become(_KEPT[0])
    made = Fleet(mct, tenants, tmp_path / "trust.toml")
    made.write()
    return made


@pytest.mark.parametrize("words", [("status",), ("rotate-secret", "-y")], ids=" ".join)
def test_a_site_costs_its_own_requests_and_a_tenant_its_caller(
    fleet: Fleet, words: tuple[str, ...]
) -> None:
    """Sixty sites take no sixty sign-ins, and none waits for another: each adds its own requests,
    no more.
    """

    def run(*only: str) -> Ended:
        return fleet(*words, *LONG, *(word for site in only for word in ("--only", site)))

    fleet.tenants.slow_down(0.1)
    first = fleet.tenants.all[0]
    one = run("t1-2"), requests_of(first)
    two = run("t1-2", "t1-3"), requests_of(first)
    everything = run()
    assert [done.code for done in (one[0], two[0], everything)] == [0, 0, 0]
    # Which requests leave together is for the event loop to say: a round trip or two more, but not
    # eight sites' worth.
    assert everything.seconds <= one[0].seconds + 0.25
    difference = two[1] - one[1]
    assert not any(word in request for request in difference for word in OF_A_TENANT)
    for tenant in fleet.tenants.all:
        assert requests_of(tenant).total() == one[1].total() + (PER_TENANT - 1) * difference.total()


# status


def status(fleet: Fleet, *words: str) -> Ended:
    """Where nothing is wrong."""
    return fleet("status", *LONG, *words)


def sites(done: Ended) -> list[str]:
    return [site["site"] for site in done.document["sites"]]


def test_every_site_of_every_tenant_is_shown_in_the_order_of_the_file(fleet: Fleet) -> None:
    done = status(fleet, *JSON)
    assert (done.code, sites(done)) == (
        0,
        [f"t{tenant}-{number}" for tenant in (1, 2, 3) for number in (1, 2, 3)],
    )
    assert (done.document["healthy"], done.document["failed"]) == (True, [])
    text = status(fleet)
    assert [line.split()[:2] for line in text.out.splitlines()[-9:-6]] == [
        [f"t1-{number}", f"(mct-{number})"] for number in (1, 2, 3)
    ]


def test_a_site_and_a_tenant_that_fail_stop_no_other(fleet: Fleet) -> None:
    _, second, third = fleet.tenants.all
    second.azure.misbehave(
        {
            "match": {"path": "*/oauth2/v2.0/token"},
            "fault": {"type": "status", "status": 401},
            "times": 99,
        }
    )
    third.azure.misbehave(
        {"match": {"path": "*/sites/mct-2/config/appsettings/list"},
         "fault": {"type": "status", "status": 409},
         "times": 99}
    )  # fmt: skip
    done, page = status(fleet, *JSON), status(fleet, "-o", "csv")
    text = status(fleet)
    for tenant in fleet.tenants.all:
        tenant.azure.behave()
    assert sites(done) == ["t1-1", "t1-2", "t1-3", "t3-1", "t3-3"]
    assert {failure["site"]: failure["error"]["code"] for failure in done.document["failed"]} == {
        **dict.fromkeys(["t2-1", "t2-2", "t2-3"], "login-unreachable"),
        "t3-2": "arm-refused",
    }
    assert [failure["name"] for failure in done.document["failed"]] == [
        "mct-1",
        "mct-2",
        "mct-3",
        "mct-2",
    ]
    assert [ended.code for ended in (done, page, text)] == [1, 1, 1]
    together = "t2-1 (mct-1), t2-2 (mct-2), t2-3 (mct-3): their state could not be read.\n"
    assert f"{together}error: Cannot sign in for the profile 'tenant-2': " in text.err
    assert text.err.count("Cannot sign in") == 1, "one failure is told once"
    assert "t3-2 (mct-2): its state could not be read." in page.err


def test_status_of_a_file_is_a_page_of_markdown(fleet: Fleet) -> None:
    done = status(fleet, "-o", "markdown")
    assert (done.code, done.out.startswith("# Service-to-service authentication of MCT")) == (
        0,
        True,
    )


def test_a_choice_of_sites_needs_a_trust_file(mct: Program) -> None:
    done = mct("status", "--only", "t1-1")
    assert (done.code, "--only names sites of a trust file" in done.err) == (2, True)


# rotate-secret


def made(done: Ended) -> dict[str, list[Any]]:
    """The new credentials of each site that could be read."""
    results = {site["site"]: site["result"] for site in done.document["sites"] if site["result"]}
    return {
        key: [credential for credential in result["credentials"] if credential["created"]]
        for key, result in results.items()
    }


def test_each_secret_that_ends_is_replaced_where_the_file_says(
    fleet: Fleet, tmp_path: Path
) -> None:
    place = tmp_path / "own" / "import.env"
    fleet.write(t2_2=f'secret-to = "file:{place}"\nsecret-lifetime = "90d"')
    done = fleet("rotate-secret", *ROTATE)
    assert done.code == 3, "'Other', which the file does not name, is left alone"
    by_site = made(done)
    assert [key for key, credentials in by_site.items() if credentials] == DUE
    assert all(len(by_site[key]) == 1 for key in DUE)
    (new,) = by_site["t2-2"]
    assert new["savedTo"] == f"file:{place}"
    assert f"AZURE_CLIENT_ID={new['appId']}" in place.read_text().replace("'", "")
    assert new["expires"] < by_site["t1-2"][0]["expires"]
    files = {credential["savedTo"] for key in DUE for credential in by_site[key]}
    assert len(files) == len(DUE)
    assert all(Path(file.removeprefix("file:")).is_file() for file in files)
    again = fleet("rotate-secret", *ROTATE)
    assert (
        again.code,
        [credential for credentials in made(again).values() for credential in credentials],
    ) == (
        3,
        [],
    )


def test_a_client_that_the_file_does_not_name_is_said_and_left(fleet: Fleet) -> None:
    told = "Left alone, although a credential expires: 'Other'."
    assert told in " ".join(
        fleet("rotate-secret", *DUE_SOON, "--dry-run", "-q", "--only", "t1-1").out.split()
    )
    done = fleet("rotate-secret", *ROTATE, "--only", "t1-1")
    assert done.code == 3, "done, but a client was left alone"
    (site,) = done.document["sites"]
    assert [credential["client"] for credential in made(done)["t1-1"]] == ["Import 1"]
    notes = [note["text"] for note in site["result"]["notes"]]
    assert any(note.startswith(told) for note in notes)


def test_a_dry_run_writes_nothing_and_tells_each_site(fleet: Fleet) -> None:
    done = fleet("rotate-secret", *DUE_SOON, "--dry-run", "-o", "markdown")
    assert done.code == 3
    assert all(f"Plan for {key} (mct-" in done.out for key in DUE)
    assert "3 up to date" in done.out
    assert [
        row.path
        for tenant in fleet.tenants.all
        for row in tenant.log()
        if row.path.endswith("/addPassword")
    ] == []


def test_every_lifetime_of_a_file_that_is_too_short_is_said_with_its_key(fleet: Fleet) -> None:
    fleet.write(t1_1='secret-lifetime = "20d"', t2_2='secret-lifetime = "25d"')
    done = fleet("rotate-secret", *DUE_SOON, "--dry-run")
    assert done.code == 2
    listed = [line.strip() for line in done.err.splitlines() if line.startswith("  - ")]
    assert listed == [
        "- sites.t1-1.clients[0].secret-lifetime ('Import 1')",
        "- sites.t2-2.clients[0].secret-lifetime ('Import 2')",
    ]
    assert "Use a longer --secret-lifetime" not in done.err


FEDERATED = 'credential = "federated"\ngithub = "octo/import"\nsecret-lifetime = "20d"'


def test_a_rotation_of_a_client_that_has_no_secret_by_the_file_is_refused(fleet: Fleet) -> None:
    """As one by the App Service is, and not up to date."""
    fleet.write(t1_1=FEDERATED)
    done = fleet("rotate-secret", "Import 1", "--only", "t1-1", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (2, "no-secret-to-rotate")
    fleet.write(t1_1=FEDERATED, t2_1="")
    elsewhere = fleet("rotate-secret", "Import 1", "--dry-run")
    assert elsewhere.code == 3, "another site's client of that name has a secret"


def test_a_lifetime_that_does_not_count_is_not_called_too_short(fleet: Fleet) -> None:
    fleet.write(t1_1=FEDERATED)
    done = fleet("apply", "--only", "t1-1", "--dry-run")
    assert (done.code, "is to last" in done.out) == (3, False), done


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("status", "-a", "contosolearn"), "--app-service cannot be combined with --file"),
        (("status", "--all"), "--all cannot be combined with --file"),
        (("status", "--only", "t1-0"), "names no site 't1-0'"),
        (("rotate-secret",), "nothing says which of their secrets"),
        (
            ("rotate-secret", "Import 1", *DUE_SOON),
            "--expiring-within cannot be combined with the client 'Import 1'",
        ),
        (
            ("rotate-secret", *DUE_SOON, "--secret-to", "show"),
            "--secret-to cannot be combined with --file",
        ),
        (
            ("rotate-secret", *DUE_SOON, "--secret-lifetime", "30d"),
            "sites.t1-1.clients[0] ('Import 1')",
        ),
    ],
)
def test_an_option_that_does_not_fit_a_trust_file_is_refused(
    words: tuple[str, ...], told: str, fleet: Fleet
) -> None:
    fleet.write(t3_3='credential = "none"')
    done = fleet(*words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert fleet.tenants.all[0].log() == []
