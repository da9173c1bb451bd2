"""Foreign data is untouched, and what was done once is not done again: for any settings, any
registration.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mct_s2s.engine.observe.sites import split_sites
from mct_s2s.errors import Refused
from mct_s2s.model.azure_resources import Site
from mct_s2s.model.desired import Removal
from mct_s2s.model.directory_objects import AppRole, RequiredAccess
from mct_s2s.model.ids import (
    AppRoleId,
    ClientId,
    PrincipalId,
    api_uri,
    client_unique_name,
    file_stem,
    service_unique_name,
)
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import Comparison, Setting
from mct_s2s.planning.changes import (
    ApplicationEdits,
    Identifiers,
    Output,
    Outputs,
    SettingsSpec,
    UpdateApplication,
    WriteSettings,
    identify,
)
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import apply_edits
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.planning.site import edits, merge

from tests.cli.schemas import FINDING_CODES
from tests.planning.scenarios import (
    IMPORT,
    ROLE,
    SERVICE,
    SERVICE_ID,
    SPEC,
    SUBSCRIPTION,
    complete,
    guid,
    observed_state,
    settings,
    site_says,
    spec,
    trust,
)
from tests.support.mct import APPLICATION_IDS, ENABLED, LISTS, MCT, NAMES, OBJECT_IDS, SETTINGS
from tests.support.mct import ROLE as ROLE_SETTING

OURS = {name.casefold() for name in NAMES}
texts = st.text(max_size=12)
foreign_settings = st.dictionaries(
    texts.filter(lambda key: key.casefold() not in OURS), st.none() | texts, max_size=6
)
guids = st.integers(0, 30).map(lambda number: guid(str(number)))
any_case: st.SearchStrategy[Callable[[str], str]] = st.sampled_from([str, str.upper, str.lower])
entries = st.builds(lambda make, entry: make(entry), any_case, guids) | st.sampled_from(
    ["", " ", "no-guid"]
)
lists = st.lists(entries, max_size=6).map(";".join) | st.none()


@st.composite
def all_settings(draw: st.DrawFn) -> dict[str, str | None]:
    """Foreign settings and some of ours, each under one spelling."""
    values: dict[str, str | None] = dict(draw(foreign_settings))
    for setting in SETTINGS:
        value = draw(lists if setting in LISTS else st.none() | texts)
        if value is not None or draw(st.booleans()):
            values[draw(any_case)(setting.name)] = value
    return values


@given(all_settings(), st.lists(guids, max_size=4), st.lists(guids, max_size=4), st.booleans())
def test_any_merge_keeps_foreign_settings_and_known_ids_and_is_done_once(
    before: dict[str, str | None], clients: list[str], objects: list[str], tidy: bool
) -> None:
    wanted = SettingsSpec(
        MCT.rows,
        ((ENABLED, ("true",)), (ROLE_SETTING, ("R",))),
        (
            *((APPLICATION_IDS, ClientId(client_id)) for client_id in clients),
            *((OBJECT_IDS, PrincipalId(principal_id)) for principal_id in objects),
        ),
        tidy,
    )
    outputs = Outputs()
    after = merge(before, wanted, outputs)
    assert {n: v for n, v in after.items() if n.casefold() not in OURS} == {
        n: v for n, v in before.items() if n.casefold() not in OURS
    }
    assert list(after)[: len(before)] == list(before)
    assert len({name.casefold() for name in after}) == len(
        {name.casefold() for name in before} | {name.casefold() for name in after}
    )
    for setting, added in zip(LISTS, (objects, clients), strict=True):
        was, now = setting.list_in(before), setting.list_in(after)
        assert {e.casefold() for e in now.ids} == {e.casefold() for e in (*was.ids, *added)}
        assert now.ids[: len(was.ids)] == was.ids
    changed = {name for name in after if name not in before or before[name] != after[name]}
    assert {edit.name.casefold() for edit in edits(before, wanted, outputs)} == {
        name.casefold() for name in changed
    }
    assert merge(after, wanted, outputs) == after
    assert edits(after, wanted, outputs) == ()


def test_an_id_that_is_not_known_yet_counts_as_a_change_and_is_not_written() -> None:
    plan = make_plan(spec("Import"), observed_state(trust(), settings()))
    write = plan.changes[-2]
    assert isinstance(write, WriteSettings)
    assert ("ServiceApplicationIds", 1) in {(edit.name, edit.pending) for edit in write.edits}
    assert "ServiceApplicationIds" not in merge(settings(), write.spec, Outputs())


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
@example("S2S client", "s2s-client")
@example("A", "a")
@example("x" * 50, "x" * 51)
@example("Ä", "A")
@example("日本", "中国")
@example("Zu\u0308rich", "Z\u00fcrich")
def test_names_that_look_alike_have_different_unique_names(name: str, other: str) -> None:
    from unicodedata import normalize  # noqa: PLC0415

    is_same = normalize("NFC", name) == normalize("NFC", other)
    key = service_unique_name("contosolearn")
    assert (file_stem(name) == file_stem(other)) == is_same
    assert (client_unique_name(key, name) == client_unique_name(key, other)) == is_same
    assert file_stem(name).isascii()
    assert not set(file_stem(name)) - set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert client_unique_name(key, name) != service_unique_name("contosolearn", other)


def test_the_longest_names_of_sites_and_slots_make_names_of_120_characters_that_differ() -> None:
    names = {
        service_unique_name(site, slot)
        for site in ("a" * 60, "a" * 59)
        for slot in (None, "b" * 59, "b" * 58)
    }
    assert len(names) == 6
    assert max(len(client_unique_name(name, "c" * 99)) for name in names) <= 120
    assert service_unique_name("contosolearn", "staging") == "mct-s2s-contosolearn_staging"


FOREIGN_ROLES = (
    AppRole(
        AppRoleId(guid("r1")),
        "Reader",
        "Reader",
        "for people",
        enabled=True,
        member_types=("User",),
    ),
    AppRole(AppRoleId(guid("r2")), "", "", "", enabled=False, member_types=("User", "Application")),
)
GRAPH = RequiredAccess(
    ClientId("00000003-0000-0000-c000-000000000000"), (("e1fe6dd8", "Scope"), ("df021288", "Role"))
)


def test_a_patch_sends_foreign_entries_back_as_they_were_read() -> None:
    existing = replace(
        SERVICE,
        identifier_uris=("https://contoso.com/mct", "api://old"),
        app_roles=FOREIGN_ROLES,
        required_access=(GRAPH,),
    )
    edits = ApplicationEdits(
        uri=api_uri(SERVICE_ID),
        role=ROLE,
        token_version=1,
        access_to=SERVICE_ID,
        access_role=ROLE.id,
    )
    *_, patch = apply_edits(existing, edits, Outputs())
    assert patch.identifier_uris == ("https://contoso.com/mct", "api://old", f"api://{SERVICE_ID}")
    assert patch.app_roles == (*FOREIGN_ROLES, ROLE)
    assert patch.required_access == (GRAPH, RequiredAccess(SERVICE_ID, ((ROLE.id, "Role"),)))
    assert patch.token_version == 1


def test_a_patch_leaves_out_what_is_already_so() -> None:
    existing = replace(
        SERVICE, required_access=(GRAPH, RequiredAccess(SERVICE_ID, ((ROLE.id, "Role"),)))
    )
    edits = ApplicationEdits(
        uri=api_uri(SERVICE_ID), role=ROLE, access_to=SERVICE_ID, access_role=ROLE.id
    )
    assert apply_edits(existing, edits, Outputs()) == []


def test_a_switch_of_the_token_version_is_a_request_of_its_own_with_the_reference() -> None:
    existing = replace(SERVICE, token_version=2, identifier_uris=())
    edits = ApplicationEdits(uri=api_uri(SERVICE_ID), token_version=1, management_reference="r")
    switch, rest = apply_edits(existing, edits, Outputs())
    assert switch == replace(existing, token_version=1, management_reference="r")
    assert rest == replace(switch, identifier_uris=(f"api://{SERVICE_ID}",))


def test_a_permission_is_added_beside_others_of_the_same_api() -> None:
    scope = RequiredAccess(SERVICE_ID, ((ROLE.id, "Scope"),))
    existing = replace(SERVICE, required_access=(scope, GRAPH))
    (patch,) = apply_edits(
        existing, ApplicationEdits(access_to=SERVICE_ID, access_role=ROLE.id), Outputs()
    )
    both = RequiredAccess(SERVICE_ID, ((ROLE.id, "Scope"), (ROLE.id, "Role")))
    assert patch.required_access == (both, GRAPH)


def test_a_role_is_switched_on_where_it_stands() -> None:
    off = replace(ROLE, enabled=False)
    existing = replace(SERVICE, app_roles=(FOREIGN_ROLES[0], off, FOREIGN_ROLES[1]))
    (patch,) = apply_edits(existing, ApplicationEdits(role=ROLE), Outputs())
    assert patch.app_roles == (FOREIGN_ROLES[0], ROLE, FOREIGN_ROLES[1])


def test_a_role_that_somebody_added_meanwhile_is_not_doubled() -> None:
    theirs = replace(ROLE, id=AppRoleId(guid("theirs")))
    with pytest.raises(Refused, match="at the same time"):
        apply_edits(replace(SERVICE, app_roles=(theirs,)), ApplicationEdits(role=ROLE), Outputs())


TEARDOWN = Removal(SPEC, everything=True, purge=True)


def test_ids_of_what_has_yet_to_be_created_are_unknown() -> None:
    new = {"service application", "client application", "service principal", "API permission"}
    steps = make_plan(spec("Import"), observed_state()).steps
    known = {step.resource: identify(step, Outputs()) for step in steps if step.resource in new}
    assert known == dict.fromkeys(new, Identifiers())


def test_a_created_registration_has_the_ids_that_graph_gave_it() -> None:
    outputs = Outputs()
    steps = {step.key: step for step in make_plan(spec("Import"), observed_state()).steps}
    outputs["client:Import", Output.CLIENT_ID] = guid("app")
    outputs["client:Import", Output.OBJECT_ID] = guid("object")
    outputs["client:Import:principal", Output.PRINCIPAL_ID] = guid("principal")
    whole = Identifiers(guid("app"), guid("app"), guid("object"))
    assert identify(steps["client:Import"], outputs) == whole
    assert identify(steps["client:Import:access"], outputs) == whole
    principal = Identifiers(guid("principal"), guid("app"), guid("principal"))
    assert identify(steps["client:Import:principal"], outputs) == principal


def test_a_registration_that_goes_is_known_by_the_same_ids_as_one_that_stays() -> None:
    here = complete(IMPORT)
    known = {
        (IMPORT.client_id, IMPORT.client_id, IMPORT.application.object_id),
        (SERVICE_ID, SERVICE_ID, SERVICE.object_id),
    }
    for plan in (make_plan(TEARDOWN, here), make_plan(spec("Import"), here)):
        ids = [identify(step, Outputs()) for step in plan.steps if "application" in step.key]
        ids += [identify(step, Outputs()) for step in plan.steps if step.resource == "recycle bin"]
        assert ids
        assert {(known_by.id, known_by.app_id, known_by.object_id) for known_by in ids} <= known


def test_an_application_id_uri_is_called_by_its_appid_as_soon_as_that_is_known() -> None:
    (uri,) = [
        s for s in make_plan(spec(), observed_state()).steps if isinstance(s, UpdateApplication)
    ]
    outputs = Outputs()
    assert uri.named(outputs).name == "api://<appId>"
    outputs["service-application", Output.URI] = f"api://{guid('made')}"
    assert uri.named(outputs).name == f"api://{guid('made')}"


def test_the_uri_of_a_registration_that_exists_is_in_the_plan() -> None:
    bare = complete()
    bare = replace(bare, trust=replace(bare.trust, service=replace(SERVICE, identifier_uris=())))
    bare = replace(bare, app_service=observed_state().app_service)
    (step,) = [s for s in make_plan(spec(), bare).steps if isinstance(s, UpdateApplication)]
    assert f"api://{ClientId(SERVICE_ID)}" in step.detail


each = pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)


@each
def test_a_setting_has_an_explanation_and_a_finding_that_names_both_values(
    setting: Setting,
) -> None:
    assert setting.word.about.endswith(".")
    assert setting.word.code in FINDING_CODES
    assert setting.word.wrong.format(name=setting, value="{x}", wanted="y").startswith(
        f"{setting} is '{{x}}'"
    )


@each
def test_a_setting_that_has_to_be_there_and_is_not_is_planned_and_found(setting: Setting) -> None:
    if setting in LISTS:
        return  # what is on them is a matter of who is a client
    without = site_says(**{setting.name: ""})
    assert ("setting-missing", setting.name) in {
        (flaw.code, flaw.subject) for flaw in diagnose(without)
    }
    write = next(
        change for change in make_plan(spec("Import"), without).changes if change.key == "settings"
    )
    assert [edit.name for edit in getattr(write, "edits", ())] == [setting.name]


@pytest.mark.parametrize(
    ("comparison", "value", "same"),
    [
        (Comparison.EXACT, "R", True),
        (Comparison.EXACT, "r", False),
        (Comparison.IGNORING_CASE, "r", True),
        (Comparison.IGNORING_CASE, " r", False),
        (Comparison.BOOLEAN, " r ", True),
    ],
)
def test_settings_are_compared_as_the_site_compares_them(
    comparison: Comparison, value: str, same: bool
) -> None:
    assert comparison.is_among(value, {"R", "S"}) is same


def test_a_role_is_required_as_soon_as_one_client_application_is_listed() -> None:
    always = MCT.required({})
    assert always.isdisjoint({*LISTS, ROLE_SETTING})
    assert MCT.required({"serviceapplicationids": guid("a")}) == always | {
        APPLICATION_IDS,
        ROLE_SETTING,
    }
    assert MCT.required({}, {OBJECT_IDS}) == always | {OBJECT_IDS}


def site(name: str, *, group: str = "mct-prod", kind: str = "app") -> Site:
    return Site(
        ResourceId.site(SUBSCRIPTION, group, name), kind, "Running", (f"{name}.azurewebsites.net",)
    )


LEARN, LEARN_FA = site("contosolearn"), site("contosolearn-fa-x7k2q", kind="functionapp")
PORTAL = site("partner-portal", group="integrations")
REPORTS = site("reports-func", group="integrations", kind="functionapp,linux")
DISGUISED = site("contosolearn-fa-x7k2q", kind="app")
SET_UP = {"serviceauthaudience": "api://x", "SqlPassword": "hidden"}
# The document's warning, whatever the kind says
CASES: list[
    tuple[list[Site], Mapping[Site, Mapping[str, str | None] | None], list[Site], list[Site]]
] = [
    ([REPORTS, PORTAL, LEARN_FA, LEARN], {}, [LEARN], [PORTAL]),
    ([LEARN, site("ContosoLearn-FA-x", kind="functionapp", group="MCT-prod")], {}, [LEARN], []),
    (
        [LEARN, site("contosolearn-fa-x7k2q", kind="functionapp", group="elsewhere")],
        {},
        [],
        [LEARN],
    ),
    ([LEARN, site("contosolearn2-fa-x7k2q", kind="functionapp")], {}, [], [LEARN]),
    ([LEARN, site("contosolearn-func", kind="functionapp")], {}, [], [LEARN]),
    ([PORTAL, LEARN], {PORTAL: {"Path": "x"}, LEARN: SET_UP}, [LEARN], [PORTAL]),
    (
        [DISGUISED],
        {DISGUISED: {ENABLED.name: "true"}},
        [],
        [],
    ),
]


@pytest.mark.parametrize(("there", "settings", "mct", "others"), CASES)
def test_a_site_is_known_by_its_settings_or_the_function_app_of_its_deployment(
    there: list[Site],
    settings: Mapping[Site, Mapping[str, str | None] | None],
    mct: list[Site],
    others: list[Site],
) -> None:
    assert split_sites(
        there, {site.resource: values for site, values in settings.items()}, MCT
    ) == (
        mct,
        others,
    )


def test_a_tag_is_taken_off_and_those_of_others_stay() -> None:
    existing = replace(
        SERVICE, tags=("theirs", "mct-s2s:used-by:mct-s2s-site-b", "mct-s2s:used-by:mct-s2s-site-c")
    )
    edits = ApplicationEdits(no_tags=("mct-s2s:used-by:mct-s2s-site-b",))
    (patch,) = apply_edits(existing, edits, Outputs())
    assert patch == replace(existing, tags=("theirs", "mct-s2s:used-by:mct-s2s-site-c"))
    assert apply_edits(patch, edits, Outputs()) == []
    assert edits.only_notes_users
    assert edits.only_removes
    assert not replace(edits, tags=("mct-s2s:vault:v/x",)).only_notes_users
