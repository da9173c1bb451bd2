"""What `doctor` found: each check with its sign, and below it whom to ask."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from mct_s2s.errors import Instruction, MissingRight, PermissionMissing
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.caller_rights import (
    Caller,
    CallerRights,
    DirectoryRights,
    Permission,
    ScopeRights,
    SignedIn,
    Verdict,
)
from mct_s2s.model.ids import ClientId, PrincipalId
from mct_s2s.model.observed import ObservedState, Trust
from mct_s2s.planning.permissions.doctor import DoctorCheck, Seen, checks
from mct_s2s.render.console import Terminal
from mct_s2s.render.doctor import show_checks

from tests.planning.scenarios import CONTEXT, TENANT, guid, site, spec
from tests.render.examples import WHERE
from tests.support.screens import check_screen, check_texts

APP = ClientId(guid("automation"))
ME = PrincipalId(guid("me"))
AUTOMATION = DirectoryRights(
    SignedIn("service principal (client secret)", APP, is_person=False),
    Caller(ME, "automation", is_person=False),
    permissions=frozenset({"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"}),
    roles=frozenset(),
    owned=frozenset(),
)
OWNER, REGISTRAR = "an Owner or User Access Administrator", "a Privileged Role Administrator"


def lacking(step: str, right: str, who: str = REGISTRAR, *, without: str = "") -> MissingRight:
    return MissingRight(step, right, who, f"az {right[:3].lower()}", without)


def failed(code: str, *missing: MissingRight, verdict: Verdict = Verdict.NO) -> DoctorCheck:
    return DoctorCheck(code, verdict, "x", f"You can't {missing[0].step}.", missing=missing)


RESTART = failed("restart", lacking("restart 'contosolearn'", "Website Contributor", OWNER))
FAILED = DoctorCheck("tenant", Verdict.NO, "x", "It is another one.", (Instruction("Sign in there:", "az login"),))


def seen(
    rights: DirectoryRights = AUTOMATION, permissions: tuple[Permission, ...] = (), *, refused: bool = False
) -> Seen:
    scopes = {str(site().resource).lower(): ScopeRights(permissions, ())}
    refusal = PermissionMissing("permission-missing", "You can't.", remedy="Ask an Owner.") if refused else None
    there = AppService(**vars(site()), settings={}, tenant_id=TENANT.id, refusal=refusal)
    state = ObservedState("public", TENANT, there, Trust())
    return Seen(state, CallerRights(rights, (), scopes), site().resource)


CREATE = failed("create-application", lacking("create it", "Application Developer", without="ask someone"))
CHECKS: dict[str, tuple[DoctorCheck, ...]] = {
    "a role that another includes is not asked for": (
        CREATE, failed("admin-consent", lacking("consent", "Cloud Application Administrator"))
    ),
    "where no command helps the request is a sentence": (
        failed("restart", MissingRight("restart it", "an exception", "the publisher")),
    ),
    "a doubtful right is asked for only if it is refused": (
        failed("admin-consent", lacking("consent", "x"), verdict=Verdict.UNKNOWN),
    ),
    "a check that no right would pass has its own remedy": (FAILED,),
    "what stops setup has a way round it": (CREATE, RESTART),
    "what others can do later does not": (RESTART,),
}  # fmt: skip


def shown(found: tuple[DoctorCheck, ...]) -> Callable[[Terminal], None]:
    return lambda terminal: show_checks(terminal, found, WHERE)


def test_checks_are_as_they_were() -> None:
    check_texts("checks", {name: shown(found) for name, found in CHECKS.items()})


SCREENS = {
    "doctor-ready": seen(permissions=(Permission(("*",)),)),
    "doctor-half": seen(
        replace(AUTOMATION, permissions=frozenset({"Application.ReadWrite.OwnedBy"}), has_no_role=True), refused=True
    ),
}


@pytest.mark.parametrize("name", SCREENS)
def test_the_screens(name: str) -> None:
    found = shown(checks(SCREENS[name], spec("NAME"), CONTEXT, WHERE))
    check_screen(f"{name}-80", found)
    if name == "doctor-half":
        check_screen(f"{name}-80-ascii", found, unicode=False, color=False)
