"""Every command of ours that a walk through the program prints, or what it says of a fault, is run
as it is printed, where it was printed; the Azure CLI's are read by its options.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program
from tests.conftest import Sandbox
from tests.support.by_hand import Hand
from tests.support.certificates import RSA, pem_of
from tests.support.printed_commands import known_options, printed_commands, unreadable
from tests.support.sandbox_inside import Inside

WALK = (
    "status --all", "status", "snippet Import", "add-client Import", "rotate-secret Import",
    "verify", "doctor", "export", "status -a zzz", "setup --slot blue",
    "setup --client Import --no-app-service --handoff handoff.json",
    "setup --client Import", "setup --client Import", "setup --clinet A", "nonsense",
    "remove-client nobody", "remove-client", "add-client", "add-client A B", "rotate-secret",
    "snippet nobody", "rotate-secret Import --secret-to exec:cat",
    "rotate-secret Import --keep-old 1d", "rotate-secret --expiring-within 400d",
    "status --expiring-within 400d", "verify", "doctor", "doctor --managed-identity reports-func",
    "configure-appservice --disable", "status", "doctor", "verify", "add-client Late",
    "setup --client New --dry-run", "setup --client New", "remove-client Late",
    "add-client Import --credential federated --github contoso/learn", "snippet Import",
    "export", "teardown --dry-run",
)  # fmt: skip
"""One after another, in one trust."""
ENDLESS = "sandbox serve"
MOVED = "elsewhere.env"
"""The file of a client's secret after someone has moved it."""
DAY = 24 * 3600.0


def typed(words: list[str]) -> list[str]:
    """With the answer of a person who says yes."""
    asks = "--yes" in known_options("mct-s2s", words[0])
    return [*words, "-y"] if asks and not {"-y", "--yes", "--dry-run"} & set(words) else words


def test_every_command_that_is_printed_on_the_way_does_something_where_it_is_printed(
    mct: Program, azure: Sandbox, inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    followed = set[str]()
    refused = list[str]()
    for line in WALK:
        ended = mct(*typed(shlex.split(line)))
        commands = [*printed_commands(ended.out), *printed_commands(ended.err)]
        assert unreadable(commands) == []
        for command in commands:
            # What stands for a name of the reader's is the client's that is there.
            program, *words = [
                {"NAME": "Import", "https://HOST_OF_THE_SITE": azure.site_url}.get(word, word)
                for word in shlex.split(command)
            ]
            if program != "mct-s2s" or command in followed or ENDLESS in command:
                continue
            followed.add(command)
            kept = inside.keep()
            done = mct(*typed(words))
            inside.become(kept)
            # 3: there is something else to do, which it says.
            if done.code not in {0, 3}:
                refused.append(f"{line}: {command}: {done.err}")
    assert refused == []
    assert len(followed) > 15


# after a fault


@dataclass(frozen=True)
class Stage:
    """A trust with the client Import, whose secret is in a file, and what goes wrong with it."""

    mct: Program
    azure: Sandbox
    folder: Path

    def done(self, line: str) -> Ended:
        ended = self.mct(*typed(shlex.split(line)))
        assert ended.code == 0, ended.err
        return ended

    def object_id(self, client: str) -> str:
        return str(self.azure.applications(client)[0]["id"])

    def principal(self, client: str) -> str:
        app_id = self.azure.applications(client)[0]["appId"]
        return f"/servicePrincipals(appId='{app_id}')"

    def write(self, **changed: str | None) -> None:
        self.azure.write_settings({**self.azure.settings(), **changed})

    def add_to_list(self, entry: str) -> None:
        listed = self.azure.settings()["ServiceApplicationIds"]
        self.write(ServiceApplicationIds=f"{listed};{entry}")

    def remove_settings(self) -> None:
        self.write(**dict.fromkeys(name for name in self.azure.settings() if name[:7] == "Service"))

    def remove_secrets(self) -> None:
        client = self.azure.applications("Import")[0]
        for secret in client["passwordCredentials"]:
            path = f"/applications/{client['id']}/removePassword"
            self.azure.graph("POST", path, json={"keyId": secret["keyId"]})

    def revoke_consent(self) -> None:
        path = f"{self.principal('Import')}/appRoleAssignments"
        for assignment in self.azure.graph("GET", path)["value"]:
            self.azure.graph("DELETE", f"{path}/{assignment['id']}")

    def change_service(self, **properties: object) -> None:
        service = self.object_id("MCT service (contosolearn)")
        self.azure.graph("PATCH", f"/applications/{service}", json=properties)

    def move_file(self) -> None:
        (file,) = self.folder.rglob("import-*.env")
        file.rename(self.folder / MOVED)

    def by_hand(self) -> None:
        """Another team's client, whom the allow list names and a secret of which ends soon."""
        self.add_to_list(Hand(self.azure).register("Theirs").app_id)

    def given_the_role(self) -> None:
        """Another team's client, to which the service application's owner assigned the role."""
        theirs = Hand(self.azure).register("Theirs")
        service = self.azure.applications("MCT service (contosolearn)")[0]
        principal = self.azure.graph("GET", f"/servicePrincipals(appId='{service['appId']}')")
        (role,) = service["appRoles"]
        granted = {
            "principalId": theirs.principal_id,
            "resourceId": principal["id"],
            "appRoleId": role["id"],
        }
        path = f"/servicePrincipals/{theirs.principal_id}/appRoleAssignments"
        self.azure.graph("POST", path, json=granted)

    def file(self, more: str = "") -> None:
        (self.folder / "trust.toml").write_text(self.done("export").out + more)


def in_turn(*steps: Callable[[Stage], object]) -> Callable[[Stage], None]:
    """What happens where several things do."""

    def happen(stage: Stage) -> None:
        for step in steps:
            step(stage)

    return happen


@dataclass(frozen=True)
class Fault:
    happens: Callable[[Stage], object]
    line: str
    """What is typed then."""
    prints: str
    """How a command begins that is printed, without its options about the App Service."""


KEPT = f"--secret-to keyvault:{seed.VAULT}/kept"
FAULTS = {
    "a setting is gone": Fault(
        lambda stage: stage.write(ServiceAuthRole=None), "verify", "configure-appservice"
    ),
    "the tenant is another one": Fault(
        lambda stage: stage.write(ServiceAuthTenantId=seed.SUBSCRIPTION_ID),
        "verify",
        "configure-appservice",
    ),
    "the allow list is empty": Fault(
        lambda stage: stage.write(ServiceApplicationIds=None), "verify", "configure-appservice"
    ),
    "the consent was revoked": Fault(Stage.revoke_consent, "verify", "add-client"),
    "the service application has v2 tokens": Fault(
        lambda stage: stage.change_service(api={"requestedAccessTokenVersion": 2}),
        "verify",
        "setup",
    ),
    "the URI was taken off": Fault(
        lambda stage: stage.change_service(identifierUris=[]), "verify", "setup"
    ),
    "the secret was removed": Fault(Stage.remove_secrets, "verify", "rotate-secret"),
    "the secret has expired": Fault(
        lambda stage: stage.azure.advance(41 * DAY), "verify", "rotate-secret"
    ),
    "the file was moved": Fault(Stage.move_file, "verify", "verify"),
    "the file was moved, says status": Fault(Stage.move_file, "status", "rotate-secret"),
    "the file was moved, says setup": Fault(
        Stage.move_file, "setup --client Import", "rotate-secret Import --secret-to"
    ),
    "the file was moved, says a workflow": Fault(
        Stage.move_file, "snippet Import -l github-actions", "rotate-secret"
    ),
    "the secret is in no vault": Fault(
        lambda _: None, "snippet Import -l app-settings", "rotate-secret"
    ),
    "a setting is gone, says snippet": Fault(
        lambda stage: stage.write(ServiceAuthRole=None), "snippet Import", "status"
    ),
    "nothing is set up": Fault(lambda stage: stage.done("teardown --purge"), "verify", "setup"),
    "nothing is set up, says rotate-secret": Fault(
        lambda stage: stage.done("teardown --purge"), "rotate-secret Import", "setup"
    ),
    "nothing is set up, says snippet": Fault(
        lambda stage: stage.done("teardown --purge"), "snippet Import", "setup"
    ),
    "consent is left to others": Fault(
        lambda _: None, "add-client Late --no-consent", "setup --no-app-service"
    ),
    "the site is off": Fault(
        lambda stage: stage.done("configure-appservice --disable"),
        "add-client Late",
        "configure-appservice",
    ),
    "the client has no secret": Fault(
        lambda stage: stage.done("add-client Build --github contoso/learn"),
        "rotate-secret Build",
        "add-client",
    ),
    "another team's client is listed": Fault(
        Stage.by_hand, "remove-client Theirs --keep-registration", "remove-client"
    ),
    "another team's client has the role": Fault(
        in_turn(Stage.given_the_role, lambda stage: stage.write(ServiceAuthRole=None)),
        "configure-appservice",
        "configure-appservice --application-id",
    ),
    "another team's client has the role, says status": Fault(
        Stage.given_the_role, "status", "configure-appservice --application-id"
    ),
    "the file's secret is rotated and kept": Fault(
        Stage.file,
        "rotate-secret -f trust.toml --expiring-within 400d --keep-old 1h",
        "rotate-secret Import -f trust.toml",
    ),
    "an identity is on no list": Fault(
        in_turn(
            lambda stage: stage.done("add-client --managed-identity reports-func"),
            lambda stage: stage.write(ServiceObjectIds=None),
        ),
        "doctor --managed-identity reports-func",
        "setup",
    ),
    "the file names a client that is not there": Fault(
        lambda stage: stage.file('[[sites.contosolearn.clients]]\nname = "Gone"\n'),
        "rotate-secret -f trust.toml --expiring-within 400d",
        "status",
    ),
    "the file's client has lost its consent": Fault(
        in_turn(Stage.file, Stage.revoke_consent), "status -f trust.toml", "apply"
    ),
    "the file's secret has expired": Fault(
        in_turn(Stage.file, lambda stage: stage.azure.advance(41 * DAY)),
        "status -f trust.toml",
        "rotate-secret Import -f trust.toml",
    ),
    "the file's secret expires": Fault(
        in_turn(Stage.file, lambda stage: stage.azure.advance(20 * DAY)),
        "status -f trust.toml",
        "rotate-secret -f trust.toml",
    ),
    "the client was deleted": Fault(
        lambda stage: stage.azure.graph("DELETE", f"/applications/{stage.object_id('Import')}"),
        "status",
        "remove-client",
    ),
    "the role was switched off": Fault(
        lambda stage: stage.change_service(
            appRoles=[
                {**role, "isEnabled": False}
                for role in stage.azure.applications("MCT service (contosolearn)")[0]["appRoles"]
            ]
        ),
        "status",
        "setup",
    ),
    "the settings are gone": Fault(Stage.remove_settings, "status", "teardown"),
    "the audience is another one": Fault(
        lambda stage: stage.write(ServiceAuthAudience=f"api://{seed.SUBSCRIPTION_ID}"),
        "verify",
        "configure-appservice",
    ),
    "an entry of the allow list is no ID": Fault(
        lambda stage: stage.add_to_list("nonsense"), "status", "remove-client nonsense"
    ),
    "the client has a certificate of its owner's": Fault(
        lambda stage: stage.done("add-client Cert --certificate theirs.pem"),
        "rotate-secret Cert",
        "add-client",
    ),
    "the client has a secret, which is not shown again": Fault(
        lambda _: None,
        "setup --client Import --secret-to show",
        "rotate-secret Import --secret-to show",
    ),
    "the vault has lost the secret, says setup": Fault(
        in_turn(
            lambda stage: stage.done(f"add-client Kept --no-verify {KEPT}"),
            lambda stage: stage.azure.vault("DELETE", "/secrets/kept"),
        ),
        f"setup --client Kept {KEPT}",
        "rotate-secret Kept --secret-to",
    ),
    "nothing is set up, says status of the file": Fault(
        in_turn(Stage.file, lambda stage: stage.done("teardown --purge")),
        "status -f trust.toml",
        "apply",
    ),
    "nothing is set up, says verify of the file": Fault(
        in_turn(Stage.file, lambda stage: stage.done("teardown --purge")),
        "verify -f trust.toml",
        "apply",
    ),
    "nothing is set up, says doctor of the file": Fault(
        in_turn(Stage.file, lambda stage: stage.done("teardown --purge")),
        "doctor -f trust.toml",
        "apply",
    ),
    "a client is unknown": Fault(lambda _: None, "remove-client Zzzz", "status"),
}
OF_READERS = {
    "NAME": "Import",
    "FILE": "theirs.pem",
    "keyvault:VAULT": f"keyvault:{seed.VAULT}",
}
"""What is the reader's own, and here is called otherwise."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_command_that_is_printed_of_a_fault_does_something(
    mct: Program, azure: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "gh").write_text("#!/bin/sh\nexec /bin/cat > /dev/null\n")
    (tools / "gh").chmod(0o755)
    (tmp_path / "theirs.pem").write_bytes(pem_of(RSA))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    stage, happening = Stage(mct, azure, tmp_path), FAULTS[fault]
    stage.done("setup --client Import --secret-lifetime 40d --no-verify")
    happening.happens(stage)
    ended = mct(*typed(shlex.split(happening.line)))
    commands = [*printed_commands(ended.out), *printed_commands(ended.err)]
    ours = [command for command in commands if command.startswith("mct-s2s ")]
    assert any(one.startswith(f"mct-s2s {happening.prints}") for one in ours), ended
    for command in ours:
        named = command.replace("--credentials FILE", f"--credentials {MOVED}")
        _, *words = [OF_READERS.get(word, word) for word in shlex.split(named)]
        followed = mct(*typed(words))
        assert followed.code in {0, 3}, f"{command}: {followed.err}"
