"""What a refused call is told as: whose answer it is, and which value of the token is not the
site's.
"""

from dataclasses import replace

import pytest
from mct_s2s.model.api import Api
from mct_s2s.model.client_credentials import (
    OUR_CREDENTIALS,
    Credential,
    CredentialKind,
    Federation,
)
from mct_s2s.model.client_sign_in import ApiAnswer, ApiToken
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import PrincipalId, Tag, TenantId, api_uri
from mct_s2s.model.observed import SiteOfFile
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.api_address import is_api_of
from mct_s2s.planning.reports.verification import (
    CALL,
    CheckSubject,
    FileVerification,
    Verification,
    VerificationCheck,
    identity_checks,
    open_check,
    reasons,
    why_refused,
    without_token,
)

from tests.planning.scenarios import (
    IMPORT,
    SERVICE_ID,
    TENANT,
    WHERE,
    client,
    complete,
    credential,
    guid,
    observed_state,
    served,
    settings,
    site,
    trust,
    with_credentials,
)
from tests.render.examples import IDENTITY
from tests.support.apis import ORDERS, ORDERS_FILE, STOCK
from tests.support.mct import MCT

TOKEN = ApiToken(
    "x",
    SERVICE_ID,
    TENANT.id,
    client("Import").client_id,
    PrincipalId(guid("Import-principal")),
    ("R",),
    "2.0",
    f"https://login.microsoftonline.com/{TENANT.id}/v2.0",
)


def first_reason(api: Api, token: ApiToken = TOKEN, **changed: str) -> str:
    token = replace(token, roles=tuple(api.role if role == "R" else role for role in token.roles))
    return next((text for text, _ in reasons(token, "file:x", served(api, **changed))), "")


@pytest.mark.parametrize("api", [ORDERS, STOCK], ids=lambda api: api.name)
def test_a_token_that_is_right_for_an_api_without_lists_has_no_reason(api: Api) -> None:
    assert first_reason(api) == ""


def test_an_api_of_ones_own_that_refuses_a_right_token_is_told_what_the_token_has() -> None:
    token = replace(TOKEN, roles=(ORDERS.role,))
    text, remedy = why_refused(token, "file:x", served(ORDERS))
    assert text == (
        f"Reason: the token matches the settings: it has aud '{SERVICE_ID}', iss '{token.issuer}', "
        f"ver '2.0' and the roles {ORDERS.role}."
    )
    assert remedy.startswith("Compare these values with what the program of the Orders API expects")
    assert "az " not in remedy


@pytest.mark.parametrize("api", [ORDERS, STOCK], ids=lambda api: api.name)
def test_a_reason_names_the_setting_of_the_api(api: Api) -> None:
    audience = api.names_service
    assert (
        first_reason(api, replace(TOKEN, roles=()))
        == f"The token has no role, but REQUIRED_ROLE is '{api.role}'."
    )
    other = first_reason(api, TOKEN, **{str(audience): "other"})
    assert other == f"{audience} is 'other'. It must be '{SERVICE_ID}'."
    old = first_reason(api, replace(TOKEN, audience=api_uri(SERVICE_ID), version="1.0"))
    assert old.startswith("The token is of version 1.0: its audience is")
    assert str(audience) in old


def test_where_no_setting_has_the_role_the_description_says_it() -> None:
    api = Api.model_validate(
        {**ORDERS.model_dump(by_alias=True), "settings": {"APP_CLIENT_ID": "app-id"}}
    )
    seen = replace(served(ORDERS), api=api)
    (text, _) = next(reasons(replace(TOKEN, roles=()), "file:x", seen))
    assert text == "The token has no role, but the Orders API asks for 'Orders.Call'."


def test_a_client_that_lacks_only_its_entry_is_told_the_command_that_status_tells() -> None:
    seen = observed_state(trust(IMPORT), settings(ServiceAuthRole="S2SAppRole"))
    token = replace(TOKEN, audience=api_uri(SERVICE_ID), roles=("S2SAppRole",), version="1.0")
    ((text, remedy),) = reasons(token, "file:x", seen)
    assert text.startswith("ServiceApplicationIds does not contain the appId")
    assert remedy == f"mct-s2s configure-appservice {WHERE}"


def test_a_token_of_another_tenant_is_no_matter_of_the_settings() -> None:
    token = replace(TOKEN, tenant_id=TenantId(guid("another tenant")), roles=(ORDERS.role,))
    ((text, remedy),) = reasons(token, "file:x", served(ORDERS))
    assert text.startswith(f"The token's tenant is '{token.tenant_id}', but TENANT_ID is ")
    assert remedy.startswith("Correct AZURE_TENANT_ID in file:x")


DPOP = 'DPoP algs="RS256 ES256"'


@pytest.mark.parametrize(
    ("challenge", "stated"),
    [
        ((
                "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"Unexpected "
                f"'aud' value\", {DPOP}"
            ),
         "Unexpected 'aud' value"),
        (f'{DPOP}, Bearer error="invalid_token"', "invalid_token"),
        ("Bearer", ""),
        ('Bearer, authorization_uri="https://login/authorize", client_id="x"', ""),
        (None, ""),
    ],
)  # fmt: skip
def test_the_api_gives_its_own_reason_in_its_challenge(challenge: str | None, stated: str) -> None:
    assert ApiAnswer(401, challenge=challenge).stated_reason == stated


def test_a_403_is_the_apis_only_where_it_refuses_so_and_no_access_restriction_did() -> None:
    assert ApiAnswer(403).is_refused(ORDERS.test.refused_with)
    assert not ApiAnswer(403, forbidden_ip=True).is_refused(ORDERS.test.refused_with)
    assert not ApiAnswer(403).is_refused(MCT.test.refused_with)
    assert without_token(ApiAnswer(403), "https://x", "/orders", served(ORDERS)).ok is True
    assert (
        without_token(ApiAnswer(403, forbidden_ip=True), "https://x", "/orders", served(ORDERS)).ok
        is None
    )


@pytest.mark.parametrize(
    ("object_ids", "words"), [(IDENTITY.id, "contains"), ("", "does not contain")]
)
def test_a_check_says_whether_the_allow_list_contains_an_identity(
    object_ids: str, words: str
) -> None:
    observed = observed_state(trust(), settings(ServiceObjectIds=object_ids))
    checks = identity_checks([IDENTITY], observed, "api://x", "https://x.example", MCT.test.path)
    (allowed,) = [check for check in checks if check.check == "allowed"]
    assert (allowed.message, allowed.ok) == (
        f"ServiceObjectIds {words} {IDENTITY.id}.",
        bool(object_ids),
    )


ENDS = replace(credential(), name=f"{OUR_CREDENTIALS}x")
FEDERATED = replace(
    credential(kind=CredentialKind.FEDERATED),
    expires=None,
    federation=Federation("https://issuer", "subject", "api://AzureADTokenExchange"),
)
IN_FILE = SiteOfFile("-f trust.toml --only learn", ("Import",))
ELSEWHERE = "mct-s2s knows of no file on this machine with its credential"


@pytest.mark.parametrize(
    "credentials", [(ENDS,), (), (ENDS, FEDERATED)], ids=["a secret", "none", "both"]
)
def test_a_client_without_a_credential_here_is_tested_by_another_file(
    credentials: tuple[Credential, ...],
) -> None:
    """And not replaced: it may be where its users have it."""
    there = with_credentials(*credentials)
    check = open_check(there, complete(there))
    assert (check.ok, check.message) == (None, f"Not tested: {ELSEWHERE}. Name its file:")
    assert check.remedy == f"mct-s2s verify {there.client_id} --credentials FILE {WHERE}"


def test_a_client_with_a_federated_credential_alone_is_tested_by_its_workload() -> None:
    there = with_credentials(FEDERATED)
    check = open_check(there, complete(there))
    said = "only the workload that its federated credential names can sign in."
    assert (check.ok, check.message, check.remedy) == (None, f"Not tested: {said}", None)


def test_a_client_of_a_trust_file_is_tested_by_another_file_before_it_is_rotated() -> None:
    there = with_credentials(ENDS)
    check = open_check(there, replace(complete(there), file=IN_FILE))
    assert (check.ok, check.message) == (None, f"Not tested: {ELSEWHERE}. Name its file:")
    assert check.remedy == f"mct-s2s verify {IN_FILE.where} --credentials FILE"


def test_a_secret_that_a_program_was_given_is_no_call_that_this_machine_could_test() -> None:
    there = with_credentials(ENDS)
    program = SecretPlace.parse("exec:store import")
    check = open_check(there, replace(complete(there), file=IN_FILE), program=program)
    kept = "its secret is kept by exec:store import, and can't be read"
    assert check.message == f"Not tested: {kept}. To test it, name a file that has it:"
    assert check.remedy == f"mct-s2s verify {IN_FILE.where} --credentials FILE"
    site = Verification("https://x", "/", (check,), api=MCT)
    assert ([call.why_unreadable for call in site.unreadable_calls], site.untested) == ([kept], 0)


def test_a_secret_that_its_vault_has_lost_is_not_a_call_that_others_could_test() -> None:
    there = with_credentials(ENDS)
    place = SecretPlace.parse("keyvault:contoso/import")
    observed = replace(complete(there), missing_secrets={there.client_id: place})
    check = open_check(there, observed)
    assert check.message == (
        "Who reads keyvault:contoso/import does not get the secret of 'Import'. Replace it:"
    )
    assert check.remedy == observed.rotating(there)
    verification = Verification("https://x", "/", (check,), api=MCT)
    assert (verification.untested, verification.lost) == (0, 1)


def test_a_vault_that_gave_no_secret_is_named_in_the_open_check() -> None:
    tags = (Tag.VAULT.of("contoso/import"),)
    there = replace(IMPORT, application=replace(IMPORT.application, tags=tags))
    named = "Its registration names keyvault:contoso/import, which gave none."
    assert named in open_check(there, complete(there)).message


@pytest.mark.parametrize(
    ("identity", "named"),
    [(IDENTITY, IDENTITY.resource_id), (replace(IDENTITY, resource_id=None), "reports-func")],
    ids=["its resource is known", "it is not"],
)
def test_an_identity_is_allowed_by_its_resource_or_else_by_its_name(
    identity: ServicePrincipal, named: str
) -> None:
    observed = observed_state(trust(), settings())
    allowed, _ = identity_checks([identity], observed, "api://x", "https://x", MCT.test.path)
    assert allowed.remedy == f"mct-s2s add-client --managed-identity {named} {WHERE}"


@pytest.mark.parametrize(
    ("api", "path", "more"),
    [
        (MCT, MCT.test.path, ""),
        (MCT, "/api/other", " --path /api/other"),
        (ORDERS, "/orders", f" --api {ORDERS_FILE}"),
        (ORDERS, "/other", f" --api {ORDERS_FILE} --path /other"),
    ],
    ids=["mct", "mct-path", "orders", "orders-path"],
)
def test_an_identity_is_tested_from_inside_by_the_call_of_its_api(
    api: Api, path: str, more: str
) -> None:
    observed = replace(observed_state(trust()), api=api)
    *_, call = identity_checks([IDENTITY], observed, "api://x", "https://x.example", path)
    assert call.remedy == (
        "mct-s2s verify --auth managed-identity --audience api://x --url https://x.example" + more
    )


Tested = tuple[CheckSubject, str, bool | None]
"""What is tested, by which check, and what came of it."""


def verification(*tested: Tested, is_set_up: bool = True) -> Verification:
    """Of one client, Import."""
    rows = tuple(
        VerificationCheck("Import", subject, check, ok, "…") for subject, check, ok in tested
    )
    return Verification("https://x.example", "/", rows, api=MCT, is_set_up=is_set_up)


APPLICATION = CheckSubject.APPLICATION


@pytest.mark.parametrize(
    ("tested", "can_call"),
    [
        ([(APPLICATION, "token", True), (APPLICATION, CALL, True)], True),
        ([(APPLICATION, "token", False), (APPLICATION, CALL, None)], False),
        ([(APPLICATION, CALL, True), (APPLICATION, CALL, False)], False),
        ([(APPLICATION, CALL, None)], None),
        ([(CheckSubject.MANAGED_IDENTITY, CALL, False)], None),
        ([], None),
    ],
)
def test_a_client_can_call_if_its_calls_did_and_none_of_its_own_checks_failed(
    tested: list[Tested], can_call: bool | None
) -> None:
    assert verification(*tested).can_call("Import") is can_call


def test_each_site_of_a_file_is_proved_disproved_open_or_not_set_up() -> None:
    proved = verification((APPLICATION, CALL, True))
    disproved = verification((APPLICATION, CALL, True), (APPLICATION, CALL, False))
    untested = verification((APPLICATION, CALL, None))
    not_set_up = verification((APPLICATION, "site", False), is_set_up=False)
    of_file = FileVerification((proved, disproved, untested, not_set_up), ())
    assert of_file.proved == [proved]
    assert of_file.disproved == [disproved]
    assert of_file.open == [untested]
    assert of_file.not_set_up == [not_set_up]
    assert not of_file.is_proved


def test_a_site_whose_credentials_cannot_be_read_is_open_only_if_it_does_not_respond() -> None:
    kept = VerificationCheck(
        "Import", APPLICATION, CALL, None, "…", why_unreadable="kept elsewhere"
    )
    down = VerificationCheck(None, CheckSubject.SITE, "without-token", None, "…")
    expected, silent = (
        Verification("https://x.example", "/", checks, api=MCT)
        for checks in ((kept,), (kept, down))
    )
    of_file = FileVerification((expected, silent), ())
    assert (of_file.only_unreadable, of_file.open) == ([expected], [silent])
    assert not of_file.is_proved, "no call has succeeded"


DOOR = "https://contosolearn.azurefd.net"


@pytest.mark.parametrize(
    ("typed", "url", "is_its"),
    [
        (None, site().url, True),
        (None, DOOR, False),
        (DOOR, f"{DOOR}/api", True),
        (DOOR, site().url, True),
        (DOOR, "https://other.example.com", False),
    ],
)
def test_the_api_is_at_its_own_hosts_and_at_the_address_that_is_typed(
    typed: str | None, url: str, is_its: bool
) -> None:
    assert is_api_of(replace(complete(IMPORT), typed_url=typed), url) is is_its


@pytest.mark.parametrize(("typed", "is_its"), [(DOOR, True), (None, False)])
def test_without_an_app_service_the_api_is_at_the_address_that_is_typed_alone(
    typed: str | None, is_its: bool
) -> None:
    unseen = replace(complete(IMPORT), app_service=None, typed_url=typed)
    assert is_api_of(unseen, DOOR) is is_its
