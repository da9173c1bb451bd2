"""`doctor`: who signed in, to where, whether that is enough, and what `setup` will do; nothing is
written.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.sandbox.observability.exchange import Entry

from tests.cli.conftest import Ended, Program, alone, reading, signed_in
from tests.conftest import FUNCTION_APP, SITE, Sandbox
from tests.support.sampling import sampled
from tests.support.sandbox_inside import Inside


@pytest.fixture
def mct(mct: Program) -> Program:
    return reading(mct)


OK, MISSING = 0, 3
READ = ("Application.Read.All", "Organization.Read.All")
SEEN = "RoleManagement.Read.Directory"
CONTRIBUTOR, READER = [("Website Contributor", SITE)], [("Reader", SITE)]
OWNED, CONSENT = "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All"


def states(document: Any) -> dict[str, str]:
    return {check["code"]: check["state"] for check in document["checks"]}


def remedies(done: Ended) -> str:
    return " ".join(check["remedy"] or "" for check in done.document["checks"])


@pytest.mark.as_administrator("some checks take rights to look that no change needs")
def test_an_administrator_may_do_all_that_doctor_checks(mct: Program, azure: Sandbox) -> None:
    done = mct("doctor", "-o", "json", "--managed-identity", "reports-func")
    assert done.code == OK
    document = done.document
    assert document["ready"] is True
    assert document["caller"]["kind"] == "servicePrincipal"
    assert document["caller"]["name"] == "Deployment pipeline"
    assert document["caller"]["appId"] == azure.environment["AZURE_CLIENT_ID"]
    assert document["tenant"]["id"] == azure.tenant_id
    assert set(states(document).values()) == {"ok"}
    assert {"signed-in", "tenant", "admin-consent", "secret-policy", "enable-identity"} <= set(
        states(document)
    )
    assert azure.writes() == []


def test_every_missing_right_has_a_remedy(mct: Program, azure: Sandbox) -> None:
    caller = azure.caller(*READ, SEEN, arm=[*READER, ("Reader", FUNCTION_APP)])
    done = mct("doctor", "-a", SITE, "-o", "json", "--managed-identity", FUNCTION_APP, env=caller)
    assert done.code == MISSING
    states_by_code = states(done.document)
    for code in (
        "create-application", "change-application", "create-service-principal", "admin-consent",
        "read-settings",
        "write-settings", "restart", "enable-identity",
    ):  # fmt: skip
        assert states_by_code[code] == "missing", code
    said = remedies(done)
    for words in (OWNED, CONSENT, "Website Contributor"):
        assert words in said
    assert f"--scope {FUNCTION_APP}" in said
    assert azure.writes() == []
    shown = mct("doctor", "-a", SITE, "-o", "markdown", env=caller).out
    assert shown.startswith("# Permissions for contosolearn\n")
    steps = [step for step in done.document["manualSteps"] if FUNCTION_APP not in step["command"]]
    assert [step["command"] for step in steps if step["command"] not in shown] == []


@pytest.mark.parametrize("readable", ["directory", "app-service"])
def test_a_half_that_cannot_be_read_is_a_check_and_the_other_half_is_judged(
    mct: Program, azure: Sandbox, readable: str
) -> None:
    caller = azure.caller(*READ, SEEN) if readable == "directory" else azure.caller(arm=CONTRIBUTOR)
    done = mct("doctor", "-a", SITE, "-o", "json", env=caller)
    assert done.code == MISSING, done
    states_by_code = states(done.document)
    names = ("tenant", "read-directory", "admin-consent", "read-app-service", "read-settings")
    of_directory = {
        "tenant": "ok",
        "admin-consent": "missing",
        "read-app-service": "missing",
        "read-settings": "missing",
    }
    of_app_service = {
        "read-directory": "missing",
        "admin-consent": "unknown",
        "read-settings": "ok",
    }
    expected = of_directory if readable == "directory" else of_app_service
    assert {name: states_by_code[name] for name in names if name in states_by_code} == expected


@pytest.mark.parametrize("slow", ["/subscriptions", "/organization"])
def test_a_caller_who_may_read_neither_half_is_told_of_both(
    mct: Program, azure: Sandbox, inside: Inside, slow: str
) -> None:
    async def later(entry: Entry) -> None:
        if slow in entry.path:
            await inside.time.sleep(1)

    inside.hooks.before.append(later)
    errors = mct("setup", "-a", SITE, "--client", "A", "-y", env=azure.caller()).err
    inside.leave_alone()
    assert "to read the directory" in errors
    assert "to read the App Service 'contosolearn'" in errors


def test_a_change_that_setup_would_make_is_a_finding_and_no_obstacle(
    mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", "-y").code == OK
    azure.write_settings({**azure.settings(), "ServiceAuthEnabled": "false"})
    done = mct("doctor", "-o", "json")
    assert (done.code, done.document["ready"], done.document["setup"]) == (MISSING, False, "runs")
    assert states(done.document)["changes-pending"] == "missing"
    shown = mct("doctor").out
    assert ("is not fully set up." in shown, "All checks passed." in shown) == (True, False)
    assert "mct-s2s setup -a contosolearn -g mct-prod" in shown
    preview = shown.splitlines()[-1]
    assert preview.startswith("mct-s2s setup --dry-run -a contosolearn -g mct-prod"), preview


@pytest.mark.as_administrator(
    "who may not read the group is told of a role, not of a name that is not there"
)
def test_a_name_that_does_not_exist_ends_with_2_beside_what_was_checked(mct: Program) -> None:
    done = mct("doctor", "-a", "nosuch", "-g", "mct-prod", "-o", "json")
    states_by_code = states(done.document)
    assert (
        done.code,
        states_by_code["read-app-service"],
        states_by_code["create-application"],
    ) == (
        2,
        "missing",
        "ok",
    )


def test_what_a_switched_off_site_lacks_is_said_in_words(mct: Program, azure: Sandbox) -> None:
    assert mct("setup", "--client", "A", "-y", "--no-verify").code == OK
    assert mct("configure-appservice", "--disable", "-y").code == OK
    shown = " ".join(mct("doctor").out.split())
    assert "on again. It lets these clients call again: 'A'. To complete the setup:" in shown


@pytest.mark.as_administrator("it reads the function app beside the site")
def test_a_function_app_is_refused(mct: Program) -> None:
    done = mct("doctor", "-a", "contosolearn-fa-x7k2q", "-o", "json")
    assert (done.code, done.document["error"]["code"]) == (2, "function-app")


@pytest.mark.as_administrator("the sites of the subscription are listed")
def test_a_function_app_that_is_no_part_of_mct_is_told_which_sites_are(mct: Program) -> None:
    error = mct(
        "setup", "-a", "reports-func", "-g", "integrations", "--client", "A", "-y", "-o", "json"
    ).document["error"]
    assert (error["code"], "-a reports-func" in error["remedy"]) == ("function-app", False)
    assert "MCT sites here: contosolearn (mct-prod)." in error["remedy"]
    assert "--managed-identity reports-func" in error["remedy"]


def test_a_person_is_known_by_name_and_by_roles(
    mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = signed_in(
        mct, azure, monkeypatch, arm=CONTRIBUTOR, groupRoles=["Cloud Application Administrator"]
    )
    done = run("doctor", "-a", SITE, "-o", "json")
    document = done.document
    assert done.code == OK, document
    assert (document["caller"]["kind"], document["caller"]["name"].partition("@")[0]) == (
        "person",
        "casey",
    )
    assert states(document)["admin-consent"] == "ok"


# For every kind of caller, in every kind of state: without it a caller asks for rights that are not
# needed, or believes that the rest will be done.

WRITER = {"name": "Settings without restart", "actions": [
    "Microsoft.Web/sites/read", "Microsoft.Web/sites/config/*", "Microsoft.Web/sites/slots/read",
]}  # fmt: skip
NINETY_DAYS = {"restrictionType": "passwordLifetime", "maxLifetime": "P90D", "state": "enabled"}
NO_SECRETS = {"restrictionType": "passwordAddition", "state": "enabled"}
OWN = ("--client", "A", "-y", "--no-verify")

State = Callable[[Program, Sandbox], None]


def _set_up(mct: Program, azure: Sandbox) -> None:
    """By an administrator: the caller owns nothing of it."""
    assert mct("setup", "--client", "Other", "-y", "--no-verify").code == 0


def _drifted(mct: Program, azure: Sandbox) -> None:
    """The service application lacks its URI: setup would write to a registration that the caller
    does not own.
    """
    _set_up(mct, azure)
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.graph("PATCH", f"/applications/{service['id']}", json={"identifierUris": []})


def _role_for_people(mct: Program, azure: Sandbox) -> None:
    """Setup refuses the service application as it is, whatever the rights."""
    _set_up(mct, azure)
    (service,) = azure.applications("MCT service (contosolearn)")
    (role,) = service["appRoles"]
    people = {**role, "id": "33333333-3333-4333-8333-333333333333", "allowedMemberTypes": ["User"]}
    for roles in ([{**role, "isEnabled": False}], [], [people]):
        azure.graph("PATCH", f"/applications/{service['id']}", json={"appRoles": roles})


@dataclass(frozen=True)
class Case:
    """A caller in a state, and what setup is to do for it."""

    setup: str
    graph: tuple[str, ...] = ()
    arm: list[tuple[Any, str]] = field(default_factory=list)
    state: State = lambda *_: None
    words: tuple[str, ...] = ()
    roles: tuple[str, ...] | None = None
    """A person's directory roles, instead of an application's permissions."""


CASES = {
    "all that is needed": Case("runs", (*READ, OWNED, CONSENT, SEEN), CONTRIBUTOR),
    "roles can't be read, all is there": Case("runs", (*READ, OWNED, CONSENT), CONTRIBUTOR),
    "no consent": Case("partial", (*READ, OWNED, SEEN), CONTRIBUTOR),
    "no restart": Case("partial", (*READ, OWNED, CONSENT, SEEN), [(WRITER, SITE)]),
    "the settings can't be read": Case("stops", (*READ, OWNED), READER),  # B9
    "nor may it consent": Case("stops", (*READ, OWNED, SEEN), READER),
    "the settings can't be read, once set up": Case("stops", (*READ, OWNED), READER, _set_up),
    "no site at all": Case("stops", (*READ, OWNED, CONSENT)),
    "no site, the directory's part": Case("runs", (*READ, OWNED, CONSENT),
                                          words=("--no-app-service",)),
    "no consent, and none wanted": Case(
        "runs", (*READ, OWNED, SEEN), words=("--no-app-service", "--no-consent")
    ),
    "no registrations": Case("stops", (*READ, CONSENT, SEEN), CONTRIBUTOR),
    "the directory can't be read": Case("stops", (), CONTRIBUTOR),
    "neither": Case("stops", (), READER),
    "owned only, of another's set-up": Case("runs", (*READ, OWNED, CONSENT, SEEN), CONTRIBUTOR,
                                            _set_up),
    "owned only, another's has drifted": Case("stops", (*READ, OWNED, CONSENT, SEEN), CONTRIBUTOR,
                                              _drifted),
    "all registrations, another's has drifted": Case(
        "runs", (*READ, "Application.ReadWrite.All", CONSENT), CONTRIBUTOR, _drifted
    ),
    "an identity that it may not enable": Case(
        "stops", (*READ, OWNED, CONSENT), [*CONTRIBUTOR, ("Reader", FUNCTION_APP)],
        words=("--managed-identity", FUNCTION_APP),
    ),
    "an identity that it may enable, of another's set-up": Case(
        "runs", (*READ, OWNED, CONSENT, SEEN),
        [*CONTRIBUTOR, ("Website Contributor", FUNCTION_APP)],
        _set_up, ("--managed-identity", FUNCTION_APP),
    ),
    "an identity that it may not even see": Case(
        "stops", (*READ, OWNED, CONSENT), CONTRIBUTOR, words=("--managed-identity", FUNCTION_APP)
    ),
    "a role of that name for people": Case("stops", (*READ, OWNED, CONSENT), CONTRIBUTOR,
                                           _role_for_people),
    "secrets for ninety days": Case(
        "runs", (*READ, "Policy.Read.All", OWNED, CONSENT), CONTRIBUTOR,
        lambda _, azure: azure.restrict("passwordCredentials", NINETY_DAYS),
    ),
    "no secrets": Case(
        "stops", (*READ, "Policy.Read.All", OWNED, CONSENT), CONTRIBUTOR,
        lambda _, azure: azure.restrict("passwordCredentials", NO_SECRETS),
    ),
    "a locked site": Case("stops", (*READ, OWNED, CONSENT), CONTRIBUTOR, lambda _,
                          azure: azure.lock(SITE)),
    "an administrator in person": Case("runs", arm=CONTRIBUTOR,
                                       roles=("Cloud Application Administrator",)),
    "an administrator in person, of another's set-up": Case(
        "runs", arm=CONTRIBUTOR, roles=("Cloud Application Administrator",), state=_drifted
    ),
    "a developer in person": Case("runs", arm=CONTRIBUTOR, roles=("Application Developer",)),
    "a person who may not read the settings": Case("stops", arm=READER,
                                                   roles=("Cloud Application Administrator",)),
}  # fmt: skip


@pytest.mark.parametrize("name", sampled(list(CASES), 7, salt="doctor"))
def test_setup_does_what_doctor_says(
    mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case = CASES[name]
    case.state(mct, azure)
    azure.forget()
    rights = {"arm": case.arm, "directoryRoles": list(case.roles)} if case.roles is not None else {}
    run = (
        signed_in(mct, azure, monkeypatch, **rights)
        if rights
        else alone(mct, azure, *case.graph, arm=case.arm)
    )
    checked = run("doctor", "-a", SITE, *case.words, "-o", "json")
    promised = checked.document["setup"]
    assert promised == case.setup, checked.document["checks"]
    pending = case.state is _drifted  # what setup would change is a finding of its own
    assert checked.code == (0 if promised == "runs" and not pending else 3)
    assert azure.writes() == []
    suggested = ("--auto-lifetime",) if "--auto-lifetime" in remedies(checked) else ()
    done = run("setup", "-a", SITE, *OWN, *case.words, *suggested, "-o", "json")
    assert _what_it_did(done, azure) == promised, done
    if promised == "stops":
        error = done.document["error"]
        steps = checked.document["manualSteps"]
        asked = {(step["who"], step["command"]) for step in steps if step["who"]}
        missing = {
            (missing_right["who"], missing_right["command"])
            for missing_right in error.get("missing", ())
        }
        assert missing <= asked
        if error["code"] == "permission-missing":
            others = (step["what"].partition(". ")[0] for step in steps if not step["who"])
            untold = [
                sentence
                for sentence in others
                if sentence not in error["message"] and not sentence.startswith("To complete ")
            ]
            assert (missing, untold) == (asked, [])


def _what_it_did(done: Ended, azure: Sandbox) -> str:
    if done.code == 0:
        return "runs"
    if done.code == 4 and "manualSteps" in done.document:
        return "partial" if azure.writes() else "nothing"
    return "stops" if done.document["error"]["code"] and azure.writes() == [] else "broke off"


def test_each_half_is_printed_to_whom_it_belongs_and_both_together_set_up(
    mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    site = alone(mct, azure, arm=CONTRIBUTOR)
    directory = alone(mct, azure, *READ, OWNED, CONSENT, SEEN, arm=[])
    client = ("--client", "A", "--secret-to", f"file:{tmp_path / 'a.env'}")
    shown = [
        site("setup", "-a", SITE, *client, "-y"),
        directory("setup", "-a", SITE, *client, "-y"),
    ]
    halves = [
        [line.strip() for line in done.err.splitlines() if line.startswith("    mct-s2s ")]
        for done in shown
    ]
    assert halves[0] == halves[1]
    first, second = (shlex.split(line)[1:] for line in halves[0])
    assert directory(*first, "-y").code == 0
    assert (tmp_path / "a.env").exists(), (
        "the options that say where a secret goes are in the command"
    )
    assert site(*second, "-y").code == 0
    assert mct("verify", "--credentials", str(tmp_path / "a.env")).code == 0


def test_the_directorys_half_of_a_site_that_is_set_up_names_its_service_application(
    mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    _set_up(mct, azure)
    writing = "Application.ReadWrite.All"
    directory = alone(mct, azure, *READ, writing, CONSENT, arm=[])
    shown = directory("doctor", "-a", SITE).out.partition("Until then,")[2]
    first, second = (
        shlex.split(line)[1:] for line in shown.splitlines() if line.startswith("    mct-s2s ")
    )
    assert "name that one by --service-app" in " ".join(shown.split())
    assert directory(*first, "-y").code != 0, "a placeholder is no service application"
    (service,) = azure.applications("MCT service (contosolearn)")
    words = [{"APP_ID": service["appId"], "NAME": "A"}.get(word, word) for word in first]
    assert directory(*words, "-y").code == 0
    assert mct(*second, "-y").code == 0
    assert mct("verify").code == 0


def test_what_another_deleted_is_named_and_no_permission_is_asked_for_that_is_there(
    mct: Program, azure: Sandbox
) -> None:
    _set_up(mct, azure)
    assert mct("teardown", "-y").code == 0
    restoring = "restore the app registration 'MCT service (contosolearn)'"
    checked = alone(mct, azure, *READ, OWNED, CONSENT, arm=CONTRIBUTOR)("doctor", "-o", "json")
    document = checked.document
    (unknown,) = [check for check in document["checks"] if restoring in check["message"]]
    assert unknown["message"] == f"Could not check whether you can {restoring}."
    assert "Application.ReadWrite.All, to restore" in unknown["remedy"], unknown
    assert OWNED not in remedies(checked), document
    (known,) = [
        check for check in document["checks"] if "registrations you create" in check["message"]
    ]
    assert known["state"] == "ok", known


def test_a_missing_right_is_asked_for_once(mct: Program, azure: Sandbox) -> None:
    shown = mct("doctor", "-a", SITE, env=azure.caller()).out
    assert [shown.count(words) for words in ("Directory Readers", "Website Contributor")] == [
        1,
        2,
    ], "and in its command"
    assert ("_RequestDenied" in shown, "AuthorizationFailed" in shown) == (False, False)
