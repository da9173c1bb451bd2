"""A plan before anything happens: every step with its sign; and what is left to somebody else,
ready to be pasted.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.errors import Instruction, NotThere, S2SError
from mct_s2s.model.desired import ClientSpec, Removal, SettingsScope
from mct_s2s.model.ids import ClientId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.planning.changes import (
    Action,
    Output,
    OutputRef,
    Outputs,
    RestartSite,
    SettingEdit,
    SettingsChange,
    SettingsSpec,
)
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.planning.reports.verification import (
    CALL,
    CheckSubject,
    Verification,
    VerificationCheck,
)
from mct_s2s.render.closing import show_closing
from mct_s2s.render.console import Terminal
from mct_s2s.render.manual_steps import instructions, show_manual_steps
from mct_s2s.render.markdown import page
from mct_s2s.render.outcome import show_outcomes
from mct_s2s.render.plan import LATER, setting_rows, target_details
from mct_s2s.render.site_plans import plans_page, show_plan, show_plans
from mct_s2s.render.site_report import FEW_SITES, ClientResult, SiteReport
from mct_s2s.render.verification import show_verification

from tests.planning.scenarios import (
    FOREIGN,
    IMPORT,
    SUBSCRIPTION,
    TENANT,
    WHERE,
    app_service,
    client,
    complete,
    guid,
    identity_resource,
    observed_state,
    settings,
    spec,
)
from tests.render.conftest import Screens, line_with, pasteable
from tests.render.examples import (
    ODD_NAMES,
    WEBSITE_CONTRIBUTOR,
    consent,
    full_plan,
    principal,
    refusal,
    removal,
    right_already,
    saved,
    with_settings,
)
from tests.support.mct import APPLICATION_IDS, AUDIENCE, ENABLED, MCT, OBJECT_IDS, ROLE
from tests.support.screens import Shown, check_kept, check_readable, check_screen, check_texts

NOTHING = make_plan(spec("Import"), complete(client("Import")))
NOT_ALLOWED = SettingsChange(key="settings", name="contosolearn", spec=SettingsSpec(MCT.rows))
SITE = "contosolearn"


def test_a_plan_names_no_target_that_was_not_read() -> None:
    assert target_details(replace(complete(), tenant=None, app_service=None)) == ()
    assert target_details(replace(complete(), tenant=None))[-1] == f"tenant {TENANT.id}"


def edit_of(name: str, before: str | None, after: str | None, pending: int = 0) -> SettingEdit:
    return SettingEdit(name, before, after, pending, MCT.settings[name])


def test_a_plan_shows_what_becomes_of_a_setting() -> None:
    one, two, three = guid("1"), guid("2"), guid("3")
    rows = {
        edit_of("ServiceAuthRole", None, "R"): [(Action.CREATE, "R")],
        edit_of("ServiceAuthRole", "R ", None): [(Action.DELETE, "'R '")],
        edit_of("ServiceAuthAudience", "api://x", None, pending=1): [
            (Action.UPDATE, f"api://x → {LATER}")
        ],
        edit_of("ServiceObjectIds", f"{one};{two}", f"{two.upper()};{three}"): [
            (Action.UPDATE, "1 stays, 1 is added, 1 is removed"),
            (Action.CREATE, three),
            (Action.DELETE, one),
        ],
        edit_of("ServiceObjectIds", f"{one};{two}", f"{one};{two}", pending=2): [
            (Action.UPDATE, "2 stay, 2 are added"),
            (Action.CREATE, LATER),
        ],
        edit_of("ServiceObjectIds", one, None): [(Action.DELETE, one)],
        edit_of("ServiceObjectIds", f"{one}; {two}", f"{one};{two}"): [
            (Action.UPDATE, f"{one}; {two} → {one};{two}")
        ],
        edit_of("ServiceApplicationIds", None, None, pending=1): [(Action.CREATE, LATER)],
    }
    assert {edit: list(setting_rows(edit)) for edit in rows} == rows


def test_an_id_that_is_not_known_yet_has_the_name_of_whose_it_will_be() -> None:
    both = edit_of("ServiceObjectIds", guid("1"), guid("1"), pending=2)
    assert [text for _, text in setting_rows(both, coming=("A", "B"))] == [
        "1 stays, 2 are added",
        f"{LATER}  A",
        f"{LATER}  B",
    ]


NOTE = "Note: swapping with [/red]staging would move ServiceAuthEnabled."
HERE = replace(complete(), app_service=replace(app_service(), subscription="Contoso Production"))
ODD = make_plan(
    spec("Import", "A|b"),
    with_settings(complete(client("Import")), settings(ServiceAuthEnabled="no")),
)
PLANS: dict[str, tuple[Plan, tuple[str, ...]]] = {
    "with its target": (full_plan(), target_details(HERE)),
    "blocked as a whole": (Plan((right_already("S"),), missing={"right:S": ()}), ()),
    "left to others": (
        Plan(
            (right_already("Service"),),
            (NOT_ALLOWED,),
            missing={"settings": (WEBSITE_CONTRIBUTOR,)},
        ),
        (),
    ),
    "nothing to do": (replace(NOTHING, notes=(NOTE,)), ()),
    "of settings alone": (replace(make_plan(spec(), observed_state()), notes=(NOTE,)), ()),
    "of each kind of change": (
        Plan((principal("One"), principal("Two"), removal(), right_already())),
        (),
    ),
}


def shown(plan: Plan, about: tuple[str, ...]) -> Callable[[Terminal], None]:
    return lambda terminal: show_plan(terminal, SiteReport(SITE, plan, about))


def test_a_plan_is_as_it_was() -> None:
    plans: dict[str, Shown] = {name: shown(*plan) for name, plan in PLANS.items()}
    recording = Terminal.recording()
    show_plan(recording, SiteReport(SITE, ODD, ("mct-prod",)), is_result=True)
    markdown = page(
        "Plan for a_*b* `c`", recording.recorded, f"Fingerprint: `{'f' * 64}`", ""
    ).rstrip()
    check_texts("plans", {**plans, "as Markdown": markdown})


@pytest.mark.parametrize("is_result", [True, False])
def test_a_plan_that_will_be_asked_about_goes_to_standard_error(
    screens: Screens, is_result: bool
) -> None:
    screen = screens()
    show_plan(screen.terminal, SiteReport(SITE, full_plan()), is_result=is_result)
    assert (bool(screen.out), bool(screen.err)) == (is_result, not is_result)


FOLDER = (
    "/home/ada/.local/share/mct-s2s/secrets/public/14f696cc-f0bf-5899-a660-eb1e9cad077b/"
    "contosolearn"
)


def here(observed: ObservedState) -> ObservedState:
    assert observed.app_service is not None
    return replace(
        observed, app_service=replace(observed.app_service, subscription="Contoso Production")
    )


def plan_screen(
    plan: Plan, observed: ObservedState, *, is_result: bool = False
) -> Callable[[Terminal], None]:
    site = SiteReport(SITE, plan, target_details(here(observed)))
    return lambda terminal: show_plan(terminal, site, is_result=is_result)


def drift() -> Callable[[Terminal], None]:
    """Settings that say something else, one client more, and a list that has ids already."""
    odd = settings(
        ServiceAuthAudience="api://746a0c2e",
        ServiceAuthEnabled="false",
        ServiceApplicationIds=guid("old"),
    )
    observed = replace(complete(client("Import")), app_service=app_service(odd))
    return plan_screen(make_plan(spec("Import", "S2S-client"), observed), observed)


def blocked() -> Callable[[Terminal], None]:
    plan = full_plan()
    (write,) = [step for step in plan.steps if step.resource == "application settings"]
    what = (
        "'Import' keeps a secret that mct-s2s did not create. When it is no longer used, delete it:"
    )
    note = Instruction(what, "az ad app …")
    marked = replace(
        plan, missing={write.key: (WEBSITE_CONTRIBUTOR,)}, notes=(note,), manual_steps=(consent(),)
    )
    return plan_screen(marked, observed_state(), is_result=True)


def checked(name: str, ok: bool) -> VerificationCheck:
    message = "GET https://contosolearn.azurewebsites.net/api/v1/organization returned 200."
    if ok:
        return VerificationCheck(name, CheckSubject.APPLICATION, CALL, True, message)
    return VerificationCheck(
        name,
        CheckSubject.APPLICATION,
        CALL,
        False,
        message.replace("200", "403"),
        f"mct-s2s verify {WHERE}",
    )


def result(*, ok: bool) -> Callable[[Terminal], None]:
    name, url = "S2S-client", "https://contosolearn.azurewebsites.net"
    verification = Verification(url, "/api/v1/organization", (checked(name, ok),), api=MCT)
    made = ClientResult(
        name, guid(name), credential=saved(name, f"file:{FOLDER}/{name}.env"), can_call=ok
    )
    next_commands = (f"mct-s2s snippet {name} {WHERE}", f"mct-s2s status {WHERE}")

    def show(terminal: Terminal) -> None:
        if not ok:
            show_verification(terminal, verification)
        site = SiteReport(SITE, verification=verification)
        show_closing(terminal, site, [made], "", next_commands, seconds=23)

    return show


def fleet_plan(terminal: Terminal) -> None:
    missing = NotThere(
        "app-service-unknown",
        "The App Service 'contosofail' was not found.",
        remedy="Correct its name.",
    )
    sites = [
        SiteReport(
            "contosolearn", full_plan(), target_details(here(observed_state())), is_of_file=True
        ),
        SiteReport("contosotrain", Plan()),
        SiteReport("contosofail", error=missing),
    ]
    show_plans(terminal, sites, "7d0c1f6e" * 8, is_result=True)


def large_fleet_plan(terminal: Terminal) -> None:
    """The first site fails, the second loses a client, and the last has nothing to do."""
    missing = NotThere("app-service-unknown", "No 'contosofail'.", remedy="Correct its name.")
    listed = settings(ServiceApplicationIds=IMPORT.client_id)
    losing = make_plan(
        Removal(clients=("Import",), keep_registration=True),
        replace(complete(IMPORT), app_service=app_service(listed)),
    )
    adding = [SiteReport(f"site-{number}", full_plan()) for number in range(FEW_SITES)]
    sites = [
        SiteReport("contosofail", error=missing),
        SiteReport("contosolearn", losing),
        *adding,
        SiteReport("contosotrain", Plan()),
    ]
    show_plans(terminal, sites, None, is_result=True)


def test_plans_of_many_sites_end_with_a_row_for_each_and_who_loses_access() -> None:
    terminal = Terminal.recording()
    large_fleet_plan(terminal)
    shown = terminal.recorded
    rows = shown[shown.index("  Site  ") :].splitlines()
    assert rows[0].split("  ")[-1] == "Loses access"
    assert re.fullmatch(r"  contosolearn +.* to remove; restart +Import", rows[1])
    assert re.fullmatch(r"  site-0 +\d+ to create, \d+ to change; restart +1 secret", rows[2])
    assert rows[FEW_SITES + 2].split() == ["✗", "contosofail", "failed:", "app-service-unknown"]
    assert rows[FEW_SITES + 4].endswith("; 1 up to date; 1 failed.")


def test_what_is_the_same_at_unchanged_sites_is_one_line_for_each() -> None:
    terminal = Terminal.recording()
    what = "The old secret of 'Import' stays valid. When nothing uses it, remove it:"
    commands = [f"mct-s2s rotate-secret Import --only site-{number}" for number in range(30)]
    place = (("Import", SecretPlace.parse("exec:./store")),)
    sites = [
        SiteReport(
            f"site-{number}",
            Plan(notes=(Instruction(what, run),), places=place),
            unchanged_text=f"At site-{number}, no credential expires",
            is_of_file=True,
        )
        for number, run in enumerate(commands)
    ]
    show_plans(terminal, sites, None, is_result=True)
    titles = ", ".join(site.title for site in sites)
    assert terminal.recorded.splitlines() == [
        f"No changes at 30 sites: {titles}.",
        f"  {what}",
        *(f"    {run}" for run in commands),
        "",
        "Where credentials are kept",
        *(f"  {site.title:<7}  Import  exec:./store" for site in sites),
        "",
        "30 sites: 0 to create, 0 to change, 0 to remove; 30 up to date.",
    ]


def fleet_result(terminal: Terminal) -> None:
    proof = Verification(
        "https://contosolearn.azurewebsites.net",
        "/api/v1/organization",
        (checked("Import", ok=True),),
        api=MCT,
    )
    sites = [
        SiteReport(
            "contosolearn",
            full_plan(),
            done=[principal()],
            credentials=[saved()],
            verification=proof,
        ),
        SiteReport("contosotrain", Plan()),
        SiteReport(
            "contosofail", full_plan(), done=[principal()], not_done=[removal()], error=refusal()
        ),
    ]
    show_outcomes(terminal, sites)


SCREENS: Mapping[str, Callable[[Terminal], None]] = {
    "plan": plan_screen(full_plan(), observed_state(identity_resources=[identity_resource()])),
    "plan-drift": drift(),
    "plan-blocked": blocked(),
    "plan-nothing": plan_screen(make_plan(spec("Import"), complete(client("Import"))), complete()),
    "result": result(ok=True),
    "result-failed": result(ok=False),
    "fleet-plan": fleet_plan,
    "large-fleet-plan": large_fleet_plan,
    "fleet-result": fleet_result,
}


@pytest.mark.parametrize("screen", SCREENS)
def test_a_plan_or_result_is_readable_on_any_terminal(screen: str) -> None:
    check_readable(SCREENS[screen])


@pytest.mark.parametrize("screen", ["plan", "result", "fleet-plan", "fleet-result"])
def test_a_plan_or_result_looks_as_it_did(screen: str) -> None:
    check_screen(screen, SCREENS[screen])


LATER_ID: OutputRef[ClientId] = OutputRef("client:Import", Output.CLIENT_ID)
CONSENT = consent(client_id=LATER_ID)


def left(
    *steps: ManualStep,
    observed: ObservedState | None = None,
    outputs: Outputs | None = None,
    handoff: Path | None = None,
    missing: bool = False,
) -> list[Instruction]:
    plan = Plan(
        manual_steps=steps,
        missing={step.key: (WEBSITE_CONTRIBUTOR,) for step in steps} if missing else {},
    )
    observed, outputs = observed or complete(IMPORT), outputs or Outputs()
    return instructions(plan, observed, outputs, handoff)


def made(client_id: str) -> Outputs:
    outputs = Outputs()
    outputs["client:Import", Output.CLIENT_ID] = client_id
    return outputs


def settings_left(**changed: Any) -> SettingsChange:
    """What `setup --no-app-service` leaves."""
    plan = make_plan(spec(settings=SettingsScope.NONE, settings_only=True), complete(IMPORT))
    (step,) = plan.manual_steps
    assert isinstance(step, SettingsChange)
    return replace(step, **changed)


SLOT = ResourceId.site(SUBSCRIPTION, "rg (prod)", "learn", "staging")
RESTART = RestartSite(key="restart", name="learn/staging", site=SLOT)
IDENTITY_CONSENT = consent("reports-func", identity_resource=identity_resource().resource)
OFF = SettingsSpec(MCT.rows, values=((ENABLED, ("false",)),))
LISTED = SettingsSpec(MCT.rows, listed=((APPLICATION_IDS, LATER_ID),))
UNKNOWN = {
    "a client": LISTED,
    "an identity": SettingsSpec(
        MCT.rows, listed=((OBJECT_IDS, OutputRef("identity", Output.PRINCIPAL_ID)),)
    ),
    "an audience": SettingsSpec(MCT.rows, values=((AUDIENCE, (LATER_ID,)),)),
}
TWO_IDS = spec(
    settings=SettingsScope.NONE, given={"ServiceObjectIds": f"{guid('one')};{guid('two')}"}
)
NOT_CONSENTED = spec(ClientSpec("Import", None, consent=False))
STEPS: dict[str, list[Instruction]] = {
    "consent to a client that exists": left(CONSENT, outputs=made(guid("Import"))),
    "consent to a client that is not made yet: no link": left(CONSENT),
    "consent in a tenant that is not known: no link": left(
        CONSENT, observed=replace(complete(), tenant=None), outputs=made(guid("Import"))
    ),
    "consent that an option left out": left(
        *make_plan(NOT_CONSENTED, observed_state(values=settings())).manual_steps
    ),
    "consent to a managed identity": left(IDENTITY_CONSENT, missing=True),
    "without an App Service": left(
        CONSENT, IDENTITY_CONSENT, settings_left(), observed=replace(complete(IMPORT), where="")
    ),
    "a restart": left(RESTART, missing=True),
    "settings": left(settings_left()),
    "settings with each ID of a list": left(*make_plan(TWO_IDS, complete(IMPORT)).manual_steps),
    "settings in a handoff file": left(settings_left(), handoff=Path("/home/ada/hand off.json")),
    "settings that are switched off": left(settings_left(spec=OFF)),
    "settings with an ID that this run made": left(
        settings_left(spec=LISTED), outputs=made(guid("new"))
    ),
    **{
        f"settings without {name} that is not made yet": left(settings_left(spec=unknown))
        for name, unknown in UNKNOWN.items()
    },
    "several, in their order": left(RESTART, CONSENT, settings_left()),
}


def test_a_manual_step_is_as_it_was() -> None:
    """`pytest --update-screens` takes new ones."""
    shown = {name: [asdict(step) for step in steps] for name, steps in STEPS.items()}
    check_kept(
        Path(__file__).parent / "documents" / "manual steps.json",
        json.dumps(shown, indent=2) + "\n",
    )
    assert all(step.command == step.command.strip() for steps in STEPS.values() for step in steps)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_survives_the_shell(name: str) -> None:
    (step,) = left(consent(name))
    assert shlex.split(step.command)[:3] == ["mct-s2s", "add-client", name]


def test_only_the_seven_settings_are_handed_over() -> None:
    (step,) = left(settings_left())
    assert step.values
    assert not set(FOREIGN) & set(step.values)
    wanted = SettingsSpec(MCT.rows, values=((ROLE, ("S2SAppRole",)),))
    (alone,) = left(settings_left(spec=wanted), observed=replace(complete(), app_service=None))
    assert alone.values == {"ServiceAuthRole": "S2SAppRole"}


@pytest.mark.parametrize("width", [80, 120])
def test_command_and_link_are_whole_on_lines_of_their_own(screens: Screens, width: int) -> None:
    steps = left(CONSENT, settings_left(), outputs=made(guid("Import")))
    screen = screens(width, is_terminal=True)
    show_manual_steps(screen.terminal.out, steps)
    for step in steps:
        assert step.command in pasteable(screen.out)
        assert line_with(screen.out, step.what)
    assert steps[0].link is not None
    assert line_with(screen.out, "adminconsent").endswith(steps[0].link)
    assert "ends in an error page, AADSTS500113" in screen.out
    assert screen.err == ""


def test_ids_for_the_portal_are_added_to_a_list_and_on_one_line(screens: Screens) -> None:
    """As a value that replaces the list, they would lock out clients that only the list knows."""
    screen = screens(80, is_terminal=True)
    show_manual_steps(screen.terminal.out, left(*make_plan(TWO_IDS, complete(IMPORT)).manual_steps))
    lines = [line.strip() for line in screen.out.splitlines()]
    at = lines.index("Add to ServiceObjectIds, keep the IDs that it has, with ; between two:")
    assert lines[at + 1] == f"{guid('one')};{guid('two')}"
    assert not [line for line in lines if line.startswith("ServiceObjectIds")]


def test_the_plans_of_fifty_sites_fit_a_comment_on_a_pull_request() -> None:
    """65,536 characters: what is longer is refused, and no one would see the plan."""
    sites = [
        SiteReport(f"mct-site-{number:03}", full_plan(), is_of_file=True) for number in range(50)
    ]
    comment = plans_page(sites, "0" * 64)
    assert len(comment) < 65_536
    assert comment.count("<details>") == 50
    table = comment.partition("<details>")[0]
    assert (
        len(re.findall(r"\n\| mct-site-\d+ \| \d+ \| \d+ \| 0 \| 1 secret \|  \|  \|", table)) == 50
    )


def test_each_sites_plan_is_a_group_of_a_jobs_log_but_no_failure_is(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    failed = SiteReport("c", error=S2SError("x", "No.", remedy="Correct it."))
    sites = [*(SiteReport(name, Plan((principal(),))) for name in "ab"), failed]
    screen = screens()
    show_plans(screen.terminal, sites, None, is_result=False)
    lines = screen.err.splitlines()
    inside = False
    folded = list[str]()
    for line in lines:
        inside = line.startswith("::group::") or (inside and line != "::endgroup::")
        folded += [line] if inside else []
    assert [line for line in folded if line.startswith("::group::")] == [
        "::group::Plan for a",
        "::group::Plan for b",
    ]
    assert sum("Import" in line for line in folded) == 2
    assert not any("c: No." in line for line in folded)
    assert any("c: No." in line for line in lines)


KEPT_SITES = [
    SiteReport(
        "learn",
        Plan(places=(("Import", SecretPlace(PlaceKind.FILE, "secrets/learn.env")),)),
        is_of_file=True,
    ),
    SiteReport(
        "train", Plan(places=(("Import", SecretPlace(PlaceKind.DEFAULT_FILE)),)), is_of_file=True
    ),
]


def test_where_credentials_of_unchanged_sites_are_kept_is_a_table_with_their_names(
    screens: Screens,
) -> None:
    screen = screens()
    show_plans(screen.terminal, KEPT_SITES, None, is_result=True)
    assert screen.out.splitlines()[:3] == [
        "Where credentials are kept",
        "  learn  Import  file:secrets/learn.env",
        "  train  Import  the default file of this machine",
    ]


def test_a_sites_own_plan_names_the_default_place_as_the_table_does(screens: Screens) -> None:
    places = (("Portal", SecretPlace(PlaceKind.DEFAULT_FILE)),)
    screen = screens()
    site = SiteReport("train", replace(full_plan(), places=places), is_of_file=True)
    show_plan(screen.terminal, site, is_result=True)
    assert "Credentials of 'Portal' go to: the default file of this machine" in screen.out


def test_a_sites_line_counts_the_clients_that_were_not_tested_from_here(screens: Screens) -> None:
    untested = replace(checked("Deploy", ok=True), ok=None)
    tests = (checked("Import", ok=True), untested)
    proof = Verification("https://contosolearn.azurewebsites.net", "/", tests, api=MCT)
    screen = screens()
    show_outcomes(
        screen.terminal, [SiteReport("a", Plan(), done=[principal()], verification=proof)]
    )
    assert "1 client called the API, 1 not tested from here" in screen.out


def test_a_blocked_plan_leaves_no_steps_to_others(screens: Screens) -> None:
    """They would lack what is created only once the plan is no longer blocked."""
    plan = replace(
        full_plan(),
        missing={full_plan().changes[0].key: (WEBSITE_CONTRIBUTOR,)},
        manual_steps=(consent(),),
    )
    left_over = Instruction("Someone else must write the App Service settings.", "mct-s2s c …")
    screen = screens()
    show_plan(screen.terminal, SiteReport(SITE, plan, manual_steps=[left_over]), is_result=True)
    assert "nothing is changed:" in screen.out
    assert "Someone else must" not in screen.out


def test_a_folder_that_several_sites_need_is_said_once(screens: Screens) -> None:
    folder = Instruction("The folder 'secrets' is created, for no one but you.")
    sites = [
        SiteReport(name, full_plan(), new_folders=[folder], is_of_file=True) for name in ("a", "b")
    ]
    screen = screens()
    show_plans(screen.terminal, sites, None, is_result=True)
    assert screen.out.count("The folder 'secrets' is created") == 1
    assert plans_page(sites, None).count("is created, for no one but you") == 1


def not_signed_in() -> S2SError:
    return S2SError("sign-in-failed", "Cannot sign in.", remedy="Correct it.")


def test_sites_that_one_error_keeps_from_being_planned_are_told_together(screens: Screens) -> None:
    sites = [SiteReport(name, error=not_signed_in()) for name in "abc"]
    sites.insert(1, SiteReport("other", full_plan(), is_of_file=True))
    screen, end = screens(), screens()
    show_plans(screen.terminal, sites, None, is_result=True)
    plan, *_ = screen.out.split("\n\n")
    assert plan.startswith("Plan for other")
    assert "\n\n✗ a, b, c: Cannot sign in. [sign-in-failed]\n  - Correct it.\n\n" in screen.out
    show_outcomes(end.terminal, sites)
    assert "✗ 3 sites  failed: sign-in-failed; nothing was changed\n" in end.out
    assert end.err.startswith("\nSites a, b, c\nerror: Cannot sign in. [sign-in-failed]\n")
    assert end.err.count("error: ") == 1
    assert "<summary>a, b, c</summary>" in plans_page(sites, None)


def test_a_plan_without_a_fingerprint_says_which_site_is_to_blame(screens: Screens) -> None:
    sites = [SiteReport("a", error=not_signed_in()), SiteReport("b", full_plan(), is_of_file=True)]
    screen = screens()
    show_plans(screen.terminal, sites, None, is_result=True)
    assert screen.out.splitlines()[-1].startswith("No fingerprint: a could not be planned. ")
    page_of_plans = plans_page(sites, None)
    assert "No fingerprint: a could not be planned" in page_of_plans
    assert "| a | 0 | 0 | 0 |  |  | `failed: Cannot sign in.` |" in page_of_plans


def test_a_plan_of_failed_sites_alone_names_few_and_offers_no_others(screens: Screens) -> None:
    sites = [SiteReport(f"site{number}", error=not_signed_in()) for number in range(1, 31)]
    screen = screens()
    show_plans(screen.terminal, sites, None, is_result=True)
    assert screen.out.splitlines()[-1].endswith(
        "site10, … and 20 others could not be planned. Correct what is wrong there."
    )


def test_a_run_with_nothing_to_apply_says_its_failures_and_totals_at_the_end_alone(
    screens: Screens,
) -> None:
    screen = screens()
    sites = [SiteReport("a", error=not_signed_in()), SiteReport("b", Plan())]
    show_plans(screen.terminal, sites, None, is_result=False)
    assert not screen.err


def test_columns_of_a_page_are_in_line_where_it_has_one_plan() -> None:
    site = SiteReport("learn", full_plan(), is_of_file=True)
    assert "  + service principal     Import\n" in plans_page([site], None)
    assert "  + service principal  Import\n" in plans_page([site, replace(site, title="b")], None)


def test_unchanged_sites_have_one_section_of_a_page_together() -> None:
    page_of_plans = plans_page(KEPT_SITES, "0" * 64)
    assert page_of_plans.count("<details>") == page_of_plans.count("</details>") == 1
    assert "| train | Import | the default file of this machine |" in page_of_plans
