"""`apply`: all sites of a trust file are set up as it says, each with its own outcome."""

import html
import json
import os
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.cli import site_change
from mct_s2s.engine import flow
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Session
from mct_s2s.planning.pruning import TooManyRemovals, refused_together
from mct_s2s.sandbox.observability.exchange import Entry
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program
from tests.conftest import SITE, Json, Sandbox
from tests.support.markup import outside_code
from tests.support.sandbox_inside import Inside
from tests.support.sandboxes import Tenants

JSON = ("-o", "json")
READ = (
    "Application.Read.All",
    "Organization.Read.All",
    "RoleManagement.Read.Directory",
    "Policy.Read.All",
)
LOOKS = {"name": "Looks", "actions": ["*/read", "Microsoft.Web/sites/config/list/action"]}
"""The Azure role of the pipeline that plans: docs/pipelines.md."""
HOSTILE = "a|b `c` [d](e) <script> @team"
ONE = "[sites.learn]\napp-service = 'contosolearn'\n"
ACADEMY = SITE.replace("contosolearn", "academy")
TWO = (
    f"{ONE}[[sites.learn.clients]]\nname = "
    "'Import'\n[sites.academy]\n[[sites.academy.clients]]\nname = 'Export'\n"
)
"""A site of the seed, and one that `Applied.other_site` adds."""
SETTINGS = {"path": f"{ACADEMY}/config/appsettings", "method": "PUT"}
LIST = f"{ACADEMY}/config/appsettings/list"


@dataclass
class Applied:
    """Runs `apply` over a file; the variables that name one App Service stay set, as they would in
    a user's shell.
    """

    mct: Program
    azure: Sandbox
    file: Path

    def __call__(
        self, *words: str, text: str | None = None, env: Mapping[str, str] | None = None
    ) -> Ended:
        """Apply the file as it is, or as it is from now on."""
        if text is not None:
            self.file.write_text(text)
        return self.mct("apply", "-f", str(self.file), *words, env=env)

    def clients(self, key: str) -> list[str]:
        """Those of one site of the file, as `status` has them."""
        done = self.mct("status", "-f", str(self.file), "--only", key, "-o", "json")
        return [client["displayName"] for client in of_site(done, key)["clients"]]

    def other_site(self) -> None:
        """The academy, in the group of the first."""
        self.azure.add_site(
            name="academy", group="mct-prod", subscription=self.azure.subscription_id
        )

    def fingerprint(self, *words: str) -> str:
        """The one that a dry run prints."""
        dry = self("--dry-run", *words)
        assert dry.code in {0, 3}, dry
        return dry.out.strip().splitlines()[-1].removeprefix("Fingerprint: ")


def of_site(done: Ended, key: str) -> Any:
    """What a document says of one site."""
    (row,) = [site for site in done.document["sites"] if site["site"] == key]
    return row


def steps_of(dry: Ended) -> list[tuple[object, ...]]:
    """What a dry run shows of each step, but for who may do it."""
    (site,) = dry.document["sites"]
    return [
        tuple(row.get(key) for key in ("action", "resource", "name", "before", "after"))
        for row in site["result"]["changes"]
    ]


@pytest.fixture
def applied(mct: Program, azure: Sandbox, tmp_path: Path) -> Applied:
    return Applied(mct, azure, tmp_path / "trust.toml")


def one(*clients: str) -> str:
    return ONE + "".join(f"[[sites.learn.clients]]\nname = '{name}'\n" for name in clients)


def test_two_sites_are_set_up_by_one_command_and_a_second_run_changes_nothing(
    applied: Applied,
) -> None:
    applied.other_site()
    done = applied("-y", *JSON, text=TWO)
    assert done.code == 0, done
    for key, site, client in (("learn", SITE, "Import"), ("academy", ACADEMY, "Export")):
        result = of_site(done, key)["result"]
        (credential,) = result["credentials"]
        assert (credential["client"], result["verification"]["proved"]) == (client, True)
        assert applied.azure.settings(site)["ServiceApplicationIds"] == credential["appId"]
    applied.azure.forget()
    again = applied("-y")
    assert (again.code, applied.azure.writes()) == (0, [])
    assert again.out == "2 sites: 2 up to date, 0 failed.\n", "sites that do not change are counted"


def test_a_site_that_cannot_be_read_stops_no_other_and_is_not_what_was_reviewed(
    applied: Applied,
) -> None:
    reviewed = applied("--dry-run", *JSON, text=TWO)  # there is no academy
    assert (reviewed.code, reviewed.document["fingerprint"]) == (2, None)
    assert "Fingerprint" not in applied("--dry-run", "-o", "markdown").out
    expected = applied("--expect", "0" * 64, "-y", *JSON)
    assert (expected.code, applied.azure.writes()) == (2, [])
    assert "academy" in expected.document["error"]["message"]
    done = applied("-y", *JSON)
    assert done.code == 1
    assert of_site(done, "learn")["result"]["verification"]["proved"] is True
    assert of_site(done, "academy")["error"]["error"]["code"] == "site-not-found"
    text = applied("-y")
    assert text.code == 2, "nothing was written"
    assert text.out.splitlines()[0].startswith("✗ academy")
    assert text.out.splitlines()[-1] == "2 sites: 1 up to date, 1 failed."
    assert "error: " in text.err, "the detail of what failed"


def test_a_site_that_cannot_be_read_ends_with_2_where_the_other_wrote_nothing_either(
    applied: Applied,
) -> None:
    applied.azure.misbehave(
        {
            "match": {"method": "POST", "path": "*/applications"},
            "fault": {"type": "status", "status": 403},
        }
    )
    done = applied("-y", *JSON, text=TWO)  # there is no academy
    assert of_site(done, "learn")["error"]["error"]["code"] == "permission-missing"
    assert of_site(done, "learn")["error"]["done"] == []
    assert done.code == 2


def test_a_reviewed_plan_is_applied_without_printing_or_asking_again(applied: Applied) -> None:
    applied.other_site()
    reviewed = applied("--dry-run", *JSON, text=TWO).document["fingerprint"]
    again = applied("--expect", reviewed, "--dry-run")
    assert "To apply this, run the same command without --dry-run." in again.err
    done = applied("--expect", reviewed)
    assert (done.code, "Plan for" in done.err, "Apply" in done.err) == (0, False, False), done
    assert done.out.splitlines()[-1] == "2 sites: 2 done, 0 failed; 2 clients called the API."


def test_a_step_that_fails_is_told_of_its_site_with_what_was_done(applied: Applied) -> None:
    applied.other_site()
    refused = {"type": "status", "status": 409, "code": "Conflict", "message": "Not now."}
    applied.azure.misbehave({"match": SETTINGS, "fault": refused})
    done = applied("-y", *JSON, text=TWO)
    assert done.code == 1
    failed = of_site(done, "academy")["error"]
    assert {"service application", "secret"} <= {step["resource"] for step in failed["done"]}
    assert "application settings" in {step["resource"] for step in failed["notDone"]}
    assert [credential["client"] for credential in failed["credentials"]] == ["Export"], (
        "a secret that was made is always told"
    )
    assert of_site(done, "learn")["error"] is None


def test_a_bug_at_one_site_stops_no_other(
    applied: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the other one has made is told, whatever happens here."""
    applied.other_site()
    carry_out = flow.carry_out

    async def fails_at_the_academy(session: Session, outcome: Outcome, *more: Any) -> Outcome:
        if outcome.request.label == "academy":
            raise KeyError("x")
        return await carry_out(session, outcome, *more)

    monkeypatch.setattr(site_change, "carry_out", fails_at_the_academy)
    done = applied("-y", "--no-verify", *JSON, text=TWO)
    assert done.code == 1
    error = of_site(done, "academy")["error"]["error"]
    assert (error["code"], "KeyError" in error["message"]) == ("internal-error", True)
    assert of_site(done, "learn")["result"]["credentials"]


def test_a_profile_says_who_signs_in(applied: Applied) -> None:
    caller = applied.azure.caller("Application.Read.All")
    text = f"[profiles.p]\nclient-id = '{caller['AZURE_CLIENT_ID']}'\n{ONE}profile = 'p'\n"
    done = applied(
        "--dry-run", text=text, env={"AZURE_CLIENT_SECRET": caller["AZURE_CLIENT_SECRET"]}
    )
    assert f"Signing in with service principal {caller['AZURE_CLIENT_ID']}" in done.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("-a", "x"), "contradictory-options", "--only"),
        (("--slot", "x"), "contradictory-options", "slot"),
        (("-g", "x"), "contradictory-options", "resource-group"),
        (("--backup", "x"), "contradictory-options", "--backup"),
        (("--only", "lern"), "site-unknown", "Did you mean 'learn'?"),
        (("--allow-removals",), "contradictory-options", "--prune"),
        (("--expect", "abc"), "malformed-fingerprint", "64"),
    ],
)
def test_options_without_a_meaning_are_refused_before_anything_is_sent(
    applied: Applied, words: tuple[str, ...], code: str, told: str
) -> None:
    done = applied("-y", *JSON, *words, text=one("Import"))
    error = done.document["error"]
    assert (done.code, error["code"], applied.azure.log()) == (2, code, [])
    assert told in f"{error['message']} {error['remedy']}"


def test_a_step_for_others_is_said_also_where_the_run_has_nothing_to_do(applied: Applied) -> None:
    rights = (
        "Application.ReadWrite.All",
        "Organization.Read.All",
        "RoleManagement.Read.Directory",
        "Policy.Read.All",
    )
    limited = applied.azure.caller(
        *rights, arm=[("Owner", f"/subscriptions/{applied.azure.subscription_id}")]
    )
    assert applied("-y", "--no-verify", text=one("Import"), env=limited).code == 4
    again = applied("-y", "--no-verify", env=limited)
    assert again.code == 4, again
    assert again.out.startswith("! learn (contosolearn)  steps left for someone else, see below")
    assert "admin consent to 'Import'" in again.out


# What is reviewed


def test_a_plan_for_others_names_no_folder_of_this_machine(applied: Applied) -> None:
    applied("-y", text=one("A"))
    assert applied.mct("add-client", "B", "-y", "--secret-to", "show").code == 0
    page = applied("--dry-run", "-o", "markdown", text=one("A", "B")).out
    assert "'B' has a secret" in page
    assert "its file on this machine does not hold it" in page
    assert "file:/" not in page


def test_a_locked_site_of_a_plan_needs_the_removal_of_its_lock(applied: Applied) -> None:
    applied.azure.lock(SITE)
    page = applied("--dry-run", "-o", "markdown", text=one("A")).out
    (row,) = [line for line in page.splitlines() if "blocked: " in line]
    assert "blocked: needs removal of the read-only lock" in row
    assert "missing" not in row


def test_the_plan_for_a_pull_request_is_markdown_that_no_name_breaks(applied: Applied) -> None:
    text = (
        f'[sites."{HOSTILE}"]\napp-service = '
        f'"contosolearn"\n[[sites."{HOSTILE}".clients]]\nname '
        f'= "{HOSTILE}"\n'
    )
    dry = applied("--dry-run", "-o", "markdown", text=text)
    assert dry.code == 3, dry
    page = outside_code(dry.out)
    assert [markup for markup in ("<script>", "<code>c", "<a ") if markup in page] == []
    assert "@team" not in dry.out.splitlines()[0], "and no one is called, as in a block of code"
    assert dry.out.splitlines()[2].startswith("Fingerprint: `")


def test_the_fingerprint_is_the_same_for_another_caller_on_another_day(applied: Applied) -> None:
    """The pull request's run may only read, and cannot grant admin consent; main's run can."""
    reader = applied.azure.caller(*READ, arm=[("Reader", SITE), ("Website Contributor", SITE)])
    applied.file.write_text(one("Import"))
    reviewed = applied("--dry-run", *JSON, env=reader)
    assert reviewed.code == 4, "it says what the reader could not do"
    applied.azure.advance(3 * 86400)
    assert applied("--expect", reviewed.document["fingerprint"], "-y").code == 0


@pytest.mark.parametrize("writing", [(), ("Application.ReadWrite.OwnedBy",)])
def test_who_may_not_apply_a_plan_sees_all_that_its_fingerprint_is_of(
    applied: Applied, writing: tuple[str, ...]
) -> None:
    """Whoever applies it may do more: the settings and the restart are reviewed, too."""
    limited = applied.azure.caller(*READ, *writing, arm=[(LOOKS, SITE)])
    applied.file.write_text(one("Import"))
    whole = applied("--dry-run", *JSON)
    dry = applied("--dry-run", *JSON, env=limited)
    assert dry.code == (3 if writing else 4), dry
    assert dry.document["fingerprint"] == whole.document["fingerprint"]
    assert steps_of(dry) == steps_of(whole)
    changes = of_site(dry, "learn")["result"]["changes"]
    blocked = {row["resource"] for row in changes if row["blocked"]}
    assert {"application settings", "App Service"} <= blocked
    page = applied("--dry-run", "-o", "markdown", env=limited).out
    assert "| learn (contosolearn) | 8 | 2 | 0 | 1 secret |" in page
    assert "~ application settings" in page
    assert "~ App Service" in page


def test_only_what_was_reviewed_is_applied(applied: Applied) -> None:
    applied.file.write_text(one("Import"))
    reviewed = applied.fingerprint()
    before = applied.azure.settings()
    applied.azure.write_settings({**before, "ServiceAuthEnabled": "false"})
    applied.azure.forget()
    done = applied("--expect", reviewed, "-y", *JSON)
    assert (done.code, done.document["error"]["code"], applied.azure.writes()) == (
        2,
        "plan-not-expected",
        [],
    )
    assert done.document["error"]["remedy"].startswith(
        "Were --prune, the chosen sites and the file the same"
    )
    assert "--dry-run -f " in done.document["error"]["remedy"]
    applied.azure.write_settings(before)
    assert applied("--expect", reviewed, "-y").code == 0
    assert applied("--expect", "0" * 64, "-y").code == 0, (
        "nothing is left to do, and so nothing to refuse"
    )


@pytest.mark.parametrize("place", [f"keyvault:{seed.VAULT}/theirs", "file:theirs.env"])
def test_a_place_of_another_client_is_refused_by_the_plan_and_by_the_run_with_the_files_key(
    applied: Applied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Such as of one that was renamed in the file: it is a new one, with the place of the old."""
    monkeypatch.chdir(tmp_path)
    assert applied.azure.vault("PUT", "/secrets/theirs", json={"value": "a"}).status_code == 200
    (tmp_path / "theirs.env").write_text("KEY=of someone else\n", encoding="utf-8")
    dry = applied("--dry-run", text=one("Import") + f"secret-to = '{place}'\n")
    done = applied("-y")
    for ended in (dry, done):
        assert ended.code == 2, ended
        words = " ".join(f"{ended.out} {ended.err}".split())
        assert 'secret-to = "' in words
        assert "in the file" in words
        assert "--secret-to" not in words
    assert applied.azure.applications("Import") == []


def test_a_fingerprint_is_of_the_sites_that_were_asked_for(applied: Applied) -> None:
    applied.other_site()
    applied.file.write_text(TWO)
    whole = applied("--dry-run", *JSON)
    alone = applied.fingerprint("--only", "academy")
    assert (
        alone == of_site(whole, "academy")["result"]["fingerprint"] != whole.document["fingerprint"]
    )
    assert applied("--only", "academy", "--expect", alone, "-y").code == 0
    assert applied.azure.applications("Import") == []


def test_a_plan_that_has_changed_since_the_review_is_not_applied(
    applied: Applied, inside: Inside
) -> None:
    """One site takes its time; at the other one someone changes a setting meanwhile."""
    applied.other_site()
    slow = {"type": "latency", "seconds": 20}
    applied.azure.misbehave({"match": {"path": LIST}, "times": 1, "fault": slow})

    async def write(entry: Entry) -> None:
        if is_request(entry, "POST", LIST):
            inside.state.resources.sites[SITE.lower()].settings["ServiceAuthEnabled"] = "false"

    inside.hooks.after.append(write)
    done = applied("-y", *JSON, text=TWO)
    failed = of_site(done, "learn")["error"]
    assert (done.code, failed["error"]["code"], failed["done"]) == (1, "plan-changed", []), (
        "the other one was written"
    )
    assert of_site(done, "academy")["result"]["verification"]["proved"] is True
    assert applied.azure.applications("Import") == []


# Clients that the file does not name


def prepared(applied: Applied, *names: str, more: str = "") -> None:
    assert applied("-y", "--no-verify", text=one(*names) + more).code == 0
    applied.azure.forget()


def test_clients_that_are_not_named_are_left_alone_and_mentioned(applied: Applied) -> None:
    prepared(applied, "A", "B")
    done = applied("-y", text=one("A"))
    assert (done.code, applied.azure.writes()) == (0, [])
    assert "Left alone, as nothing names them: 'B'. To remove them, add --prune." in done.err


def test_pruning_is_one_plan_with_what_is_added_one_write_and_one_restart(applied: Applied) -> None:
    """Of managed identities, too."""
    identity = "[[sites.learn.managed-identities]]\nresource = 'reports-func'\n"
    prepared(applied, *"ABCEF", more=identity)
    done = applied("-y", "--prune", *JSON, text=one(*"ABDEF"))
    assert done.code == 0, done
    assert applied.clients("learn") == [*"ABDEF"]
    assert "ServiceObjectIds" not in applied.azure.settings()
    assert applied.azure.restarts() == 1
    writes = applied.azure.writes()
    settings = next(at for at, write in enumerate(writes) if write.endswith("/config/appsettings"))
    removed = next(
        at
        for at, write in enumerate(writes)
        if write.startswith("DELETE") and "/applications/" in write
    )
    created = max(at for at, write in enumerate(writes) if "addPassword" in write)
    assert created < settings < removed, (
        "additions first, and no one loses more than access before that is revoked"
    )
    assert not list(applied.file.parent.rglob("c-*.env")), (
        "the file of a secret that is good for nothing goes"
    )


def of_github(repository: str) -> str:
    return f"{one('Deploy')}credential = 'federated'\ngithub = '{repository}'\n"


def federated_path(azure: Sandbox, client: str) -> str:
    return f"/applications/{azure.applications(client)[0]['id']}/federatedIdentityCredentials"


def test_a_repository_that_the_file_no_longer_names_is_named_until_it_is_deleted(
    applied: Applied, azure: Sandbox
) -> None:
    """In the review, and by `status`: nothing is removed unasked."""
    assert applied("-y", "--no-verify", text=of_github("octo/old")).code == 0
    path = federated_path(azure, "Deploy")
    (old,) = azure.graph("GET", path)["value"]
    deletion = f"--federated-credential-id {old['id']}"
    reviewed = applied("--dry-run", "-o", "markdown", text=of_github("octo/new"))
    assert (reviewed.code, "GitHub octo/old" in reviewed.out) == (3, True), reviewed
    assert deletion in reviewed.out
    assert applied("-y", "--no-verify").code == 0
    assert len(azure.graph("GET", path)["value"]) == 2
    of_file = ("-f", str(applied.file))
    noted = applied.mct("status", *of_file)
    assert (noted.code, deletion in noted.out) == (0, True), noted
    exported = applied.mct("export", *of_file).out
    assert ("octo/new" in exported, "octo/old" in exported) == (True, False), exported
    azure.graph("DELETE", f"{path}/{old['id']}")
    azure.advance(60)
    assert "octo/old" not in applied.mct("status", *of_file).out


def test_a_change_of_the_credentials_kind_that_is_taken_back_leaves_its_repository_named(
    applied: Applied,
) -> None:
    for text in (one("Deploy"), of_github("octo/old")):
        assert applied("-y", "--no-verify", text=text).code == 0
    reviewed = applied("--dry-run", text=one("Deploy"))
    assert (reviewed.code, "GitHub octo/old" in reviewed.out) == (0, True), reviewed


def test_an_export_goes_by_the_repository_that_the_file_moves_a_client_to(
    applied: Applied,
) -> None:
    """Its earlier secret is still valid."""
    for text in (one("Deploy"), of_github("octo/new")):
        assert applied("-y", "--no-verify", text=text).code == 0
    of_file = ("-f", str(applied.file))
    assert 'credential = "federated"' in applied.mct("export", *of_file).out


def test_a_client_that_cannot_be_pruned_stops_no_other(applied: Applied, azure: Sandbox) -> None:
    """Its consent is refused to be revoked before the others are deleted."""
    prepared(applied, *"ABCDEF")
    stuck = azure.applications("E")[0]["appId"]
    held = azure.graph("GET", f"/servicePrincipals(appId='{stuck}')/appRoleAssignments")["value"]
    refused = {"type": "status", "status": 403, "code": "Denied", "message": "No."}
    azure.misbehave({"match": {"method": "DELETE", "path": held[0]["id"]}, "fault": refused})
    done = applied("-y", "--prune", "--no-verify", *JSON, text=one(*"ABCD"))
    assert done.code in {1, 4}, done.out
    assert (azure.applications("F"), len(azure.applications("E"))) == ([], 1)


def test_too_many_removals_at_one_site_leave_all_sites_as_they_are(applied: Applied) -> None:
    applied.other_site()
    prepared(applied, "A", "B")
    done = applied("-y", "--prune", *JSON, text=TWO)
    assert (done.code, done.document["error"]["code"], applied.azure.writes()) == (
        2,
        "too-many-removals",
        [],
    )
    dry = applied("--dry-run", "--prune")
    assert (dry.code, "- client application    B" in dry.out) == (2, True), "the plan is shown"
    assert ("Fingerprint" in dry.out, "To apply" in dry.err) == (False, False)
    assert {"--dry-run", "--prune", "--allow-removals"} <= set(dry.err.splitlines()[-1].split())
    page = applied("--dry-run", "--prune", "-o", "markdown")
    reason = (
        "No fingerprint: --prune would remove 2 of the 2 clients of contosolearn that can call, "
        "which is more than a third. Add to the file what is missing. If it is complete, add "
        "--allow-removals."
    )
    for plan in (dry.out, html.unescape(page.out)):
        assert reason in plan.splitlines(), plan


def test_too_many_removals_at_several_sites_name_each_with_its_clients() -> None:
    refusals = []
    for label, name in (("learn", "Reports"), ("academy", "Export")):
        refusal = TooManyRemovals("too-many-removals", "too many", remedy="Look.", items=[name])
        refusal.summary = f"{label}: {name} (1 of 2)"
        refusals.append(refusal)
    error = refused_together(refusals)
    assert "too many clients at 2 App Services" in error.headline
    assert [str(item) for item in error.items] == [
        "learn: Reports (1 of 2)",
        "academy: Export (1 of 2)",
    ]
    assert refused_together(refusals[:1]) is refusals[0]


@pytest.mark.parametrize("setting", ["ServiceApplicationIds", "ServiceObjectIds"])
def test_who_lists_many_at_one_site_stops_no_other(
    applied: Applied, azure: Sandbox, setting: str
) -> None:
    """A Website Contributor can. An appId alone lets no one in; an object ID does, and counts."""
    applied.other_site()
    prepared(applied, "Import")
    theirs = [azure.graph("POST", "/applications", json={"displayName": name}) for name in "PQR"]
    listed = [application["appId"] for application in theirs]
    if setting == "ServiceObjectIds":
        bodies = [{"appId": client_id} for client_id in listed]
        listed = [azure.graph("POST", "/servicePrincipals", json=body)["id"] for body in bodies]
    settings = azure.settings()
    azure.write_settings(
        {**settings, setting: ";".join(filter(None, (settings.get(setting), *listed)))}
    )
    applied.azure.forget()
    done = applied("-y", "--prune", *JSON, text=TWO)
    assert of_site(done, "academy")["result"]["verification"]["proved"] is True
    if setting == "ServiceApplicationIds":
        assert (done.code, applied.clients("learn")) == (0, ["Import"])
        assert azure.settings()[setting] == azure.applications("Import")[0]["appId"]
        return
    assert of_site(done, "learn")["error"]["error"]["code"] == "too-many-removals"
    assert (done.code, [write for write in azure.writes() if "contosolearn" in write]) == (1, []), (
        "academy was written"
    )


def test_adopted_registrations_and_those_of_other_sites_stay(
    applied: Applied, azure: Sandbox
) -> None:
    """What is pruned at one site may be a client of another one: its entry there names it."""
    applied.other_site()
    adopted = azure.graph("POST", "/applications", json={"displayName": "By hand"})["appId"]
    azure.let_own(adopted)
    prepared(applied, "A", "B", "C", "D", "E", adopted)
    (shared,) = azure.applications("B")
    text = (
        one("A", "C", "D", "E")
        + f"[sites.academy]\n[[sites.academy.clients]]\nname = '{shared['appId']}'\n"
    )
    done = applied("-y", "--prune", *JSON, text=text)
    assert done.code == 0, done
    changes = of_site(done, "learn")["result"]["changes"]
    kept = {
        change["name"]: change["detail"]
        for change in changes
        if change["detail"].startswith("kept, with its admin consent: ")
    }
    assert "mct-s2s did not create it for this App Service" in kept["By hand"]
    assert "another App Service of the file names it" in kept["B"]
    assert "--delete" not in json.dumps(done.document), "apply has no such option"
    assert len(azure.applications("B")) == len(azure.applications("By hand")) == 1
    assert applied.clients("academy") == ["B"]


def test_clients_of_another_site_of_the_file_stay_where_both_adopt_one_service_application(
    applied: Applied, azure: Sandbox
) -> None:
    applied.other_site()
    api = azure.graph("POST", "/applications", json={"displayName": "MCT API"})["appId"]
    azure.let_own(api)
    text = TWO.replace("]\n", f"]\nservice-app = '{api}'\n").replace(
        f"s]]\nservice-app = '{api}'", "s]]"
    )
    assert applied("-y", "--no-verify", text=text).code == 0
    azure.forget()
    done = applied("-y", "--prune", "--allow-removals")
    assert (done.code, azure.writes()) == (0, [])
    assert applied.mct("teardown", "-a", "contosolearn", "--service-app", api, "-y").code == 0
    held = azure.graph("GET", f"/servicePrincipals(appId='{api}')/appRoleAssignedTo")["value"]
    assert (
        [assignment["principalDisplayName"] for assignment in held]
        == applied.clients("academy")
        == ["Export"]
    )
    (client,) = azure.applications("Export")
    assert [access["resourceAppId"] for access in client["requiredResourceAccess"]] == [api]


def test_a_service_application_that_the_file_names_is_named_again_without_the_file(
    applied: Applied, azure: Sandbox
) -> None:
    """Several sites may name one, so a file marks it as none's own; one setup does."""
    api = azure.graph("POST", "/applications", json={"displayName": "MCT API"})["appId"]
    azure.let_own(api)
    text = (
        f"[sites.contosolearn]\nservice-app = '{api}'\n[[sites.contosolearn.clients]]\nname = 'A'\n"
    )
    assert applied("-y", "--no-verify", text=text).code == 0
    (application,) = azure.applications("MCT API")
    assert application.get("uniqueName") is None
    assert f'# service-app = "{api}"' in applied.mct("export", "-a", "contosolearn").out
    refused = applied.mct("teardown", "-a", "contosolearn", *JSON)
    assert (refused.code, refused.document["error"]["code"]) == (2, "service-application-not-ours")
    assert f"--service-app {api}" in refused.document["error"]["remedy"]
    named = ("-a", "contosolearn", "--service-app", api)
    assert applied.mct("teardown", *named, "--dry-run").code == 3
    assert applied.mct("setup", *named, "-y", "--no-verify").code == 0
    assert f'service-app = "{api}"' not in applied.mct("export", "-a", "contosolearn").out
    assert applied.mct("teardown", "-a", "contosolearn", "-y").code == 0


def test_a_registration_that_two_sites_adopt_keeps_what_each_of_them_adds(
    applied: Applied, azure: Sandbox
) -> None:
    """Its lists are replaced as a whole: written side by side, one would take back what the other
    has added. Where it took long, the second one's plan is no longer the one that was shown.
    """
    applied.other_site()
    shared = azure.graph("POST", "/applications", json={"displayName": "Shared"})["appId"]
    azure.let_own(shared)
    client = f"name = '{shared}'\ncredential = 'none'\n"
    text = (
        f"{ONE}[[sites.learn.clients]]\n{client}"
        f"[sites.academy]\n[[sites.academy.clients]]\n{client}"
    )
    azure.misbehave({"match": {"service": "Graph"}, "fault": {"type": "latency", "seconds": 1}})
    slow = applied("-y", "--no-verify", text=text)
    assert (slow.code, "[plan-changed]" in slow.err) == (1, True), slow
    azure.behave()
    assert applied("-y", "--no-verify", text=text).code == 0
    (registration,) = azure.applications("Shared")
    assert len(registration["requiredResourceAccess"]) == 2


def test_a_deleted_registration_is_restored_as_it_was_reviewed(
    applied: Applied, mct: Program
) -> None:
    prepared(applied, "Import")
    assert mct("teardown", "-y").code == 0
    done = applied("-y", "--expect", applied.fingerprint(), *JSON)
    assert done.code == 0, done
    assert applied.clients("learn") == ["Import"]


# Cut off


def is_request(entry: Entry, method: str, path: str) -> bool:
    return entry.method == method and entry.path.casefold() == path.casefold()


def stopped_at_the_academys_settings(
    applied: Applied, inside: Inside, number: signal.Signals, *words: str
) -> Ended:
    """The first site is being restarted, the second one has its secret; its settings are being
    written.
    """
    applied.other_site()
    applied.azure.misbehave({"match": SETTINGS, "fault": {"type": "latency", "seconds": 60}})
    is_writing = sent = False

    async def written(entry: Entry) -> None:
        nonlocal is_writing
        is_writing = is_writing or is_request(entry, "PUT", SETTINGS["path"])

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


def test_of_an_apply_that_is_ended_each_site_is_accounted_for(
    applied: Applied, inside: Inside
) -> None:
    done = stopped_at_the_academys_settings(applied, inside, signal.SIGTERM, *JSON)
    assert done.code == 143, done
    failed = of_site(done, "academy")["error"]
    assert failed["error"]["code"] == "interrupted"
    assert "secret" in {step["resource"] for step in failed["done"]}
    assert [credential["client"] for credential in failed["credentials"]] == ["Export"]
    assert "application settings" in {step["resource"] for step in failed["inDoubt"]}
    learn = of_site(done, "learn")
    account = learn["error"] or learn["result"]
    assert [credential["client"] for credential in account["credentials"]] == ["Import"]


def test_a_person_is_told_what_an_interrupted_apply_did_at_each_site(
    applied: Applied, inside: Inside
) -> None:
    done = stopped_at_the_academys_settings(applied, inside, signal.SIGINT)
    assert done.code == 130
    account = done.err[done.err.index("Interrupted.") :]
    assert account.rstrip().endswith("Run the same command again to resume.")
    assert account.index("Site learn (contosolearn)") < account.index("Site academy")
    academy = account[account.index("Site academy") :]
    (unconfirmed,) = (
        line for line in academy.splitlines() if line.startswith("May have happened: ")
    )
    assert "application settings academy" in unconfirmed
    assert account.count("Secret of ") == 2
    applied.azure.behave()
    inside.leave_alone()
    again = applied("-y")
    assert (again.code, len(applied.azure.applications("Export"))) == (0, 1)


def test_no_site_of_a_reviewed_plan_is_to_be_resumed_by_the_command_that_is_refused_now(
    applied: Applied,
) -> None:
    applied.other_site()
    applied.file.write_text(TWO)
    words = ("--expect", applied.fingerprint(), "-y", *JSON)
    applied.azure.misbehave({"match": SETTINGS, "fault": {"type": "status", "status": 403}})
    done = applied(*words)
    applied.azure.behave()
    assert done.code == 4, done
    remedy = of_site(done, "academy")["error"]["error"]["remedy"]
    assert "Do the rest" in remedy
    assert "same command" not in remedy
    assert "To resume, review what is left and apply that:" in done.err
    assert applied(*words).document["error"]["code"] == "plan-not-expected"


def test_an_interrupted_reviewed_plan_is_resumed_by_a_new_review(
    applied: Applied, inside: Inside
) -> None:
    applied.file.write_text(TWO)
    applied.other_site()
    reviewed = applied.fingerprint()
    done = stopped_at_the_academys_settings(
        applied, inside, signal.SIGINT, "--only", "learn", "--only", "academy", "--expect", reviewed
    )
    assert done.code == 130
    account = done.err[done.err.index("Interrupted.") :]
    assert "Run the same command again" not in account
    what, review = account.splitlines()[-2:]
    assert what == "To resume, review what is left and apply that:"
    assert review.strip().startswith("mct-s2s apply ")
    assert review.count("--only") == 2
    assert {"--dry-run", str(applied.file)} <= set(review.split())
    assert "--expect" not in review


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rotate-secret", "Import"), "Interrupted. Nothing was changed."),
        (("status",), "Interrupted."),
    ],
    ids=["a change", "status"],
)
def test_an_interruption_before_the_first_change_says_that_nothing_was_changed(
    mct: Program, inside: Inside, words: tuple[str, ...], told: str
) -> None:
    assert mct("setup", "--client", "Import", "-y", "--no-verify").code == 0

    async def read(entry: Entry) -> None:
        if entry.path.endswith("/appsettings/list"):
            os.kill(os.getpid(), signal.SIGINT)

    inside.hooks.before.append(read)
    done = mct(*words)
    assert (done.code, done.err.splitlines()[-1]) == (130, told), done


@pytest.mark.parametrize("by_file", [False, True], ids=["setup", "apply"])
def test_an_interrupted_test_is_named_with_the_command_that_does_it(
    mct: Program, inside: Inside, tmp_path: Path, by_file: bool
) -> None:
    async def call(entry: Entry) -> None:
        if entry.path.endswith("/api/v1/organization"):
            os.kill(os.getpid(), signal.SIGINT)

    inside.hooks.before.append(call)
    words = ["setup", "--client", "Import"]
    if by_file:
        file = tmp_path / "trust.toml"
        file.write_text(f"{ONE}[[sites.learn.clients]]\nname = 'Import'\n")
        words = ["apply", "-f", str(file)]
    done = mct(*words, "-y")
    assert done.code == 130, done
    *_, what, test = done.err.splitlines()
    assert what == "All changes were made: there is nothing to resume. Not tested yet:"
    inside.leave_alone()
    tested = mct(
        *shlex.split(test)[1:], env={"MCT_S2S_APP_SERVICE": "", "MCT_S2S_RESOURCE_GROUP": ""}
    )
    assert "returned 200" in tested.out or "1 client called the MCT API" in tested.out, tested


def test_the_deadline_is_one_for_all_sites(applied: Applied) -> None:
    applied.other_site()
    applied.azure.misbehave({"match": SETTINGS, "fault": {"type": "hang"}})
    done = applied("-y", "--no-verify", "--timeout", "40", *JSON, text=TWO)
    assert done.code == 1, done
    assert of_site(done, "academy")["error"]["error"]["code"] == "deadline-passed"
    assert of_site(done, "learn")["error"] is None


# Several tenants


EACH_ITS_OWN = {"AZURE_AUTHORITY_HOST": ""}
"""The login host of each cloud."""
SITES = """
[sites.contoso]
profile = "tenant-1"
app-service = "contosolearn"
clients = [{ name = "Import" }]
[sites.fabrikam]
profile = "tenant-2"
app-service = "fabrikamlearn"
clients = [{ name = "Import" }, { name = "Export", credential = "none" }]
"""


@pytest.fixture
def both(tenants: Tenants, seeded: Json) -> Tenants:
    """The tenants as they begin, the second one with a site of its own name."""
    tenants.become(seeded)
    second = tenants.all[1].azure
    second.add_site(name="fabrikamlearn", group="mct-prod", subscription=second.subscription_id)
    return tenants


def test_sites_of_two_tenants_are_set_up_by_one_command(applied: Applied, both: Tenants) -> None:
    done = applied("-y", "--no-verify", *JSON, text=both.profiles() + SITES, env=EACH_ITS_OWN)
    assert done.code == 0, done
    first, second, _ = (sandbox.azure for sandbox in both.all)
    assert (len(first.applications("Import")), len(first.applications("Export"))) == (1, 0)
    assert (len(second.applications("Import")), len(second.applications("Export"))) == (1, 1)
    places = {
        credential["savedTo"]
        for key in ("contoso", "fabrikam")
        for credential in of_site(done, key)["result"]["credentials"]
    }
    assert len(places) == 2, "two clients of one name have two files"
    again = applied("-y", "--no-verify", env=EACH_ITS_OWN)
    assert (again.code, again.out) == (0, "2 sites: 2 up to date, 0 failed.\n")


def test_a_tenant_that_cannot_be_signed_in_to_fails_alone(applied: Applied, both: Tenants) -> None:
    second = both.all[1].azure
    second.misbehave({"match": {"service": "Entra"}, "fault": {"type": "status", "status": 403}})
    done = applied("-y", "--no-verify", *JSON, text=both.profiles() + SITES, env=EACH_ITS_OWN)
    second.behave()
    assert done.code == 1, done
    assert (of_site(done, "contoso")["error"], of_site(done, "fabrikam")["error"]["done"]) == (
        None,
        [],
    )
    assert second.applications("Import") == []


def test_no_plan_is_offered_for_review_that_a_lock_keeps_from_being_made(
    applied: Applied,
) -> None:
    applied.other_site()
    applied.file.write_text(TWO)
    whole = applied.fingerprint()
    applied.azure.lock(ACADEMY)
    dry = applied("--dry-run")
    assert dry.code == 4
    assert "\n2 sites: 8 to create, 2 to change, 0 to remove, 1 blocked.\n" in dry.out
    assert dry.out.rstrip().endswith(
        "No fingerprint: the settings of academy could not be read. Correct what is wrong there, "
        "or plan the others with --only SITE."
    )
    assert "--expect" not in dry.err
    document = applied("--dry-run", *JSON).document
    assert document["fingerprint"] is None
    refused = applied("--expect", whole, "-y")
    assert refused.code == 2
    assert "  - academy: " in refused.err
    assert "lock" in refused.err
    alone = applied.fingerprint("--only", "learn")
    assert f"--dry-run -f {applied.file} --only learn\n" in refused.err
    assert applied("--expect", alone, "--only", "learn").code == 0


def test_a_remedy_names_keys_of_the_file_in_place_of_options(
    applied: Applied, azure: Sandbox
) -> None:
    """`apply` has neither --secret-to nor --service-app."""
    missing = ONE + "[[sites.learn.clients]]\nname = 'Import'\nsecret-to = 'keyvault:no-such'\n"
    for command in ("apply", "doctor"):
        told = (
            applied.mct(command, "-f", str(applied.file))
            if command == "doctor"
            else applied("--dry-run", text=missing)
        )
        text = " ".join((told.out + told.err).split())
        assert "[vault-not-found]" in text or command == "doctor", text
        assert 'choose another place: secret-to = "PLACE" in the file' in text, text
        assert "--secret-to" not in text
    other = azure.graph("POST", "/applications", json={"displayName": "Other"})["appId"]
    azure.write_settings({**azure.settings(), "ServiceAuthAudience": f"api://{other}"})
    told = applied("--dry-run", text=ONE)
    text = " ".join((told.out + told.err).split())
    assert f'service-app = "{other}" in the file' in text, text
    assert "--service-app" not in text


def test_a_plan_that_the_caller_may_not_make_true_is_not_offered_to_them(
    applied: Applied,
) -> None:
    reader = applied.azure.caller(*READ, arm=[("Reader", SITE), ("Website Contributor", SITE)])
    dry = applied("--dry-run", text=one("Import"), env=reader)
    assert (dry.code, "Fingerprint: " in dry.out) == (4, True)
    assert "--expect" not in dry.err
