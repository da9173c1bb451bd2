"""Who can call and what each needs next; each finding: when it is made, how grave it is, and the
command that mends.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from mct_s2s.errors import Refused
from mct_s2s.model.api import Api
from mct_s2s.model.client_credentials import NEVER, Credential, CredentialKind
from mct_s2s.model.client_sign_in import ApiAnswer
from mct_s2s.model.directory_objects import Application, AppRole
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, Tag
from mct_s2s.model.observed import ClientApplication, ObservedState, SiteOfFile, Trust
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.credential_plan import validity
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.reports.findings import Severity, diagnose
from mct_s2s.planning.reports.renewal import renewing
from mct_s2s.planning.reports.status import StatusReport
from mct_s2s.planning.reports.verification import advice, returned, without_token
from mct_s2s.render.exports import as_csv

from tests.cli.schemas import FINDING_CODES
from tests.planning.scenarios import (
    ALLOWED,
    FOREIGN,
    IMPORT,
    NOW,
    ROLE,
    SERVICE,
    SERVICE_ID,
    SERVICE_KEY,
    SERVICE_PRINCIPAL,
    WHERE,
    assignment,
    client,
    complete,
    credential,
    guid,
    observed_state,
    said,
    served,
    service_is,
    settings,
    site_of,
    site_says,
    spec,
    stopped,
    trust,
    unreadable,
    with_credentials,
    written,
)
from tests.render.examples import (
    IDENTITY,
    WITHIN,
    crowd,
    mixed,
    one,
    status_of,
    with_role_off,
    with_settings,
)
from tests.support.apis import ORDERS, ORDERS_FILE, PROGRAMS
from tests.support.mct import MCT, NAMES
from tests.support.screens import check_kept

IN_A_VAULT = SecretPlace.parse("keyvault:contoso/import")
FEDERATED = replace(credential(kind=CredentialKind.FEDERATED), expires=None)


def test_without_lists_a_wrong_role_stops_managed_identities_too() -> None:
    seen = served(ORDERS, REQUIRED_ROLE="Another.Role")
    held = (*seen.trust.assignments, replace(assignment(IDENTITY), role_id=ROLE.id))
    held_by_both = replace(seen.trust, identities=(IDENTITY,), assignments=held)
    site = status_of(replace(seen, trust=held_by_both))
    assert [(client.name, client.allowed, client.can_call) for client in site.clients] == [
        ("Import", True, False),
        (IDENTITY.display_name, True, False),
    ]


def test_clients_that_need_attention_come_first_then_those_that_expire_first() -> None:
    site = status_of(mixed())
    assert [(client.name, client.can_call, client.needs) for client in site.clients] == [
        ("Reports", False, "allow list, new credential"),
        ("Nightly", True, "new secret by 2026-12-14"),
        ("Import", True, "new secret by 2027-12-29"),
        ("reports-func", True, "nothing"),
    ]
    assert site.verdict == "3 of 4 clients can call contosolearn. 3 problems."


@pytest.mark.parametrize(
    ("found", "can_call", "needs"),
    [
        (credential(400), True, "new secret by 2027-12-29"),
        (credential(30), True, "new secret by 2026-12-24"),
        (credential(0), False, "new credential"),
        (credential(9, kind=CredentialKind.CERTIFICATE), True, "new certificate by 2026-12-03"),
        (replace(credential(), expires=NEVER), True, "nothing"),
        (FEDERATED, True, "nothing"),
    ],
)
def test_a_client_signs_in_with_its_last_credential(
    found: object, can_call: bool, needs: str
) -> None:
    (only,) = status_of(complete(client("Import", credential(-5, "old"), found))).clients  # type: ignore[arg-type]
    assert (only.can_call, only.needs) == (can_call, needs)


def test_the_next_expiry_of_a_client_is_that_of_what_was_made_last() -> None:
    """A longer one that a rotation kept for its users is not what they read from now on."""
    kept = replace(credential(180, "mct-s2s 2026-11-13 a1b2"), begins=NOW - timedelta(11))
    newest = replace(credential(20, "mct-s2s 2026-11-24 c3d4"), begins=NOW)
    (only,) = status_of(complete(client("Import", kept, newest))).clients
    assert only.ends == newest.expires


def test_a_client_without_consent_or_credential_cannot_call() -> None:
    bare = with_credentials()
    observed = observed_state(trust(bare, consented=False), site_of(complete(bare)).settings)
    (only,) = status_of(observed).clients
    assert (only.can_call, only.needs) == (False, "admin consent, credential")


def test_a_client_of_another_tenant_can_call_as_far_as_is_known() -> None:
    observed = complete(client("Import"))
    foreign = replace(observed.trust.clients[0], application=Application())
    (only,) = status_of(
        replace(observed, trust=replace(observed.trust, clients=(foreign,)))
    ).clients
    assert (only.can_call, only.needs, only.ends) == (True, "nothing", None)


def test_an_identity_that_is_not_allowed_cannot_call() -> None:
    observed = complete(client("Import"))
    site = status_of(replace(observed, trust=replace(observed.trust, identities=(IDENTITY,))))
    assert [
        (client.can_call, client.needs) for client in site.clients if client.name == "reports-func"
    ] == [(False, "allow list")]


def test_a_managed_identity_has_no_credential_that_is_due() -> None:
    allowed = settings(ServiceObjectIds=IDENTITY.id)
    observed = observed_state(replace(trust(), identities=(IDENTITY,)), allowed)
    (only,) = status_of(observed).clients
    assert (only.can_call, only.needs, only.ends, only.is_due) == (True, "nothing", None, False)


def _set(name: str, value: str) -> Callable[[ObservedState], ObservedState]:
    return lambda seen: with_settings(seen, {**site_of(seen).settings, name: value})


def _trust(**changed: object) -> Callable[[ObservedState], ObservedState]:
    return lambda seen: replace(seen, trust=replace(seen.trust, **changed))  # type: ignore[arg-type]


STOPS_ALL = {
    "switched off": _set("ServiceAuthEnabled", "no"),
    "another audience": _set("ServiceAuthAudience", "api://foo"),
    "another tenant": _set("ServiceAuthTenantId", guid("another")),
    "another tenant's name": _set("ServiceAuthTenantName", "fabrikam.onmicrosoft.com"),
    "no audience": _set("ServiceAuthAudience", ""),
    "no URI": _trust(service=replace(SERVICE, identifier_uris=())),
    "v2 tokens": _trust(service=replace(SERVICE, token_version=2)),
    "no service principal": _trust(principal=None),
    "stopped": stopped,
}
STOPS_THE_ROLE = {
    "role off": with_role_off,
    "no role": _trust(service=replace(SERVICE, app_roles=())),
    "another role": _set("ServiceAuthRole", "Wrong"),
    "role not set": _set("ServiceAuthRole", ""),
}


@pytest.mark.parametrize("flaw", STOPS_ALL.values(), ids=STOPS_ALL.keys())
def test_a_finding_that_stops_every_call_leaves_no_client_that_can(
    flaw: Callable[[ObservedState], ObservedState],
) -> None:
    site = status_of(flaw(mixed()))
    assert {client.can_call for client in site.clients} == {False}
    assert site.verdict.startswith("0 of 4 clients can call contosolearn. ")


@pytest.mark.parametrize("flaw", STOPS_THE_ROLE.values(), ids=STOPS_THE_ROLE.keys())
def test_a_wrong_role_stops_the_clients_that_need_it(
    flaw: Callable[[ObservedState], ObservedState],
) -> None:
    site = status_of(flaw(mixed()))
    assert [client.name for client in site.clients if client.can_call] == ["reports-func"]


def test_a_client_that_is_allowed_by_its_object_id_needs_no_role() -> None:
    mine = client("Import")
    assert mine.principal is not None
    observed = observed_state(
        trust(mine, consented=False), settings(ServiceObjectIds=mine.principal.id)
    )
    assert [client.can_call for client in status_of(with_role_off(observed)).clients] == [True]


def test_without_an_app_service_its_part_is_taken_for_right() -> None:
    site = status_of(replace(complete(client("Import")), app_service=None))
    assert site.verdict == "1 of 1 client can call the MCT API. No problems found."


def test_without_the_settings_it_is_not_known_who_is_allowed() -> None:
    site = status_of(unreadable(mixed()))
    assert {client.name: (client.can_call, client.allowed) for client in site.clients} == {
        "Reports": (False, None),
        "Nightly": (None, None),
        "Import": (None, None),
        "reports-func": (None, None),
    }
    assert site.verdict.startswith("It is not known whether 4 clients can call contosolearn.")
    empty = status_of(unreadable(observed_state()))
    assert (empty.verdict, empty.calling) == (
        "It is not known who can call contosolearn. 1 problem.",
        "?",
    )


def test_the_verdict_counts_none_and_a_thousand() -> None:
    assert status_of(complete()).verdict == "No client can call contosolearn. 1 problem."
    assert status_of(crowd()).verdict == "990 of 1000 clients can call contosolearn. 10 problems."


CERTIFICATE = credential(300, "c", CredentialKind.CERTIFICATE)
SHORT = replace(credential(9, "mct-s2s 2026-11-13 a1b2"), begins=NOW - timedelta(11))
"""Another one as short would be reported at once."""
MADE_SHORT = replace(SHORT, kind=CredentialKind.CERTIFICATE)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        *((NOW + timedelta(days), state) for days, state in (
            (400, "valid"), (31, "valid"), (30, "expiring"), (1, "expiring"), (0, "expired")
        )),
        (None, "does not expire"),
        (NEVER, "does not expire"),
    ],
)  # fmt: skip
def test_a_credential_is_expiring_from_the_horizon_on(end: datetime | None, expected: str) -> None:
    assert validity(end, NOW, WITHIN) == expected


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ((credential(9),), f"mct-s2s rotate-secret {IMPORT.client_id} {WHERE}"),
        ((SHORT,), f"mct-s2s rotate-secret {IMPORT.client_id} --secret-lifetime 1y {WHERE}"),
        ((MADE_SHORT,), f"mct-s2s rotate-secret {IMPORT.client_id} --secret-lifetime 1y {WHERE}"),
        ((credential(-9),), f"mct-s2s rotate-secret {IMPORT.client_id} {WHERE}"),
        ((CERTIFICATE,), f"mct-s2s add-client {IMPORT.client_id} --credential certificate {WHERE}"),
        ((CERTIFICATE, credential(9)), f"mct-s2s rotate-secret {IMPORT.client_id} {WHERE}"),
        (
            (CERTIFICATE, credential(-9)),
            f"mct-s2s add-client {IMPORT.client_id} --credential certificate {WHERE}",
        ),
    ],
)
def test_a_credential_is_replaced_by_one_of_its_kind(
    held: tuple[Credential, ...], expected: str
) -> None:
    assert renewing(IMPORT, held, complete(IMPORT), WITHIN) == expected


LASTING_50_DAYS = replace(credential(10), begins=NOW - timedelta(40))
LASTING_A_YEAR = replace(credential(20), begins=NOW - timedelta(345))


@pytest.mark.parametrize(
    ("within", "held", "longer"),
    [
        (30, (LASTING_50_DAYS,), ""),
        (60, (LASTING_50_DAYS,), " --secret-lifetime 1y"),
        (60, (LASTING_50_DAYS, LASTING_A_YEAR), ""),
        (400, (LASTING_50_DAYS,), " --secret-lifetime 2y"),
    ],
)
def test_a_credential_is_replaced_by_one_that_the_same_report_does_not_name(
    within: int, held: tuple[Credential, ...], longer: str
) -> None:
    """It lasts as long as the one that ends last, unless a longer lifetime is typed."""
    (finding,) = diagnose(complete(client("Import", *held)), timedelta(within))
    assert finding.remedy == f"mct-s2s rotate-secret {IMPORT.client_id}{longer} {WHERE}"


IN_FILE = SiteOfFile("-f trust.toml --only learn", ("Import",))


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (
            (credential(9),),
            "mct-s2s rotate-secret -f trust.toml --only learn --expiring-within 30d",
        ),
        (
            (replace(credential(9), begins=NOW),),
            (
                "mct-s2s rotate-secret -f trust.toml --only learn --expiring-within 30d "
                "--secret-lifetime 1y"
            ),
        ),
        ((credential(-9),), "mct-s2s rotate-secret Import -f trust.toml --only learn"),
        (
            (replace(CERTIFICATE, expires=NOW - timedelta(1)),),
            "mct-s2s apply -f trust.toml --only learn",
        ),
    ],
)
def test_a_credential_that_a_trust_file_names_is_replaced_by_a_command_that_names_the_file(
    held: tuple[Credential, ...], expected: str
) -> None:
    """A command that does not know the file would put the secret elsewhere."""
    observed = replace(complete(client("Import", *held)), file=IN_FILE)
    (finding,) = diagnose(observed)
    assert finding.remedy == expected
    text = as_csv(one(observed))
    assert "rotate-secret" not in text.replace(expected, "")


def test_what_is_no_client_of_a_site_of_a_trust_file_is_removed_at_its_app_service() -> None:
    gone = guid("gone")
    listed = settings(**{**ALLOWED, "ServiceApplicationIds": f"{IMPORT.client_id};{gone}"})
    observed = replace(observed_state(complete(IMPORT).trust, listed), file=IN_FILE)
    (finding,) = (each for each in diagnose(observed) if each.code == "client-unknown")
    assert finding.remedy == f"mct-s2s remove-client {gone} {WHERE}"


def test_a_lifetime_that_a_trust_file_names_is_left_to_it() -> None:
    held = (replace(credential(9), begins=NOW),)
    file = replace(IN_FILE, lifetimes={"Import": "90d"})
    (finding,) = diagnose(replace(complete(client("Import", *held)), file=file))
    assert finding.remedy == (
        "mct-s2s rotate-secret -f trust.toml --only learn --expiring-within 30d"
    )


@pytest.mark.parametrize(
    ("lifetime", "left", "advice", "expected"),
    [
        ("20d", 20, ", or use --expiring-within 10d.", "status -f FILE --expiring-within 10d"),
        (
            "20d",
            9,
            ", or use --expiring-within 10d.",
            "rotate-secret -f FILE --expiring-within 10d",
        ),
        (
            "30d",
            9,
            ", or use --expiring-within 15d.",
            "rotate-secret -f FILE --expiring-within 15d",
        ),
        ("1d", 1, ", or use --expiring-within 12h.", "status -f FILE --expiring-within 12h"),
        (f"{NOW + timedelta(9):%Y-%m-%d}", 9, ".", "rotate-secret Import -f FILE"),
    ],
)
def test_a_lifetime_of_a_trust_file_that_is_always_reported_is_said_with_what_works(
    lifetime: str, left: int, advice: str, expected: str
) -> None:
    file = replace(IN_FILE, lifetimes={"Import": lifetime})
    now = NOW + timedelta(microseconds=1)
    observed = replace(complete(client("Import", credential(left))), file=file, now=now)
    (finding,) = diagnose(observed)
    assert finding.message.endswith(
        f"the file's secret-lifetime ({lifetime}) is not longer than 30d. Set a longer one in the "
        f"file{advice}"
    )
    assert finding.remedy == f"mct-s2s {expected}".replace("FILE", "trust.toml --only learn")
    text = as_csv(one(observed))
    assert "rotate-secret -f trust.toml --only learn --expiring-within 30d" not in text


def test_the_command_for_a_secret_that_is_not_due_replaces_it_whenever_it_is_run() -> None:
    observed = replace(complete(client("Import", credential(200))), file=IN_FILE)
    assert "mct-s2s rotate-secret Import -f trust.toml --only learn" in as_csv(one(observed))
    assert "--expiring-within" not in as_csv(one(observed))


def test_a_credential_that_a_trust_file_does_not_name_keeps_its_own_command() -> None:
    (finding,) = diagnose(replace(complete(client("Other", credential(9))), file=IN_FILE))
    assert finding.remedy == f"mct-s2s rotate-secret {finding.client} {WHERE}"


@pytest.mark.parametrize("name", ["Import", "Other"])
def test_a_client_that_a_trust_file_does_not_name_is_listed_by_a_command_that_lists_it(
    name: str,
) -> None:
    """`apply` of the file lists no one but its clients."""
    unlisted = observed_state(trust(client(name)), settings(ServiceAuthRole="S2SAppRole"))
    (finding,) = diagnose(replace(unlisted, file=IN_FILE))
    assert finding.code == "client-not-allowed"
    by_file = "mct-s2s apply -f trust.toml --only learn"
    alone = f"mct-s2s configure-appservice {WHERE}"
    assert finding.remedy == (by_file if name == "Import" else alone)


@pytest.mark.parametrize(
    ("report", "healthy"),
    [
        (one(complete(client("Import"))), True),
        (one(), False),
        (StatusReport(NOW, WITHIN, (), is_list=True), False),
    ],
)
def test_a_report_is_healthy_if_all_that_was_read_is(report: StatusReport, healthy: bool) -> None:
    assert report.is_healthy is healthy


@pytest.mark.parametrize(
    ("answer", "told", "refused"),
    [
        (ApiAnswer(200), "", False),
        (ApiAnswer(403), "access restrictions", None),
        (ApiAnswer(302, location="https://learn/login"), "--url", True),
        (ApiAnswer(404), "--path", None),
        (ApiAnswer(500), "az webapp log tail", None),
    ],
)
def test_each_answer_has_a_remedy_also_one_without_a_token(
    answer: ApiAnswer, told: str, refused: bool | None
) -> None:
    """An API that answers everybody proves nothing of a client."""
    observed = complete()
    assert told in advice(answer, MCT.test.path, observed)
    assert without_token(answer, "https://learn", MCT.test.path, observed).ok is refused


@pytest.mark.parametrize(
    ("api", "told"),
    [
        (ORDERS, f"Correct test.path in {ORDERS_FILE}, "),
        (MCT, "See whether the App Service runs the MCT API. "),
        (PROGRAMS["dotnet"].api, "Name a path of your API that needs the role: mct-s2s verify "),
    ],
    ids=["a description", "MCT", "programs of any kind"],
)
def test_a_path_that_the_api_does_not_have_is_not_advised_again(api: Api, told: str) -> None:
    advised = advice(ApiAnswer(404), api.test.path, replace(complete(), api=api))
    assert advised.startswith(told)
    assert f"--path {api.test.path}" not in advised
    other = advice(ApiAnswer(404), "/other", replace(complete(), api=api))
    assert other == f"Choose a path of {api.called}: --path {api.test.path}"


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://login.example/a?b", "login.example"),
        ("//login.example", "login.example"),
        ("/login", ""),
        ("", ""),
        ("https://[", ""),
        ("https://x. Run: mct-s2s add-client robs", ""),
        ("To go on, run: mct-s2s add-client robs", ""),
    ],
)
def test_of_a_redirect_a_host_is_named_and_no_word_of_it_is_advice(
    location: str, host: str
) -> None:
    answer = ApiAnswer(307, location=location)
    assert "robs" not in advice(answer, MCT.test.path, complete())
    named = f", a redirect to '{host}'" if host else ""
    assert returned("https://learn", "/a", answer) == f"GET https://learn/a returned 307{named}."


def import_has(*credentials: Credential) -> ObservedState:
    return complete(with_credentials(*credentials))


NOTES = {"settings-not-sticky", "credential-not-in-file"}
"""Codes that make nothing unhealthy: they have a test of their own."""

CASES: dict[str, ObservedState] = {
    "the service application of another App Service": observed_state(
        trust(IMPORT, service=replace(SERVICE, unique_name="mct-s2s-site-b")), settings()
    ),
    "set up for another API": observed_state(
        trust(IMPORT, service=replace(SERVICE, tags=(Tag.API.of("Orders"),)))
    ),
    "nothing at all": observed_state(),
    "nothing but a switch that is off": observed_state(
        Trust(), {**FOREIGN, "ServiceAuthEnabled": "False"}
    ),
    "half of the settings, and no registration": observed_state(
        Trust(), settings(ServiceAuthTenantName="", ServiceAuthEnabled="false")
    ),
    "settings, but no registration": observed_state(Trust(), settings()),
    "no URI": service_is(identifier_uris=()),
    "no role": service_is(app_roles=()),
    "role off": service_is(app_roles=(replace(ROLE, enabled=False),)),
    "no service principal": observed_state(
        replace(trust(IMPORT), principal=None), settings(**ALLOWED)
    ),
    "v2 tokens": service_is(token_version=2),
    "no consent": observed_state(trust(IMPORT, consented=False), settings(**ALLOWED)),
    "not on the list": observed_state(trust(IMPORT), settings()),
    "a stranger on the clients' list": site_says(
        ServiceApplicationIds=f"{IMPORT.client_id};{guid('gone')}"
    ),
    "a stranger on the identities' list": site_says(ServiceObjectIds=guid("gone")),
    "no audience": site_says(ServiceAuthAudience=""),
    "blank audience": site_says(ServiceAuthAudience=" "),
    "no switch": site_says(ServiceAuthEnabled=""),
    "no role setting": site_says(ServiceAuthRole=""),
    "switched off": site_says(ServiceAuthEnabled="False"),
    "other audience": site_says(ServiceAuthAudience="api://x"),
    "role in another case": site_says(ServiceAuthRole="s2sapprole"),
    "unverified tenant name": site_says(ServiceAuthTenantName="fabrikam.com"),
    "other tenant": site_says(ServiceAuthTenantId=guid("x")),
    "untidy list": site_says(ServiceApplicationIds=f"{IMPORT.client_id}; "),
    "no GUID on a list": site_says(ServiceObjectIds="reports-func"),
    "settings unread": unreadable(observed_state()),
    "nobody": complete(),
    "nobody but an id that no one has": observed_state(
        trust(), settings(ServiceApplicationIds=guid("gone"), ServiceAuthRole="S2SAppRole")
    ),
    "stopped": stopped(complete(IMPORT)),
    "no credential": import_has(),
    "expired": import_has(credential(-1), credential(-40)),
    "expiring": import_has(credential(30), credential(-1)),
    "lost by its vault": replace(
        complete(IMPORT),
        missing_secrets={IMPORT.client_id: IN_A_VAULT},
    ),
    "expiring certificate": import_has(credential(5, kind=CredentialKind.CERTIFICATE)),
    "expired certificate": import_has(credential(-5, kind=CredentialKind.CERTIFICATE)),
}


def changes(observed: ObservedState) -> list[str]:
    try:
        return said(make_plan(spec("Import"), observed))
    except Refused as refused:
        return [f"refused: {refused.code}"]


@pytest.mark.parametrize(
    ("place", "is_elsewhere"), [("file:/home/ada/import.env", True), ("keyvault:kv/import", False)]
)
def test_only_a_file_may_be_on_another_machine(place: str, is_elsewhere: bool) -> None:
    lost = replace(complete(IMPORT), missing_secrets={IMPORT.client_id: SecretPlace.parse(place)})
    (finding,) = diagnose(lost)
    assert ("It may be kept elsewhere. If it is lost, replace it." in finding.message) is (
        is_elsewhere
    )
    assert (finding.severity is Severity.NOTE) is is_elsewhere
    assert place in finding.message


def test_a_flaw_is_found_once_and_comes_with_its_remedy() -> None:
    """Beside each is what `setup` changes: what is missing alone.

    `pytest --update-screens` takes new words.
    """
    flaws = {name: diagnose(observed) for name, observed in CASES.items()}
    kept = {
        name: {"findings": [*map(asdict, each)], "setup": changes(CASES[name])}
        for name, each in flaws.items()
    }
    check_kept(Path(__file__).with_name("findings.json"), json.dumps(kept, indent=2) + "\n")
    for name, findings in flaws.items():
        assert len({(finding.code, finding.subject) for finding in findings}) == len(findings), name
        where = "-g mct-prod -n contosolearn" if name == "stopped" else WHERE
        assert all(
            where in finding.remedy for finding in findings if finding.severity is not Severity.NOTE
        ), name
        assert {finding.severity for finding in findings} - {Severity.NOTE}, name
    codes = {finding.code for findings in flaws.values() for finding in findings}
    assert codes >= {*FINDING_CODES} - NOTES, "every code of the contract has its case"


def test_unread_settings_are_the_only_finding_about_what_they_alone_name() -> None:
    """Neither that they are wrong, nor that a service application which only they may name is
    missing.
    """
    assert [flaw.code for flaw in diagnose(unreadable(observed_state()))] == ["settings-unreadable"]
    assert [flaw.code for flaw in diagnose(unreadable(complete(IMPORT)))] == ["settings-unreadable"]


def test_where_all_settings_are_gone_each_is_missing_and_the_rest_is_judged() -> None:
    """Somebody wrote over them.

    What is in the directory is still there: the site is not one that was never set up.
    """
    service = replace(SERVICE, app_roles=(replace(ROLE, enabled=False),))
    assert [
        (flaw.code, flaw.subject)
        for flaw in diagnose(observed_state(trust(IMPORT, service=service)))
    ] == [
        ("app-role-disabled", SERVICE.display_name),
        ("setting-missing", "ServiceAuthEnabled"),
        ("setting-missing", "ServiceAuthAudience"),
        ("setting-missing", "ServiceAuthTenantName"),
        ("setting-missing", "ServiceAuthTenantId"),
        ("client-not-allowed", "Import"),
    ]


@pytest.mark.parametrize("credentials", [(), (credential(),)], ids=["none", "a secret"])
def test_a_client_that_is_to_be_listed_is_completed_by_one_command(
    credentials: tuple[Credential, ...],
) -> None:
    """What gives it its credential lists it, too."""
    unlisted = with_credentials(*credentials)
    observed = observed_state(trust(unlisted), settings(ServiceAuthRole="S2SAppRole"))
    remedies = {
        flaw.code: flaw.remedy for flaw in diagnose(observed) if flaw.client == unlisted.client_id
    }
    completing, listing = observed.setting_up(unlisted), observed.command("configure-appservice")
    assert remedies == (
        {"client-not-allowed": listing}
        if credentials
        else {"client-not-allowed": completing, "no-credential": completing}
    )


def _in_a_slot(sticky: frozenset[str]) -> ObservedState:
    observed = complete(client("Import"))
    slot_site = site_of(observed)
    slot = ResourceId.site(guid("s"), "mct-prod", "contosolearn", "staging")
    slot_site = replace(slot_site, resource=slot, slots=("staging",), sticky=sticky)
    unique_name = "mct-s2s-contosolearn_staging"
    trust = replace(
        observed.trust, service=replace(SERVICE, unique_name=unique_name), unique_name=unique_name
    )
    return replace(observed, app_service=slot_site, trust=trust)


def test_settings_of_a_slot_that_a_swap_would_carry_away_are_noted() -> None:
    (note,) = diagnose(_in_a_slot(frozenset({"serviceauthenabled"})))
    assert (note.code, note.severity, note.subject) == (
        "settings-not-sticky",
        Severity.NOTE,
        "contosolearn/staging",
    )
    assert note.remedy.startswith(
        "az webapp config appsettings set -g mct-prod -n contosolearn --slot staging"
    )
    assert "ServiceAuthAudience=api://" in note.remedy
    assert "ServiceAuthEnabled=" not in note.remedy, "it sticks already"
    assert diagnose(_in_a_slot(frozenset(name.lower() for name in NAMES))) == ()


HEALTHY: Mapping[str, ObservedState] = {
    "the switch as .NET reads it": site_says(ServiceAuthEnabled=" True"),
    "a secret that lasts a day longer than the warning": import_has(credential(31)),
    "a secret that ends soon beside a good one": import_has(credential(3), credential(90)),
    "federated, which does not expire": import_has(
        replace(credential(kind=CredentialKind.FEDERATED), expires=None), credential(-1)
    ),
    "allowed by object id, which needs no role": observed_state(
        trust(IMPORT, consented=False),
        settings(ServiceObjectIds=IMPORT.principal.id if IMPORT.principal else ""),
    ),
    "a client of another tenant, whose credentials nobody here sees": observed_state(
        Trust(
            SERVICE,
            SERVICE_PRINCIPAL,
            trust(IMPORT).assignments,
            (ClientApplication(principal=IMPORT.principal),),
        ),
        settings(**ALLOWED),
    ),
    "a managed identity alone": (
        observed_state(
            replace(trust(), identities=(IDENTITY,)), settings(ServiceObjectIds=IDENTITY.id)
        )
    ),
    "no App Service, and so no clients to miss": replace(complete(), app_service=None),
}


@pytest.mark.parametrize("observed", HEALTHY.values(), ids=HEALTHY.keys())
def test_a_trust_without_flaws_has_no_findings(observed: ObservedState) -> None:
    assert diagnose(observed) == ()


WRONG = replace(ROLE, id=AppRoleId(guid("wrong")), value="Wrong")
OWN = replace(ROLE, value="OurRole")


@pytest.mark.parametrize(
    ("roles", "setting", "wanted"),
    [
        pytest.param((ROLE,), "Wrong", "S2SAppRole", id="that the application does not have"),
        pytest.param((WRONG, ROLE), "Wrong", "S2SAppRole", id="that no client holds"),
        pytest.param((OWN,), "Wrong", "OurRole", id="instead of one of another name than usual"),
        pytest.param(
            (OWN, WRONG),
            "Wrong",
            "OurRole",
            id="that no client holds, instead of one of another name",
        ),
        pytest.param(
            (OWN, replace(WRONG, value="S2SAppRole")), "S2SAppRole", "OurRole", id="the usual one"
        ),
        pytest.param((OWN,), "", "OurRole", id="not set"),
    ],
)
def test_a_wrong_role_is_one_finding_that_setup_mends(
    roles: tuple[AppRole, ...], setting: str, wanted: str
) -> None:
    service = replace(SERVICE, app_roles=roles)
    observed = observed_state(
        trust(IMPORT, service=service), settings(**{**ALLOWED, "ServiceAuthRole": setting})
    )
    (finding,) = diagnose(observed)
    assert (finding.subject, finding.remedy) == (
        "ServiceAuthRole",
        f"mct-s2s configure-appservice {WHERE}",
    )
    for desired in (spec(), spec("Import"), spec(settings_only=True)):
        plan = make_plan(desired, observed)
        assert said(plan) == [
            "update application settings contosolearn",
            "update App Service contosolearn",
        ]
        assert written(plan, observed)["ServiceAuthRole"] == wanted


def test_a_role_that_some_clients_hold_is_taken_for_right() -> None:
    """A role that is being changed: who does not have the new one yet needs consent."""
    other = client("Other")
    assigned = (assignment(IMPORT), replace(assignment(other), role_id=WRONG.id))
    held = replace(
        trust(IMPORT, other, service=replace(SERVICE, app_roles=(ROLE, WRONG))),
        assignments=assigned,
    )
    ids = f"{IMPORT.client_id};{other.client_id}"
    observed = observed_state(held, settings(ServiceApplicationIds=ids, ServiceAuthRole="Wrong"))
    assert [(flaw.code, flaw.subject) for flaw in diagnose(observed)] == [
        ("client-not-consented", "Import")
    ]


OF_B = replace(SERVICE, unique_name="mct-s2s-site-b")
ADOPTED = replace(OF_B, tags=(Tag.USED.of(SERVICE_KEY),))
BY_HAND = replace(SERVICE, unique_name=None)
OWN_API = replace(
    SERVICE, client_id=ClientId(guid("own")), object_id=ApplicationObjectId(guid("own object"))
)


@pytest.mark.parametrize(
    ("service", "own", "severity", "remedy"),
    [
        (SERVICE, None, None, ""),
        (OF_B, None, Severity.WARNING, f"mct-s2s setup --service-app APP_ID {WHERE}"),
        (
            OF_B,
            OWN_API,
            Severity.WARNING,
            f"mct-s2s setup --service-app APP_ID {WHERE}",
        ),
        (ADOPTED, None, Severity.NOTE, f"mct-s2s setup --service-app APP_ID {WHERE}"),
        (
            BY_HAND,
            OWN_API,
            Severity.WARNING,
            f"mct-s2s setup --service-app APP_ID {WHERE}",
        ),
        (BY_HAND, None, None, ""),
    ],
)
def test_a_service_application_that_is_not_this_app_services_is_said(
    service: Application, own: Application | None, severity: Severity | None, remedy: str
) -> None:
    """What is made by hand is as it should be; what was adopted is a note, as its owner could write
    the tag, too.
    """
    observed = observed_state(
        replace(trust(IMPORT, service=service), own_unused=own), settings(**ALLOWED)
    )
    flaws = [
        (flaw.severity, flaw.remedy)
        for flaw in diagnose(observed)
        if flaw.code == "service-application-not-ours"
    ]
    assert flaws == ([(severity, remedy)] if severity is not None else [])


@pytest.mark.parametrize(
    ("service", "adopted", "is_named"),
    [(OF_B, None, False), (OF_B, SERVICE_ID, True), (ADOPTED, None, False)],
)
def test_commands_name_the_service_application_that_was_adopted(
    service: Application, adopted: str | None, is_named: bool
) -> None:
    """They would be refused without it.

    Of what settings or a tag name, the operator has yet to say so.
    """
    spent = client("Import", credential(5))
    observed = observed_state(
        trust(spent, service=service), settings(ServiceApplicationIds=spent.client_id)
    )
    (expiring,) = [
        flaw for flaw in diagnose(observed, adopted=adopted) if flaw.code == "secret-expiring"
    ]
    more = f" --service-app {SERVICE_ID}" if is_named else ""
    assert expiring.remedy == f"mct-s2s rotate-secret {spent.client_id} {WHERE}{more}"
