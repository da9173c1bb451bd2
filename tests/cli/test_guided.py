"""The guided way and the question before anything is written, as a person goes them: keys typed at
a terminal.
"""

import io
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from mct_s2s.cli.binding import command_line
from mct_s2s.cli.command_run import CommandRun, may_ask
from mct_s2s.cli.commands.setup import SetupOptions, answers_of, guided_setup
from mct_s2s.cli.guided import GITHUB, KINDS
from mct_s2s.cli.options import AzureOptions
from mct_s2s.errors import UsageError
from mct_s2s.render.site_report import SiteReport
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program, at_terminal
from tests.conftest import GROUP, MACHINE, Json, Sandbox, program
from tests.render.examples import principal
from tests.support.sampling import sampled
from tests.support.secret_search import secrets_in

ENTER, BACKSPACE, CTRL_C, CTRL_D = "\r", "\x7f", "\x03", "\x04"
UNNAMED = {"MCT_S2S_APP_SERVICE": "", "MCT_S2S_RESOURCE_GROUP": ""}

GUIDED = [
    ("MCT App Service:", f"zzz{ENTER}"), ("No match", f"{BACKSPACE * 3}{ENTER}"),
    ("sign in?", f"git{ENTER}"), ("Name of that program", f"etl{ENTER}"),
    ("Repository:", f"acme{ENTER}"),
    ("Write OWNER/REPO, such as contoso/learn.",
     f"{BACKSPACE * 4}https://github.com/acme/etl{ENTER}"),
    ("another program", f"identity{ENTER}"), ("App whose managed identity", f"reports{ENTER}"),
    ("another program", ENTER),
]  # fmt: skip
"""What is waited for, and the keys that are pressed then."""


Keys = Callable[..., tuple[int, str]]


@pytest.fixture
def keys(azure: Sandbox, tmp_path: Path) -> Keys:
    """Presses the keys of each step once its text is on the screen of a terminal; its last word is
    the command's.

    Returns the exit code, and everything that was shown, without control sequences.
    """

    def pressed(words: Sequence[str], *steps: tuple[str, str]) -> tuple[int, str]:
        unset = f"unset {' '.join(UNNAMED)}"
        # Ctrl-C ends the command, and not the shell that says with which code.
        line = f"trap : INT; {unset}; {shlex.join(program(words))}; echo code=$?; stty -a"
        with at_terminal(azure, tmp_path, shell=line) as shell:
            shown = ""
            for text, answer in steps:
                shell.expect_exact(text)
                shown += shell.before + text
                shell.send(answer)
            shown, _, end = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", shown + shell.read()).rpartition(
                "code="
            )
        assert {"icanon", "echo", "isig"} <= set(re.split(r"[\s;]+", end)), (
            f"the terminal is not as it was: {end}"
        )
        assert ("Traceback" in shown, secrets_in(shown)) == (False, [])
        return int(end.split()[0]), shown

    return pressed


def test_setup_is_done_by_keys_and_ends_with_the_command_for_the_same(
    keys: Keys, azure: Sandbox, mct: Program
) -> None:
    code, shown = keys(
        ["setup"], *GUIDED, ("Apply? [y/N]", f"maybe{ENTER}"), ("Apply? [y/N]", f"y{ENTER}")
    )
    assert code == 0, shown
    assert azure.restarts() == 1
    line = shown[shown.rindex("mct-s2s setup") :].replace("\r\n", "")
    assert line == (
        f"mct-s2s setup -a contosolearn -g mct-prod --cloud {azure.origin} --github "
        "https://github.com/acme/etl --client etl --managed-identity reports-func --yes"
    )
    assert_repeats_nothing(mct, azure, line)


def assert_repeats_nothing(mct: Program, azure: Sandbox, line: str) -> None:
    """The printed commands find everything as they ask for."""
    azure.forget()
    for command in line.split(" && "):
        ended = mct(*shlex.split(command)[1:], env=UNNAMED)
        assert ended.code == 0, ended
    assert azure.writes() == []


@pytest.mark.as_administrator(
    "a pipeline may not read the tenant's policy, and learns of it by the refusal"
)
def test_where_the_tenant_forbids_secrets_none_is_offered(keys: Keys, azure: Sandbox) -> None:
    """Found before anything is made, and before anything else is answered in vain."""
    forbidden = {"restrictionType": "passwordAddition", "state": "enabled", "maxLifetime": None}
    azure.restrict("passwordCredentials", forbidden)
    named = (
        ("sign in?", ENTER),
        ("Name of that program", f"etl{ENTER}"),
        ("another program", ENTER),
        ("Where do certificate and key go?", ENTER),
    )
    _, shown = keys(["setup"], *GUIDED[:2], *named, ("Apply? [y/N]", f"n{ENTER}"))
    assert "This tenant forbids client secrets." in shown
    assert "Client secret" not in shown
    assert "certificate" in shown[shown.index("Plan for") :], "the first that is offered"
    assert "without questions" not in shown, "no one repeats what was refused"


SECRETS = [
    ("sign in?", f"secret{ENTER}"), ("Name of that program", f"etl{ENTER}"),
    ("another program", f"secret{ENTER}"), ("Name of that program", f"reports{ENTER}"),
    ("another program", ENTER),
]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        ([("Where do the secrets go?", ENTER)], ""),
        (
            [
                ("Where do the secrets go?", f"vault{ENTER}"),
                ("Name of the vault:", f"a/b{ENTER}"),
                ("Type a vault's name", f"{BACKSPACE * 3}{seed.VAULT}{ENTER}"),
            ],
            f"--secret-to keyvault:{seed.VAULT} ",
        ),
        (
            [
                ("Where do the secrets go?", f"another{ENTER}"),
                ("Path:", f"~/new{ENTER}"),
                ("Type a folder's path", f"/{ENTER}"),
            ],
            "--secret-to 'file:~/new/' ",
        ),
    ],
    ids=["default", "vault", "folder"],
)
def test_setup_asks_once_where_the_secrets_of_all_its_clients_go(
    keys: Keys, azure: Sandbox, steps: list[tuple[str, str]], place: str
) -> None:
    """Several clients share no file and no secret of a vault."""
    code, shown = keys(["setup"], *GUIDED[:2], *SECRETS, *steps, ("Apply? [y/N]", f"y{ENTER}"))
    assert code == 0, shown
    line = shown[shown.rindex("mct-s2s setup") :].replace("\r\n", "")
    where = f"-a contosolearn -g mct-prod --cloud {azure.origin}"
    assert line == f"mct-s2s setup {where} {place}--client etl --client reports --yes"


def test_setup_asks_for_the_place_of_a_key_apart_from_that_of_a_secret(
    keys: Keys, azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    """A key goes to no vault."""
    code, shown = keys(
        ["setup"],
        *GUIDED[:2],
        ("sign in?", f"secret{ENTER}"),
        ("Name of that program", f"etl{ENTER}"),
        ("another program", f"cert{ENTER}"),
        ("Name of that program", f"reports{ENTER}"),
        ("another program", ENTER),
        ("Where does the secret go?", f"vault{ENTER}"),
        ("Name of the vault:", f"{seed.VAULT}{ENTER}"),
        ("Where do certificate and key go?", f"another{ENTER}"),
        ("Path:", f"~/reports.pem{ENTER}"),
        ("Apply? [y/N]", f"y{ENTER}"),
    )
    assert code == 0, shown
    last_question = shown[shown.rindex("Where do certificate") : shown.rindex("Path:")]
    assert "Key vault" not in last_question
    assert (tmp_path / "reports.pem").is_file()
    line = shown[shown.rindex("mct-s2s setup") :].replace("\r\n", "")
    assert f"--secret-to keyvault:{seed.VAULT} --client etl --yes" in line
    assert "--secret-to 'file:~/reports.pem' --credential certificate --client reports" in line
    assert_repeats_nothing(mct, azure, line)


def test_who_has_typed_where_secrets_go_is_not_asked(keys: Keys) -> None:
    _, shown = keys(
        ["setup", "--secret-to", "show"],
        *GUIDED[:2],
        *SECRETS,
        ("Apply? [y/N]", f"n{ENTER}"),
    )
    assert "Where do the secrets go?" not in shown


@pytest.mark.parametrize(
    ("kind", "question", "wrong", "why"),
    [
        (
            "vault",
            "Name of the vault:",
            "nosuchvault",
            "The key vault 'nosuchvault' does not exist",
        ),
        ("another", "Path:", "~/other.env", "is not this client's secret file."),
    ],
)
def test_a_place_that_no_secret_can_go_to_is_asked_for_again_before_the_plan(
    keys: Keys, tmp_path: Path, kind: str, question: str, wrong: str, why: str
) -> None:
    other = tmp_path / "other.env"
    other.write_text("KEY=of someone else\n", encoding="utf-8")
    code, shown = keys(
        ["setup"],
        *GUIDED[:2],
        *SECRETS[:2],
        ("another program", ENTER),
        ("Where does the secret go?", f"{kind}{ENTER}"),
        (question, f"{wrong}{ENTER}"),
        ("Where does the secret go?", f"another{ENTER}"),
        ("Path:", f"~/etl.env{ENTER}"),
        ("Apply? [y/N]", f"y{ENTER}"),
    )
    before_plan = " ".join(shown[: shown.index("Plan for")].split())
    assert (code, why in before_plan) == (0, True), shown
    assert "--secret-to 'file:~/etl.env' --client etl --yes" in shown.replace("\r\n", "")
    assert other.read_text(encoding="utf-8") == "KEY=of someone else\n"


@pytest.mark.as_administrator(
    "without a role at the resource group, Azure does not say what is not there"
)
def test_an_app_that_is_not_there_is_asked_for_again(keys: Keys) -> None:
    wrong = f"{GROUP}/Microsoft.Compute/virtualMachines/etl-xx"
    code, shown = keys(
        ["setup"],
        *GUIDED[:2],
        ("sign in?", f"identity{ENTER}"),
        ("App whose managed identity", f"another{ENTER}"),
        ("Resource ID:", f"{wrong}{ENTER}"),
        ("does not exist, or you can't read it.", ""),
        ("Resource ID:", f"{MACHINE}{ENTER}"),
        ("another program", ENTER),
        ("Apply? [y/N]", f"n{ENTER}"),
    )
    assert (code, "etl-vm" in shown[shown.index("Plan for") :]) == (1, True), shown


def test_what_was_typed_wrongly_is_not_offered_to_be_repeated(keys: Keys) -> None:
    code, shown = keys(
        ["setup", "--secret-to", "keyvault:nosuchvault"],
        *GUIDED[:2],
        *SECRETS[:2],
        ("another program", ENTER),
    )
    assert (code, "does not exist" in shown, "without questions" in shown) == (2, True, False), (
        shown
    )


@pytest.mark.parametrize("at", sampled(range(len(GUIDED)), 1, of_all=len(GUIDED), salt="Ctrl-C"))
def test_ctrl_c_at_a_question_cancels_and_leaves_the_terminal_as_it_was(
    at: int, keys: Keys, azure: Sandbox
) -> None:
    code, shown = keys(["setup"], *GUIDED[:at], (GUIDED[at][0], CTRL_C))
    assert (code, azure.writes()) == (130, []), shown
    assert "Cancelled. Nothing was changed." in shown


def test_another_command_offers_the_sites_and_asks_which_of_two_twins_is_meant(
    keys: Keys, azure: Sandbox
) -> None:
    azure.add_site(group="mct-test", name="contosolearn")
    code, shown = keys(["status"], ("MCT App Service:", f"mct-prod{ENTER}"))
    assert (code, azure.writes()) == (3, []), shown
    assert "mct-s2s setup -a contosolearn -g mct-prod" in shown
    _, shown = keys(
        ["status", "-a", "contosolearn"], ("Resource group of 'contosolearn':", f"test{ENTER}")
    )
    assert "-g mct-test" in shown


def test_clients_with_other_credentials_have_commands_of_their_own() -> None:
    secret, certificate = KINDS["Client secret"], KINDS["Certificate"]
    clients = {
        "A": secret,
        "func": {},
        "B": GITHUB | {"github": "o/r"},
        "C": certificate,
        "D": secret,
    }
    options = SetupOptions(app_service="learn", tenant="contoso.com", secret_lifetime="2y")
    setup, more = answers_of(options, clients)
    where = "-a learn --tenant contoso.com"
    lasts, who = "--secret-lifetime 2y", "--client A --client D --managed-identity func"
    assert command_line("setup", setup) == f"mct-s2s setup {where} {lasts} {who}"
    assert [command_line("add-client", client) for client in more] == [
        f"mct-s2s add-client {where} {lasts} --github o/r --client B",
        f"mct-s2s add-client {where} {lasts} --credential certificate --client C",
    ]


def test_a_mistake_in_what_was_typed_is_refused_before_anything_is_asked(azure: Sandbox) -> None:
    azure.forget()
    with pytest.raises(UsageError, match="Invalid --role"):
        guided_setup(SetupOptions(role="a b"))
    assert azure.log() == []


@pytest.mark.parametrize("words", [("setup",), ("status",), ("add-client", "A")])
def test_without_a_terminal_no_question_is_waited_for(
    words: tuple[str, ...], mct: Program, azure: Sandbox
) -> None:
    azure.forget()
    done = mct(*words, env=UNNAMED)
    assert (done.code, done.out, azure.log("graph")) == (2, "", [])
    assert done.err.splitlines()[0].startswith("error: No App Service given.")


def asked(options: AzureOptions, environ: Mapping[str, str], *, is_terminal: bool = True) -> bool:
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal  # type: ignore[method-assign]
    # Within the test: pytest changes the streams from phase to phase
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", stream)
        patch.setattr(sys, "stderr", stream)
        return may_ask(options, environ)


def test_only_a_person_at_a_terminal_who_did_not_say_yes_is_asked() -> None:
    assert asked(AzureOptions(), {"TERM": "xterm", "CI": "", "TF_BUILD": "False"})
    assert not asked(AzureOptions(), {}, is_terminal=False)
    assert not asked(AzureOptions(output="json"), {})
    assert not asked(SetupOptions(yes=True), {})
    for job in (
        {"CI": "true"},
        {"CI": "1"},
        {"GITHUB_ACTIONS": "true"},
        {"TF_BUILD": "True"},
        {"TERM": "dumb"},
    ):
        assert not asked(AzureOptions(), job)


SETUP = ("setup", "--client", "One")


def _asked(
    azure: Sandbox,
    home: Path,
    *answers: str,
    words: tuple[str, ...] = SETUP,
    question: str = "Apply? [y/N] ",
) -> tuple[int, str]:
    """Answer a command's question, as often as it is asked; exit code and what was shown."""
    with at_terminal(azure, home, *words, columns=120) as run:
        shown = ""
        for answer in answers:
            run.expect_exact(question)
            shown += run.before + run.after
            run.send(answer)
        shown += run.read()
    assert len(secrets_in(shown)) == int("show" in words)
    return run.exitstatus, shown


@pytest.mark.parametrize(
    ("answers", "code"), [(("maybe\n", "no\n"), 1), (("\x04",), 1), (("\x03",), 130)]
)
def test_answering_no_or_ctrl_c_changes_nothing(
    answers: tuple[str, ...], code: int, azure: Sandbox, tmp_path: Path
) -> None:
    ended, shown = _asked(azure, tmp_path, *answers)
    assert (ended, shown.splitlines()[-1].endswith("Cancelled. Nothing was changed.")) == (
        code,
        True,
    ), shown
    assert ("Please answer y or n." in shown) is (len(answers) > 1)
    assert "error" not in shown, "it is what the user wanted"
    assert azure.writes() == []


@pytest.mark.parametrize("variable", ["CI", "GITHUB_ACTIONS", "TF_BUILD"])
def test_a_job_with_a_terminal_is_asked_for_no_confirmation(
    variable: str, azure: Sandbox, tmp_path: Path
) -> None:
    line = f"{variable}=true {shlex.join(program(SETUP))}"
    with at_terminal(azure, tmp_path, shell=line, columns=120) as job:
        shown = job.read()
    assert (job.exitstatus, "y/N" in shown, "this is a CI job" in shown) == (2, False, True), shown
    assert azure.writes() == []


def test_a_question_that_no_one_answers_ends_with_nothing_changed(
    azure: Sandbox, tmp_path: Path
) -> None:
    with at_terminal(azure, tmp_path, *SETUP, "--timeout", "20", columns=120) as run:
        run.expect_exact("Apply? [y/N] ")
        shown = run.read()
    assert run.exitstatus == 1
    plain = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", shown)
    assert plain.startswith("\r\nerror"), "the question's line is ended, once"
    assert "No answer within 20 s. Nothing was changed. [deadline-passed]" in shown
    assert azure.writes() == []


@pytest.mark.parametrize(("early", "answer"), [("y\n", "\n"), ("y\r", "\x04"), ("y", "\n")])
def test_keys_typed_before_a_question_are_no_answer(
    early: str, answer: str, azure: Sandbox, tmp_path: Path
) -> None:
    with at_terminal(azure, tmp_path, *SETUP) as run:
        run.send(early)
        run.expect_exact("Apply? [y/N] ")
        run.send(answer)
        assert "Cancelled. Nothing was changed." in run.read()
    assert (run.exitstatus, azure.writes()) == (1, [])


def test_answering_yes_applies_the_plan_and_shows_a_secret_once_beside_the_steps(
    azure: Sandbox, tmp_path: Path
) -> None:
    """The list of steps, which is drawn again and again, makes room for it."""
    ended, shown = _asked(azure, tmp_path, "y\n", words=(*SETUP, "--secret-to", "show"))
    assert (ended, azure.restarts(), "admin consent" in shown) == (0, 1, True), shown
    assert shown.count("shown here once: ") == 1
    plain = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", shown)
    line = next(line for line in plain.splitlines() if "shown here once: " in line)
    assert line.startswith("Secret of One  expires ")
    assert secrets_in(line.rpartition(": ")[2]) != [], "whole, and on a line of its own"


@pytest.fixture
def made_by_hand(azure: Sandbox) -> Json:
    """A registration that only the App Service's settings name."""
    api: Json = azure.graph(
        "POST",
        "/applications",
        json={"displayName": "By hand", "signInAudience": "AzureADMyOrg"},
    )
    uri = f"api://{api['appId']}"
    azure.graph("PATCH", f"/applications/{api['id']}", json={"identifierUris": [uri]})
    azure.graph("POST", "/servicePrincipals", json={"appId": api["appId"]})
    azure.let_own(api["appId"])
    azure.write_settings({**azure.settings(), "ServiceAuthAudience": uri})
    azure.forget()
    return api


USE = "Use it as the service application of this App Service? [y/N] "


@pytest.mark.parametrize("end", [TimeoutError(), KeyboardInterrupt()], ids=["deadline", "Ctrl-C"])
@pytest.mark.parametrize("has_written", [False, True])
def test_a_question_says_that_nothing_was_changed_only_before_a_write(
    end: BaseException, has_written: bool
) -> None:
    run = CommandRun(AzureOptions())
    run.is_asking = True
    done = (principal(),) if has_written else ()
    run.site_reports = lambda: [SiteReport("learn", done=done)]
    assert ("Nothing was changed." in run.as_reported(end).message) is not has_written


def test_setup_at_a_terminal_asks_before_it_uses_a_registration_that_only_the_settings_name(
    azure: Sandbox, tmp_path: Path, made_by_hand: Json
) -> None:
    with at_terminal(azure, tmp_path, *SETUP, columns=120) as run:
        run.expect_exact(USE)
        named = f"ServiceAuthAudience names 'By hand' (appId {made_by_hand['appId']}), which is not"
        assert named in " ".join(run.before.split())
        run.send("y\n")
        run.expect_exact("Apply? [y/N] ")
        plan = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", run.before)
        assert "~ service application By hand" in " ".join(plan.split())
        run.send("y\n")
        shown = run.read()
    assert (run.exitstatus, azure.applications("MCT service (contosolearn)")) == (0, []), shown


@pytest.mark.parametrize(("answer", "code"), [("n\n", 2), ("\x03", 130)])
def test_a_registration_that_is_not_to_be_used_is_refused_as_without_a_terminal(
    azure: Sandbox, tmp_path: Path, made_by_hand: Json, answer: str, code: int
) -> None:
    ended, shown = _asked(azure, tmp_path, answer, question=USE)
    assert (ended, azure.writes()) == (code, []), shown
    assert (f"--service-app {made_by_hand['appId']}" in shown) == (code == 2), shown


@pytest.mark.parametrize(
    "words",
    [("teardown",), ("configure-appservice",), (*SETUP, "-y"), (*SETUP, "-o", "json")],
    ids=" ".join,
)
def test_no_other_command_asks_whether_to_use_another_registration(
    azure: Sandbox, tmp_path: Path, made_by_hand: Json, words: tuple[str, ...]
) -> None:
    assert made_by_hand
    ended, shown = _asked(azure, tmp_path, words=words)
    assert (ended, "Use it as" in shown, azure.writes()) == (2, False, []), shown


NAME = "To remove all of this, type contosolearn: "


def test_teardown_at_a_terminal_asks_for_the_name_to_be_typed(
    azure: Sandbox, tmp_path: Path, mct: Program
) -> None:
    assert mct("setup", "--client", "One", "--managed-identity", "reports-func", "-y").code == 0
    azure.forget()
    ended, shown = _asked(azure, tmp_path, "y\n", "\n", words=("teardown",), question=NAME)
    assert (ended, azure.writes()) == (1, []), shown
    assert "That is not 'contosolearn'. To cancel, press Enter." in shown, "a yes is no name"
    assert "The managed identity of 'reports-func' stays enabled." in " ".join(shown.split())
    ended, shown = _asked(azure, tmp_path, "ContosoLearn\n", words=("teardown",), question=NAME)
    assert (ended, azure.made_by_us()) == (0, []), shown


ALOUD = [
    ("MCT App Service:", ""), ("Number, 1 to", f"0{ENTER}"), ("Type a number from 1 to", ""),
    ("Number, 1 to", f"1{ENTER}"), ("4. Managed identity", ""), ("Number, 1 to", f"3{ENTER}"),
    ("Name of that program", f"etl{ENTER}"), ("Repository:", f"acme{ENTER}"),
    ("Write OWNER/REPO, such as contoso/learn.", ""), ("Repository:", f"acme/etl{ENTER}"),
    ("1. No, that is all", ""), ("Number, 1 to", f"1{ENTER}"), ("Apply? [y/N]", f"y{ENTER}"),
]  # fmt: skip


def test_a_screen_reader_gets_lines_and_numbers_and_nothing_is_drawn_over(
    keys: Keys, azure: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a terminal that can't move its cursor."""
    monkeypatch.setitem(azure.environment, "MCT_S2S_SCREEN_READER", "1")
    code, shown = keys(["setup"], *ALOUD)
    assert code == 0, shown
    assert azure.restarts() == 1
    assert "Created service application" in shown
    assert not re.search(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]|\x1b\[\d*[A-GJK]", shown)
    assert "mct-s2s setup -a contosolearn" in shown


def test_the_end_of_input_at_a_numbered_question_means_no(
    keys: Keys, azure: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(azure.environment, "MCT_S2S_SCREEN_READER", "1")
    code, shown = keys(["setup"], ("Number, 1 to", CTRL_D))
    assert (code, azure.writes()) == (1, []), shown
    assert "Cancelled. Nothing was changed." in shown


@pytest.mark.parametrize(
    ("command", "text"),
    [("setup", "Number, 1 to"), ("setup", "Name of that program"), ("status", "Number, 1 to")],
)
def test_ctrl_c_at_a_question_for_a_screen_reader_says_that_nothing_was_changed(
    keys: Keys, azure: Sandbox, monkeypatch: pytest.MonkeyPatch, command: str, text: str
) -> None:
    monkeypatch.setitem(azure.environment, "MCT_S2S_SCREEN_READER", "1")
    at = next(at for at, (shown, _) in enumerate(ALOUD) if text in shown)
    code, shown = keys([command], *ALOUD[:at], (text, CTRL_C))
    assert (code, azure.writes()) == (130, []), shown
    assert "Cancelled. Nothing was changed." in shown
    assert "Interrupted." not in shown


def test_who_has_a_screen_reader_is_asked_on_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    dumb = {"TERM": "dumb"}
    assert not may_ask(AzureOptions(), dumb)
    assert may_ask(AzureOptions(), dumb | {"MCT_S2S_SCREEN_READER": "1"})
    assert not may_ask(AzureOptions(), dumb | {"MCT_S2S_SCREEN_READER": "1", "CI": "true"})
