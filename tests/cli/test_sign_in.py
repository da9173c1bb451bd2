"""Signing in: by certificate, device code, or nothing but `az login`; and what a service asks of
the caller then.
"""

import asyncio
import re
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from mct_s2s.key_pairs import make_key_pair
from mct_s2s.sandbox.entra.tokens import delegated
from mct_s2s.sandbox.observability.exchange import Entry

from tests.cli.conftest import Ended, Program, key_credential
from tests.conftest import (
    ANSWER_SECONDS,
    JSON,
    SITE,
    Json,
    Sandbox,
    at_home,
    program,
    without_azure,
)
from tests.support.azure_cli import OTHER_SUBSCRIPTION, AzureCli
from tests.support.person import tokens_of
from tests.support.sandbox_inside import Inside

NOT_CONFIGURED = 3
LASTS = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=30)
ADMIN = "admin@contosolearning.onmicrosoft.com"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
SETUP = ("setup", "--client", "Import", "-y", "-o", "json")
BY_DEVICE_CODE = {"AZURE_CLIENT_ID": "", "AZURE_CLIENT_SECRET": ""}
MFA = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
LOCATION = '{"access_token":{"xms_rp_ipaddr":{"value":"192.0.2.7"}}}'


@pytest.fixture
def az(azure: Sandbox, tmp_path: Path) -> AzureCli:
    return AzureCli(tmp_path / "cli", azure)


def test_a_certificate_in_the_environment_signs_in(
    azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    pem, certificate = make_key_pair("administrator", *LASTS)
    file = tmp_path / "administrator.pem"
    file.write_text(pem)
    administrator = f"/applications(appId='{azure.environment['AZURE_CLIENT_ID']}')"
    azure.graph("PATCH", administrator, json={"keyCredentials": [key_credential(certificate)]})
    variables = {"AZURE_CLIENT_SECRET": "", "AZURE_CLIENT_CERTIFICATE_PATH": str(file)}
    assert mct("status", "--auth", "environment", env=variables).code == NOT_CONFIGURED


def test_a_person_signs_in_once_with_a_device_code(
    azure: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = delegated.device_code
    monkeypatch.setattr(delegated, "device_code", lambda *asked: {**given(*asked), "interval": 1})
    environment = {
        **without_azure(),
        **azure.environment,
        "HOME": str(tmp_path),
        "AZURE_CLIENT_SECRET": "",
    }
    trusted = ssl.create_default_context(cafile=azure.ca_file)
    with subprocess.Popen(
        program(("status", "--auth", "device-code")),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        asked = process.stderr.readline()
        match = re.search(r"open (\S+) and enter the code (\w+)", asked)
        assert match, asked
        answer = {"user_code": match[2], "user": ADMIN, "action": "approve"}
        approved = httpx.post(
            match[1], data=answer, verify=trusted, trust_env=False, timeout=ANSWER_SECONDS
        )
        assert approved.is_success
        _, rest = process.communicate(timeout=240)
    assert process.returncode == NOT_CONFIGURED, rest
    assert "enter the code" not in rest, "asked a second time, for the second service"


@pytest.fixture
def turned(azure: Sandbox) -> Sandbox:
    """The sandbox, where people sign in without a second factor."""
    azure.vary(sign_in_with_mfa=False)
    return azure


@pytest.fixture
def person(inside: Inside) -> Inside:
    """Somebody approves each device code at once."""
    inside.state.directory.sessions.auto_approve = ADMIN
    return inside


def tokens(azure: Sandbox, inside: Inside, claims: str = "") -> dict[str, str]:
    """What `az` gives out after a sign-in that brought these claims."""
    directory = inside.state.directory
    found = {}
    for resource in (azure.origin, azure.graph_url):
        form = {"client_id": AZURE_CLI, "scope": f"{resource}/.default", "claims": claims}
        code = delegated.device_code(directory, form)
        assert delegated.approve(directory, code["user_code"], ADMIN)
        answer = delegated.redeem_device_code(
            directory, {**form, "device_code": code["device_code"]}
        )
        found[resource] = answer["access_token"]
    return found


def codes(azure: Sandbox) -> int:
    """How often a person was asked to sign in."""
    return sum(row["path"].endswith("/devicecode") for row in azure.log("entra"))


def error(done: Ended) -> tuple[int, str]:
    return done.code, done.document["error"]["code"]


@pytest.mark.parametrize("mode", ["challenge", "policy"])
def test_a_person_brings_a_second_factor_once_and_the_work_goes_on(
    mct: Program, turned: Sandbox, person: Inside, mode: str
) -> None:
    """Whether Azure asks by a challenge, or a policy refuses and speaks of it."""
    turned.vary(mfa_for_writes=mode)
    done = mct(*SETUP, "--auth", "device-code", env=BY_DEVICE_CODE)
    assert done.code == 0, done.err
    refused = [row["path"] for row in turned.log("arm") if row["status"] in {401, 403}]
    assert [path.rpartition("/")[2] for path in refused] == ["appsettings"], (
        "one write was refused, and none again"
    )
    assert mct("status", "-o", "json").document["healthy"] is True
    assert codes(turned) == 2
    assert "Azure requires a second factor" in done.err


@pytest.mark.parametrize("who", ["conditional-access", "security-defaults"])
def test_a_tenant_that_blocks_device_codes_is_told_beside_the_code_and_at_the_end(
    mct: Program, azure: Sandbox, person: Inside, who: str
) -> None:
    """Some tenants refuse it on the page alone: then nothing more is heard of it."""
    azure.vary(blocked_device_codes=who)
    done = mct(*SETUP, "--auth", "device-code", env=BY_DEVICE_CODE)
    assert error(done) == (4, "sign-in-failed")
    assert "The tenant blocks device codes." in done.document["error"]["message"]
    assert "enter the code" in done.err
    assert "blocks device codes: --auth browser" in done.err


@pytest.mark.parametrize(
    ("who", "named"),
    [
        ("conditional-access", "blocks device codes"),
        ("token-protection", "token protection"),
        ("platform", "no sign-in from this platform"),
        ("home-tenant", "the account does not exist in the tenant"),
    ],
)
def test_why_a_person_is_refused_is_named(
    mct: Program, azure: Sandbox, person: Inside, who: str, named: str
) -> None:
    azure.vary(blocked_people=who)
    done = mct(*SETUP, "--auth", "device-code", env=BY_DEVICE_CODE)
    assert error(done) == (4, "sign-in-failed"), done
    told = done.document["error"]
    assert named in told["message"].replace("The account", "the account"), done
    assert "location" not in told["remedy"]
    assert azure.writes() == []


@pytest.mark.parametrize("tenant", [True, False])
def test_personal_accounts_are_told_to_name_the_tenant(
    mct: Program, azure: Sandbox, person: Inside, tenant: bool
) -> None:
    """The owner of a new subscription often has one, and the page for any organization's accounts
    refuses it.
    """
    env = {**BY_DEVICE_CODE, "AZURE_TENANT_ID": azure.tenant_id if tenant else ""}
    done = mct("status", "--auth", "device-code", env=env)
    assert (
        "With a personal Microsoft account, name the tenant: --tenant ID" in done.err
    ) is not tenant, done


@pytest.mark.parametrize("variation", [{}, {"sign_in_with_mfa": False, "mfa_for_writes": "off"}])
def test_a_person_with_a_second_factor_at_the_sign_in_is_asked_once(
    mct: Program, azure: Sandbox, person: Inside, variation: dict[str, Any]
) -> None:
    azure.vary(**variation)
    assert mct(*SETUP, "--auth", "device-code", env=BY_DEVICE_CODE).code == 0
    assert codes(azure) == 1


@pytest.mark.parametrize("mode", ["challenge", "policy"])
def test_the_azure_clis_user_is_told_the_commands_and_the_same_command_resumes(
    mct: Program, turned: Sandbox, inside: Inside, az: AzureCli, mode: str
) -> None:
    turned.vary(mfa_for_writes=mode)
    az.answers(tokens(turned, inside))
    done = mct(*SETUP, "--auth", "cli", env=az.env)
    assert error(done) == (4, "mfa-required"), "also after what the directory let it write"
    remedy = done.document["error"]["remedy"]
    match = re.search(
        rf"az logout; az login --tenant {turned.tenant_id} --scope {turned.origin}/.default "
        r"--claims-challenge (\S+)$",
        remedy,
    )
    assert match, remedy
    assert "ermission" not in remedy
    spoken = mct("setup", "--client", "Import", "-y", "--auth", "cli", env=az.env)
    assert match[0] in spoken.err, "on one line, to be pasted"
    assert "Not done: " in spoken.err
    writes = [row for row in turned.log("arm") if row["method"] == "PUT"]
    assert len(writes) == 2, "one in each run: the token that was refused is not sent again"
    az.answers(tokens(turned, inside, MFA))
    again = mct(*SETUP, "--auth", "cli", env=az.env)
    assert again.code == 0, again.document
    assert mct("status", "-o", "json").document["healthy"] is True


def test_claims_that_graph_asks_for_are_brought(
    mct: Program, azure: Sandbox, person: Inside
) -> None:
    """Continuous access evaluation: a service principal brings them without a word, a person by
    signing in again.
    """
    azure.vary(location_challenges=True)
    assert mct(*SETUP).code == 0
    assert mct("status", "--auth", "device-code", env=BY_DEVICE_CODE).code == 0
    assert codes(azure) == 1, "the login service gave the claims to whoever is signed in"
    refused = [row for row in azure.log("graph") if row["status"] == 401]
    assert len(refused) < 20, "what was refused on its way is not refused again"


def test_a_person_whose_sign_in_is_revoked_signs_in_once_more(
    mct: Program, azure: Sandbox, person: Inside
) -> None:
    """In the middle of the work, by an administrator: what is done stays, and both services get new
    tokens.
    """
    azure.misbehave(
        {
            "match": {"service": "Graph", "writes": True},
            "nth": 3,
            "times": 1,
            "fault": {"type": "revokeSignIn"},
        }
    )
    done = mct(*SETUP, "--auth", "device-code", env=BY_DEVICE_CODE)
    azure.behave()
    assert done.code == 0, done.err
    assert mct("status", "-o", "json").document["healthy"] is True
    assert codes(azure) == 2
    assert "Azure requires a new sign-in" in done.err


def test_graphs_challenge_is_told_to_the_clis_user(
    mct: Program, azure: Sandbox, inside: Inside, az: AzureCli
) -> None:
    azure.vary(location_challenges=True)
    az.answers(tokens(azure, inside))
    done = mct("status", "--auth", "cli", "-o", "json", env=az.env)
    assert error(done) == (4, "sign-in-again")
    assert (
        f"--scope {azure.graph_url}/.default --claims-challenge "
        in done.document["error"]["remedy"]
    )
    az.answers(tokens(azure, inside, LOCATION))
    assert mct("status", "--auth", "cli", env=az.env).code == 3


def test_the_cli_signs_in_and_its_default_subscription_is_used(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    done = mct("setup", "--client", "S2S-client", "--auth", "cli", "-y", "-o", "json", env=az.env)
    assert done.code == 0, done.err
    assert azure.restarts() == 1
    tenants = [line for line in az.asked() if f"--tenant {azure.tenant_id}" in line]
    assert len(tenants) == len(az.asked()) == 2, (
        "one token for each service, each in the subscription's tenant"
    )


@pytest.mark.parametrize(
    ("user", "told"),
    [
        (None, True),
        ({"name": OTHER_SUBSCRIPTION, "type": "servicePrincipal"}, True),
        ({"name": "a", "type": "user"}, True),
        (
            {
                "assignedIdentityInfo": "MSI",
                "name": "systemAssignedIdentity",
                "type": "servicePrincipal",
            },
            False,
        ),
        (
            {
                "assignedIdentityInfo": "MSIClient-1",
                "name": "userAssignedIdentity",
                "type": "servicePrincipal",
            },
            False,
        ),
        (
            {"name": "systemAssignedIdentity", "type": "servicePrincipal"},
            False,
        ),  # before the info was kept
        ({"cloudShellID": True, "name": "ada@contoso.com", "type": "user"}, False),
    ],
)
def test_az_with_one_tenant_is_told_none(
    mct: Program, azure: Sandbox, az: AzureCli, user: Json | None, told: bool
) -> None:
    """Older ones refuse even their own: "Tenant shouldn't be specified for managed identity
    account".
    """
    az.profile(azure.tenant_id, {OTHER_SUBSCRIPTION: False, azure.subscription_id: True}, user=user)
    named = () if told else ("--tenant", azure.tenant_id)
    assert mct("status", "--auth", "cli", *named, env=az.env).code == 3
    assert [f"--tenant {azure.tenant_id}" in line for line in az.asked()] == [told, told]


CONSULTANT, CUSTOMERS = "me@consultancy.example", "admin@customer.example"


@pytest.fixture
def two(az: AzureCli, azure: Sandbox) -> AzureCli:
    """az with two accounts: the default one is of another tenant than the App Service."""
    for_both = {"name": "Production", "state": "Enabled", "environmentName": "Sandbox"}
    az.rows(
        {
            **for_both,
            "id": OTHER_SUBSCRIPTION,
            "tenantId": OTHER_SUBSCRIPTION,
            "isDefault": True,
            "user": {"name": CONSULTANT, "type": "user"},
        },
        {**for_both, "id": azure.subscription_id, "tenantId": azure.tenant_id, "isDefault": False,
         "user": {"name": CUSTOMERS, "type": "user"}},
    )  # fmt: skip
    return az


@pytest.mark.parametrize("named", ["subscription", "resource ID", "tenant"])
def test_the_az_account_of_the_meant_subscription_signs_in_and_is_said(
    mct: Program, azure: Sandbox, two: AzureCli, named: str
) -> None:
    """Asked for the tenant, az takes the default account: refused there, or a person who is not
    meant.
    """
    words = {
        "subscription": ("-s", azure.subscription_id),
        "resource ID": ("-a", SITE),
        "tenant": ("--tenant", azure.tenant_id),
    }[named]
    done = mct("status", "--auth", "cli", *words, env=two.env)
    assert done.code == NOT_CONFIGURED, done
    assert f"Signing in with Azure CLI as {CUSTOMERS}." in done.err
    assert len(two.asked()) == 2
    for line in two.asked():
        assert f"--subscription {azure.subscription_id}" in line
        assert "--tenant" not in line, "az takes one of them"


def test_the_default_account_of_az_is_said(mct: Program, azure: Sandbox, two: AzureCli) -> None:
    two.profile(
        azure.tenant_id, {azure.subscription_id: True}, user={"name": CONSULTANT, "type": "user"}
    )
    assert (
        f"Signing in with Azure CLI as {CONSULTANT}."
        in mct("status", "--auth", "cli", env=two.env).err
    )


def test_renewing_one_account_of_az_does_not_sign_out_the_other(
    mct: Program, azure: Sandbox, two: AzureCli
) -> None:
    refused = mct("status", "--auth", "cli", "-a", SITE, "-o", "json", env=two.env)
    assert refused.code == NOT_CONFIGURED
    two.answers(tokens_of(azure, azure.person("casey")))
    refused = mct("setup", "--auth", "cli", "-a", SITE, *JSON, env=two.env)
    assert refused.code == 4, refused
    login = f"az logout --username {CUSTOMERS}; az login --tenant {azure.tenant_id}"
    assert login in refused.document["error"]["remedy"]


def test_an_application_in_az_is_told_to_sign_in_again_after_a_grant(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    """az keeps its tokens, too, and they show the rights of their moment: to wait would not
    help.
    """
    caller = azure.caller(arm=[("Website Contributor", SITE)])
    values = [caller["AZURE_CLIENT_ID"], caller["AZURE_CLIENT_SECRET"]]
    az.answers(
        {
            to: azure.token(f"{to}/.default", *values).json()["access_token"]
            for to in (azure.origin, azure.graph_url)
        }
    )
    az.profile(
        azure.tenant_id,
        {azure.subscription_id: True},
        user={"name": values[0], "type": "servicePrincipal"},
    )
    refused = mct("setup", "--auth", "cli", "-a", SITE, *JSON, env=az.env)
    assert refused.code == 4, refused
    login = (
        f"az logout; az login --service-principal --username {values[0]} --tenant {azure.tenant_id}"
    )
    assert login in refused.document["error"]["remedy"]


def test_auto_finds_the_cli_and_says_so_unless_the_environment_names_somebody(
    mct: Program, az: AzureCli
) -> None:
    status = mct("status", env=az.env)
    assert status.code == 3
    assert "Signing in with Azure CLI" in status.err
    before = len(az.asked())
    named = mct(
        "status", env={"PATH": az.env["PATH"], "AZURE_CONFIG_DIR": az.env["AZURE_CONFIG_DIR"]}
    )
    assert "Signing in with service principal" in named.err
    assert len(az.asked()) == before


PERSON = {"name": CONSULTANT, "type": "user"}
APPLICATION = {"name": OTHER_SUBSCRIPTION, "type": "servicePrincipal"}


def test_both_tokens_of_a_person_are_asked_for_at_once(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user=PERSON)
    assert mct("status", "--auth", "cli", env=az.env).code == NOT_CONFIGURED
    assert len(az.alone()) == 2
    assert not all(az.alone())


def test_az_is_asked_before_anything_of_azure_answers(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    """Also of a cloud that is known by its address alone: az's own files have its scopes."""
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user=PERSON)
    azure.misbehave(
        {"match": {"path": "/metadata/endpoints"}, "fault": {"type": "status", "status": 404}}
    )
    refused = mct("status", "--auth", "cli", "-o", "json", env=az.env)
    assert error(refused)[1] == "cloud-unreachable"
    az.wait_until_asked(2)  # the program waits for them no more


STATUS_AND_IMPORTS = """
import sys
from mct_s2s.cli.app import main
main(["status", "--auth", "cli"])
print(*sorted({"azure.identity", "cryptography"} & sys.modules.keys()), file=sys.stderr)
"""


def test_a_token_of_az_takes_no_other_way_to_sign_in(
    azure: Sandbox, az: AzureCli, tmp_path: Path
) -> None:
    """azure-identity takes a tenth of a second to import."""
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user=PERSON)
    ended = subprocess.run(
        [sys.executable, "-c", STATUS_AND_IMPORTS],
        env={**without_azure(), **azure.environment, **az.env, **at_home(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (0, ""), ended.stderr
    assert len(az.asked()) == 2, ended.stderr


def test_a_token_of_az_is_used_before_az_has_ended(
    azure: Sandbox, az: AzureCli, tmp_path: Path
) -> None:
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user=PERSON)
    az.lingers(60)
    environment = {**without_azure(), **azure.environment, **az.env, **at_home(tmp_path)}
    done = subprocess.run(
        program(["status", "--auth", "cli"]),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    ended = az.ended()
    az.may_end()
    assert (done.returncode, ended) == (NOT_CONFIGURED, []), done.stderr
    assert len(az.asked()) == 2


def test_an_application_in_az_is_asked_again_only_when_az_has_ended(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user=APPLICATION)
    az.lingers(0.5)
    assert mct("status", "--auth", "cli", env=az.env).code == NOT_CONFIGURED
    assert az.alone() == [True, True]


def test_an_application_in_az_asks_for_one_token_after_the_other(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user=APPLICATION)
    assert mct("status", "--auth", "cli", env=az.env).code == NOT_CONFIGURED
    assert az.alone() == [True, True]


def test_an_az_that_finds_nobody_signed_in_is_asked_once_more_alone(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user=PERSON)
    az.truncate()
    assert mct("status", "--auth", "cli", env=az.env).code == NOT_CONFIGURED
    assert len(az.alone()) == 3
    assert az.alone()[-1]


@pytest.mark.parametrize(
    "answer",
    [
        '{"accessToken": "x", "expires_on": 1e999}',
        "[" * 60_000,
        '{"accessToken": "\\u00e9", "expires_on": 9999999999}',
        '{"accessToken": "a\\r\\nX: y", "expires_on": 9999999999}',
    ],
    ids=["endless", "deep", "not ASCII", "two lines"],
)
def test_an_az_that_prints_no_token_once_is_asked_once_more(
    mct: Program, azure: Sandbox, az: AzureCli, answer: str
) -> None:
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user=PERSON)
    az.prints_once(answer)
    assert mct("status", "--auth", "cli", env=az.env).code == NOT_CONFIGURED
    assert len(az.alone()) == 3


def test_an_az_that_prints_no_token_twice_fails_the_sign_in(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user=PERSON)
    az.answers({azure.origin: "\u00e9", azure.graph_url: "\u00e9"})
    assert error(mct("status", "--auth", "cli", "-o", "json", env=az.env)) == (4, "sign-in-failed")
    az.prints("[" * 60_000)
    assert error(mct("status", "--auth", "cli", "-o", "json", env=az.env)) == (4, "sign-in-failed")


def test_a_refusal_of_az_is_told_once_and_asked_for_no_further_token(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    az.profile(azure.tenant_id, {azure.subscription_id: True}, user=PERSON)
    az.answers(
        "ERROR: AADSTS50076: Due to a configuration change made by your administrator, use MFA."
    )
    refused = mct("status", "--auth", "cli", "-o", "json", env=az.env)
    assert error(refused) == (4, "mfa-required")
    assert len(az.alone()) == 3
    assert az.alone()[-1]


REFUSAL = """ERROR: AADSTS{}: {} Trace ID: 2c3f7a3e-6f0e-4a5e-9f59-9f0f2a8d2b00 \
Correlation ID: 7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d Timestamp: 2026-11-30 20:00:00Z
Interactive authentication is needed. Please run:
az login --scope https://graph.microsoft.com/.default"""
"""What az prints of a refusal: azure-cli-core auth/util.py (`aad_error_handler`)."""


@pytest.mark.parametrize("words", [("status",), ("setup", "--client", "A", "-y"), ("doctor",)])
@pytest.mark.parametrize(
    ("number", "text", "named", "advice"),
    [
        (
            "53003",
            "Access has been blocked by Conditional Access policies.",
            "A Conditional Access policy blocks the sign-in",
            "The tenant's sign-in log names the policy",
        ),
        (
            "530084",
            "Access has been blocked by conditional access token protection policy.",
            "token protection",
            "Run az login on Windows",
        ),
        (
            "50005",
            "User tried to log in to a device from a platform (Unknown).",
            "no sign-in from this platform",
            "whose platform the policy allows",
        ),
        (
            "50020",
            "User account 'me@consultancy.example' does not exist in tenant 'Contoso'.",
            "The account does not exist in the tenant",
            "mct-s2s configure-appservice --from FILE",
        ),
    ],
    ids=["conditional access", "token protection", "platform", "home tenant"],
)
def test_what_the_login_service_told_az_is_named_with_what_leads_on(
    mct: Program,
    azure: Sandbox,
    az: AzureCli,
    words: tuple[str, ...],
    number: str,
    text: str,
    named: str,
    advice: str,
) -> None:
    """Not az's own advice: to sign in again meets the same policy."""
    az.answers(REFUSAL.format(number, text))
    done = mct(*words, "--auth", "cli", "-o", "json", env=az.env)
    told = done.document["error"]
    assert (error(done), azure.writes()) == ((4, "sign-in-failed"), []), done
    assert named in told["message"], told
    assert advice in told["remedy"], told
    assert told["requestId"] == "2c3f7a3e-6f0e-4a5e-9f59-9f0f2a8d2b00"
    assert "Interactive authentication" not in str(told)


def test_a_loop_of_requests_that_az_meets_is_waited_for(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    """AADSTS50196 ends by itself: nobody has to sign in again."""
    az.refuses(REFUSAL.format("50196", "The server terminated an operation."), times=3)
    done = mct(*SETUP, "--auth", "cli", env=az.env)
    assert done.code == 0, done
    assert 60 <= done.seconds < 200, done.seconds
    assert "The login service limits requests: waiting 60 s." in done.err
    assert "az login" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("setup", "--help"),
        ("setup", "--no-such-option"),
        ("status", "--auth", "environment"),
        ("apply", "-f", "/dev/null"),
        ("verify", "--audience", "api://x", "--url", "https://localhost:1"),
        ("schema", "status"),
    ],
)
def test_az_is_not_started_where_it_does_not_sign_in(
    mct: Program, az: AzureCli, words: tuple[str, ...]
) -> None:
    mct(*words, env=az.env)
    time.sleep(0.3)
    assert az.asked() == []


def test_a_subscription_may_be_named_as_the_cli_names_it(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    az.profile(azure.tenant_id, {OTHER_SUBSCRIPTION: True, azure.subscription_id: False})
    assert mct("status", "--auth", "cli", env=az.env).code == 2, (
        "the default is a subscription that is not there"
    )
    named = mct(
        "status", "--auth", "cli", "-s", azure.subscription_id[:8].upper(), "-o", "json", env=az.env
    )
    assert named.document["appService"]["id"].split("/")[2] == azure.subscription_id


def test_an_az_that_is_asked_when_the_command_fails_comes_to_its_end(
    mct: Program, azure: Sandbox, az: AzureCli, inside: Inside
) -> None:
    """It may be writing its cache: cut off there, it signs its user out."""
    az.profile(azure.tenant_id, {OTHER_SUBSCRIPTION: True}, user=APPLICATION)
    az.lingers(0.5)

    async def until_the_second_is_asked(entry: Entry) -> None:
        if OTHER_SUBSCRIPTION in entry.path:
            await asyncio.to_thread(az.wait_until_asked, 2)

    inside.hooks.before.append(until_the_second_is_asked)
    refused = mct("status", "--auth", "cli", "-o", "json", env=az.env)
    assert error(refused) == (2, "subscription-not-found")
    assert az.ended() == ["ended", "ended"]


def test_the_default_subscription_of_another_cloud_is_not_taken(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    az.profile(azure.tenant_id, {OTHER_SUBSCRIPTION: True}, cloud="AzureCloud")
    assert mct("status", "--auth", "cli", "--tenant", azure.tenant_id, env=az.env).code == 3, (
        "the only one there is"
    )


def test_a_role_given_after_the_sign_in_is_told_with_how_to_get_it(
    mct: Program, azure: Sandbox, az: AzureCli
) -> None:
    """`az` hands out the token that it has for an hour and more: the same command would fail again
    and again.
    """
    assert mct("setup", "-a", SITE, "--client", "Old", "-y").code == 0
    address = azure.person("casey", arm=[("Website Contributor", SITE)])
    az.answers(tokens_of(azure, address))
    az.profile(
        azure.tenant_id, {azure.subscription_id: True}, user={"name": address, "type": "user"}
    )
    login = f"az logout; az login --tenant {azure.tenant_id}"
    add = ("add-client", "A", "-a", SITE, "--auth", "cli", "-y", "-o", "json")
    ended = mct(*add, env=az.env)
    assert (ended.code, ended.document["manualSteps"][-1]["command"]) == (4, login), ended
    assert login in mct("doctor", "-a", SITE, "--auth", "cli", env=az.env).out
    azure.give_directory_role(address, "Cloud Application Administrator")
    refused = mct(*add, env=az.env)
    error = refused.document["error"]
    assert (refused.code, error["code"], error["missing"]) == (4, "permission-missing", [])
    assert "Ask" not in error["remedy"], "they have it"
    assert error["remedy"].endswith(login)
    az.answers(tokens_of(azure, address))
    assert mct(*add, env=az.env).code == 0, "after the new sign-in"
