"""Who may be believed: the table of docs/SECURITY.md, row by row, and what "untouched" is."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.client_credentials import (
    Certificate,
    CredentialKind,
    CredentialSpec,
    Federation,
    SecretNote,
)
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import (
    Application,
    AppRole,
    Assignment,
    Custody,
    Owner,
    RequiredAccess,
)
from mct_s2s.model.ids import (
    AppRoleId,
    ClientId,
    PrincipalId,
    Tag,
    api_uri,
    new_app_role_id,
    site_note,
)
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.planning.belief import (
    Belief,
    Doubt,
    Doubted,
    Reason,
    TrustDecision,
    client_trust,
    principal_doubts,
    service_trust,
)
from mct_s2s.planning.not_ours import service_not_ours

from tests.planning.scenarios import (
    IMPORT,
    NOW,
    ROLE,
    SERVICE,
    SERVICE_ID,
    SERVICE_KEY,
    SERVICE_PRINCIPAL,
    SPEC,
    TENANT,
    assignment,
    client,
    credential,
    guid,
    observed_state,
    settings,
    site,
    trust,
)

BY_HAND = replace(SERVICE, unique_name=None)
OF_B = replace(SERVICE, unique_name="mct-s2s-site-b")
OF_A_SLOT = replace(SERVICE, unique_name=f"{SERVICE_KEY}_staging")
OURS_BY_NOTE = replace(SERVICE, notes=site_note(str(site().resource)))
OF_A_TWIN = replace(SERVICE, notes=site_note(str(site().resource).replace("mct-prod", "elsewhere")))
OF_A_TWIN_BY_TAG = replace(
    SERVICE, notes="Team Learning", tags=(Tag.SITE.of("subscription/elsewhere"),)
)
NAMED = replace(SPEC, adopt=SERVICE_ID)
BY_URI = replace(SPEC, adopt=api_uri(SERVICE_ID))
OF_ADA = Custody(owners=((PrincipalId(guid("ada")), "ada@contoso.com"),))
WITH_A_SECRET = Custody(credentials=(credential(),))
SET, UNSET = settings(), settings(ServiceAuthAudience="")
PIPELINE = ClientId(guid("pipeline"))
AS_PIPELINE = SignedIn(
    "a pipeline", PIPELINE, is_person=False, id=PrincipalId(guid("pipeline principal"))
)


def doubts(decision: TrustDecision) -> Belief | set[Doubt]:
    return (
        decision if isinstance(decision, Belief) else {reason.doubt for reason in decision.reasons}
    )


def held_by(observed: ObservedState, of: Application, custody: Custody | None) -> ObservedState:
    found = {key: held for key, held in observed.custody.items() if key != of.client_id}
    return replace(observed, custody=found if custody is None else {**found, of.client_id: custody})


@pytest.mark.parametrize(
    ("service", "spec", "values", "custody", "expected"),
    [
        (BY_HAND, NAMED, SET, OF_ADA, Belief.NAMED),
        (BY_HAND, BY_URI, UNSET, OF_ADA, Belief.NAMED),
        (OF_B, NAMED, SET, OF_ADA, Belief.NAMED),
        (SERVICE, SPEC, SET, OF_ADA, Belief.OWN_SERVICE),
        (OURS_BY_NOTE, SPEC, SET, OF_ADA, Belief.OWN_SERVICE),
        (SERVICE, SPEC, UNSET, Custody(), Belief.UNTOUCHED),
        (SERVICE, SPEC, UNSET, OF_ADA, {Doubt.OWNED}),
        (SERVICE, SPEC, UNSET, WITH_A_SECRET, {Doubt.CREDENTIALS}),
        (SERVICE, SPEC, UNSET, None, {Doubt.UNREAD}),
        (BY_HAND, SPEC, SET, Custody(), {Doubt.ONLY_SET}),
        (OF_B, SPEC, SET, Custody(), {Doubt.OTHER_SITE}),
        (OF_A_SLOT, SPEC, SET, Custody(), {Doubt.OTHER_SITE}),
        (OF_A_TWIN, SPEC, SET, Custody(), {Doubt.OTHER_SITE}),
        (OF_A_TWIN, SPEC, UNSET, Custody(), {Doubt.OTHER_SITE}),
        (OF_A_TWIN_BY_TAG, SPEC, SET, Custody(), {Doubt.OTHER_SITE}),
    ],
)
def test_a_service_application_is_believed_if_it_is_named_or_both_own_and_set_or_untouched(
    service: Application,
    spec: ServiceSpec,
    values: dict[str, str | None],
    custody: Custody | None,
    expected: Belief | set[Doubt],
) -> None:
    observed = held_by(observed_state(trust(service=service), values), service, custody)
    assert doubts(service_trust(service, observed, spec)) == expected


@pytest.mark.parametrize(
    ("service", "spec", "values", "custody", "expected"),
    [
        (SERVICE, SPEC, SET, OF_ADA, {Doubt.UNKNOWN_SITE}),
        (SERVICE, SPEC, UNSET, Custody(), {Doubt.UNKNOWN_SITE}),
        (SERVICE, SPEC, UNSET, OF_ADA, {Doubt.OWNED}),
        (SERVICE, NAMED, SET, OF_ADA, Belief.NAMED),
        (OURS_BY_NOTE, SPEC, SET, OF_ADA, Belief.OWN_SERVICE),
        (OURS_BY_NOTE, SPEC, UNSET, Custody(), Belief.UNTOUCHED),
    ],
)
def test_among_app_services_of_one_name_a_service_application_has_to_say_whose_it_is(
    service: Application,
    spec: ServiceSpec,
    values: dict[str, str | None],
    custody: Custody,
    expected: Belief | set[Doubt],
) -> None:
    observed = held_by(observed_state(trust(service=service), values), service, custody)
    twin = str(site().resource).replace("mct-prod", "elsewhere")
    assert doubts(service_trust(service, replace(observed, twins=(twin,)), spec)) == expected


OTHER_ROLE = AppRole(
    AppRoleId(guid("other")), "Pay.All", "Pay", "…", enabled=True, member_types=("Application",)
)
MADE_ROLE = replace(OTHER_ROLE, id=new_app_role_id(TENANT.id, SERVICE_KEY, "Pay.All"))
SERVICE_CONTENT: dict[str, tuple[Mapping[str, object], bool]] = {
    "its role under another id": ({"app_roles": (replace(ROLE, id=AppRoleId(guid("x"))),)}, False),
    "its role disabled": ({"app_roles": (replace(ROLE, enabled=False),)}, False),
    "its role for people, too": (
        {"app_roles": (replace(ROLE, member_types=("Application", "User")),)},
        False,
    ),
    "one more role": ({"app_roles": (ROLE, OTHER_ROLE)}, False),
    "one more role that this tool created": ({"app_roles": (ROLE, MADE_ROLE)}, True),
    "its role in other words": (
        {"app_roles": (replace(ROLE, description="What it is for"),)},
        True,
    ),
    "no role yet": ({"app_roles": ()}, True),
    "one more URI": ({"identifier_uris": (api_uri(SERVICE_ID), "api://contoso.com/api")}, False),
    "no URI yet": ({"identifier_uris": ()}, True),
    "permissions that it requests": (
        {"required_access": (RequiredAccess(ClientId(guid("graph")), ((guid("p"), "Role"),)),)},
        False,
    ),
    "redirect URIs": ({"extras": ("web.redirectUris",)}, False),
    "v2 tokens": ({"token_version": 2}, False),
    "another name for people": ({"display_name": "Anything"}, True),
    "tags": ({"tags": ("mct-s2s:adopted:mct-s2s-contosolearn",)}, True),
}


@pytest.mark.parametrize(
    ("changed", "is_untouched"), SERVICE_CONTENT.values(), ids=SERVICE_CONTENT.keys()
)
def test_a_service_application_is_untouched_if_its_properties_are_as_this_tool_sets_them(
    changed: Mapping[str, object], is_untouched: bool
) -> None:
    service = replace(SERVICE, **changed)  # type: ignore[arg-type]
    observed = observed_state(trust(service=service), UNSET)
    assert doubts(service_trust(service, observed, SPEC)) == (
        Belief.UNTOUCHED if is_untouched else {Doubt.CONTENT}
    )


HAND_MADE = client("By hand", key=None)
LISTED = settings(ServiceApplicationIds=IMPORT.client_id)
NOTED = SecretNote(delivered=credential().key_id, client_id=IMPORT.client_id)
OF_SOMEONE_ELSE = SecretNote(delivered=credential().key_id, client_id=HAND_MADE.client_id)


@pytest.mark.parametrize(
    ("holders", "custody", "notes", "is_untouched"),
    [
        ((IMPORT,), Custody(), (), True),
        ((IMPORT,), WITH_A_SECRET, (NOTED,), True),
        ((IMPORT,), WITH_A_SECRET, (), False),
        ((IMPORT,), OF_ADA, (), False),
        ((IMPORT,), None, (), False),
        ((HAND_MADE,), Custody(), (), False),
        ((IMPORT, HAND_MADE), Custody(), (), False),
        ((), Custody(), (), True),
    ],
)
def test_a_service_application_is_untouched_if_its_roles_are_held_by_untouched_clients_below_it(
    holders: tuple[ClientApplication, ...],
    custody: Custody | None,
    notes: tuple[SecretNote, ...],
    is_untouched: bool,
) -> None:
    observed = held_by(observed_state(trust(*holders), UNSET), IMPORT.application, custody)
    observed = replace(observed, local_notes={IMPORT.client_id: notes})
    assert (service_trust(SERVICE, observed, SPEC) is Belief.UNTOUCHED) is is_untouched


def test_a_client_that_a_run_on_this_machine_began_makes_its_service_application_no_others() -> (
    None
):
    observed = held_by(observed_state(trust(IMPORT), UNSET), IMPORT.application, WITH_A_SECRET)
    assert doubts(service_trust(SERVICE, observed, SPEC)) == {Doubt.ASSIGNED}
    begun = replace(observed, unfinished=frozenset({IMPORT.application.object_id}))
    assert service_trust(SERVICE, begun, SPEC) is Belief.UNTOUCHED


def test_a_role_of_another_api_is_not_ours_for_having_the_same_id() -> None:
    """Whoever owns an API chooses the ids of its roles."""
    by_hand = replace(ROLE, id=AppRoleId(guid("by hand")))
    service = replace(SERVICE, app_roles=(by_hand,))
    for api, is_untouched in ((SERVICE_ID, True), (ClientId(guid("other API")), False)):
        access = (RequiredAccess(api, ((by_hand.id, "Role"),)),)
        application = replace(
            IMPORT, application=replace(IMPORT.application, required_access=access)
        )
        observed = observed_state(trust(application, service=service, consented=False), LISTED)
        assert (client_trust(application, observed, NAMED) is Belief.UNTOUCHED) is is_untouched


def test_a_role_held_by_a_principal_that_is_no_client_makes_its_service_application_others() -> (
    None
):
    held = replace(trust(), assignments=(assignment(guid("a person")),))
    assert doubts(service_trust(SERVICE, observed_state(held, UNSET), SPEC)) == {Doubt.ASSIGNED}


OF_ANOTHER = client(key="mct-s2s-site-b.import-2cff9baabf")
TAGGED = replace(
    HAND_MADE, application=replace(HAND_MADE.application, tags=("mct-s2s:mct-s2s-contosolearn",))
)
AS_WE_MADE_IT = client("Import", credential(name="mct-s2s 2026-11-24 a1b2"))
OUR_FEDERATION = Federation("https://ci.example", "ours")
_FEDERATED = replace(
    credential(kind=CredentialKind.FEDERATED), federation=OUR_FEDERATION, expires=None
)
FEDERATED_BY_US = client("Import", replace(_FEDERATED, name=OUR_FEDERATION.name))
FEDERATED_BY_OTHERS = client("Import", replace(_FEDERATED, name="theirs"))
OF_ANOTHER_TENANT = replace(IMPORT, application=Application())


@pytest.mark.parametrize(
    ("application", "consented", "named", "custody", "expected"),
    [
        (HAND_MADE, False, (HAND_MADE.client_id.upper(),), OF_ADA, Belief.NAMED),
        (OF_ANOTHER_TENANT, True, (IMPORT.client_id,), None, Belief.NAMED),
        (IMPORT, True, (), Custody(), Belief.OWN_CLIENT),
        (IMPORT, True, (), OF_ADA, {Doubt.OWNED}),
        (IMPORT, True, (), None, {Doubt.UNREAD}),
        (AS_WE_MADE_IT, True, (), OF_ADA, Belief.OWN_CLIENT),
        (AS_WE_MADE_IT, True, (), None, Belief.OWN_CLIENT),
        (FEDERATED_BY_US, True, (), OF_ADA, Belief.OWN_CLIENT),
        (FEDERATED_BY_OTHERS, True, (), OF_ADA, {Doubt.OWNED}),
        (IMPORT, False, ("Import",), Custody(), Belief.UNTOUCHED),
        (IMPORT, False, ("Import",), OF_ADA, {Doubt.OWNED}),
        (IMPORT, False, ("Import",), WITH_A_SECRET, {Doubt.CREDENTIALS}),
        (IMPORT, False, ("Import",), None, {Doubt.UNREAD}),
        (HAND_MADE, True, (), Custody(), {Doubt.NOT_BELOW}),
        (HAND_MADE, True, ("By hand",), Custody(), {Doubt.NOT_BELOW}),
        (OF_ANOTHER, True, (), Custody(), {Doubt.NOT_BELOW}),
        (TAGGED, False, ("By hand",), Custody(), {Doubt.NOT_BELOW}),
        (OF_ANOTHER_TENANT, True, (), None, {Doubt.OTHER_TENANT}),
    ],
)
def test_a_client_is_believed_if_it_is_named_or_below_the_name_and_holds_the_role_or_is_untouched(
    application: ClientApplication,
    consented: bool,
    named: tuple[str, ...],
    custody: Custody | None,
    expected: Belief | set[Doubt],
) -> None:
    observed = held_by(
        observed_state(trust(application, consented=consented), LISTED),
        application.application,
        custody,
    )
    assert doubts(client_trust(application, observed, SPEC, named)) == expected


GRAPH_ACCESS = RequiredAccess(ClientId(guid("graph")), ((guid("Directory.ReadWrite.All"), "Role"),))
OUR_ACCESS = RequiredAccess(SERVICE_ID, ((ROLE.id, "Role"),))
MORE_ACCESS = RequiredAccess(SERVICE_ID, ((ROLE.id, "Role"), (OTHER_ROLE.id, "Role")))
CLIENT_CONTENT: dict[str, tuple[Mapping[str, object], bool]] = {
    "other APIs": ({"required_access": (OUR_ACCESS, GRAPH_ACCESS)}, False),
    "another role of this API": ({"required_access": (MORE_ACCESS,)}, False),
    "a scope of this API": (
        {"required_access": (RequiredAccess(SERVICE_ID, ((ROLE.id, "Scope"),)),)},
        False,
    ),
    "nothing requested yet": ({"required_access": ()}, True),
    "roles of its own": ({"app_roles": (ROLE,)}, False),
    "a URI of its own": ({"identifier_uris": ("api://contoso.com/import",)}, False),
    "a public client": ({"extras": ("isFallbackPublicClient",)}, False),
    "another name for people": ({"display_name": "Anything"}, True),
    "a place for its secrets": ({"tags": ("mct-s2s:vault:robs-vault/x",)}, False),
}


@pytest.mark.parametrize(
    ("changed", "is_untouched"), CLIENT_CONTENT.values(), ids=CLIENT_CONTENT.keys()
)
def test_a_client_is_untouched_if_its_properties_are_as_this_tool_sets_them(
    changed: Mapping[str, object], is_untouched: bool
) -> None:
    application = replace(IMPORT, application=replace(IMPORT.application, **changed))  # type: ignore[arg-type]
    observed = observed_state(
        replace(
            trust(application, consented=False),
            service=replace(SERVICE, app_roles=(ROLE, OTHER_ROLE)),
        )
    )
    observed = replace(observed, app_service=replace(observed_state(None, LISTED).app_service))  # type: ignore[type-var]
    assert doubts(client_trust(application, observed, SPEC)) == (
        Belief.UNTOUCHED if is_untouched else {Doubt.CONTENT}
    )


CERTIFICATE = Certificate(b"", "A" * 40, NOW, NOW)
FEDERATION = Federation("https://ci.example", "job")
HELD_CERTIFICATE = replace(credential(kind=CredentialKind.CERTIFICATE), thumbprint="A" * 40)
HELD_FEDERATION = replace(credential(kind=CredentialKind.FEDERATED), federation=FEDERATION)


@pytest.mark.parametrize(
    ("held", "asked", "note", "is_untouched"),
    [
        (HELD_CERTIFICATE, CERTIFICATE, None, True),
        (HELD_CERTIFICATE, FEDERATION, None, False),
        (HELD_CERTIFICATE, None, SecretNote(pending=CERTIFICATE), True),
        (HELD_FEDERATION, FEDERATION, None, True),
        (HELD_FEDERATION, replace(FEDERATION, subject="other"), None, False),
        (credential(), None, NOTED, True),
        (credential(), None, OF_SOMEONE_ELSE, False),
        (credential(name="mct-s2s x"), None, SecretNote({"mct-s2s x": IMPORT.client_id}), True),
        (credential(name="mct-s2s x"), None, SecretNote({"mct-s2s x": HAND_MADE.client_id}), False),
        (
            credential(),
            None,
            SecretNote(client_id=IMPORT.client_id, held=(credential().key_id,)),
            False,
        ),
        (credential(), None, None, False),
    ],
)
def test_a_credential_is_known_by_a_note_on_this_machine_or_because_the_command_asks_for_it(
    held: object, asked: CredentialSpec | None, note: SecretNote | None, is_untouched: bool
) -> None:
    custody = Custody(credentials=(held,))  # type: ignore[arg-type]
    observed = held_by(
        observed_state(trust(IMPORT, consented=False), LISTED), IMPORT.application, custody
    )
    observed = replace(
        observed, local_notes={IMPORT.client_id: (note,)} if note is not None else {}
    )
    assert (client_trust(IMPORT, observed, SPEC, (), asked) is Belief.UNTOUCHED) is is_untouched


@pytest.mark.parametrize("service", [BY_HAND, OF_B, OF_A_TWIN])
def test_a_role_of_a_service_application_that_is_not_believed_makes_no_client(
    service: Application,
) -> None:
    observed = observed_state(trust(IMPORT, service=service), LISTED)
    is_of_twin = service is OF_A_TWIN  # whose clients would be called the same
    expected = {Doubt.NOT_BELOW} if is_of_twin else {Doubt.OTHER_SERVICE}
    assert doubts(client_trust(IMPORT, observed, SPEC)) == expected
    assert doubts(client_trust(IMPORT, observed, NAMED)) == (
        expected if is_of_twin else Belief.OWN_CLIENT
    )


@pytest.mark.parametrize(
    "how",
    ["adopted", "owned by another", "named by a URI", "made for this App Service", "and listed"],
)
def test_the_role_of_an_api_that_others_can_assign_makes_a_client_of_one_that_is_listed(
    how: str,
) -> None:
    """Its owner could assign it to a registration of our name, and have it let in."""
    tags = ("mct-s2s:adopted:mct-s2s-contosolearn",) if how == "adopted" else ()
    service = replace(SERVICE, tags=tags)
    owners = OF_ADA.owners if how in {"owned by another", "and listed"} else ()
    values = LISTED if how == "and listed" else SET
    if how == "named by a URI":  # it is anyone's once the registration is gone, as its name is
        service = replace(service, identifier_uris=("api://mct",))
        values = settings(ServiceAuthAudience="api://mct")
    decision = trust(AS_WE_MADE_IT, service=service)
    observed = held_by(
        observed_state(replace(decision, owners=owners), values), AS_WE_MADE_IT.application, OF_ADA
    )
    is_believed = how in {"made for this App Service", "and listed"}
    assert (client_trust(AS_WE_MADE_IT, observed, SPEC) is Belief.OWN_CLIENT) is is_believed


def test_a_registration_that_the_caller_created_is_its_own_whatever_is_in_it() -> None:
    touched = replace(SERVICE, created_by=PIPELINE, extras=("web.redirectUris",))
    observed = held_by(
        observed_state(trust(HAND_MADE, service=touched), UNSET), touched, WITH_A_SECRET
    )
    owned = held_by(observed, touched, OF_ADA)
    assert (
        service_trust(touched, replace(owned, caller=AS_PIPELINE), SPEC) is not Belief.UNTOUCHED
    ), "made for others"
    assert service_trust(touched, replace(observed, caller=AS_PIPELINE), SPEC) is Belief.UNTOUCHED
    for other in (
        replace(AS_PIPELINE, client_id=ClientId(guid("other"))),
        replace(AS_PIPELINE, is_person=True),  # everyone who uses az has the same
        replace(AS_PIPELINE, is_person=None),
        SignedIn("unknown"),
    ):
        assert service_trust(touched, replace(observed, caller=other), SPEC) is not Belief.UNTOUCHED


def test_a_registration_without_a_creator_is_not_believed_for_that() -> None:
    observed = held_by(observed_state(trust(), UNSET), SERVICE, OF_ADA)
    nameless = replace(AS_PIPELINE, client_id=None)
    assert doubts(service_trust(SERVICE, replace(observed, caller=nameless), SPEC)) == {Doubt.OWNED}


def test_a_registration_that_a_run_on_this_machine_began_is_believed_until_one_has_ended() -> None:
    by_hand = replace(HAND_MADE, application=replace(HAND_MADE.application, unique_name=None))
    observed = held_by(observed_state(trust(by_hand, service=OF_A_TWIN), UNSET), OF_A_TWIN, OF_ADA)
    begun = frozenset({OF_A_TWIN.object_id, by_hand.application.object_id})
    observed = replace(observed, unfinished=begun)
    assert service_trust(OF_A_TWIN, observed, SPEC) is Belief.REMEMBERED
    assert client_trust(by_hand, observed, SPEC) is Belief.REMEMBERED


def test_a_role_that_only_the_settings_name_is_not_one_that_a_client_may_request() -> None:
    service = replace(SERVICE, app_roles=(ROLE, OTHER_ROLE))
    asking = replace(
        IMPORT.application,
        required_access=(RequiredAccess(SERVICE_ID, ((OTHER_ROLE.id, "Role"),)),),
    )
    application = replace(IMPORT, application=asking)
    values = settings(ServiceAuthRole="Pay.All", ServiceApplicationIds=application.client_id)
    observed = observed_state(trust(application, service=service, consented=False), values)
    assert doubts(client_trust(application, observed, SPEC)) == {Doubt.CONTENT}
    assert client_trust(application, observed, replace(SPEC, role="Pay.All")) is Belief.UNTOUCHED


def test_another_role_of_the_same_service_application_is_the_consent_of_before_a_change() -> None:
    assert IMPORT.principal is not None
    held = Assignment("1", IMPORT.principal.id, SERVICE_PRINCIPAL.id, OTHER_ROLE.id)
    of_it = Trust(SERVICE, SERVICE_PRINCIPAL, (held,), (IMPORT,))
    assert client_trust(IMPORT, observed_state(of_it, LISTED), SPEC) is Belief.OWN_CLIENT


@pytest.mark.parametrize("is_set", [True, False])
def test_a_refusal_says_that_the_settings_name_a_service_application_only_if_they_do(
    is_set: bool,
) -> None:
    error = service_not_ours(
        BY_HAND, observed_state(trust(), SET if is_set else UNSET), Doubted(())
    )
    assert error.headline.startswith(
        "ServiceAuthAudience names" if is_set else "The service application is"
    )


@pytest.mark.parametrize(
    ("values", "reasons", "owners", "may_be_gone"),
    [
        (UNSET, (), (), True),
        (SET, (), (), False),
        (UNSET, (Reason(Doubt.OTHER_SITE, ("another",)),), (), False),
        (UNSET, (), OF_ADA.owners, False),
    ],
    ids=["a name alone", "the settings", "a note of another App Service", "an owner"],
)
def test_a_doubted_service_application_may_be_gone_unless_something_else_shows_whose_it_is(
    values: dict[str, str | None],
    reasons: tuple[Reason, ...],
    owners: tuple[Owner, ...],
    may_be_gone: bool,
) -> None:
    error = service_not_ours(BY_HAND, observed_state(trust(), values), Doubted(reasons, owners))
    assert error.may_be_gone is may_be_gone


@pytest.mark.parametrize(
    ("custody", "expected"),
    [
        (Custody(), None),
        (Custody(owners=((PrincipalId(guid("me")), "me@contoso.com"),)), None),
        (OF_ADA, Doubt.OWNED),
        (WITH_A_SECRET, Doubt.CREDENTIALS),
    ],
    ids=["nobody's", "the caller's", "another owner's", "with a credential"],
)
def test_a_service_principal_is_doubted_if_others_own_it_or_it_has_a_credential(
    custody: Custody, expected: Doubt | None
) -> None:
    caller = PrincipalId(guid("me"))
    doubted = principal_doubts(custody.owners, custody.credentials, caller)
    assert (doubted and [reason.doubt for reason in doubted.reasons]) == (
        [expected] if expected else None
    )


def test_no_remedy_offers_the_own_service_application_beside_another_one() -> None:
    """Anyone can register its name."""
    own = replace(
        SERVICE,
        client_id=ClientId(guid("own")),
        notes=OURS_BY_NOTE.notes,
        created_by=PIPELINE,
    )
    observed = replace(
        observed_state(trust(IMPORT, service=BY_HAND), SET), custody={}, caller=AS_PIPELINE
    )
    observed = replace(observed, trust=replace(observed.trust, own_unused=own))
    decision = service_trust(BY_HAND, observed, SPEC)
    assert isinstance(decision, Doubted)
    refused = service_not_ours(BY_HAND, held_by(observed, own, Custody()), decision)
    assert own.client_id not in refused.message + refused.remedy
