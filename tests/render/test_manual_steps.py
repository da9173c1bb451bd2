"""What is left to somebody else: a command that works as it is pasted, a link, and the values to enter."""

import json
import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from mct_s2s.errors import Instruction
from mct_s2s.model.desired import ClientSpec, GivenValues, SettingsScope
from mct_s2s.model.ids import ClientId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import APPLICATION_IDS, AUDIENCE, ENABLED, OBJECT_IDS, ROLE
from mct_s2s.planning.changes import Output, OutputRef, Outputs, RestartSite, SettingsChange, SettingsSpec
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.render.manual_steps import instructions, show_manual_steps

from tests.planning.scenarios import (
    CONTEXT,
    FOREIGN,
    IMPORT,
    SUBSCRIPTION,
    complete,
    guid,
    identity_resource,
    observed_state,
    settings,
    spec,
)
from tests.render.conftest import Screens, line_with, pasteable
from tests.render.examples import LOGIN, ODD_NAMES, WEBSITE_CONTRIBUTOR, WHERE, consent
from tests.support.screens import check_kept

LATER_ID: OutputRef[ClientId] = OutputRef("client:Import", Output.CLIENT_ID)
CONSENT = consent(client_id=LATER_ID)


def left(
    *steps: ManualStep,
    where: str = WHERE,
    observed: ObservedState | None = None,
    outputs: Outputs | None = None,
    handoff: Path | None = None,
    missing: bool = False,
) -> list[Instruction]:
    plan = Plan(manual_steps=steps, missing={step.key: (WEBSITE_CONTRIBUTOR,) for step in steps} if missing else {})
    observed, outputs = observed or complete(IMPORT), outputs or Outputs()
    return instructions(plan, observed, outputs, where=where, login=LOGIN, handoff=handoff)


def made(client_id: str) -> Outputs:
    outputs = Outputs()
    outputs["client:Import", Output.CLIENT_ID] = client_id
    return outputs


def settings_left(**changed: Any) -> SettingsChange:
    """What `setup --no-app-service` leaves."""
    plan = make_plan(spec(settings=SettingsScope.NONE, settings_only=True), complete(IMPORT), CONTEXT)
    (step,) = plan.manual_steps
    assert isinstance(step, SettingsChange)
    return replace(step, **changed)


SLOT = ResourceId.site(SUBSCRIPTION, "rg (prod)", "learn", "staging")
RESTART = RestartSite(key="restart", name="learn/staging", site=SLOT)
IDENTITY_CONSENT = consent("reports-func", identity_resource=identity_resource().resource)
OFF = SettingsSpec(values=((ENABLED, ("false",)),))
LISTED = SettingsSpec(listed=((APPLICATION_IDS, LATER_ID),))
UNKNOWN = {
    "a client": LISTED,
    "an identity": SettingsSpec(listed=((OBJECT_IDS, OutputRef("identity", Output.PRINCIPAL_ID)),)),
    "an audience": SettingsSpec(values=((AUDIENCE, (LATER_ID,)),)),
}
TWO_IDS = spec(settings=SettingsScope.NONE, given=GivenValues({"ServiceObjectIds": f"{guid('one')};{guid('two')}"}))
NOT_CONSENTED = spec(ClientSpec("Import", None, consent=False))
STEPS: dict[str, list[Instruction]] = {
    "consent to a client that exists": left(CONSENT, outputs=made(guid("Import"))),
    "consent to a client that is not made yet: no link": left(CONSENT),
    "consent in a tenant that is not known: no link": left(
        CONSENT, observed=replace(complete(), tenant=None), outputs=made(guid("Import"))
    ),
    "consent that an option left out": left(
        *make_plan(NOT_CONSENTED, observed_state(values=settings()), CONTEXT).manual_steps
    ),
    "consent to a managed identity": left(IDENTITY_CONSENT, missing=True),
    "without an App Service": left(CONSENT, IDENTITY_CONSENT, settings_left(), where=""),
    "a restart": left(RESTART, missing=True),
    "settings": left(settings_left()),
    "settings with each ID of a list": left(*make_plan(TWO_IDS, complete(IMPORT), CONTEXT).manual_steps),
    "settings in a handoff file": left(settings_left(), handoff=Path("/home/ada/hand off.json")),
    "settings that are switched off": left(settings_left(spec=OFF)),
    "settings with an ID that this run made": left(settings_left(spec=LISTED), outputs=made(guid("new"))),
    **{f"settings without {name} that is not made yet": left(settings_left(spec=one)) for name, one in UNKNOWN.items()},
    "several, in their order": left(RESTART, CONSENT, settings_left()),
}


def test_a_manual_step_is_as_it_was() -> None:
    """`pytest --update-screens` takes new ones."""
    shown = {name: [asdict(step) for step in steps] for name, steps in STEPS.items()}
    check_kept(Path(__file__).parent / "documents" / "manual steps.json", json.dumps(shown, indent=2) + "\n")
    assert all(step.command == step.command.strip() for steps in STEPS.values() for step in steps)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_survives_the_shell(name: str) -> None:
    (step,) = left(consent(name))
    assert shlex.split(step.command)[:3] == ["mct-s2s", "add-client", name]


def test_only_the_seven_settings_are_handed_over() -> None:
    (step,) = left(settings_left())
    assert step.values
    assert not set(FOREIGN) & set(step.values)
    wanted = SettingsSpec(values=((ROLE, ("S2SAppRole",)),))
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
    assert screen.err == ""
