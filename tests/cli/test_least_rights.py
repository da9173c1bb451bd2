"""Callers with exactly the roles that docs/permissions.md promises: what it says is enough is
enough.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import typer
from mct_s2s.cli.app import COMMANDS, app
from mct_s2s.planning.permissions.rights import GRAPH_PERMISSIONS
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program, alone, reading, signed_in
from tests.conftest import (
    CONTAINER_APP,
    FUNCTION_APP,
    JSON,
    LOGIC_APP,
    MACHINE,
    SITE,
    Json,
    Sandbox,
)
from tests.support.by_hand import Hand
from tests.support.least_caller import ASSIGNED, ON_THE_SITE, OPERATOR, PIPELINE, READ
from tests.support.printed_commands import printed_commands

SUBSCRIPTIONS = r"^/subscriptions$"


@pytest.fixture
def mct(mct: Program) -> Program:
    return reading(mct)


def refuse(*paths: str) -> list[Json]:
    """Rules that refuse requests to Resource Manager as it refuses a role that is missing."""
    return [
        {"match": {"service": "ARM", "pathRegex": path}, "fault": {"type": "status", "status": 403}}
        for path in paths
    ]


# --- the App Service alone: its subscription may not be read, nor searched ---


@pytest.mark.parametrize(
    "named",
    [("-a", SITE), ("-a", "contosolearn", "-g", "mct-prod"), ("-a", "contosolearn")],
    ids=["id", "group", "name"],
)
@pytest.mark.parametrize(
    "is_listed", [True, False], ids=["subscription listed", "subscription not listed"]
)
def test_a_role_on_the_app_service_is_enough(
    mct: Program, azure: Sandbox, named: tuple[str, ...], is_listed: bool
) -> None:
    """Where not even the list of subscriptions shows it, Resource Manager's challenge names its
    tenant.
    """
    caller = {**azure.caller(*PIPELINE, arm=ON_THE_SITE), "MCT_S2S_RESOURCE_GROUP": ""}
    if not is_listed:
        azure.misbehave(*refuse(SUBSCRIPTIONS))
    done = mct("setup", *named, "--client", "A", *JSON, env=caller)
    looked = mct("status", *named, "-o", "json", env=caller)
    azure.behave()
    assert (done.code, looked.code) == (0, 0), (done, looked)
    assert looked.document["appService"]["id"] == SITE
    assert azure.settings()["ServiceAuthTenantId"] == azure.tenant_id


def test_a_name_that_may_not_be_searched_for_is_told_what_needs_no_search(
    mct: Program, azure: Sandbox
) -> None:
    run = alone(mct, azure, *PIPELINE, arm=ON_THE_SITE)
    azure.misbehave(
        *refuse(
            r"/subscriptions/[^/]+/resources$",
            r"/subscriptions/[^/]+/providers/Microsoft\.Web/sites$",
        )
    )
    refused = run("status", "-a", "contosolearn", "-g", "", "-o", "json")
    azure.behave()
    error = refused.document["error"]
    assert (refused.code, error["code"]) == (4, "permission-missing"), refused
    assert "--resource-group" in error["remedy"]


def test_a_site_that_is_not_there_is_told_also_to_who_may_search_for_none(
    mct: Program, azure: Sandbox
) -> None:
    run = alone(
        mct, azure, *PIPELINE, arm=[("Website Contributor", SITE.partition("/providers/")[0])]
    )
    azure.misbehave(*refuse(r"/subscriptions/[^/]+/providers/Microsoft\.Web/sites$"))
    missing = run("status", "-a", "contosolaern", "-g", "mct-prod", "-o", "json")
    azure.behave()
    assert (missing.code, missing.document["error"]["code"]) == (2, "site-not-found"), missing


def test_who_has_no_role_is_told_the_one_on_the_app_service(mct: Program, azure: Sandbox) -> None:
    """The subscription is asked about first; a role there is more than what is needed."""
    run = alone(mct, azure, *PIPELINE, arm=[])
    refused = run("status", "-a", SITE, "-o", "json")
    error = refused.document["error"]
    assert (refused.code, error["code"]) == (4, "permission-missing"), refused
    assert "Website Contributor on the resource" in error["remedy"]
    enough = "Or, for the directory's part alone, without the settings: the role Reader"
    assert enough in error["remedy"]
    needs_settings = run("snippet", "A", "-a", SITE, "-o", "json")
    assert enough not in needs_settings.document["error"]["remedy"]


def test_who_may_change_only_what_it_owns_is_told_who_restores_what_another_deleted(
    mct: Program, azure: Sandbox
) -> None:
    """No wait helps: the recycle bin does not show that someone else owns it."""
    mct("setup", "--client", "A", *JSON)
    mct("teardown", *JSON)
    run = alone(mct, azure, *PIPELINE, arm=ON_THE_SITE)
    refused = run("setup", "--client", "A", *JSON)
    error = refused.document["error"]
    assert (refused.code, error["code"]) == (4, "not-owner"), refused
    assert "has restored it and made you an owner" in error["remedy"]
    assert "not taken effect" not in error["remedy"]
    (missing,) = error["missing"]
    assert "/restore" in missing["command"]
    assert "az ad app owner add" in missing["command"]


UNLIKE, CANNOT_TELL = "does not look like an MCT site", "Check that '{}' is the MCT site"
INTEGRATIONS = SITE.replace("mct-prod", "integrations").replace("contosolearn", "partner-portal")


@pytest.mark.parametrize("is_listed", [True, False], ids=["apps listed", "apps not listed"])
@pytest.mark.parametrize("site", [SITE, INTEGRATIONS], ids=["an MCT site", "another app"])
def test_who_cannot_see_a_function_app_is_told_that_and_not_that_there_is_none(
    mct: Program, azure: Sandbox, site: str, is_listed: bool
) -> None:
    run = alone(mct, azure, *PIPELINE, arm=[("Website Contributor", site)])
    if not is_listed:
        azure.misbehave(*refuse(r"/resourceGroups/[^/]+/providers/Microsoft\.Web/sites$"))
    group = site.split("/")[4]
    name = site.rsplit("/", maxsplit=1)[-1]
    plan = run("setup", "-a", name, "-g", group, "--client", "A", "--dry-run")
    azure.behave()
    assert CANNOT_TELL.format(name) in plan.out, plan
    assert f"may not list the apps of the resource group '{group}'" in plan.out, plan
    assert UNLIKE not in plan.out, plan


def test_a_role_on_the_group_shows_whether_there_is_a_function_app(
    mct: Program, azure: Sandbox
) -> None:
    for site, is_unlike in ((SITE, False), (INTEGRATIONS, True)):
        run = alone(
            mct, azure, *PIPELINE, arm=[("Website Contributor", site.rpartition("/providers")[0])]
        )
        group, name = site.split("/")[4], site.split("/")[-1]
        plan = run("setup", "-a", name, "-g", group, "--client", "A", "--dry-run")
        assert (UNLIKE in plan.out) is is_unlike, plan
        assert "Check that" not in plan.out, plan


# --- a managed identity: a role on its resource alone ---

ROLES_BESIDE = [
    (MACHINE, "Virtual Machine Contributor"),
    (LOGIC_APP, "Logic App Contributor"),
    (CONTAINER_APP, "Container Apps Contributor"),
    (FUNCTION_APP, "Website Contributor"),
]


@pytest.mark.parametrize(("resource", "role"), ROLES_BESIDE)
def test_a_role_on_the_resource_is_enough_for_its_identity(
    mct: Program, azure: Sandbox, resource: str, role: str
) -> None:
    """Which api-versions its provider has is asked in the tenant: the subscription's list may not
    be read.
    """
    held = "Contributor" if resource == CONTAINER_APP else role
    run = alone(mct, azure, *PIPELINE, arm=[*ON_THE_SITE, (held, resource), *OPERATOR])
    done = run("setup", "-a", SITE, "--managed-identity", resource, *JSON)
    assert done.code == 0, done.out
    assert done.document["manualSteps"] == []
    assert azure.settings()["ServiceObjectIds"]


@pytest.mark.parametrize(("resource", "role"), ROLES_BESIDE)
def test_a_resource_that_may_not_be_read_names_its_own_role(
    mct: Program, azure: Sandbox, resource: str, role: str
) -> None:
    """With the command that assigns it; nobody else could do the directory's half."""
    run = alone(mct, azure, *PIPELINE, arm=ON_THE_SITE)
    words = ("-a", SITE, "--managed-identity", resource)
    refused = run("setup", *words, *JSON)
    assert (refused.code, refused.document["error"]["code"]) == (4, "permission-missing"), refused
    (missing,) = refused.document["error"]["missing"]
    assert missing["right"] == role
    assert missing["step"] == f"read the resource '{resource.rpartition('/')[2]}'"
    assert f"--role '{role}' --scope {resource}" in missing["command"]
    assert "--handoff" not in refused.document["error"]["remedy"]
    assert azure.made_by_us() == []
    checked = run("doctor", *words)
    assert checked.out.count(missing["command"]) == 1, checked
    assert "You can create app registrations" in checked.out, "the rest is judged all the same"


def test_an_operation_that_may_not_be_followed_is_seen_by_what_comes_of_it(
    mct: Program, azure: Sandbox
) -> None:
    run = alone(
        mct, azure, *PIPELINE, arm=[*ON_THE_SITE, ("Contributor", CONTAINER_APP), *OPERATOR]
    )
    azure.operations_take(60)
    azure.misbehave(*refuse("/operationStatuses/", "/operationResults/"))
    done = run("setup", "-a", SITE, "--managed-identity", CONTAINER_APP, *JSON)
    azure.behave()
    assert done.code == 0, done
    assert done.seconds < 90


def test_identities_beside_it_take_the_right_to_assign_them(mct: Program, azure: Sandbox) -> None:
    """They are sent again, or the resource would lose them.

    It is known before anything is written.
    """
    run = alone(mct, azure, *PIPELINE, arm=[*ON_THE_SITE, ("Virtual Machine Contributor", MACHINE)])
    words = ("--managed-identity", MACHINE, "-a", SITE)
    refused = run("setup", *words, *JSON)
    assert (refused.code, azure.made_by_us()) == (4, []), refused
    (missing,) = refused.document["error"]["missing"]
    assert missing["right"] == "Managed Identity Operator"
    assert f"--role 'Managed Identity Operator' --scope {ASSIGNED[1]}" in missing["command"]
    enabling = (
        f"az resource update --ids {MACHINE} --set 'identity.type=SystemAssigned, UserAssigned'"
    )
    assert enabling in refused.document["error"]["remedy"], "by the owner, who keeps the others"


# --- every command as each caller ---

WHERE = ("-a", "contosolearn", "-g", "mct-prod")
TRUST_FILE = """
[sites.contosolearn]
resource-group = "mct-prod"
clients = [{ name = "A" }, { name = "B" }]
"""
EVERYTHING = (
    ("doctor", *WHERE),
    ("setup", *WHERE, "--client", "A", "-y"),
    ("add-client", "B", *WHERE, "-y"),
    ("configure-appservice", *WHERE, "-y"),
    ("status", *WHERE),
    ("status", "--all"),
    ("verify", *WHERE),
    ("snippet", "A", *WHERE),
    ("export", *WHERE),
    ("apply", "-f", "trust.toml", "-y"),
    ("rotate-secret", "A", *WHERE, "-y"),
    ("remove-client", "B", *WHERE, "-y"),
    ("teardown", *WHERE, "-y"),
)


@pytest.fixture(autouse=True)
def trust_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that `apply` takes, in the folder in which every command runs."""
    (tmp_path / "trust.toml").write_text(TRUST_FILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", ["a pipeline", "a member"])
def test_every_command_works_with_the_least_rights(
    mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A pipeline has application permissions, a member is Cloud Application Administrator; both
    have one site.
    """
    if kind == "a pipeline":
        run = alone(mct, azure, *PIPELINE, arm=ON_THE_SITE)
    else:
        roles = ["Cloud Application Administrator"]
        run = signed_in(mct, azure, monkeypatch, arm=ON_THE_SITE, directoryRoles=roles)
    ended = {" ".join(words): run(*words) for words in EVERYTHING}
    assert {words: done.code for words, done in ended.items()} == dict.fromkeys(ended, 0), [
        done.err for done in ended.values() if done.code
    ]
    assert azure.made_by_us() == []


@pytest.mark.parametrize(
    "words",
    [one for one in EVERYTHING if one[0] != "snippet"],
    ids=lambda words: " ".join(words[:2]),
)
def test_an_operator_of_the_app_service_alone_is_told_the_right_that_is_missing(
    mct: Program, azure: Sandbox, words: tuple[str, ...]
) -> None:
    """Without any permission in the directory: nothing is written, and who grants what is named."""
    assert mct("setup", "--client", "A", "--client", "B", "-y").code == 0
    run = alone(mct, azure, arm=ON_THE_SITE)
    azure.forget()
    done = run(*words)
    assert (done.code in {3, 4}, azure.writes()) == (True, []), done
    assert "Application.Read.All" in f"{done.out}{done.err}", done
    assert "on the subscription" not in f"{done.out}{done.err}", done


@pytest.mark.parametrize("words", EVERYTHING, ids=lambda words: " ".join(words[:2]))
def test_a_contributor_of_a_virtual_machine_alone_is_told_the_role_on_the_app_service(
    mct: Program, azure: Sandbox, words: tuple[str, ...]
) -> None:
    """What the directory permits is no help where the App Service may not be read: nothing is
    written.
    """
    assert mct("setup", "--client", "A", "--client", "B", "-y").code == 0
    run = alone(mct, azure, *PIPELINE, arm=[("Contributor", MACHINE)])
    azure.forget()
    done = run(*words)
    output = f"{done.out}{done.err}"
    assert azure.writes() == []
    if words == ("status", "--all"):  # it shows those that one may read: none
        assert (done.code, "No MCT App Service found" in output) == (3, True), done
    else:
        assert done.code in {3, 4}, done
        role = "Reader" if words[0] == "rotate-secret" else "Website Contributor"
        assert role in output, done
        assert "on the subscription" not in output, done


LOOKS = {
    "doctor": ("doctor", *WHERE),
    "status": ("status", *WHERE),
    "status of all": ("status", "--all"),
    "verify": ("verify", *WHERE),
    "snippet": ("snippet", "A", *WHERE),
    "export": ("export", *WHERE),
    "doctor of a file": ("doctor", "-f", "trust.toml"),
    "status of a file": ("status", "-f", "trust.toml"),
    "verify of a file": ("verify", "-f", "trust.toml"),
    "export of a file": ("export", "-f", "trust.toml"),
}
REMOVALS = {
    "rotate-secret of a file": (
        "rotate-secret",
        "-f",
        "trust.toml",
        "--expiring-within",
        "500d",
        "-y",
    ),
    "rotate-secret": ("rotate-secret", "A", *WHERE, "-y"),
    "remove-client": ("remove-client", "B", *WHERE, "-y"),
    "teardown": ("teardown", *WHERE, "-y"),
}
ADDITIONS = {
    "setup": ("setup", *WHERE, "--client", "C", "-y"),
    "add-client": ("add-client", "D", *WHERE, "-y"),
    "apply": ("apply", "-f", "more.toml", "-y"),
}
DISABLING = {"configure-appservice": ("configure-appservice", *WHERE, "--disable", "-y")}
ALL_COMMANDS = {**LOOKS, **REMOVALS, **ADDITIONS, **DISABLING}
EVERY_REGISTRATION = (*READ, "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All")
ROLE_ON_SITE = f"--role 'Website Contributor' --scope {SITE}"


@dataclass(frozen=True)
class Held:
    """What a caller holds, and what each command says that it may not run, and which changes
    nothing.
    """

    graph: tuple[str, ...] | None
    """`None`: a person."""
    arm: list[tuple[str, str]]
    refused: dict[str, str]
    ends: dict[str, int] = field(default_factory=dict)
    """Other exit codes than 4 of what is refused and 0 of all else."""
    roles: tuple[str, ...] = ()


def say(words: str, *commands: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(chain(*commands), words)


ROTATIONS = {name for name, words in ALL_COMMANDS.items() if words[0] == "rotate-secret"}
NO_SITE = say(ROLE_ON_SITE, ALL_COMMANDS.keys() - {"status of all"}) | say(
    f"--role Reader --scope {SITE}", ROTATIONS
)
OF_DOCTOR = {"doctor": 3, "doctor of a file": 3}
SHOWS_LITTLE = {"status": 3, "status of all": 3, "status of a file": 3}
"""`status` shows what may be read, and leads to `doctor`."""
CALLERS = {
    "an application that may change every registration": Held(EVERY_REGISTRATION, ON_THE_SITE, {}),
    "an application that may only read": Held(
        READ,
        ON_THE_SITE,
        say("Application.ReadWrite.OwnedBy", ADDITIONS) | say("az ad app owner add", REMOVALS),
    ),
    "a pipeline that owns nothing here": Held(
        PIPELINE, ON_THE_SITE, say("az ad app owner add --id", REMOVALS)
    ),
    "an Application Developer": Held(
        None,
        ON_THE_SITE,
        say("az ad app owner add --id", REMOVALS),
        dict.fromkeys(ADDITIONS, 4),  # an administrator consents
        roles=("Application Developer",),
    ),
    "a member without any role": Held(
        None,
        ON_THE_SITE,
        say("Cloud Application Administrator", REMOVALS),
        {**dict.fromkeys(ADDITIONS, 4), "doctor": 3},
    ),
    "an administrator without an Azure role": Held(
        None,
        [],
        NO_SITE,
        {**OF_DOCTOR, "status of all": 3},
        ("Cloud Application Administrator",),
    ),
    "an application with no Azure role": Held(
        EVERY_REGISTRATION, [], NO_SITE, {**OF_DOCTOR, "status of all": 3}
    ),
    "an application that is Reader of the site": Held(
        EVERY_REGISTRATION,
        [("Reader", SITE)],
        say(ROLE_ON_SITE, NO_SITE.keys() - SHOWS_LITTLE),
        OF_DOCTOR | SHOWS_LITTLE,
    ),
}


def test_the_matrix_has_every_command_that_signs_in() -> None:
    group: Any = typer.main.get_command(app)
    commands = {name: group.get_command(None, name) for name in COMMANDS}
    assert {words[0] for words in ALL_COMMANDS.values()} == set(commands) - {"schema", "sandbox"}
    takes_a_file = {
        name
        for name, command in commands.items()
        if any("-f" in option.opts for option in command.params)
    }
    assert {words[0] for words in ALL_COMMANDS.values() if "-f" in words} == takes_a_file


@pytest.mark.parametrize("held", CALLERS.values(), ids=CALLERS.keys())
def test_each_command_is_done_or_names_the_missing_right_and_changes_nothing(
    mct: Program, azure: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: Held
) -> None:
    """What is refused, directory or App Service, is refused before anything is changed."""
    more = TRUST_FILE.replace('{ name = "B" }', '{ name = "B" }, { name = "E" }')
    (tmp_path / "more.toml").write_text(more, encoding="utf-8")
    assert mct("setup", "--client", "A", "--client", "B", "-y").code == 0
    if held.graph is None:
        run = signed_in(mct, azure, monkeypatch, arm=held.arm, directoryRoles=list(held.roles))
    else:
        run = alone(mct, azure, *held.graph, arm=held.arm)
    for name, words in ALL_COMMANDS.items():
        azure.forget()
        done = run(*words)
        told = f"{done.out}{done.err}"
        changed = [row["path"] for row in azure.log() if row["wrote"] and row["status"] < 400]
        assert done.code == held.ends.get(name, 4 if name in held.refused else 0), (name, done)
        if name in held.refused:
            assert (changed, held.refused[name] in told) == ([], True), (name, done)
        assert "on the subscription" not in told, (name, done)


def test_a_secrets_officer_of_the_vault_keeps_and_removes_secrets(
    mct: Program, azure: Sandbox
) -> None:
    vault = f"{INTEGRATIONS.partition('/Microsoft.Web')[0]}/Microsoft.KeyVault/vaults/{seed.VAULT}"
    officer = ("Key Vault Secrets Officer", vault)
    run = alone(mct, azure, *PIPELINE, arm=[*ON_THE_SITE, officer])
    place = ("--secret-to", f"keyvault:{seed.VAULT}")
    for words in (
        ("setup", *WHERE, "--client", "A", *place, "-y"),
        ("rotate-secret", "A", *WHERE, "-y"),
        ("remove-client", "A", *WHERE, "-y"),
    ):
        done = run(*words)
        assert done.code == 0, done


def test_an_administrator_without_an_azure_role_hands_over(
    mct: Program, azure: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = ["Cloud Application Administrator"]
    run = signed_in(mct, azure, monkeypatch, arm=[], directoryRoles=roles)
    file = tmp_path / "handoff.json"
    done = run(
        "setup", "-a", SITE, "--no-app-service", "--client", "A", "--handoff", str(file), "-y"
    )
    assert (done.code, file.exists()) == (0, True), done


@pytest.mark.parametrize("arm", [[], [("Reader", SITE)]], ids=["no role", "Reader"])
def test_who_may_not_write_what_was_handed_over_is_named_as_azure_does(
    mct: Program, azure: Sandbox, tmp_path: Path, arm: list[tuple[str, str]]
) -> None:
    """Such a caller has no right in the directory, which would say who it is."""
    handoff = tmp_path / "handoff.json"
    assert mct("setup", "--no-app-service", "--handoff", str(handoff), "-y").code == 0
    run = alone(mct, azure, arm=arm)
    for more in ((), ("--no-preflight",)):
        refused = run("configure-appservice", *WHERE, "--from", str(handoff), "-y", *more, *JSON)
        assert refused.code == 4, refused
        (command,) = {row["command"] for row in refused.document["error"]["missing"]}
        assert command.startswith("az role assignment create --assignee-object-id "), refused
        assert command.endswith(ROLE_ON_SITE)


def test_an_operator_of_the_app_service_alone_writes_its_settings(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    """By a handoff, which takes nothing of the directory."""
    handoff = tmp_path / "handoff.json"
    assert (
        mct("setup", "--no-app-service", "--client", "A", "--handoff", str(handoff), "-y").code == 0
    )
    run = alone(mct, azure, arm=ON_THE_SITE)
    done = run("configure-appservice", *WHERE, "--from", str(handoff), "-y")
    assert done.code == 0, done
    assert azure.settings()["ServiceAuthEnabled"] == "true"


CONSENTING = ("Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All")


def test_the_command_for_someone_who_may_consent_takes_no_right_on_the_app_service(
    mct: Program, azure: Sandbox
) -> None:
    colleague = alone(mct, azure, *READ, "Application.ReadWrite.OwnedBy", arm=ON_THE_SITE)
    done = colleague("setup", *WHERE, "--client", "A", "--role", "Import.Read", *JSON)
    (step,) = done.document["manualSteps"]
    run = alone(mct, azure, *READ, *CONSENTING, arm=[])
    assert run(*shlex.split(step["command"])[1:], "-y").code == 0
    assert colleague("verify", *WHERE).code == 0


def test_a_colleagues_client_is_not_said_to_be_created_by_something_else(
    mct: Program, azure: Sandbox
) -> None:
    colleague = alone(mct, azure, *READ, "Application.ReadWrite.OwnedBy", arm=ON_THE_SITE)
    colleague("setup", *WHERE, "--client", "A", "-y")
    run = alone(mct, azure, *READ, *CONSENTING, arm=ON_THE_SITE)
    (finding,) = run("status", *WHERE, "-o", "json").document["findings"]
    assert "may wait for the consent that its setup asked for" in finding["message"], finding
    assert finding["remedy"].startswith("mct-s2s remove-client "), "no step to a grant"
    more = run("setup", "-a", SITE, "--no-app-service", "--service-app", service_id(azure), "-y")
    assert "did not create it" not in more.err, more


def test_a_caller_without_any_right_is_told_all_that_a_setup_takes_at_one_look(
    mct: Program, azure: Sandbox
) -> None:
    """Also what could not be confirmed, as what it depends on may not be read."""
    run = alone(mct, azure, arm=[])
    rights = (*PIPELINE, "Website Contributor")
    for words in (("doctor", *WHERE), ("setup", *WHERE, "--client", "A", "-y")):
        done = run(*words)
        assert [right for right in rights if right not in f"{done.out}{done.err}"] == [], done
        for permission in PIPELINE:
            given = f"{GRAPH_PERMISSIONS[permission]}=Role"
            assert given in f"{done.out}{done.err}", (permission, done)


def test_a_plan_says_which_rights_could_not_be_confirmed(mct: Program, azure: Sandbox) -> None:
    """Of a dry run, and of a run, before its question."""
    run = alone(mct, azure, *READ, arm=ON_THE_SITE)
    words = ("setup", *WHERE, "--client", "A")
    plan, asked = run(*words, "--dry-run"), run(*words)
    assert (plan.code, "[confirmation-missing]" in asked.err) == (3, True), (plan, asked)
    for right in set(PIPELINE) - set(READ):
        for shown in (plan.out, asked.err):
            assert shown.count(f"Not confirmed: {right}, to ") == 1, shown
    done = mct("setup", "--client", "A", "-y")
    assert (done.code, "Not confirmed" in done.out + done.err) == (0, False), done


@pytest.mark.parametrize("is_set_up", [False, True])
def test_a_refusal_for_want_of_the_settings_says_what_is_not_confirmed_of_the_directory(
    mct: Program, azure: Sandbox, is_set_up: bool
) -> None:
    if is_set_up:
        assert mct("setup", "--client", "Other", "-y").code == 0
    run = alone(mct, azure, *READ, arm=[("Reader", SITE)])
    refused = run("setup", *WHERE, "--client", "A", "-y")
    assert refused.code == 4, refused
    for right in set(PIPELINE) - set(READ):
        assert f"Not confirmed: {right}, to " in refused.err, refused


def test_what_is_printed_as_next_works_for_each_of_two_persons(
    mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One may not read the App Service, the other not the directory."""
    handoff = tmp_path / "handoff.json"
    roles = ["Cloud Application Administrator"]
    directory = signed_in(mct, azure, monkeypatch, arm=[], directoryRoles=roles)
    words = ("-a", SITE, "--no-app-service", "--handoff", str(handoff), "-y")
    handed = directory("setup", *words, "--client", "A")
    operator = alone(mct, azure, arm=ON_THE_SITE)
    configured = operator("configure-appservice", *WHERE, "--from", str(handoff), "-y")
    (file,) = tmp_path.rglob("a-*.env")
    known = {"https://HOST_OF_THE_SITE": azure.site_url, "FILE": str(file)}
    sending = "To test it, send this to whoever has a client's secret file, which is FILE:\n"
    for person, done, label in (
        (directory, handed, "Next\n"),
        (operator, configured, sending),
    ):
        _, _, following = done.out.partition(label)
        (command,) = printed_commands(following)
        tested = person(*(known.get(word, word) for word in shlex.split(command)[1:]))
        assert (done.code, tested.code) == (0, 0), (done, tested)
        assert "200" in tested.out, tested


def test_who_may_not_read_the_settings_tests_a_client_as_verify_prints(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "a.env"
    mct("setup", "--client", "A", "--secret-to", f"file:{file}", "-y")
    run = alone(mct, azure, *EVERY_REGISTRATION, arm=[("Reader", SITE)])
    known = {"api://APP_ID": azure.settings()["ServiceAuthAudience"] or "", "FILE": str(file)}
    known["https://HOST_OF_THE_SITE"] = azure.site_url
    for words in ((), ("--credentials", str(file))):
        refused = run("verify", *WHERE, *words)
        assert (refused.code, "Website Contributor" in refused.err) == (4, True), refused
        _, _, other_way = refused.err.partition("Or test a client by its secret file")
        (command,) = printed_commands(other_way)
        assert ("APP_ID" in command) is not bool(words), command
        typed = [known.get(word, word) for word in shlex.split(command)[1:]]
        assert run(*typed).code == 0, command


def test_who_may_not_write_the_settings_is_told_how_a_client_gets_no_more_tokens(
    mct: Program, azure: Sandbox
) -> None:
    mct("setup", "--client", "A", "-y")
    run = alone(mct, azure, *EVERY_REGISTRATION, arm=[("Reader", SITE)])
    other_way = "Or delete the client's app registration, if it has one, in the portal"
    refused = run("remove-client", "A", *WHERE, "-y")
    assert (refused.code, other_way in refused.err) == (4, True), refused
    assert other_way not in run("setup", *WHERE, "--client", "B", "-y").err


def test_who_set_up_the_directorys_part_rotates_as_a_reader_of_the_app_service(
    mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = signed_in(
        mct,
        azure,
        monkeypatch,
        arm=[("Reader", SITE)],
        directoryRoles=["Cloud Application Administrator"],
    )
    assert run("setup", *WHERE, "--no-app-service", "--client", "A", "-y").code == 0
    rotated = run("rotate-secret", "A", *WHERE, "-y")
    assert rotated.code == 0, rotated


def test_who_did_not_set_it_up_rotates_without_the_settings_by_naming_both_registrations(
    mct: Program, azure: Sandbox
) -> None:
    """The settings would say that the registrations are this App Service's."""
    assert mct("setup", "--client", "A", "-y").code == 0
    client_id = azure.applications("A")[0]["appId"]
    naming = ("--service-app", service_id(azure))
    run = alone(mct, azure, *EVERY_REGISTRATION, arm=[("Reader", SITE)])
    refused = run("rotate-secret", "A", *WHERE, *JSON)
    error = refused.document["error"]
    assert (refused.code, error["code"]) == (4, "permission-missing"), refused
    assert "--service-app APP_ID, and with the client's appId in place of" in error["remedy"], error
    planned = run("rotate-secret", client_id, *WHERE, *naming, "--dry-run")
    assert (planned.code, "settings" in planned.out) == (3, False), planned
    rotated = run("rotate-secret", client_id, *WHERE, *naming, "--keep-old", "1d", "-y")
    assert rotated.code == 0, rotated
    assert mct("verify").code == 0
    (line,) = [line for line in rotated.out.splitlines() if "--remove-old" in line]
    removed = run(*shlex.split(line)[1:], "-y")
    assert (removed.code, len(azure.applications("A")[0]["passwordCredentials"])) == (0, 1), removed


@pytest.mark.parametrize(
    "words",
    [("A", *WHERE), ("-f", "trust.toml", "--expiring-within", "500d")],
    ids=["by name", "of a file"],
)
def test_a_service_application_that_only_the_settings_name_takes_the_right_to_read_them(
    mct: Program, azure: Sandbox, words: tuple[str, ...]
) -> None:
    """Else it would seem that nothing is set up, and that nothing is due."""
    theirs = Hand(azure).register("Theirs")
    azure.write_settings({"ServiceAuthAudience": f"api://{theirs.app_id}"})
    run = alone(mct, azure, *EVERY_REGISTRATION, arm=[("Reader", SITE)])
    refused = run("rotate-secret", *words, "-y")
    assert (refused.code, ROLE_ON_SITE in refused.err) == (4, True), refused
    assert "service-app" in refused.err, refused


def test_the_directorys_half_is_done_as_printed_where_the_site_is_set_up(
    mct: Program, azure: Sandbox
) -> None:
    """Its service application is not named by the settings, which their writer may have changed."""
    mct("setup", "--client", "A", "-y")
    refused = alone(mct, azure, arm=ON_THE_SITE)("setup", *WHERE, "--client", "B", "-y")
    assert (refused.code, service_id(azure) in refused.err) == (4, False), refused
    assert "add --service-app APP_ID" in " ".join(refused.err.split()), refused
    (half,) = [line for line in printed_commands(refused.err) if "--no-app-service" in line]
    words = ("--service-app", service_id(azure), "--dry-run")
    planned = alone(mct, azure, *EVERY_REGISTRATION, arm=[])(*shlex.split(half)[1:], *words)
    assert planned.code == 3, planned


def test_a_rotation_asks_for_the_role_of_a_reader_alone(mct: Program, azure: Sandbox) -> None:
    mct("setup", "--client", "A", "-y")
    run = alone(mct, azure, *EVERY_REGISTRATION, arm=[])
    missing = run("rotate-secret", "A", *WHERE, *JSON).document["error"]["missing"]
    steps_and_roles = [(row["step"], row["right"]) for row in missing]
    assert steps_and_roles == [("read the App Service 'contosolearn'", "Reader")], missing


def service_id(azure: Sandbox) -> str:
    return str(azure.applications("MCT service (contosolearn)")[0]["appId"])


def test_who_cannot_read_the_directory_switches_off_and_on_as_printed(
    mct: Program, azure: Sandbox
) -> None:
    mct("setup", "--client", "A", "--client", "B", "-y")
    before = azure.settings()
    run = alone(mct, azure, arm=ON_THE_SITE)
    off = run("configure-appservice", *WHERE, "--disable", "-y")
    assert "2 clients on the allow lists lose access" in off.err, off
    assert "2 clients on the allow lists have lost access" in off.out, off
    assert azure.settings()["ServiceAuthEnabled"] == "false"
    refused = run("configure-appservice", *WHERE, "-y")
    assert (refused.code, "--from handoff.json" in refused.err) == (4, True), refused
    (back,) = [line for line in printed_commands(off.out) if "configure-appservice" in line]
    assert run(*shlex.split(back)[1:], "-y").code == 0
    assert azure.settings() == before


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        (
            {"ServiceAuthAudience": "api://other"},
            "Clients whose tokens do not match ServiceAuthAudience 'api://other' lose access.",
        ),
        ({"ServiceApplicationIds": ""}, "2 clients on the allow lists lose access."),
        (
            {"ServiceObjectIds": str(UUID(int=1)), "ServiceApplicationIds": ""},
            "2 IDs leave the allow lists, so their clients lose access.",
        ),
        ({"ServiceAuthAudience": None}, "2 clients on the allow lists lose access."),
    ],
    ids=["another audience", "no ID", "other IDs", "before any setup"],
)
def test_who_cannot_read_the_directory_is_warned_that_a_backup_takes_access(
    mct: Program,
    azure: Sandbox,
    tmp_path: Path,
    changes: Mapping[str, str | None],
    warning: str,
) -> None:
    file = tmp_path / "before.json"
    mct("setup", "--client", "A", "--client", "B", "-y")
    assert mct("configure-appservice", "--backup", str(file), "-y").code == 0
    backup = json.loads(file.read_text(encoding="utf-8"))
    merged = {**backup["settings"], **changes}
    backup["settings"] = {name: value for name, value in merged.items() if value is not None}
    file.write_text(json.dumps(backup), encoding="utf-8")
    run = alone(mct, azure, arm=ON_THE_SITE)
    restore = ("configure-appservice", *WHERE, "--restore", str(file))
    same = " ".join(run(*restore, "--dry-run").out.split())
    assert f"Warning: {warning} The directory could not be read" in same, same
    done = run(*restore, "-y")
    assert (done.code, "! Configured contosolearn" in done.out) == (0, True), done
    assert "access" not in run(*restore, "--dry-run").out


def test_the_way_back_is_printed_where_the_app_service_is_switched_off(mct: Program) -> None:
    mct("setup", "--client", "A", "-y")
    off = mct("configure-appservice", "--disable", "-y")
    assert "To switch it on again:" in off.out, off


def test_a_role_that_shuts_clients_out_is_warned_of_while_the_app_service_is_off(
    mct: Program,
) -> None:
    mct("setup", "--client", "A", "--client", "B", "-y")
    mct("configure-appservice", "--disable", "-y")
    done = mct("configure-appservice", "--role", "Wrong", "--dry-run")
    assert "'A', 'B' cannot call when it is on again: their tokens do not match" in done.out, done


def test_an_application_that_is_no_owner_is_told_the_permission_that_ownership_takes(
    mct: Program, azure: Sandbox
) -> None:
    mct("setup", "--client", "A", "-y")
    run = alone(mct, azure, *READ, arm=ON_THE_SITE)
    error = run("rotate-secret", "A", *WHERE, *JSON).document["error"]
    assert error["code"] == "not-owner", error
    assert "Application.ReadWrite.OwnedBy, too." in error["remedy"], error
