"""Tenants that forbid secrets, or long ones: told before anything is written where it can be seen, and lost nowhere."""

from pathlib import Path

import pytest
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error
from mct_s2s.sandbox.observability.exchange import Entry

from tests.cli.conftest import Program
from tests.conftest import SITE, Json, Sandbox
from tests.support.sandbox_inside import Inside

REFUSED = 1
LEAST = (
    "Application.Read.All", "Organization.Read.All", "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All",
)  # fmt: skip
CONTRIBUTOR = ("Website Contributor", SITE)
SETUP = ("setup", "-a", SITE, "--client", "A", "-y", "-o", "json")
NINETY_DAYS = {"restrictionType": "passwordLifetime", "maxLifetime": "P90D", "state": "enabled"}
FORBIDDEN = {"restrictionType": "passwordAddition", "state": "enabled"}


def forbid(azure: Sandbox, *rules: Json) -> None:
    azure.restrict("passwordCredentials", *rules)
    azure.forget()


@pytest.mark.parametrize(
    ("rule", "more", "code"),
    [(NINETY_DAYS, (), "secret-lifetime-forbidden"), (FORBIDDEN, ("--auto-lifetime",), "secrets-forbidden")],
)
def test_what_is_forbidden_is_told_before_anything_is_written_with_a_way_that_is_allowed(
    mct: Program, azure: Sandbox, rule: Json, more: tuple[str, ...], code: str
) -> None:
    forbid(azure, rule)
    done = mct(*SETUP, *more)
    error = done.document["error"]
    assert (done.code, error["code"], azure.writes()) == (REFUSED, code, [])
    if rule is FORBIDDEN:
        assert "--managed-identity" in error["remedy"]
        assert mct("setup", "--managed-identity", "reports-func", "-y").code == 0, "no secret, no obstacle"
    else:
        offered = error["remedy"].partition("--secret-lifetime ")[2].partition(",")[0]
        assert mct(*SETUP, "--secret-lifetime", offered).code == 0, "typed as offered, it is allowed"


def test_a_policy_that_cannot_be_seen_refuses_later_and_nothing_is_lost(mct: Program, azure: Sandbox) -> None:
    forbid(azure, NINETY_DAYS)
    caller = azure.caller(*LEAST, arm=[CONTRIBUTOR])
    done = mct(*SETUP, env=caller)
    assert (done.code, done.document["error"]["code"]) == (REFUSED, "secret-lifetime-forbidden")
    assert "Credential lifetime exceeds the max value allowed" in done.document["error"]["message"]
    assert "--secret-lifetime 179d or less" in done.document["error"]["remedy"]
    assert "secret" in [change["resource"] for change in done.document["notDone"]]
    again = mct(*SETUP, "--auto-lifetime", env=caller)
    assert again.code == 0, again
    (credential,), (secret,) = again.made, azure.applications("A")[0]["passwordCredentials"]
    (client,) = mct("status", "-o", "json").document["clients"]
    assert credential["expires"] == client["credentials"][0]["expires"]
    assert secret["endDateTime"][:19] == credential["expires"][:19]


def test_secrets_that_are_refused_later_are_told_with_the_services_words(mct: Program, azure: Sandbox) -> None:
    forbid(azure, FORBIDDEN)
    caller = azure.caller(*LEAST, arm=[CONTRIBUTOR])
    warned = mct("doctor", "-a", SITE, env=caller).out
    assert "If it forbids them, use a client without a secret: --credential certificate" in " ".join(warned.split())
    done = mct(*SETUP, env=caller)
    assert (done.code, done.document["error"]["code"]) == (REFUSED, "secrets-forbidden")
    assert "Credential type not allowed as per assigned policy" in done.document["error"]["message"]
    assert mct(*SETUP, "--credential", "none", env=caller).code == 0


def test_where_no_lifetime_is_short_enough_the_last_refusal_is_told(mct: Program, azure: Sandbox) -> None:
    forbid(azure, {**NINETY_DAYS, "maxLifetime": "PT1H"})
    done = mct(*SETUP, "--auto-lifetime", env=azure.caller(*LEAST, arm=[CONTRIBUTOR]))
    assert (done.code, done.document["error"]["code"]) == (REFUSED, "secret-lifetime-forbidden")
    assert azure.applications("A")[0]["passwordCredentials"] == []


def policy(*rules: Json) -> WireError:
    """What is answered to the question after a registration's own one."""
    own = {"isEnabled": True, "restrictions": {"passwordCredentials": [*rules]}}
    return WireError(200, {"value": [own]})


@pytest.mark.parametrize(
    ("own", "allowed"),
    [
        (policy(), True),
        (policy({**NINETY_DAYS, "maxLifetime": "P400D"}), True),
        (policy(NINETY_DAYS), False),
        (WireError(200, {"value": []}), False),
        (graph_error(403, "Authorization_RequestDenied", "No."), True),
    ],
    ids=["one that allows all", "400 days", "90 days", "none", "one that cannot be read may allow it"],
)
def test_a_registrations_own_policy_goes_before_the_tenants(
    own: WireError, allowed: bool, mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path
) -> None:
    async def answer(entry: Entry) -> None:
        if entry.path.endswith("/appManagementPolicies"):
            raise own

    assert mct(*SETUP).code == 0
    (client,) = azure.applications("A")
    key = {"keyId": client["passwordCredentials"][0]["keyId"]}
    azure.graph("POST", f"/applications/{client['id']}/removePassword", json=key)
    for file in tmp_path.rglob("*.env"):
        file.unlink()
    assert mct(*SETUP, "--dry-run").code == 3
    assert not [row for row in azure.log() if row["path"].endswith("/appManagementPolicies")], "the tenant's allows it"
    forbid(azure, NINETY_DAYS)
    inside.hooks.before.append(answer)
    planned = mct(*SETUP, "--dry-run")
    assert (planned.code, "error" in planned.document) == ((3, False) if allowed else (REFUSED, True)), planned
