"""Whatever stands there and whatever is wanted: after one run the next plan is empty, and what is
foreign is as it was.

States are made by taking a trust that is whole and letting any number of mishaps befall it.
"""

import copy
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import FUNCTION_APP, SITE, Json
from tests.reliability.harness import Harness
from tests.support.sampling import cases

WHOLE = (
    "setup",
    "--client",
    "One",
    "--client",
    "Two",
    "--managed-identity",
    "reports-func",
    "-y",
    "-o",
    "json",
)
STRANGER = "9f6f2c53-43a6-4a8c-a39d-6a9f2f1f7b10"
FOREIGN_ROLE = {
    "allowedMemberTypes": ["User"], "description": "Theirs", "displayName": "Reader",
    "isEnabled": True,
    "id": "7c2c6b5d-8c3f-4d55-9a0e-0b0a8a1c2d3e", "origin": "Application", "value": "Reader",
}  # fmt: skip
OURS = {
    "ServiceAuthEnabled", "ServiceAuthAudience", "ServiceAuthTenantName", "ServiceAuthTenantId",
    "ServiceObjectIds",
    "ServiceApplicationIds", "ServiceAuthRole",
}  # fmt: skip


def app(state: Json, name: str) -> Json:
    found: Json = next(
        row for row in state["directory"]["applications"] if row["displayName"] == name
    )
    return found


def service(state: Json) -> Json:
    return app(state, "MCT service (contosolearn)")


def values(state: Json) -> dict[str, Any]:
    settings: dict[str, Any] = state["resources"]["sites"][SITE.lower()]["settings"]
    return settings


def without_principal(state: Json, of: Json) -> None:
    directory = state["directory"]
    removed = {row["id"] for row in directory["servicePrincipals"] if row["appId"] == of["appId"]}
    directory["servicePrincipals"] = [
        row for row in directory["servicePrincipals"] if row["id"] not in removed
    ]
    directory["appRoleAssignments"] = [
        row
        for row in directory["appRoleAssignments"]
        if not removed & {row["principalId"], row["resourceId"]}
    ]


def without_consent(state: Json) -> None:
    names = {"One", "Two"}
    rows = state["directory"]["appRoleAssignments"]
    state["directory"]["appRoleAssignments"] = [
        row for row in rows if row["principalDisplayName"] not in names
    ]


def disabled_role(state: Json) -> None:
    of = service(state)
    of["appRoles"] = [{**role, "isEnabled": False} for role in of["appRoles"]]
    for row in state["directory"]["servicePrincipals"]:
        if row["appId"] == of["appId"]:
            row["appRoles"] = [{**role, "isEnabled": False} for role in row["appRoles"]]


def listed(change: Callable[[str], str]) -> Callable[[Json], None]:
    def befall(state: Json) -> None:
        settings = values(state)
        settings["ServiceApplicationIds"] = change(settings["ServiceApplicationIds"])

    return befall


def setting(name: str, value: str | None) -> Callable[[Json], None]:
    return lambda state: values(state).update({name: value})


MISHAPS: dict[str, Callable[[Json], object]] = {
    "no uri": lambda state: service(state).update(identifierUris=[]),
    "a foreign uri": lambda state: service(state)["identifierUris"].append("https://contosolearning.com/theirs"),
    "a foreign role": lambda state: service(state)["appRoles"].append(copy.deepcopy(FOREIGN_ROLE)),
    "the role disabled": disabled_role,
    "the service principal gone": lambda state: without_principal(state, service(state)),
    "a client's principal gone": lambda state: without_principal(state, app(state, "One")),
    "no consent": without_consent,
    "no secret": lambda state: app(state, "One").update(passwordCredentials=[]),
    "v2 tokens": lambda state: service(state)["api"].update(requestedAccessTokenVersion=2),
    "no permission declared": lambda state: app(state, "Two").update(requiredResourceAccess=[]),
    "ids in capitals": listed(str.upper),
    "ids with spaces": listed(lambda text: text.replace(";", " ; ") + ";"),
    "ids twice": listed(lambda text: f"{text};{text}"),
    "a stranger's id": listed(lambda text: f"{STRANGER};{text}"),
    "no ids": listed(lambda _: ""),
    "switched off": setting("ServiceAuthEnabled", "false"),
    "True": setting("ServiceAuthEnabled", "True"),
    "no tenant": setting("ServiceAuthTenantId", None),
    "another audience spelled": lambda state: values(state).pop("ServiceAuthAudience", None),
    "a foreign null": setting("TheirNull", None),
    "a foreign text": setting("Theirs:a__b", "x;y= \"z\""),
}  # fmt: skip


def test_after_any_mishap_one_run_mends_and_the_next_finds_nothing(
    harness: Harness, tmp_path: Path
) -> None:
    assert harness.run(WHOLE).code == 0
    whole = harness.state
    home = harness.home
    number = itertools.count()

    @settings(max_examples=cases(5, 50), suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.sampled_from(sorted(MISHAPS)), unique=True, max_size=6),
        st.lists(st.sampled_from(["One", "Two", "Three"]), unique=True, max_size=2),
        st.booleans(),
    )
    @example(sorted(MISHAPS)[0::3], ["One"], True)  # each of them at least once
    @example(sorted(MISHAPS)[1::3], ["Three"], False)
    @example(sorted(MISHAPS)[2::3], [], False)
    def mended(mishaps: list[str], clients: list[str], identity: bool) -> None:
        state = copy.deepcopy(whole)
        for name in mishaps:
            MISHAPS[name](state)
        harness.go_to(
            state,
            Path(shutil.copytree(home / "data", tmp_path / f"{next(number)}" / "data")).parent,
        )
        words = ["setup", *(word for name in clients for word in ("--client", name))]
        words += ["--managed-identity", FUNCTION_APP] * identity
        # What is held against the state here is the plan: a secret that somebody removed a minute
        # ago cannot be proved.
        words += ["--no-verify"]
        once = harness.run([*words, "-y", "-o", "json"])
        assert once.code == 0, once.out + once.err
        after = harness.state
        was, now = values(state), values(after)
        assert {name: now.get(name, "gone") for name in was if name not in OURS} == {
            name: value for name, value in was.items() if name not in OURS
        }
        foreign = [row for row in service(state)["appRoles"] if row["value"] == "Reader"]
        assert [row for row in service(after)["appRoles"] if row["value"] == "Reader"] == foreign
        assert set(service(state)["identifierUris"]) <= set(service(after)["identifierUris"])
        assert (STRANGER in (now["ServiceApplicationIds"] or "")) == (
            STRANGER in (was["ServiceApplicationIds"] or "")
        )
        seeded = {row["id"] for row in harness.seed["directory"]["applications"]}
        assert [row for row in after["directory"]["applications"] if row["id"] in seeded] == [
            row for row in state["directory"]["applications"] if row["id"] in seeded
        ]
        harness.inside.pipeline.observability.log.clear()
        again = harness.run([*words, "-y", "-o", "json"])
        assert again.code == 0, again.out + again.err
        assert {change["action"] for change in again.document["changes"]} == {"none"}, again.out
        assert not any(entry.wrote for entry in harness.inside.log())
        assert harness.leaks() == []

    mended()
