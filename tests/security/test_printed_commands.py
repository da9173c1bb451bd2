"""Names and answers are data: none steers a terminal, a log or a document, and each stays one word
in a shell.
"""

import ast
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mct_s2s import errors
from mct_s2s.azure.sign_in.login_refusals import token_refused
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.options_to_request import where
from mct_s2s.model.caller_rights import CallerRights, Permission, ScopeRights, SignedIn
from mct_s2s.model.client_sign_in import ApiToken
from mct_s2s.model.commands import (
    command,
    grant_on_vault,
    option,
    own_command,
    use_shell,
    webapp_command,
)
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.planning.belief import Doubt, Doubted, Reason
from mct_s2s.planning.changes import Outputs, RestartSite
from mct_s2s.planning.not_ours import not_ours
from mct_s2s.planning.permissions.rights import RequiredPermission, Right, judge
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reports.findings import diagnose, stopped
from mct_s2s.planning.reports.verification import identity_checks, reasons, why_refused
from mct_s2s.planning.service_facts import CLIENT
from mct_s2s.planning.site import pinning_command
from mct_s2s.render.credentials import vault_reading
from mct_s2s.render.manual_steps import instructions

from tests.cli.conftest import Program
from tests.conftest import Sandbox
from tests.planning.scenarios import SERVICE, SERVICE_PRINCIPAL, TENANT, client
from tests.planning.scenarios import settings as site_settings
from tests.render.examples import consent
from tests.render.hostile import MARKUP, STEERING, is_plain, observed
from tests.support.parsing import parsed
from tests.support.sampling import cases, sampled

EVIL = "x'$(touch pwned)`touch pwned`\"&touch pwned|touch pwned\\ #*~\ntouch pwned"
"""What would become a command of its own, if anything could."""
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
PACKAGE = Path(errors.__file__).parent


# the helper


@given(st.lists(WORDS, min_size=1, max_size=5))
@settings(max_examples=cases(200, 5000))
def test_each_value_is_one_word_of_a_printed_command(words: list[str]) -> None:
    assert shlex.split(command(*words)) == words
    assert shlex.split(option("--name", words[0])) == ["--name", words[0]]
    line = shlex.split(own_command("add-client", *words, where=shlex.join(["-a", words[0]])))
    assert line == ["mct-s2s", "add-client", *words, "-a", words[0]]


@pytest.mark.parametrize(
    ("shell", "words"),
    {
        "powershell": {
            "Import": "Import",
            "show me": "'show me'",
            "it's $x `y": "'it''s $x `y'",
            "a,b": "'a,b'",
        },
        "cmd": {
            "api://x-1": "api://x-1",
            "show me": '"show me"',
            'say "hi" & x': '"say ""hi"" & x"',
            "100%": '"100"^%""',
            "C:\\a b\\": '"C:\\a b\\\\"',
        },
    }.items(),
)
def test_on_windows_each_value_is_one_word_of_its_shells(shell: str, words: dict[str, str]) -> None:
    use_shell(shell)
    try:
        assert {word: command(word) for word in words} == words
    finally:
        use_shell("posix")


@given(WORDS)
def test_an_argument_is_never_taken_for_an_option(name: str) -> None:
    line = shlex.split(own_command("remove-client", about=name, where="-a site"))
    if name.startswith("-"):
        assert line == ["mct-s2s", "remove-client", "-a", "site", "--", name]
    else:
        assert line == ["mct-s2s", "remove-client", name, "-a", "site"]


# everything that prints a command


def state() -> ObservedState:
    """Everything that others can name is called EVIL."""
    seen = observed(EVIL)
    assert seen.app_service is not None
    resource = ResourceId.site(EVIL, EVIL, EVIL, EVIL)
    values = site_settings(
        ServiceAuthTenantName=EVIL, ServiceAuthAudience=EVIL, ServiceApplicationIds=EVIL
    )
    foreign = client("Old", access=False)
    named = replace(
        foreign.application, client_id=ClientId(EVIL), display_name=EVIL, credentials=()
    )
    return replace(
        seen,
        where=shlex.join(["-a", EVIL]),
        app_service=replace(seen.app_service, resource=resource, state="Stopped", settings=values),
        trust=replace(
            seen.trust,
            clients=(*seen.trust.clients, replace(foreign, application=named)),
            principal=replace(SERVICE_PRINCIPAL, assignment_required=True),
        ),
    )


def proofs() -> Iterator[str | None]:
    seen = state()
    token = ApiToken(EVIL, EVIL, TENANT.id, ClientId(EVIL), PrincipalId(EVIL), (EVIL,), "1.0", EVIL)
    yield from (remedy for _, remedy in reasons(token, EVIL, seen))
    yield why_refused(token, EVIL, seen)[1]
    refused = (
        token_refused(Exception(f"AADSTS{at}: no"), EVIL, EVIL)
        for at in ("7000215", "700016", "700027")
    )
    yield from (error.command for error in refused)
    yield from (
        check.remedy for check in identity_checks(seen.trust.identities, seen, EVIL, EVIL, EVIL)
    )
    site = stopped(seen.app_service)
    yield site.remedy if site else None


def grants() -> Iterator[str]:
    resource = ResourceId.site(EVIL, EVIL, EVIL)
    locked = ScopeRights((Permission(("*",)),), (f"/subscriptions/{EVIL}/{EVIL}",))
    for rights in (
        CallerRights(SignedIn("x", ClientId(EVIL), is_person=False), permissions=frozenset()),
        CallerRights(
            SignedIn("x", is_person=True, id=PrincipalId(EVIL), name=EVIL),
            roles=frozenset(),
            graph=f"https://{EVIL}",
        ),
    ):
        for scope in (locked, ScopeRights((), ())):
            access = replace(rights, scopes={str(resource).lower(): scope})
            for need in (
                RequiredPermission(Right.RESTART, EVIL, resource=resource),
                RequiredPermission(Right.CONSENT, EVIL),
            ):
                yield from (missing.command for missing in judge(need, access)[1])


def handovers() -> Iterator[str]:
    resource = ResourceId.site(EVIL, EVIL, EVIL, EVIL)
    steps = (
        consent(EVIL, identity_resource=resource),
        consent(EVIL, ClientId(EVIL)),
        consent(EVIL),
        RestartSite(key="x", name=EVIL, site=resource),
    )
    steps_left = instructions(Plan(manual_steps=steps), state(), Outputs(), Path(EVIL))
    yield from (step.command for step in steps_left)


def others() -> Iterator[str]:
    seen = state()
    assert seen.app_service is not None
    yield vault_reading(SecretPlace(PlaceKind.KEY_VAULT, f"{EVIL}/{EVIL}"))
    deleted = replace(SERVICE, object_id=ApplicationObjectId(EVIL))
    refused = not_ours(
        deleted, Doubted((Reason(Doubt.CREDENTIALS, (EVIL,)),)), CLIENT, f"https://{EVIL}"
    )
    yield from (refused.command, *(way.command for way in refused.ways_out))
    yield pinning_command(seen.app_service, seen.api)
    yield webapp_command("restart", ResourceId.site(EVIL, EVIL, EVIL, EVIL))
    yield grant_on_vault(EVIL, EVIL, EVIL)
    evil = AzureOptions(app_service=EVIL, resource_group=EVIL, subscription=EVIL, tenant=EVIL)
    yield f"mct-s2s status {where(evil)}"
    yield f"mct-s2s status {where(AzureOptions(app_service=EVIL, cloud=EVIL), seen.app_service)}"


def commands() -> list[str]:
    found = [finding.remedy for finding in diagnose(state())]
    found += [remedy for remedy in proofs() if remedy]
    found += [*grants(), *handovers(), *others()]
    return [command for command in found if command.startswith(("az ", "mct-s2s "))]


def pasted(script: str, home: Path) -> list[list[str]]:
    """What a shell makes of it: the words of each command; Python's program is what it reads."""
    tools = home / "tools"
    tools.mkdir()
    for name in ("az", "mct-s2s", "curl", "kubectl", "python3"):
        tool = tools / name
        tool.write_text(
            f'#!/bin/sh\n[ {name} = python3 ] && [ "$1" = - ] && exec /bin/cat > {home}/program\n'
            f"{{ printf '%s\\0' {name} \"$@\"; printf '\\1'; }} >> {home}/log.$$\necho made-up\n"
        )
        tool.chmod(0o755)
    copy = home / "there"
    copy.mkdir()
    done = subprocess.run(
        ["/bin/sh", "-eu"], input=script, cwd=copy, env={"PATH": f"{tools}:{os.defpath}"},
        capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(copy.iterdir()) == [], "a value became a command"
    # One a process: pipes run at once
    logs = [log.read_text(encoding="utf-8") for log in sorted(home.glob("log.*"))]
    return [row.split("\0")[:-1] for log in logs for row in log.split("\1")[:-1]]


def test_a_shell_takes_no_value_for_a_command(tmp_path: Path) -> None:
    lines = commands()
    assert len(lines) >= 37
    ran = pasted("\n".join(lines), tmp_path)
    assert len(ran) >= len(lines)
    for line in lines:
        assert any(
            EVIL in word for words in ran for word in words if shlex.split(line)[:3] == words[:3]
        ), line
    assert {words[0] for words in ran} == {"az", "mct-s2s"}


# nobody puts a value into a command by himself

_COMMAND = re.compile(
    r"(?:^|[\s`(])(?:az [a-z]|kubectl [a-z]|curl -|export [A-Z]|mct-s2s "
    r"(?:setup|add-client|configure-appservice|"
    r"status|verify|rotate-secret|remove-client|teardown|doctor|snippet|apply|sandbox)\b)"
)
_OPTION = re.compile(r"(?:^|[\s`(])--?[a-z][a-z-]*[ =]$")
_QUOTED = (
    "option(",
    "command(",
    "own_command(",
    "webapp_command(",
    "grant_on_vault(",
    "shlex.",
    "export(",
)
_OURS = {
    "kind.value", "name", "GITHUB", "option",
    "token", "scope", "PICK_TOKEN", "other", "query", "endpoint", "HEADER",
    "WATCH_SECONDS", "vault_reading(client.saved_to)", "known",
    "until", "API_PATH", "USUAL_PATH",
}  # fmt: skip
"""Words of our own, dates, and what is made of quoted pieces."""


def test_no_text_of_the_program_has_a_value_in_a_command_but_by_the_helper() -> None:
    problems = []
    for path in sorted(
        [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "scripts" / "conformance.d").rglob("*.py")]
    ):
        if PACKAGE / "sandbox" in path.parents or path.name == "commands.py":
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.JoinedStr):
                problems += [
                    f"{path.relative_to(PACKAGE.parent)}:{node.lineno} {value}"
                    for value in _unquoted(node)
                ]
    assert problems == []


def _unquoted(node: ast.JoinedStr) -> Iterator[str]:
    before = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            before += str(part.value)
            continue
        assert isinstance(part, ast.FormattedValue)
        value = ast.unparse(part.value)
        if (
            (_COMMAND.search(before) or _OPTION.search(before))
            and not value.startswith(_QUOTED)
            and value not in _OURS
        ):
            yield value
        before += "…"


# end to end


def test_an_entry_of_an_allow_list_is_removed_by_the_command_that_is_printed(
    mct: Program, azure: Sandbox
) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0
    evil = "x'$(touch pwned)`id`"
    listed = azure.settings()["ServiceApplicationIds"]
    for entry in (evil, "--yes"):
        azure.write_settings({**azure.settings(), "ServiceApplicationIds": f"{listed};{entry}"})
        seen = mct("status", "-o", "json")
        assert seen.code == 3
        (finding,) = seen.document["findings"]
        words = shlex.split(finding["remedy"])
        assert entry in words
        assert words[0] == "mct-s2s"
        at = words.index("--") if "--" in words else len(words)
        assert mct(*words[1:at], "-y", *words[at:]).code == 0
        assert azure.settings()["ServiceApplicationIds"] == listed


def test_the_folder_of_a_secret_may_be_called_anything(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "it's $(touch pwned)"
    folder.mkdir()
    secret = folder / "a.env"
    done = mct("setup", "--client", "A", "--secret-to", f"file:{secret}", "-y")
    assert done.code == 0, done.err
    assert f"    {secret}" in done.out.splitlines()


UNSENDABLE = "surrogate"
"""What no request can carry."""


def renamed(azure: Sandbox, name: str) -> None:
    """Call the client A otherwise, as anybody may who owns it."""
    (application,) = azure.applications("A")
    azure.graph("PATCH", f"/applications/{application['id']}", json={"displayName": name})
    principals = azure.graph(
        "GET", "/servicePrincipals", params={"$filter": f"appId eq '{application['appId']}'"}
    )
    azure.graph(
        "PATCH", f"/servicePrincipals/{principals['value'][0]['id']}", json={"displayName": name}
    )


@pytest.fixture
def with_client(mct: Program) -> None:
    assert mct("setup", "--client", "A", "-y").code == 0


NAMES = [*MARKUP, *(text for tries, text in STEERING.items() if tries != UNSENDABLE)]


@pytest.mark.parametrize("name", sampled(NAMES, 3, salt="names"))
def test_a_client_may_be_called_anything(
    mct: Program, azure: Sandbox, with_client: None, name: str
) -> None:
    renamed(azure, name)
    for words in (["status"], ["verify"], ["remove-client", name, "--dry-run"]):
        ended = mct(*words)
        assert ended.code in {0, 1, 2, 3}
        assert "bug in mct-s2s" not in ended.err
        assert all(is_plain(line) for line in (ended.out + ended.err).split("\n"))
    document = mct("status", "-o", "json")
    assert [client["displayName"] for client in document.document["clients"]] == [name]
    assert all(is_plain(line) for line in document.out.split("\n"))


def test_markup_is_shown_and_not_obeyed(mct: Program, azure: Sandbox, with_client: None) -> None:
    renamed(azure, "Good[/red] [bold]x")
    ended = mct("status")
    assert ended.code == 0, ended.err
    assert "Good[/red] [bold]x" in ended.out


def test_a_setting_may_hold_anything(mct: Program, azure: Sandbox, with_client: None) -> None:
    hostile = "".join(text for tries, text in STEERING.items() if tries != UNSENDABLE)
    azure.write_settings(
        {
            **azure.settings(),
            "ServiceAuthTenantName": hostile,
            "ServiceAuthRole": f"[/red]{hostile}",
        }
    )
    ended = mct("status")
    assert ended.code == 3
    assert all(is_plain(line) for line in (ended.out + ended.err).split("\n"))


@pytest.mark.parametrize(
    "words", [["status", "--slot", "\x1b]0;x\x07"], ["add-client", "\x1b[2J\u202e"], ["\x1b[2J"]]
)
def test_an_argument_may_hold_anything(mct: Program, words: list[str]) -> None:
    for more in ([], ["-o", "json"]):
        ended = mct(*words, *more)
        assert ended.code == 2
        assert all(is_plain(line) for line in (ended.out + ended.err).split("\n"))
