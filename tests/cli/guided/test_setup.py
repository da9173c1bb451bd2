"""`setup` by questions, within this process: the answers do what the options would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mct_s2s.cli.guided.setup import guided_setup
from mct_s2s.cli.options.setup import SetupOptions
from mct_s2s.errors import UsageError
from mct_s2s.model.site_settings import ENABLED, OBJECT_IDS
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program
from tests.cli.guided.scripted import CTRL_C, ENTER, Scripted
from tests.conftest import Sandbox, without_azure
from tests.support.inprocess import Ended, run_inside
from tests.support.sandbox_inside import Inside

OTHER = "0b1f6471-1bf0-4dda-aec3-cb9272f09591"
FIRST = ("contosolearn", "In GitHub", "acme/etl", ENTER, "In Azure", "reports-func")
NO_MORE = "No "

Guided = Callable[..., Ended]


@pytest.fixture
def guided(azure: Sandbox, inside: Inside, tmp_path: Path) -> Guided:
    """Setup by questions; the plan is agreed to unless `options` say otherwise."""

    def start(*answers: str, several: bool = False, **options: object) -> Ended:
        script = Scripted(list(answers))
        given = SetupOptions(cloud=azure.origin, **{"yes": True, **options})  # type: ignore[arg-type]
        ended = run_inside((), environment(several=several), inside.time, lambda _: guided_setup(given, script))
        assert script.answers == []
        return ended

    def environment(*, several: bool) -> dict[str, str]:
        private = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
        found = {**without_azure(), **azure.environment, **private}
        if several:
            found.pop("AZURE_SUBSCRIPTION_ID")
        return found

    return start


def test_the_answers_are_one_plan_and_a_command_that_does_the_same(
    guided: Guided, mct: Program, azure: Sandbox
) -> None:
    ended = guided(*FIRST, NO_MORE)
    assert ended.code == 0, ended.err
    settings = azure.settings()
    assert settings[ENABLED.name] == "true"
    assert settings[OBJECT_IDS.name], "the managed identity is on the list, too"
    (etl,) = azure.applications("etl")
    assert etl["passwordCredentials"] == [], "what runs in GitHub gets no secret"
    shown, command = ended.err.splitlines()[-2:]
    assert shown == "The same without questions:"
    assert command == (
        f"mct-s2s setup -a contosolearn -g mct-prod --cloud {azure.origin} -y --credential federated --github acme/etl "
        "--client etl --managed-identity reports-func"
    )
    azure.forget()
    assert mct(*command.split()[1:]).code == 0
    assert azure.writes() == [], "the command finds everything as it asks for"


def test_who_signs_in_how_and_where_is_said_first(guided: Guided, azure: Sandbox) -> None:
    ended = guided(CTRL_C)
    said = " ".join(ended.err.split())
    assert f"Signed in with service principal {seed.ADMINISTRATOR_ID} (client secret) as Deployment pipeline, " in said
    assert "tenant contosolearning.onmicrosoft.com." in said
    assert (ended.code, azure.writes()) == (130, [])


def test_function_apps_are_not_offered_and_why(guided: Guided) -> None:
    said = " ".join(guided(CTRL_C).err.split())
    assert "Function apps are not offered, as the MCT API is not in them:" in said
    assert "contosolearn-fa-x7k2q (belongs to contosolearn), 1 other function app." in said


@pytest.mark.parametrize("answered", range(len(FIRST)))
def test_ctrl_c_at_any_question_changes_nothing(answered: int, guided: Guided, azure: Sandbox) -> None:
    ended = guided(*FIRST[:answered], CTRL_C)
    assert (ended.code, azure.writes()) == (130, [])
    assert "Cancelled. Nothing was changed." in ended.err.splitlines()
    assert "error" not in ended.err
    assert ("mct-s2s setup -a contosolearn" in ended.err) is (answered > 0), "what was answered is not lost"


def test_subscriptions_are_offered_where_there_are_several(guided: Guided, azure: Sandbox) -> None:
    azure.add_site(subscription=OTHER, group="training", name="fabrikam")
    name = f"Contoso {OTHER[:8]}"
    ended = guided(name, "fabrikam", NO_MORE, several=True, dry_run=True, yes=False)
    assert ended.code == 3, ended.err
    assert "No web app here is recognised as an MCT site" in " ".join(ended.err.split())
    assert f"-s {OTHER}" in ended.err.splitlines()[-1], "the command has to name it, too"


def test_a_mistake_in_what_was_typed_is_refused_before_anything_is_asked(guided: Guided, azure: Sandbox) -> None:
    azure.forget()
    with pytest.raises(UsageError, match="Invalid --role"):
        guided(role="a b")
    assert azure.log() == []


@pytest.mark.parametrize("words", [("setup",), ("setup", "--dry-run"), ("status",), ("verify",), ("add-client", "A")])
def test_without_a_terminal_no_one_waits_and_the_sites_are_listed(
    words: tuple[str, ...], mct: Program, azure: Sandbox
) -> None:
    done = mct(*words, env={"MCT_S2S_APP_SERVICE": "", "MCT_S2S_RESOURCE_GROUP": ""})
    assert (done.code, done.out, azure.writes()) == (2, "", [])
    assert "error: No App Service given. MCT sites found:" in done.err
    assert "    -a contosolearn -g mct-prod" in done.err.splitlines()
    assert "-fa-" not in done.err


def test_where_no_one_can_sign_in_the_refusal_is_as_it_is(mct: Program) -> None:
    done = mct("status", env={"MCT_S2S_APP_SERVICE": "", "AZURE_CLIENT_ID": ""})
    assert (done.code, done.err.splitlines()[0]) == (2, "error: No App Service given.")


def test_no_one_signs_in_for_the_sake_of_a_message(mct: Program, azure: Sandbox) -> None:
    azure.forget()
    done = mct("status", "--auth", "device-code", env={"MCT_S2S_APP_SERVICE": ""})
    assert (done.code, azure.log()) == (2, [])
