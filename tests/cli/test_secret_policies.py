"""Tenants that forbid secrets, or long ones: told before anything is written where it can be seen, and lost nowhere."""

from __future__ import annotations

from typing import Any

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox

REFUSED = 1
LEAST = (
    "Application.Read.All", "Organization.Read.All", "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All",
)  # fmt: skip
CONTRIBUTOR = ("Website Contributor", SITE)
SETUP = ("setup", "-a", SITE, "--client", "A", "-y", "-o", "json")
NINETY_DAYS = {"restrictionType": "passwordLifetime", "maxLifetime": "P90D", "state": "enabled"}
FORBIDDEN = {"restrictionType": "passwordAddition", "state": "enabled"}


def forbid(azure: Sandbox, *rules: dict[str, Any]) -> None:
    caller = azure.caller("Policy.ReadWrite.ApplicationConfiguration")
    azure.set_policy(caller, {"applicationRestrictions": {"passwordCredentials": list(rules)}})
    azure.forget()


def test_a_lifetime_that_is_forbidden_is_told_before_anything_is_written(mct: Program, azure: Sandbox) -> None:
    forbid(azure, NINETY_DAYS)
    done = mct(*SETUP)
    assert (done.code, done.document["error"]["code"]) == (REFUSED, "secret-lifetime-forbidden")
    assert azure.writes() == []
    remedy = done.document["error"]["remedy"]
    offered = remedy.partition("--secret-lifetime ")[2].partition(",")[0]
    assert mct(*SETUP, "--secret-lifetime", offered).code == 0, "typed as offered, it is allowed"


def test_forbidden_secrets_are_told_with_the_other_ways(mct: Program, azure: Sandbox) -> None:
    forbid(azure, FORBIDDEN)
    done = mct(*SETUP, "--auto-lifetime")
    assert (done.code, done.document["error"]["code"]) == (REFUSED, "secrets-forbidden")
    assert "--managed-identity" in done.document["error"]["remedy"]
    assert azure.writes() == []
    assert mct("setup", "--managed-identity", "reports-func", "-y").code == 0, "no secret, no obstacle"


def test_a_policy_that_cannot_be_seen_refuses_later_and_nothing_is_lost(mct: Program, azure: Sandbox) -> None:
    forbid(azure, NINETY_DAYS)
    caller = azure.caller(*LEAST, arm=[CONTRIBUTOR])
    done = mct(*SETUP, env=caller)
    assert (done.code, done.document["error"]["code"]) == (REFUSED, "secret-lifetime-forbidden")
    assert "Credential lifetime exceeds the max value allowed" in done.document["error"]["message"]
    assert "--secret-lifetime 20" in done.document["error"]["remedy"]
    assert "secret" in [change["resource"] for change in done.document["notDone"]]
    again = mct(*SETUP, "--auto-lifetime", env=caller)
    assert again.code == 0, again
    (credential,) = again.made
    (client,) = mct("status", "-o", "json").document["clients"]
    assert credential["expires"] == client["credentials"][0]["expires"]
    assert len(azure.applications("A")[0]["passwordCredentials"]) == 1
    assert azure.applications("A")[0]["passwordCredentials"][0]["endDateTime"][:19] == credential["expires"][:19]


def test_secrets_that_are_refused_later_are_told_with_the_services_words(mct: Program, azure: Sandbox) -> None:
    forbid(azure, FORBIDDEN)
    caller = azure.caller(*LEAST, arm=[CONTRIBUTOR])
    warned = mct("doctor", "-a", SITE, env=caller).out
    assert "If it forbids them, use a client without a secret: --credential certificate" in " ".join(warned.split())
    done = mct(*SETUP, env=caller)
    assert (done.code, done.document["error"]["code"]) == (REFUSED, "secrets-forbidden")
    assert "Credential type not allowed as per assigned policy" in done.document["error"]["message"]
    assert mct(*SETUP, "--credential", "none", env=caller).code == 0
