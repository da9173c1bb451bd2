"""What is left to somebody else: a command that works as it is pasted, a link, and the values to enter."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from mct_s2s.model.desired import ClientSpec, GivenValues, SettingsScope
from mct_s2s.model.ids import ClientId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import ENABLED
from mct_s2s.planning.changes import Part, Ref, SettingSpec, SettingsSpec
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Left, ManualStep, Results
from mct_s2s.render.manual_steps import Instruction, grants_to_ask_for, instructions, show_manual_steps, values_to_enter

from tests.planning.scenarios import (
    FACTS,
    FOREIGN,
    SERVICE_ID,
    SUBSCRIPTION,
    TENANT,
    complete,
    guid,
    identity_resource,
    observed_state,
    settings,
    site,
    spec,
)
from tests.render.conftest import Screens
from tests.render.examples import IMPORT, LOGIN, ODD_NAMES, WEBSITE_CONTRIBUTOR, WHERE
from tests.render.reading import line_with, pasteable, words_of

LATER_ID: Ref[ClientId] = Ref("client:Import", Part.CLIENT_ID)
CONSENT = ManualStep(Left.CONSENT, "You can't grant admin consent to 'Import'.", client="Import", client_id=LATER_ID)


def left(
    steps: Sequence[ManualStep],
    where: str = WHERE,
    observed: ObservedState | None = None,
    results: Results | None = None,
    handoff: Path | None = None,
) -> list[Instruction]:
    observed, results = observed or complete(IMPORT), results or Results()
    return instructions(steps, observed, results, where=where, login=LOGIN, handoff=handoff)


def made(client_id: str) -> Results:
    results = Results()
    results.record("client:Import", Part.CLIENT_ID, client_id)
    return results


def options(command: str) -> dict[str, list[str]]:
    """The options of a command line, each with every value that it is given."""
    found: dict[str, list[str]] = {}
    words = shlex.split(command)
    for index, word in enumerate(words):
        if word.startswith("-"):
            value = words[index + 1 : index + 2]
            found.setdefault(word, []).extend(v for v in value if not v.startswith("-"))
    return found


def settings_left(**changed: object) -> ManualStep:
    """What `setup --no-app-service` leaves."""
    plan = make_plan(spec(settings=SettingsScope.NONE, settings_only=True), complete(IMPORT), FACTS)
    return replace(plan.left_to_others[-1], **changed)  # type: ignore[arg-type]


# admin consent


def test_consent_to_a_client_that_exists_is_given_by_its_id_or_by_a_link() -> None:
    (step,) = left([CONSENT], results=made(guid("Import")))
    assert step.command == f"mct-s2s add-client {guid('Import')} --credential none {WHERE}"
    assert step.link == f"{LOGIN}/{TENANT.id}/adminconsent?client_id={guid('Import')}"
    assert (step.what, step.values, step.who) == (CONSENT.what, None, "")


def test_consent_to_a_client_that_is_not_made_yet_is_given_by_its_name_without_a_link() -> None:
    (step,) = left([CONSENT])
    assert step.command == f"mct-s2s add-client Import --credential none {WHERE}"
    assert step.link is None


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_survives_the_shell(name: str) -> None:
    (step,) = left([replace(CONSENT, client=name, client_id=None)])
    assert shlex.split(step.command)[:3] == ["mct-s2s", "add-client", name]


def test_without_a_known_tenant_there_is_no_link() -> None:
    (step,) = left([CONSENT], observed=replace(complete(), tenant=None), results=made(guid("Import")))
    assert step.link is None


def test_consent_to_a_managed_identity_names_its_resource() -> None:
    resource = identity_resource().resource
    (step,) = left([ManualStep(Left.CONSENT, "…", resource=resource, needed=(WEBSITE_CONTRIBUTOR,))])
    assert step.command == f"mct-s2s add-client --managed-identity {resource} {WHERE}"
    assert step.who == "someone with Website Contributor"


def test_a_command_without_an_app_service_has_no_blank_at_its_end() -> None:
    identity = ManualStep(Left.CONSENT, "…", resource=identity_resource().resource)
    for step in left([CONSENT, identity], where=""):
        assert step.command == step.command.strip()


# restart, vault


@pytest.mark.parametrize("slot", [None, "staging"])
def test_a_restart_is_left_as_a_command_of_the_azure_cli(slot: str | None) -> None:
    resource = ResourceId.site(SUBSCRIPTION, "rg (prod)", "contosolearn", slot)
    (step,) = left([ManualStep(Left.RESTART, "…", resource=resource, needed=(WEBSITE_CONTRIBUTOR,))])
    expected = ["az", "webapp", "restart", "-g", "rg (prod)", "-n", "contosolearn"]
    assert shlex.split(step.command) == [*expected, *(["--slot", slot] if slot else [])]
    assert step.who == "someone with Website Contributor"


# settings


def test_the_settings_are_left_with_every_value_in_the_command() -> None:
    (step,) = left([settings_left()])
    assert step.command.startswith(f"mct-s2s configure-appservice {WHERE} ")
    assert options(step.command) == {
        "-a": ["contosolearn"],
        "-g": ["mct-prod"],
        "--audience": [f"api://{SERVICE_ID}"],
        "--tenant-name": [TENANT.name],
        "--tenant-id": [TENANT.id],
        "--application-id": [IMPORT.client_id],
        "--role": ["S2SAppRole"],
    }
    assert step.values is not None
    assert step.values["ServiceApplicationIds"] == IMPORT.client_id


def test_each_id_of_a_list_is_an_option_of_its_own() -> None:
    given = GivenValues({"ServiceObjectIds": f"{guid('one')};{guid('two')}"})
    plan = make_plan(spec(settings=SettingsScope.NONE, given=given), complete(IMPORT), FACTS)
    (step,) = left(plan.left_to_others)
    assert options(step.command)["--object-id"] == [guid("one"), guid("two")]


def test_a_handoff_file_replaces_all_the_values() -> None:
    (step,) = left([settings_left()], handoff=Path("/home/ada/hand off.json"))
    assert shlex.split(step.command)[2:] == [*WHERE.split(), "--from", "/home/ada/hand off.json"]
    assert step.values is not None


def test_without_an_app_service_a_placeholder_says_what_is_missing() -> None:
    (step,) = left([settings_left()], where="")
    assert shlex.split(step.command)[2:4] == ["-a", "APP_SERVICE"]


def test_switching_off_is_left_as_the_option_that_does_it() -> None:
    off = SettingsSpec(values=(SettingSpec(ENABLED.name, "false"),))
    (step,) = left([settings_left(spec=off)])
    assert step.command == f"mct-s2s configure-appservice {WHERE} --disable"
    assert step.values is not None
    assert step.values[ENABLED.name] == "false"


@pytest.mark.parametrize(
    "unknown",
    [
        SettingsSpec(listed=(("ServiceApplicationIds", LATER_ID),)),
        SettingsSpec(listed=(("ServiceObjectIds", Ref("identity", Part.PRINCIPAL_ID)),)),
        SettingsSpec(values=(SettingSpec("ServiceAuthAudience", LATER_ID),)),
    ],
)
def test_values_that_are_not_made_yet_are_read_from_the_directory_later(unknown: SettingsSpec) -> None:
    (step,) = left([settings_left(spec=unknown)])
    assert step.command == f"mct-s2s configure-appservice {WHERE}"


def test_ids_that_this_run_made_are_among_the_values() -> None:
    note = settings_left(spec=SettingsSpec(listed=(("ServiceApplicationIds", LATER_ID),)))
    (step,) = left([note], results=made(guid("new")))
    assert options(step.command)["--application-id"] == [IMPORT.client_id, guid("new")]


def test_only_the_seven_settings_are_handed_over() -> None:
    values = values_to_enter(settings_left(), complete(IMPORT), Results())
    assert not set(FOREIGN) & set(values)
    assert values["ServiceAuthAudience"] == f"api://{SERVICE_ID}"


def test_without_a_site_the_values_come_from_the_wish_alone() -> None:
    wanted = SettingsSpec(values=(SettingSpec("ServiceAuthRole", "S2SAppRole"),))
    values = values_to_enter(settings_left(spec=wanted), replace(complete(), app_service=None), Results())
    assert values == {"ServiceAuthRole": "S2SAppRole"}


def test_every_step_is_reported_in_the_order_given() -> None:
    restart = ManualStep(Left.RESTART, "The restart is left.", resource=site().resource)
    notes = [restart, CONSENT, settings_left()]
    assert [step.what for step in left(notes)] == [note.what for note in notes]


# on the screen


@pytest.mark.parametrize("width", [80, 120])
def test_command_and_link_are_whole_on_lines_of_their_own(screens: Screens, width: int) -> None:
    steps = left([CONSENT, settings_left()], results=made(guid("Import")))
    screen = screens(width, is_terminal=True)
    show_manual_steps(screen.terminal.out, steps)
    for step in steps:
        assert step.command in pasteable(screen.out)
        assert line_with(screen.out, step.what)
    assert steps[0].link is not None
    assert line_with(screen.out, "adminconsent").endswith(steps[0].link)
    assert screen.err == ""


@pytest.mark.parametrize("width", [80, 120, None])
def test_each_value_is_beside_the_name_of_its_setting(screens: Screens, width: int | None) -> None:
    (step,) = left([settings_left()])
    screen = screens(width)
    show_manual_steps(screen.terminal.out, [step])
    assert step.values
    for name, value in step.values.items():
        assert [name, value] in [line.split() for line in screen.out.splitlines()]


def test_steps_go_to_standard_error_where_the_result_is_something_else(screens: Screens) -> None:
    screen = screens()
    show_manual_steps(screen.terminal.err, left([CONSENT]))
    assert screen.out == ""
    assert line_with(screen.err, CONSENT.what)


def test_a_step_without_link_and_values_has_no_line_for_them(screens: Screens) -> None:
    screen = screens()
    show_manual_steps(screen.terminal.out, [Instruction("The restart is left.", "az webapp restart")])
    assert pasteable(screen.out) == ["The restart is left.", "az webapp restart"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_in_a_step_is_shown_as_it_is(screens: Screens, name: str) -> None:
    screen = screens()
    show_manual_steps(
        screen.terminal.out, [Instruction(f"'{name}'", f"run {name}", values={"ServiceAuthRole": name[:300]})]
    )
    assert line_with(screen.out, f"'{name}'")
    assert line_with(screen.out, f"run {name}")
    assert line_with(screen.out, "ServiceAuthRole", name)


@pytest.mark.parametrize("width", [80, 120])
def test_what_the_caller_lacks_comes_with_the_command_for_whoever_grants_it(screens: Screens, width: int) -> None:
    screen = screens(width, is_terminal=True)
    show_manual_steps(screen.terminal.err, grants_to_ask_for([WEBSITE_CONTRIBUTOR, WEBSITE_CONTRIBUTOR]))
    assert line_with(screen.err, WEBSITE_CONTRIBUTOR.grant.command)  # whole, and once for both steps
    assert WEBSITE_CONTRIBUTOR.grant.who in words_of(screen.err)
    assert screen.out == ""


def test_a_client_whose_consent_an_option_left_out_is_left_with_nothing_lacking() -> None:
    plan = make_plan(spec(ClientSpec("Import", None, consent=False)), observed_state(values=settings()), FACTS)
    (step,) = left(plan.left_to_others)
    assert (step.who, shlex.split(step.command)[2]) == ("", "Import")
