"""`verify -f`, `doctor -f`, and the commands that are printed with `-f`: they name the file."""

import csv
import io
import re
import shlex
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, reading
from tests.conftest import JSON, SITE, Sandbox


@pytest.fixture
def mct(mct: Program) -> Program:
    return reading(mct)


READ = ("Application.Read.All", "Organization.Read.All", "RoleManagement.Read.Directory")
PIPELINE = (*READ, "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All")
INTEGRATIONS = SITE.partition("/providers/")[0].replace("mct-prod", "integrations")
VAULT = f"{INTEGRATIONS}/providers/Microsoft.KeyVault/vaults/{seed.VAULT}"
GROUP = "mct-fleet"
DUE = ("--expiring-within", "30d")
KEPT, BROKEN, UNSET, GONE = "kept", "broken", "unset", "gone"


@dataclass
class Fleet:
    mct: Program
    azure: Sandbox
    file: Path

    def __call__(self, command: str, *words: str, **more: dict[str, str]) -> Ended:
        return self.mct(command, "-f", str(self.file), *words, **more)

    def write(self, *sites: str, more: str = "") -> None:
        places = {site: self.file.parent / "secrets" / f"{site}.env" for site in sites}
        self.file.write_text(
            "\n".join(
                f'[sites.{site}]\nresource-group = "{GROUP}"\n[[sites.{site}.clients]]\nname = '
                f'"Import {site}"\n'
                f'secret-to = "file:{place}"\n{more}'
                for site, place in places.items()
            )
        )

    def settings(self, site: str, **values: str) -> None:
        resource = SITE.replace("/mct-prod/", f"/{GROUP}/").replace("/contosolearn", f"/{site}")
        self.azure.write_settings({**self.azure.settings(resource), **values}, resource)


@pytest.fixture
def fleet(mct: Program, azure: Sandbox, tmp_path: Path) -> Fleet:
    """Two sites that are set up by the file, one that is not, and one that does not exist."""
    for site in (KEPT, BROKEN, UNSET):
        azure.add_site(name=site, group=GROUP)
    fleet = Fleet(mct, azure, tmp_path / "trust.toml")
    fleet.write(KEPT, BROKEN)
    assert fleet("apply", "-y", "--no-verify").code == 0
    return fleet


def printed(*texts: str) -> list[list[str]]:
    """Our commands that a run has printed, as words."""
    lines = [line.strip().removeprefix("→ ") for text in texts for line in text.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("mct-s2s ")]


# verify


def test_each_proved_site_is_one_line_of_verify(fleet: Fleet) -> None:
    done = fleet("verify")
    assert done.code == 0, done
    assert done.out.splitlines() == [
        "✓ kept    1 client called the MCT API",
        "✓ broken  1 client called the MCT API",
        "",
        "2 sites: 2 verified; 2 clients called the MCT API.",
    ]


@pytest.mark.as_administrator(
    "who may not read the group is told of a role, not of a name that is not there"
)
def test_verify_shows_failures_last_and_a_total_at_the_end(fleet: Fleet) -> None:
    fleet.settings(BROKEN, ServiceAuthRole="Wrong")
    fleet.write(BROKEN, GONE, UNSET, KEPT)
    done = fleet("verify")
    assert done.code == 2, "a site that the file names does not exist"
    lines = done.out.splitlines()
    assert lines[:2] == [
        "✓ kept  1 client called the MCT API",
        "1 App Service is not set up: unset.",
    ]
    assert (
        lines[-1]
        == "4 sites: 1 verified, 1 not set up, 1 failed, 1 not read; 1 client called the MCT API."
    )
    assert "ServiceAuthRole is 'Wrong'" in done.out.partition("Site broken")[2]
    assert "gone: its state could not be read." in done.err


def test_a_secret_that_is_elsewhere_is_tested_by_its_file(fleet: Fleet) -> None:
    """Its client need not be rotated for a test."""
    place = fleet.file.parent / "secrets" / f"{BROKEN}.env"
    moved = place.rename(fleet.file.parent / "moved.env")
    done = fleet("verify")
    assert done.code == 3
    (words,) = [words for words in printed(done.out) if "rotate-secret" not in words]
    assert fleet.mct(*words[:-1], str(moved)).code == 0
    refused = fleet("verify", "--only", KEPT, "--credentials", str(moved))
    assert (refused.code, "[client-unknown]" in refused.err) == (2, True)


def test_a_site_whose_secrets_a_program_keeps_is_one_line_with_a_count_of_its_own(
    fleet: Fleet,
) -> None:
    fleet.write(KEPT)
    text = fleet.file.read_text()
    place = f"exec:{sys.executable} -c pass"
    fleet.file.write_text(re.sub("secret-to = .*", f'secret-to = "{place}"', text))
    done = fleet("verify")
    assert (done.code, done.out.splitlines()) == (
        3,
        [
            f"? kept  Import kept: its secret is kept by {place}, and can't be read",
            "",
            "1 site: 1 with clients that can't sign in from here; 0 clients called the MCT API.",
        ],
    )


def test_the_document_of_verify_has_every_site(fleet: Fleet) -> None:
    fleet.settings(BROKEN, ServiceAuthRole="Wrong")
    fleet.write(KEPT, GONE, UNSET, BROKEN)
    document = fleet("verify", "-o", "json").document
    assert {site["site"]: site["proved"] for site in document["sites"]} == {
        KEPT: True,
        UNSET: False,
        BROKEN: False,
    }
    assert [site["site"] for site in document["failed"]] == [GONE]
    assert document["proved"] is False


def test_verify_of_a_file_exits_3_for_a_site_that_is_not_set_up(fleet: Fleet) -> None:
    fleet.write(KEPT, UNSET)
    done = fleet("verify")
    assert (done.code, printed(done.out)) == (
        3,
        [["apply", "-f", str(fleet.file), "--only", "unset", "--cloud", fleet.azure.origin]],
    )


def test_verify_of_a_file_says_that_a_site_has_no_clients(fleet: Fleet) -> None:
    assert fleet.mct("remove-client", f"Import {KEPT}", "-a", KEPT, "-g", GROUP, "-y").code == 0
    fleet.write(KEPT)
    done = fleet("verify")
    assert (done.code, "has no clients: nothing can call its API yet." in done.out) == (3, True)
    (words,) = printed(done.out)
    assert words[:3] == ["apply", "-f", str(fleet.file)]


# doctor


@pytest.mark.as_administrator("some checks take rights to look that no change needs")
def test_each_ready_site_is_one_line_of_doctor(fleet: Fleet) -> None:
    fleet.settings(UNSET, ServiceAuthEnabled="false")  # an App Service may come with that one
    fleet.write(KEPT, UNSET)
    done = fleet("doctor")
    assert done.code == 0, done
    lines = done.out.splitlines()
    assert lines[:4] == [
        "✓ kept   All checks passed.",
        "✓ unset  All checks passed. 'unset' is not set up yet.",
        "",
        "2 sites: 2 ready.",
    ]
    (preview,) = printed(done.out)
    assert preview[:3] == ["apply", "-f", str(fleet.file)]
    assert fleet.mct(*preview).code == 3, "changes are pending"
    fleet.write(KEPT)
    assert printed(fleet("doctor").out) == [], "the dry run would show no changes"


def test_doctor_says_that_a_site_is_stopped(fleet: Fleet) -> None:
    site = SITE.replace("/mct-prod/", f"/{GROUP}/").replace("/contosolearn", f"/{KEPT}")
    fleet.azure.arm("POST", f"{site}/stop")
    fleet.write(KEPT)
    said = f"'{KEPT}' is stopped. A restart does not start it."
    assert fleet("doctor").out.splitlines()[0].endswith(said)
    assert said in fleet.mct("doctor", "-a", KEPT, "-g", GROUP).out.splitlines()


def test_doctor_of_a_file_checks_the_key_vaults_that_it_names(fleet: Fleet) -> None:
    """What `apply` is refused at once, of all sites that name one vault."""
    scope = SITE.replace("/mct-prod/", f"/{GROUP}/").partition("/providers/")[0]
    caller = fleet.azure.caller(*PIPELINE, arm=[("Website Contributor", scope)])
    fleet.write(KEPT, UNSET)
    text = fleet.file.read_text()
    for site in (KEPT, UNSET):
        place = fleet.file.parent / "secrets" / f"{site}.env"
        text = text.replace(f"file:{place}", f"keyvault:{seed.VAULT}/{site}")
    fleet.file.write_text(text)
    planned = fleet("apply", "--dry-run", env=caller)
    assert (planned.code, planned.out.count("az role assignment create")) == (4, 1), planned.out
    done = fleet("doctor", env=caller)
    assert (done.code, done.out.splitlines()[-1]) == (3, "2 sites: 2 not ready."), done
    assert f"You can't read secrets in the key vault '{seed.VAULT}'." in done.out
    assert done.out.count("az role assignment create") == 1, done.out
    officer = ("Key Vault Secrets Officer", VAULT)
    allowed = fleet.azure.caller(*PIPELINE, arm=[("Website Contributor", scope), officer])
    assert fleet("doctor", env=allowed).code == 0


def test_doctor_of_a_file_says_once_what_is_missing_at_several_sites(fleet: Fleet) -> None:
    fleet.azure.add_site(name="new", group=GROUP)
    scopes = [
        SITE.replace("/mct-prod/", f"/{GROUP}/").replace("/contosolearn", f"/{site}")
        for site in ("new", UNSET)
    ]
    caller = fleet.azure.caller(*READ, arm=[("Website Contributor", scope) for scope in scopes])
    fleet.write("new", UNSET)
    done = fleet("doctor", env=caller)
    assert done.code == 3
    explained, _, to_do = done.out.partition("To do:")
    assert [line for line in explained.splitlines() if line.startswith("Site ")] == [
        "Site new",
        "Site unset",
    ]
    assert (
        to_do.count("to create app registrations") == to_do.count("to grant admin consent") == 1
    ), done.out
    assert done.out.splitlines()[-1] == "2 sites: 2 not ready."
    document = fleet("doctor", "-o", "json", env=caller).document
    assert {site["site"]: site["ready"] for site in document["sites"]} == {
        "new": False,
        UNSET: False,
    }
    page = fleet("doctor", "-o", "markdown", env=caller).out
    assert page.startswith("# Permissions for 2 sites\n")
    in_job = fleet("doctor", env={**caller, "CI": "true", "GITHUB_ACTIONS": "true"})
    errors = [line for line in in_job.err.splitlines() if line.startswith("::error::")]
    assert [line.partition(":%0A- ")[0] for line in errors] == ["::error::new", "::error::unset"]


def test_doctor_of_a_file_names_once_what_it_could_not_check_and_who_grants_it(
    fleet: Fleet,
) -> None:
    fleet.azure.add_site(name="new", group=GROUP)
    subscription = f"/subscriptions/{fleet.azure.subscription_id}"
    looking = ("Application.Read.All", "Organization.Read.All")
    reader = fleet.azure.caller(*looking, arm=[("Website Contributor", subscription)])
    fleet.write("new", UNSET)
    done = fleet("doctor", env=reader)
    assert done.code == 0, done
    unchecked = "? Could not check whether you can create app registrations."
    assert done.out.splitlines().count(unchecked) == 1, done.out
    granted = done.out.partition("Not checked:")[2]
    assert granted.count("Application.ReadWrite.OwnedBy") >= 1, done.out
    fleet.write(BROKEN, UNSET)
    fleet.settings(BROKEN, ServiceAuthEnabled="false")
    told = fleet("doctor", env=reader).out
    assert "? unset: Could not check whether you can create app registrations." in told
    assert "apply" in [words[0] for words in printed(told)], "the settings are all that it takes"
    fleet.write(BROKEN, more=f'[[sites.{BROKEN}.clients]]\nname = "More"\n')
    more = " ".join(fleet("doctor", env=reader).out.split())
    assert "To complete the setup, if you may do what could not be checked:" in more, more


def test_doctor_of_a_file_says_of_complete_sites_what_it_could_not_check(fleet: Fleet) -> None:
    """A file that is up to date takes no right, but its next change and rotation do."""
    subscription = f"/subscriptions/{fleet.azure.subscription_id}"
    looking = ("Application.Read.All", "Organization.Read.All")
    reader = fleet.azure.caller(*looking, arm=[("Website Contributor", subscription)])
    done = fleet("doctor", env=reader)
    lines = done.out.splitlines()
    unchecked = "? Could not check whether you can create app registrations."
    assert (done.code, lines.count(unchecked)) == (0, 1), done.out
    assert "Application.ReadWrite.OwnedBy" in done.out.partition("Not checked:")[2], done.out
    assert lines[-1] == "2 sites: 2 ready as far as could be checked."
    assert fleet("doctor", "-o", "json", env=reader).document["sites"][0]["ready"] is True


def test_doctor_of_a_file_offers_no_apply_that_is_refused(fleet: Fleet) -> None:
    subscription = f"/subscriptions/{fleet.azure.subscription_id}"
    caller = fleet.azure.caller(*READ, arm=[("Website Contributor", subscription)])
    fleet.settings(BROKEN, ServiceAuthEnabled="false")
    fleet.write(BROKEN, more=f'[[sites.{BROKEN}.clients]]\nname = "More"\n')
    assert fleet("apply", "-y", env=caller).code == 4
    done = fleet("doctor", env=caller)
    assert (done.code, printed(done.out)) == (3, []), done
    assert "'broken' is not fully set up." in done.out


def test_doctor_of_a_file_says_what_a_site_lacks_by_the_file(fleet: Fleet) -> None:
    fleet.settings(BROKEN, ServiceAuthEnabled="false")
    done = fleet("doctor")
    assert done.code == 3
    assert [
        "apply",
        "-f",
        str(fleet.file),
        "--only",
        BROKEN,
        "--cloud",
        fleet.azure.origin,
    ] in printed(done.out)


@pytest.mark.as_administrator(
    "who may not read the group is told of a role, not of a name that is not there"
)
def test_each_site_that_does_not_exist_is_an_error_in_a_jobs_log(fleet: Fleet) -> None:
    fleet.write(GONE, KEPT)
    job = {"CI": "true", "GITHUB_ACTIONS": "true"}
    beside_json = ("apply", "-y", "-o", "json")
    for command in (
        ("apply", "--dry-run"),
        beside_json,
        ("rotate-secret", *DUE, "--dry-run"),
        ("doctor",),
    ):
        done = fleet(*command, env=job)
        assert done.code == 2
        (line,) = [line for line in done.err.splitlines() if line.startswith("::error")]
        assert line.startswith("::error::gone: No web or function app in the resource group")
        assert line.endswith("[site-not-found]")


IN_A_JOB = {"GITHUB_ACTIONS": "::error::", "TF_BUILD": "##vso[task.logissue type=error]"}


@pytest.mark.parametrize("service", IN_A_JOB)
def test_a_site_with_problems_is_one_error_in_a_jobs_log(fleet: Fleet, service: str) -> None:
    """Exit code 3 fails a step, whose page shows errors alone."""
    error = IN_A_JOB[service]
    job = {"CI": "true", service: "true"}
    fleet.settings(BROKEN, ServiceAuthRole="Other", ServiceApplicationIds="")
    for words in (("verify",), ("status",), ("verify", "-o", "json"), ("status", "-o", "json")):
        done = fleet(*words, env=job)
        assert done.code == 3
        (line,) = [line for line in done.err.splitlines() if line.startswith(error)]
        assert line.startswith(f"{error}{BROKEN}:")
        assert f"Import {BROKEN}" in line
    done = fleet("status", "--only", KEPT, env=job)
    assert (done.code, error in done.err) == (0, False)


def test_what_is_applied_to_several_sites_is_folded_in_a_jobs_log(fleet: Fleet) -> None:
    """Sites take turns, so that all their steps are one group, and what came of them is in none."""
    fleet.azure.add_site(name="new", group=GROUP)
    fleet.write(UNSET, "new")
    done = fleet("apply", "-y", "--no-verify", env={"CI": "true", "GITHUB_ACTIONS": "true"})
    assert done.code == 0
    _, _, steps = done.err.partition("::group::Applying to 2 sites\n")
    folded, _, after = steps.partition("::endgroup::\n")
    assert folded.count("Created client application") == 2
    assert "Created" not in after
    assert done.err.count("::group::") == done.err.count("::endgroup::") == 3


@pytest.mark.as_administrator("the sites of the subscription are listed")
def test_a_site_in_another_group_is_named_with_the_key_of_the_file(fleet: Fleet) -> None:
    fleet.azure.add_site(name="moved", group="mct-else")
    fleet.write("moved", KEPT)
    advice = 'In the file, set sites.moved.resource-group = "mct-else".'
    for command in (("apply", "--dry-run"), ("status",), ("doctor",)):
        done = fleet(*command)
        assert advice in " ".join((done.out + done.err).split())
    to_do = fleet("doctor").out.partition("To do:")[2]
    assert f"moved: {advice}" in " ".join(to_do.split())


@pytest.mark.as_administrator("the sites of the subscription are listed")
def test_of_sites_of_one_name_the_key_of_the_file_tells_which(fleet: Fleet) -> None:
    """A typed --resource-group would be refused beside the file."""
    for group in ("mct-north", "mct-south"):
        fleet.azure.add_site(name="twin", group=group)
    fleet.file.write_text("[sites.twin]\n")
    done = fleet("status")
    told = " ".join((done.out + done.err).split())
    assert (done.code, "In the file, set sites.twin.resource-group, or use" in told) == (2, True)
    assert "--resource-group" not in told


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "--client", "Import kept"),
        ("verify", "Import kept"),
        ("verify", "--audience", "api://x"),
        ("verify", "--url", "https://x"),
        ("doctor", "--role", "R"),
        ("doctor", "--managed-identity", "reports-func"),
        ("doctor", "--no-app-service"),
    ],
)
def test_what_a_file_says_is_refused_beside_it(words: tuple[str, ...], fleet: Fleet) -> None:
    done = fleet(*words)
    assert (done.code, "cannot be combined with --file" in done.err) == (2, True)
    if words[0] == "verify" and "--client" not in words:
        assert "--client" not in done.err, "nobody typed it"


# one client


def test_one_client_is_rotated_where_the_file_says(fleet: Fleet) -> None:
    place = fleet.file.parent / "secrets" / f"{KEPT}.env"
    before = place.read_text()
    done = fleet("rotate-secret", f"Import {KEPT}", "-y", "-o", "json")
    assert done.code == 0, done
    (site,) = done.document["sites"]
    assert [
        credential["savedTo"]
        for credential in site["result"]["credentials"]
        if credential["created"]
    ] == [f"file:{place}"]
    assert place.read_text() != before
    assert fleet("verify").code == 0


def test_a_dry_run_of_a_rotation_says_that_its_fingerprint_is_of_the_file(fleet: Fleet) -> None:
    planned = fleet("rotate-secret", f"Import {KEPT}", "--dry-run")
    other = fleet("rotate-secret", f"Import {KEPT}", "--remove-old", "--dry-run")
    prints = [re.findall("Fingerprint: ([0-9a-f]+)", done.out) for done in (planned, other)]
    assert prints[0] == prints[1] != []
    assert "The fingerprint is of the file at these sites, not of this plan" in planned.err
    assert "The fingerprint is of the file" not in fleet("apply", "--dry-run").err


def test_a_rotation_counts_a_site_that_is_not_set_up_by_itself(fleet: Fleet) -> None:
    fleet.write(KEPT, UNSET)
    planned, done = fleet("rotate-secret", *DUE, "--dry-run"), fleet("rotate-secret", *DUE, "-y")
    assert (planned.code, done.code) == (0, 0)
    total = "2 sites: 0 to create, 0 to change, 0 to remove; 1 up to date; 1 not set up."
    assert total in planned.out
    assert done.out.splitlines()[-1] == "2 sites: 1 up to date, 1 not set up, 0 failed."


def test_a_rotation_by_name_is_completed_only_where_it_is_not_done(fleet: Fleet) -> None:
    """The same command would make another secret where it is."""
    refusal = fleet.file.parent / "refuses"
    program = fleet.file.parent / "program.py"
    program.write_text(
        "import pathlib, sys\n"
        f"sys.exit(sys.argv[1] == '{BROKEN}' and pathlib.Path('{refusal}').exists())\n"
    )
    fleet.file.write_text(
        "".join(
            f'[sites.{site}]\nresource-group = "{GROUP}"\n[[sites.{site}.clients]]\n'
            f'name = "Import"\nsecret-to = "exec:{sys.executable} {program} {site}"\n'
            for site in (KEPT, BROKEN)
        )
    )
    assert fleet("apply", "-y", "--no-verify").code == 0
    refusal.touch()
    done = fleet("rotate-secret", "Import", "-y")
    assert done.code == 1
    (rest,) = [words for words in printed(done.err) if "--remove-old" not in words]
    assert rest[:1] == ["rotate-secret"]
    refusal.unlink()
    assert [site["site"] for site in fleet.mct(*rest, *JSON).document["sites"]] == [BROKEN]


def test_a_client_that_the_file_does_not_name_is_not_rotated(fleet: Fleet) -> None:
    done = fleet("rotate-secret", "Import kep", "-y")
    assert (done.code, "names no client 'Import kep'" in done.err) == (2, True)
    assert "Did you mean 'Import kept'?" in done.err
    assert "rotated by that" not in fleet("rotate-secret", "Hand export", "-y").err
    text = fleet.file.read_text()
    fleet.file.write_text(text.replace("Import kept", "90b4a706-0000-4000-8000-000000000001"))
    by_hand = fleet("rotate-secret", "Hand export", "-y")
    assert "names by its appId is rotated by that." in " ".join(by_hand.err.split())


def test_status_of_a_file_warns_of_the_secret_that_its_own_place_has(fleet: Fleet) -> None:
    """A newer one elsewhere is no use to who reads that place."""
    site = f'[sites.{UNSET}]\nresource-group = "{GROUP}"\n'
    client = f'{site}[[sites.{UNSET}.clients]]\nname = "Import"\nsecret-lifetime = '
    one = f'{client}"20d"\nsecret-to = "keyvault:{seed.VAULT}/one"\n'
    fleet.file.write_text(one)
    assert fleet("apply", "-y", "--no-verify").code == 0
    fleet.file.write_text(f'{client}"1y"\nsecret-to = "keyvault:{seed.VAULT}/two"\n')
    assert fleet("rotate-secret", "Import", "-y").code == 0
    assert fleet("status").code == 0
    fleet.file.write_text(one)
    done = fleet("status")
    assert done.code == 3, done.out
    told = "The secret of 'Import' at the place that the file names expires on "
    assert told in " ".join(done.out.split())
    assert "rotate-secret" in [words[0] for words in printed(done.out)]


# what is printed with -f

NO_SECRET = {"remove-client", "configure-appservice"}
"""What has no form with `-f`, and puts no secret anywhere."""
WRONG: dict[str, dict[str, str]] = {
    "role": {"ServiceAuthRole": "Wrong"},
    "audience": {"ServiceAuthAudience": "api://wrong"},
    "off": {"ServiceAuthEnabled": "false"},
    "list": {"ServiceApplicationIds": ""},
    "stranger": {"ServiceObjectIds": "0b1f6471-1bf0-4dda-aec3-cb9272f09590"},
}


@pytest.mark.parametrize("wrong", [*WRONG, "lost", "unset", "expiring"])
def test_commands_that_are_printed_with_a_file_name_it(fleet: Fleet, wrong: str) -> None:
    within = ("--expiring-within", "400d") if wrong == "expiring" else ()
    if wrong == "unset":
        fleet.write(KEPT, UNSET)
    elif wrong == "lost":
        (fleet.file.parent / "secrets" / f"{BROKEN}.env").unlink()
    else:
        fleet.settings(BROKEN, **WRONG.get(wrong, {}))
    runs = [
        fleet("status", *within),
        fleet("status", *within, "-o", "csv"),
        fleet("verify"),
        fleet("doctor"),
    ]
    runs += [
        fleet("apply", "--dry-run"),
        fleet("rotate-secret", "--expiring-within", "400d", "--dry-run"),
    ]
    commands = printed(*(text for done in runs for text in (done.out, done.err)))
    rows = csv.DictReader(io.StringIO(runs[1].out))
    commands += [
        shlex.split(row["command"])[1:] for row in rows if row["command"].startswith("mct-s2s ")
    ]
    assert commands
    named = ["-f", str(fleet.file)]
    assert [
        words
        for words in commands
        if words[0] not in NO_SECRET and named not in list(map(list, pairwise(words)))
    ] == []
