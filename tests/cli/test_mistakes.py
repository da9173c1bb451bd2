"""Bad input: one message with a remedy, the exit code, nothing written.

A bug of ours: one line and a private file.
"""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import platformdirs
import pytest
import typer
from mct_s2s.cli import mistakes
from mct_s2s.cli.app import app, main
from mct_s2s.cli.mistakes import crash_text, usage_error
from mct_s2s.errors import NotThere, UsageError
from mct_s2s.planning.clients import did_you_mean
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error

from tests.cli.conftest import Program
from tests.conftest import MACHINE, SITE, Sandbox, at_home, without_azure
from tests.support.screens import check_readable, check_screen

OTHER = "11111111-2222-3333-4444-555555555555"

OF_FORM: dict[str, tuple[str, str]] = {
    "zzzz": ("No such command 'zzzz'.", "mct-s2s --help"),
    "zzzz --help": ("No such command 'zzzz'.", "mct-s2s --help"),
    "sandbox serv": ("No such command 'serv'. Did you mean 'serve'?", "mct-s2s sandbox --help"),
    "status -z": ("No such option '-z'.", "mct-s2s status --help"),
    "sandbox --port 1 serve": (
        "No such option '--port'.",
        "Options follow the command: mct-s2s sandbox COMMAND --port …",
    ),
    "status -oxml": ("Invalid --output 'xml'. Use one of text, json", "mct-s2s status --help"),
    "status --timeout=soon": (
        "Invalid --timeout 'soon'. A number is expected",
        "mct-s2s status --help",
    ),
    "status --timeout nan": ("Invalid --timeout 'nan'.", "mct-s2s status --help"),
    "status --timeout -5": ("Invalid --timeout '-5'. 0.1 or more is expected.", "status --help"),
    "sandbox serve --port 99999": (
        "Invalid --port '99999'. 65000 or less is expected.",
        "mct-s2s sandbox serve --help",
    ),
    "status a -a b": (
        "--app-service 'b' and 'a' cannot be combined.",
        "Remove one of them: 'a' means --app-service 'a'.",
    ),
    "status -f a.toml --file b.toml": (
        "--file 'a.toml' and --file 'b.toml' cannot be combined.",
        "Run the command once for each file.",
    ),
    "snippet": ("No client given.", "mct-s2s snippet NAME"),
    "status learn -a learn --timeout=soon": ("Invalid --timeout 'soon'.", "mct-s2s status --help"),
    "help stauts": ("No such command 'stauts'. Did you mean 'status'?", "mct-s2s --help"),
    "status -a": ("-a needs a value: NAME_OR_ID.", "mct-s2s status --help"),
    "status -o": (
        "-o needs a value: one of text, json, csv, markdown.",
        "mct-s2s status --help",
    ),
    "setup --yes=5": ("--yes takes no value.", "mct-s2s setup --help"),
    "setup --clinet A": (
        "No such option '--clinet'. Did you mean '--client'?",
        "mct-s2s setup --help",
    ),
    "configure-appservice --client A": (
        "No such option '--client'.",
        "To add a client: mct-s2s add-client NAME",
    ),
    "teardown --restore x.json": (
        "No such option '--restore'.",
        "To restore settings: mct-s2s configure-appservice --restore FILE",
    ),
    "apply": ("No --file given.", "mct-s2s apply --help"),
    "sandbox save": ("No FILE given.", "mct-s2s sandbox save --help"),
    "sandbox save a 'b c'": ("Unexpected 'b c'.", "mct-s2s sandbox save --help"),
    "sandbox serve --listen x": ("Invalid --listen 'x'.", "mct-s2s sandbox serve --help"),
    "sandbox serve --world no": ("Cannot use 'no': No such file or directory.", "Check the path."),
    "add-client A B": ("Unexpected 'B'.", "write one name a line: mct-s2s add-client --from FILE"),
}

BEFORE_ANYTHING_IS_SENT = {
    "setup -a /subscriptions/x": "malformed-resource-id",
    f"status -a {SITE.replace('/sites/', '/serverfarms/')}": "not-an-app-service",
    "configure-appservice --tenant-id contoso": "malformed-id",
    "add-client": "client-missing",
    "add-client A --secret-lifetime 2020-01-01": "lifetime-in-the-past",
    "add-client A --secret-lifetime 3y": "malformed-lifetime",
    "add-client A --credential certificate --certificate /nowhere/x.pem": "certificate-unfit",
    "add-client A --credential secret --certificate x.pem": "contradictory-options",
    "add-client A --github a/b --certificate x.pem": "contradictory-options",
    "add-client A --github a/b --secret-to show": "contradictory-options",
    "add-client A --credential none --secret-to show": "contradictory-options",
    "rotate-secret": "client-missing",
    "rotate-secret One --expiring-within 30d": "contradictory-options",
    "rotate-secret One --keep-old soon": "malformed-duration",
    "rotate-secret One --keep-old 1d --remove-old": "contradictory-options",
    "rotate-secret --expiring-within 30d --secret-lifetime 20d": "lifetime-too-short",
    "setup --client A --credential federated": "federation-incomplete",
    "add-client A --credential federated --github a": "malformed-repository",
    "setup --role 'a b'": "malformed-role",
    "setup -o markdown": "usage",
    "status --cloud mars": "unknown-cloud",
    "status --cloud http://localhost:1": "unknown-cloud",
    f"status -a {SITE} -g other": "contradictory-options",
    "setup --handoff /nowhere/x.json": "handoff-unwritable",
    "configure-appservice --from /nowhere/x.json": "handoff-unreadable",
    "configure-appservice --from x.json --role R": "contradictory-options",
    "configure-appservice --disable --role R": "contradictory-options",
    "status --all --slot staging": "contradictory-options",
    "export --all -g other": "contradictory-options",
    "export --all --url https://host": "contradictory-options",
    "export --url http://host": "malformed-url",
    "setup --no-app-service --backup before.json": "contradictory-options",
    "verify --path api/v1": "malformed-path",
    "verify --path //evil.example/x": "malformed-path",
    "verify --url http://contosolearn.azurewebsites.net": "malformed-url",
    "verify --url https://host/path": "malformed-url",
    "verify --url https://user@host": "malformed-url",
    "verify --url https://host:port": "malformed-url",
    "verify --audience api://x --auth environment": "url-missing",
    "verify --audience api://x --url https://host --auth cli": "no-client-sign-in",
}

AFTER_LOOKING = {
    "setup -a contosolern -y": "site-not-found",
    "setup --slot blue -y": "slot-not-found",
    "setup --managed-identity nobody -y": "site-not-found",
    f"setup --managed-identity {MACHINE}-nobody -y": "resource-not-found",
    f"setup -s {OTHER} -y": "subscription-not-found",
    f"setup --service-app {OTHER} -y": "service-application-missing",
    "setup --client A --secret-to file:/proc/x -y": "secret-place-unwritable",
    "setup --client A --credential certificate --secret-to file:/tmp/it's$5.env -y": (
        "secret-place-unfit"
    ),
    "setup --client A --secret-to keyvault:https://contoso.vault.localhost.example.com -y": (
        "foreign-vault"
    ),
    "setup": "confirmation-missing",
}


def test_a_place_that_all_expiring_clients_would_share_is_not_said_to_be_of_two(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "399")
    assert (
        main(
            [
                "rotate-secret",
                "-a",
                "learn",
                "--expiring-within",
                "30d",
                "--secret-to",
                "exec:cat",
                "-y",
            ]
        )
        == 2
    )
    assert (
        "it would be given the secrets of all clients that expire in turn."
        in capsys.readouterr().err
    )


def test_the_remedy_for_a_missing_client_keeps_the_site_that_was_given(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "399")
    where = "-a learn -g mct --cloud usgov"
    for verb, words in {"snippet": "NAME", "remove-client": "NAME", "add-client": "NAME"}.items():
        assert main([verb, *where.split()]) == 2
        assert f"mct-s2s {verb} {words} {where}" in capsys.readouterr().err
    assert main(["rotate-secret", *where.split()]) == 2
    assert f"mct-s2s rotate-secret --expiring-within 30d {where}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"), [("MCT_S2S_VERBOSE", "maybe"), ("MCT_S2S_TIMEOUT", "abc")]
)
def test_the_form_of_an_environment_variable_is_said_in_our_words(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["status"]) == 2
    err = capsys.readouterr().err
    assert f"Invalid {name} '{value}'." in err
    assert ("Input should" in err, "is expected." in err) == (False, True)


@pytest.mark.parametrize("line", OF_FORM)
def test_a_mistake_of_form_is_named_with_what_was_meant_or_the_help_that_explains_it(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "399")
    assert main(shlex.split(line)) == 2
    out, err = capsys.readouterr()
    message, remedy = OF_FORM[line]
    assert out == ""
    assert f"error: {message}" in err
    assert err.rstrip().endswith(remedy)


def test_a_wrong_variable_is_told_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MCT_S2S_AUTH", "magic")
    assert main(["status"]) == 2
    assert "Invalid MCT_S2S_AUTH 'magic'." in capsys.readouterr().err


def test_one_value_given_twice_is_one_value(mct: Program) -> None:
    assert mct(
        "status", "-a", "contosolearn", "-a", "contosolearn", "-o", "text", "-ojson"
    ).document


@pytest.mark.parametrize("line", BEFORE_ANYTHING_IS_SENT)
def test_a_mistake_is_told_before_anything_is_sent(mct: Program, azure: Sandbox, line: str) -> None:
    words = shlex.split(line)
    confirmed = [] if words[0] in {"status", "verify", "export"} else ["-y"]
    done = mct(*words, *confirmed, env={"MCT_S2S_OUTPUT": "json", "MCT_S2S_URL": ""})
    assert done.code == 2, done
    assert [row["path"] for row in azure.log()] in ([], ["/metadata/endpoints"])
    (told,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    message, _, code = told.removeprefix("error: ").rpartition(" ")
    assert code == f"[{BEFORE_ANYTHING_IS_SENT[line]}]", "one line for whoever watches"
    if "-o" not in words:
        error = done.document["error"]
        assert (error["code"], error["message"].startswith(message)) == (
            BEFORE_ANYTHING_IS_SENT[line],
            True,
        )


@pytest.mark.parametrize("line", AFTER_LOOKING)
@pytest.mark.as_administrator(
    "who may not read the group is told of a role, not of a name that is not there"
)
def test_a_mistake_that_azure_shows_is_told_before_anything_is_written(
    mct: Program, azure: Sandbox, line: str
) -> None:
    away = {"MCT_S2S_RESOURCE_GROUP": ""} if AFTER_LOOKING[line] == "site-not-found" else {}
    done = mct(*line.split(), "-o", "json", env=away)
    assert done.code == 2, done
    assert done.document["error"]["code"] == AFTER_LOOKING[line]
    assert azure.writes() == []


def test_a_mistake_is_one_message_with_its_remedy_for_a_person(mct: Program) -> None:
    done = mct("setup", "contosolern", env={"MCT_S2S_RESOURCE_GROUP": ""})
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("error: ") == 1
    assert "[site-not-found]\n" in done.err
    assert "→ Did you mean contosolearn (in mct-prod)?\n" in done.err, (
        "and not the function app beside it"
    )
    assert "Traceback" not in done.err


@pytest.mark.as_administrator("the sites of the subscription are listed")
def test_of_a_mistyped_slot_the_nearest_is_suggested(mct: Program) -> None:
    assert "→ Did you mean 'staging'?\n" in mct("status", "--slot", "stagin").err
    assert "az webapp deployment slot list" in mct("status", "--slot", "blue").err


@pytest.mark.as_administrator("the sites of the subscription are listed")
def test_of_a_site_in_another_group_no_other_name_is_suggested(
    mct: Program, azure: Sandbox
) -> None:
    azure.add_site(name="contosolearn2", group="mct-prod")
    done = mct("status", "-a", "contosolearn", "-g", "mct-prd")
    assert done.code == 2
    assert "→ Did you mean contosolearn (in mct-prod)?\n" in done.err


@pytest.mark.as_administrator("the sites of the subscription are listed")
def test_a_site_that_is_called_quite_otherwise_is_found_among_those_that_are_there(
    mct: Program,
) -> None:
    """`az` may be signed in elsewhere, or not at all."""
    done = mct("status", "-a", "zzz", env={"MCT_S2S_RESOURCE_GROUP": ""})
    assert done.code == 2
    assert "→ MCT sites here: contosolearn (mct-prod)." in done.err


@pytest.mark.as_administrator("the sites of the subscription are listed")
def test_the_sites_that_are_named_are_not_said_to_be_all_beside_other_web_apps(
    mct: Program, azure: Sandbox
) -> None:
    """The settings of those, which are not read for a mistake, may be MCT's."""
    for number in range(12):
        azure.add_site(name=f"customer{number:02}", group="customers")
    done = mct("status", "-a", "zzz", env={"MCT_S2S_RESOURCE_GROUP": ""})
    assert done.code == 2
    told = " ".join(done.err.split())
    assert "MCT sites here: contosolearn (mct-prod). Other web apps: " in told
    assert "customer00 (customers), " in told
    assert " more." in told, done
    numbered = mct("status", "-a", "customer77", env={"MCT_S2S_RESOURCE_GROUP": ""})
    assert "MCT sites here: " in numbered.err, "another number is no typing error"
    assert "Did you mean customer03 (in customers)?" in mct("status", "-a", "custmer03").err


@pytest.mark.as_administrator("the subscription's name is read")
def test_who_mistypes_a_managed_identity_is_shown_how_to_list_function_apps_too(
    mct: Program, azure: Sandbox
) -> None:
    """By the subscription that was searched: az may have another one as its default."""
    done = mct("setup", "--managed-identity", "zzz", "--dry-run")
    assert "in the subscription 'Contoso Production' is named 'zzz'" in done.err
    listing = f"az resource list --subscription {azure.subscription_id} --resource-type "
    assert f"{listing}Microsoft.Web/sites" in done.err, done


NOBODY = {"AZURE_CLIENT_ID": "", "AZURE_CLIENT_SECRET": "", "PATH": "/nowhere"}


@pytest.mark.parametrize(
    ("words", "env", "code", "name"),
    [
        ((), NOBODY, 4, "not-signed-in"),
        (("--cloud", "https://localhost:9"), {}, 1, "cloud-unreachable"),
    ],
)
def test_who_is_not_signed_in_or_reaches_nobody_is_told_by_the_exit_code(
    mct: Program, words: tuple[str, ...], env: Mapping[str, str], code: int, name: str
) -> None:
    done = mct("status", *words, "-o", "json", env=env)
    assert (done.code, done.document["error"]["code"]) == (code, name)


@pytest.mark.parametrize("words", [(), ("sandbox",)], ids=["mct-s2s", "mct-s2s sandbox"])
def test_a_group_alone_prints_a_short_help(words: tuple[str, ...], mct: Program) -> None:
    done = mct(*words)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) < 24
    assert [line for line in lines if line != line.rstrip() or len(line) > 80] == []
    shown = {word for line in lines for word in line.split()}
    assert {"serve", "reset"} <= shown if words else {"doctor", "setup", "status", "help"} <= shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("add-client", "two\nlines"),
            "it has a line break or control character. [client-name-unusable]",
        ),
        (("add-client", "n" * 121), "it has 121 characters. [client-name-unusable]"),
        (
            ("configure-appservice", "--restore", "no.json"),
            "'no.json': No such file or directory. [backup-unreadable]",
        ),
        (
            ("configure-appservice", "--from", "no.json"),
            "'no.json': No such file or directory. [handoff-unreadable]",
        ),
        (("teardown", "--dry-run"), "No changes. There is nothing to remove from contosolearn."),
    ],
)
def test_a_command_that_can_do_nothing_says_why(
    mct: Program, words: tuple[str, ...], told: str
) -> None:
    done = mct(*words)
    assert told in " ".join((done.out + done.err).split())


PROGRAM = typer.main.get_command(app)
LINES = (
    "stauts", "setup --cleint A", "-a contosolearn status --all", "status --auth clii",
    "setup contosolearn Import",
)  # fmt: skip


def _usage_error(line: str) -> UsageError:
    words = shlex.split(line)
    try:
        PROGRAM(words, standalone_mode=False, prog_name="mct-s2s")
    except Exception as error:
        return usage_error(error, words)
    raise AssertionError(line)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("setup -f trust.toml", "mct-s2s setup --app-service NAME"),
        ("apply trust.toml", "mct-s2s apply -f trust.toml"),
    ],
)
def test_a_trust_file_that_is_named_wrongly_is_answered_with_the_right_command(
    line: str, right: str
) -> None:
    assert right in _usage_error(line).remedy


def _mistakes(terminal: Terminal) -> None:
    for line in LINES:
        show_error(terminal, _usage_error(line))


def _unknown_client(terminal: Terminal) -> None:
    clients = ["Import", "Nightly import of users", "S2S-client"]
    message = (
        f"'S2S-clinet' is not a client of this App Service. The clients are: {', '.join(clients)}."
    )
    remedy = (
        f"{did_you_mean('S2S-clinet', clients, '')} If it may already be removed, add "
        "--ignore-missing."
    )
    show_error(terminal, NotThere("client-unknown", message, remedy=remedy))


def _crash(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Path("/home/ada/.local/state/mct-s2s/log/crash-20261124-120000-00ff.log")
    monkeypatch.setattr(mistakes, "write_crash", lambda _: log)
    monkeypatch.setattr(Terminal, "open", lambda **_: terminal)
    monkeypatch.setattr(mistakes, "__version__", "1.0.0")
    monkeypatch.setattr(platform, "python_version", lambda: "3.13.1")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    mistakes.report(KeyError("x"), ())


def test_a_mistake_looks_as_it_did() -> None:
    check_screen("error", _mistakes)


@pytest.mark.parametrize("screen", [_mistakes, _unknown_client], ids=["of form", "of a name"])
def test_a_mistake_is_readable_on_any_terminal(screen: Callable[[Terminal], None]) -> None:
    check_readable(screen)


def test_a_crash_is_readable_on_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    check_readable(lambda terminal: _crash(terminal, monkeypatch))


SECRETS = {
    "a client secret": ("abc8Q~" + "d" * 34, "d" * 34),
    "a token": ("eyJhbGciOi.eyJzdWIi.c2ln", "eyJ"),
    "a value of the environment": ("correct horse battery", "correct horse"),
    "a private key": ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
    "a header": ("Authorization: Bearer opaque-token-1", "opaque-token-1"),
    "a signature": ("https://x.example/?sv=1&sig=c2lnbmF0dXJl&x=1", "c2lnbmF0dXJl"),
}


def failure(text: str) -> Exception:
    try:
        raise KeyError(text)
    except KeyError as error:
        return error


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "logs"
    monkeypatch.setattr(platformdirs, "user_log_path", lambda *_, **__: folder)
    monkeypatch.delenv("COLUMNS", raising=False)
    return folder


@pytest.mark.parametrize(("secret", "part"), SECRETS.values(), ids=SECRETS)
def test_a_traceback_has_no_secret(secret: str, part: str) -> None:
    text = crash_text(failure(secret), "facts", {"AZURE_CLIENT_SECRET": "correct horse battery"})
    assert text.startswith("facts\nTraceback")
    assert ("[removed]" in text, part in text) == (True, False)


def test_a_bug_is_one_line_and_a_private_file(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mistakes.report(failure("x\x1b[31m"), ()) == 1
    out, err = capsys.readouterr()
    (log,) = logs.iterdir()
    assert out == ""
    assert "Traceback (most recent" not in err
    assert err.startswith("error: This is a bug in mct-s2s (KeyError).")
    assert f"    {log}\n" in err
    assert mistakes.ISSUES in err
    assert "KeyError" in log.read_text()
    assert "\x1b" not in log.read_text()
    if os.name == "posix":
        assert (log.stat().st_mode & 0o777, logs.stat().st_mode & 0o777) == (0o600, 0o700)


def test_without_a_place_for_the_file_the_traceback_is_shown(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.write_text("in the way")
    assert mistakes.report(failure("x"), ("-ojson",)) == 1
    out, err = capsys.readouterr()
    assert "Traceback (most recent" in err
    assert '"internal-error"' in out


def test_completion_for_a_home_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.touch()
    words = [sys.executable, "-m", "mct_s2s", "--install-completion", "bash"]
    # Typed, and not found out by the processes above this one
    environment = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    environment |= {**without_azure(), **at_home(home)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done
    assert done.stderr.startswith("error: Cannot write to "), done.stderr
    assert "Traceback" not in done.stderr
