"""What `doctor` says that `setup` will do is what `setup` then does: for every kind of caller, in every kind of state.

Without it a caller believes that the rest will be done, and nothing is; or asks for rights that are not needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.cli.conftest import Ended, Program, alone, signed_in
from tests.conftest import FUNCTION_APP, SITE, Sandbox
from tests.support.sampling import sampled

READ = ("Application.Read.All", "Organization.Read.All")
ROLES_READABLE = "RoleManagement.Read.Directory"
OWNED, CONSENT = "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All"
READER, CONTRIBUTOR = [("Reader", SITE)], [("Website Contributor", SITE)]
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
    azure.forget()


def _drifted(mct: Program, azure: Sandbox) -> None:
    """The service application lacks its URI: setup would write to a registration that the caller does not own."""
    _set_up(mct, azure)
    (service,) = [one for one in azure.made_by_us() if one["identifierUris"]]
    azure.graph("PATCH", f"/applications/{service['id']}", json={"identifierUris": []})
    azure.forget()


def _role_for_people(mct: Program, azure: Sandbox) -> None:
    """Setup refuses the service application as it is, whatever the rights."""
    _set_up(mct, azure)
    (service,) = [one for one in azure.made_by_us() if one["identifierUris"]]
    for roles in ([{**service["appRoles"][0], "isEnabled": False}], []):
        azure.graph("PATCH", f"/applications/{service['id']}", json={"appRoles": roles})
    role = {**service["appRoles"][0], "id": "33333333-3333-4333-8333-333333333333", "allowedMemberTypes": ["User"]}
    azure.graph("PATCH", f"/applications/{service['id']}", json={"appRoles": [role]})
    azure.forget()


def _policy(rule: dict[str, Any]) -> State:
    def state(mct: Program, azure: Sandbox) -> None:
        del mct
        azure.restrict("passwordCredentials", rule)
        azure.forget()

    return state


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
    "all that is needed": Case("runs", (*READ, OWNED, CONSENT, ROLES_READABLE), CONTRIBUTOR),
    "roles can't be read, all is there": Case("runs", (*READ, OWNED, CONSENT), CONTRIBUTOR),
    "no consent": Case("partial", (*READ, OWNED, ROLES_READABLE), CONTRIBUTOR),
    "no restart": Case("partial", (*READ, OWNED, CONSENT, ROLES_READABLE), [(WRITER, SITE)]),
    "the settings can't be read": Case("stops", (*READ, OWNED), READER),  # B9
    "nor may it consent": Case("stops", (*READ, OWNED, ROLES_READABLE), READER),
    "the settings can't be read, once set up": Case("stops", (*READ, OWNED), READER, _set_up),
    "no site at all": Case("stops", (*READ, OWNED, CONSENT)),
    "no site, the directory's part": Case("runs", (*READ, OWNED, CONSENT), words=("--no-app-service",)),
    "no consent, and none wanted": Case(
        "runs", (*READ, OWNED, ROLES_READABLE), words=("--no-app-service", "--no-consent")
    ),
    "no registrations": Case("stops", (*READ, CONSENT, ROLES_READABLE), CONTRIBUTOR),
    "the directory can't be read": Case("stops", (), CONTRIBUTOR),
    "neither": Case("stops", (), READER),
    "owned only, of another's set-up": Case("runs", (*READ, OWNED, CONSENT, ROLES_READABLE), CONTRIBUTOR, _set_up),
    "owned only, another's has drifted": Case("stops", (*READ, OWNED, CONSENT, ROLES_READABLE), CONTRIBUTOR, _drifted),
    "all registrations, another's has drifted": Case(
        "runs", (*READ, "Application.ReadWrite.All", CONSENT), CONTRIBUTOR, _drifted
    ),
    "an identity that it may not enable": Case(
        "stops", (*READ, OWNED, CONSENT), [*CONTRIBUTOR, ("Reader", FUNCTION_APP)],
        words=("--managed-identity", FUNCTION_APP),
    ),
    "an identity that it may enable, of another's set-up": Case(
        "stops", (*READ, OWNED, CONSENT, ROLES_READABLE), [*CONTRIBUTOR, ("Website Contributor", FUNCTION_APP)],
        _set_up, ("--managed-identity", FUNCTION_APP),
    ),
    "an identity that it may not even see": Case(
        "stops", (*READ, OWNED, CONSENT), CONTRIBUTOR, words=("--managed-identity", FUNCTION_APP)
    ),
    "a role of that name for people": Case("stops", (*READ, OWNED, CONSENT), CONTRIBUTOR, _role_for_people),
    "secrets for ninety days": Case("runs", (*READ, "Policy.Read.All", OWNED, CONSENT), CONTRIBUTOR,
                                    _policy(NINETY_DAYS)),
    "no secrets": Case("stops", (*READ, "Policy.Read.All", OWNED, CONSENT), CONTRIBUTOR, _policy(NO_SECRETS)),
    "a locked site": Case("stops", (*READ, OWNED, CONSENT), CONTRIBUTOR, lambda _, azure: azure.lock(SITE)),
    "an administrator in person": Case("runs", arm=CONTRIBUTOR, roles=("Cloud Application Administrator",)),
    "an administrator in person, of another's set-up": Case(
        "runs", arm=CONTRIBUTOR, roles=("Cloud Application Administrator",), state=_drifted
    ),
    "a developer in person": Case("runs", arm=CONTRIBUTOR, roles=("Application Developer",)),
    "a person who may not read the settings": Case("stops", arm=READER, roles=("Cloud Application Administrator",)),
}  # fmt: skip


@pytest.mark.parametrize("name", sampled(list(CASES), 7, salt="doctor"))
def test_setup_does_what_doctor_says(mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    case = CASES[name]
    case.state(mct, azure)
    rights = {"arm": case.arm, "directoryRoles": list(case.roles)} if case.roles is not None else {}
    run = signed_in(mct, azure, monkeypatch, **rights) if rights else alone(mct, azure, *case.graph, arm=case.arm)
    checked = run("doctor", "-a", SITE, *case.words, "-o", "json")
    promised = checked.document["setup"]
    assert promised == case.setup, checked.document["checks"]
    pending = case.state is _drifted  # what setup would change is a finding of its own
    assert checked.code == (0 if promised == "runs" and not pending else 3)
    assert azure.writes() == []
    suggested = ("--auto-lifetime",) if "--auto-lifetime" in run("doctor", "-a", SITE, *case.words).out else ()
    done = run("setup", "-a", SITE, *OWN, *case.words, *suggested, "-o", "json")
    assert _what_it_did(done, azure) == promised, done
    if promised == "stops":
        error, steps = done.document["error"], checked.document["manualSteps"]
        asked = {(one["who"], one["command"]) for one in steps if one["who"]}
        missing = {(one["who"], one["command"]) for one in error.get("missing", ())}
        assert missing <= asked
        if error["code"] == "permission-missing":
            others = (one["what"].partition(". ")[0] for one in steps if not one["who"])
            untold = [one for one in others if one not in error["message"] and "pending" not in one]
            assert (missing, untold) == (asked, [])


def _what_it_did(done: Ended, azure: Sandbox) -> str:
    if done.code == 0:
        return "runs"
    if done.code == 4 and "manualSteps" in done.document:
        return "partial" if azure.writes() else "nothing"
    return "stops" if done.document["error"]["code"] and azure.writes() == [] else "broke off"
