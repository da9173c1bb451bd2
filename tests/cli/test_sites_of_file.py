"""`status -f`, `rotate-secret -f`: the sites of a trust file in several tenants, side by side: none
stops another. `teardown -f`, `remove-client -f`, `snippet -f`: one of them.
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


@pytest.mark.parametrize("option", ["--only", "--except"])
def test_a_choice_of_sites_needs_a_trust_file(mct: Program, option: str) -> None:
    done = mct("status", option, "t1-1")
    assert (done.code, f"{option} names sites of a trust file" in done.err) == (2, True)


def test_sites_that_are_left_out_cost_nothing_and_are_not_shown(fleet: Fleet) -> None:
    done = status(fleet, "--except", "t1-1", "--except", "t3-3", *JSON)
    assert sites(done) == [f"t1-{n}" for n in (2, 3)] + [f"t2-{n}" for n in (1, 2, 3)] + [
        f"t3-{n}" for n in (1, 2)
    ]
    unnamed = fleet(
        "rotate-secret", "Import 1", "--except", "t1-1", "--except", "t2-1", "--dry-run"
    )
    assert [key for key in DUE if f"{key} (" in unnamed.out] == ["t3-1"]
    nowhere = fleet("rotate-secret", "Other", "--except", "t1-1", "--dry-run")
    assert "no client 'Other' at any site but t1-1." in nowhere.err


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


# One site of the file: remove-client, teardown, snippet


def writes(fleet: Fleet) -> list[int]:
    """How many changes each tenant was asked for since the last time."""
    counts = [len(tenant.azure.writes()) for tenant in fleet.tenants.all]
    for tenant in fleet.tenants.all:
        tenant.azure.forget()
    return counts


def test_a_client_is_removed_where_the_file_says_that_its_site_is(fleet: Fleet) -> None:
    """By the profile: its tenant, and who signs in there."""
    writes(fleet)
    done = fleet("remove-client", "Import 1", "--only", "t2-1", "-y", *JSON)
    assert (done.code, done.document["schema"]) == (0, "mct-s2s/result/v1"), done
    first, second, third = writes(fleet)
    assert (first, second > 0, third) == (0, True, 0)
    clients = {
        site["site"]: [client["displayName"] for client in site["clients"]]
        for site in status(fleet, *JSON).document["sites"]
    }
    assert (clients["t2-1"], clients["t1-1"]) == (["Other"], ["Import 1", "Other"])
    notes = [note["text"] for note in done.document["notes"]]
    assert notes == ["The trust file still has 'Import 1': the next 'apply' sets it up again."]
    unnamed = fleet("remove-client", "Other", "--only", "t2-1", "-y")
    assert (unnamed.code, "still has" in unnamed.out) == (0, False), unnamed


def test_a_teardown_by_the_file_says_at_its_end_that_the_file_still_has_the_site(
    fleet: Fleet,
) -> None:
    done = fleet("teardown", "--only", "t3-2", "-y")
    assert done.code == 0, done
    still = "The trust file still has this site: the next 'apply' sets it up again."
    assert still in " ".join(done.out.split())
    read = status(fleet, "--only", "t3-2", *JSON)
    assert read.document["sites"][0]["serviceApplication"] is None
    assert fleet("apply", "--only", "t3-2", "--dry-run").code == 3


@pytest.mark.parametrize("command", [("teardown",), ("remove-client", "Import 2")])
def test_a_removal_names_the_file_of_the_trust_file_that_stays(
    fleet: Fleet, tmp_path: Path, command: tuple[str, ...]
) -> None:
    place = tmp_path / "own.env"
    fleet.write(t2_2=f'secret-to = "file:{place}"')
    assert fleet("rotate-secret", "Import 2", "--only", "t2-2", "-y").code == 0
    planned = fleet(*command, "--only", "t2-2", "--dry-run")
    done = fleet(*command, "--only", "t2-2", "-y")
    stays = f"'{place}' is where the trust file keeps the credential of 'Import 2': it stays."
    assert [stays in " ".join(ended.out.split()) for ended in (planned, done)] == [True, True]
    assert place.exists()
    assert "restored for 30 days: by apply with" in " ".join(done.out.split())
    place.unlink()
    fleet("apply", "--only", "t2-2", "-y", "--no-verify")
    place.unlink(missing_ok=True)
    again = fleet(*command, "--only", "t2-2", "--dry-run")
    assert str(place) not in again.out, "there is none"


@pytest.mark.parametrize("command", [("teardown",), ("remove-client", "x"), ("snippet", "x")])
def test_a_command_about_one_app_service_takes_one_site_of_the_file(
    fleet: Fleet, command: tuple[str, ...]
) -> None:
    several = fleet(*command, "--only", "t1-1", "--only", "t2-1")
    assert (several.code, "Name one with --only: t1-1, t2-1." in several.err) == (2, True), several
    every = fleet(*command)
    assert all(f"t{tenant}-{number}" in every.err for tenant in (1, 2, 3) for number in (1, 2, 3))
    unknown = fleet(*command, "--only", "t1-1l")
    assert "Did you mean 't1-1'?" in unknown.err
    typed = fleet(*command, "--only", "t1-1", "-a", "mct-1")
    assert "--app-service cannot be combined with --file" in typed.err
    without = fleet.mct(*command, "--only", "t1-1")
    assert "--only names sites of a trust file" in without.err
    assert {done.code for done in (every, unknown, typed, without)} == {2}
    assert [tenant.log() for tenant in fleet.tenants.all] == [[], [], []]


@pytest.mark.parametrize("command", ["remove-client", "snippet"])
def test_a_choice_of_sites_has_those_of_the_client(fleet: Fleet, command: str) -> None:
    done = fleet(command, "import 2")
    assert "Name one with --only: t1-2, t2-2, t3-2." in done.err


def test_a_failed_sign_in_for_one_site_of_the_file_names_its_profile(fleet: Fleet) -> None:
    second = fleet.tenants.all[1]
    second.azure.misbehave(
        {
            "match": {"path": "*/oauth2/v2.0/token"},
            "fault": {"type": "status", "status": 401},
            "times": 99,
        }
    )
    done = fleet("teardown", "--only", "t2-1", "-y")
    second.azure.behave()
    assert (done.code, "Cannot sign in for the profile 'tenant-2': " in done.err) == (1, True), done


def test_a_program_reads_the_credential_where_the_file_keeps_it(
    fleet: Fleet, tmp_path: Path
) -> None:
    place = tmp_path / "own" / "import.env"
    fleet.write(t2_2=f'secret-to = "file:{place}"')
    usual = fleet("snippet", "Import 2", "--only", "t2-2")
    assert (usual.code, str(place) in usual.out) == (0, False), usual
    assert fleet("rotate-secret", "Import 2", "--only", "t2-2", "-y").code == 0
    moved = fleet("snippet", "Import 2", "--only", "t2-2")
    assert (moved.code, str(place) in moved.out) == (0, True), moved


@pytest.mark.parametrize("named", ["key.pem", "key.env"])
def test_a_program_reads_a_certificate_of_which_the_file_names_either_file(
    fleet: Fleet, tmp_path: Path, named: str
) -> None:
    key = tmp_path / "key.pem"
    fleet.write(t2_2=f'credential = "certificate"\nsecret-to = "file:{tmp_path / named}"')
    assert fleet("apply", "--only", "t2-2", "-y", "--no-verify").code == 0
    program = fleet("snippet", "Import 2", "--only", "t2-2")
    assert (program.code, str(key) in program.out) == (0, True), program


def test_a_snippet_of_a_secret_that_the_file_gives_to_a_program_says_so(
    fleet: Fleet, tmp_path: Path
) -> None:
    fleet.write(t2_1='secret-to = "exec:gh secret set X"', t2_2="")
    for saved in tmp_path.rglob("*.env"):
        saved.unlink()
    said = " ".join(fleet("snippet", "Import 1", "--only", "t2-1").err.split())
    assert "gives the client's secret to exec:gh secret set X, so it is not in a file here" in said
    assert "in its usual place" not in said
    assert "in its usual place" in fleet("snippet", "Import 2", "--only", "t2-2").err
