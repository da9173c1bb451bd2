"""A trust with one client, what goes wrong with it, and which command is printed of that."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program
from tests.conftest import FUNCTION_APP, SITE, Sandbox
from tests.support.apis import ORDERS_FILE
from tests.support.by_hand import Hand, Registration
from tests.support.printed_commands import known_options

MOVED = "elsewhere.env"
"""The file of a client's secret after someone has moved it."""
DAY = 24 * 3600.0
KEPT = f"--secret-to keyvault:{seed.VAULT}/kept"
STAGING = 'app-service = "contosolearn"\nslot = "staging"\n'
READ = ("Application.Read.All", "Organization.Read.All")
OWNED = "Application.ReadWrite.OwnedBy"
CONSENT = "AppRoleAssignment.ReadWrite.All"
ON_THE_SITE = [("Website Contributor", SITE)]
THEIR_URI = "api://contosolearning.com/theirs"
WRITER = {
    "name": "Settings without restart",
    "actions": [
        "Microsoft.Web/sites/read",
        "Microsoft.Web/sites/config/read",
        "Microsoft.Web/sites/config/list/action",
        "Microsoft.Web/sites/config/write",
    ],
}


Caller = Callable[[Sandbox], Mapping[str, str]]


def of_the_site(azure: Sandbox) -> Mapping[str, str]:
    return azure.caller(arm=ON_THE_SITE)


def of_the_site_and_its_own(azure: Sandbox) -> Mapping[str, str]:
    return azure.caller(*READ, OWNED, CONSENT, arm=ON_THE_SITE)


def of_the_directory(azure: Sandbox) -> Mapping[str, str]:
    return azure.caller(*READ)


def typed(words: list[str]) -> list[str]:
    """With the answer of a person who says yes."""
    asks = "--yes" in known_options("mct-s2s", words[0])
    return [*words, "-y"] if asks and not {"-y", "--yes", "--dry-run"} & set(words) else words


@dataclass(frozen=True)
class Stage:
    """A trust with the client Import, whose secret is in a file, and what goes wrong with it."""

    mct: Program
    azure: Sandbox
    home: Path
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
        (file,) = self.home.rglob("import-*.env")
        file.rename(self.folder / MOVED)

    def move_to_another_port(self) -> None:
        """As if the file had been saved when the sandbox had another port."""
        (file,) = self.home.rglob("import-*.env")
        cloud = next(each for each in file.parents if each.name.startswith("localhost-"))
        cloud.rename(cloud.with_name("localhost-1"))

    def spoil_file(self) -> None:
        """A folder is where the file was."""
        (file,) = self.home.rglob("import-*.env")
        file.unlink()
        file.mkdir()

    def change_address(self) -> None:
        """The site had another address when the file was written."""
        (file,) = self.home.rglob("import-*.env")
        text = file.read_text()
        file.write_text(re.sub(r"(MCT_S2S_URL=).*", r"\1https://learn.example.com", text))

    def disable(self, client: str) -> None:
        self.azure.graph("PATCH", self.principal(client), json={"accountEnabled": False})

    def take_consented(self) -> None:
        """Let another team's client, whose secret ends soon, be a client here."""
        theirs = self.given_the_role()
        self.add_secret("Theirs")
        self.add_to_list(theirs.app_id)
        self.azure.let_own(theirs.app_id)

    def lose_from_vault(self) -> None:
        self.done(f"add-client Kept --no-verify {KEPT}")
        self.azure.vault("DELETE", "/secrets/kept")

    def lose_from_vault_and_keep_in_file(self) -> None:
        """A tag names a key vault, and the secret is in a file, to which another run put it."""
        self.lose_from_vault()
        self.done("rotate-secret Kept --secret-to file:kept.env")

    def add_identity(self) -> None:
        self.done("add-client --managed-identity reports-func")

    def hand_over(self) -> None:
        service = self.azure.applications("MCT service (contosolearn)")[0]["appId"]
        half = "--no-app-service --handoff handoff.json --no-verify"
        self.done(f"setup --client Late {half} --service-app {service}")

    def back_up(self) -> None:
        self.done("configure-appservice --disable --backup before.json")

    def delete(self, name: str) -> None:
        self.azure.graph("DELETE", f"/applications/{self.object_id(name)}")

    def name_anothers_service(self) -> None:
        """Let the settings name a service application that someone made by hand."""
        hand = Hand(self.azure)
        hand.service = hand.register("Their service")
        uri = f"api://{hand.service.app_id}"
        hand.change_service(identifierUris=[uri], appRoles=[hand.role()])
        self.azure.let_own(hand.service.app_id)
        self.write(ServiceAuthAudience=uri)

    def stop(self) -> None:
        self.azure.arm("POST", f"{SITE}/stop")

    def answer(self, status: int) -> None:
        """Let the site answer calls that have a token with a status."""
        self.azure.misbehave(
            {
                "match": {"service": "MCT"},
                "fault": {"type": "status", "status": status},
            }
        )

    def by_hand(self) -> None:
        """Another team's client, whom the allow list names and a secret of which ends soon."""
        self.add_to_list(Hand(self.azure).register("Theirs").app_id)

    def given_the_role(self) -> Registration:
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
        return theirs

    def file(self, more: str = "") -> None:
        (self.folder / "trust.toml").write_text(self.done("export").out + more)

    def in_file(self, line: str) -> None:
        """Let the file say more of the site."""
        self.rewrite("[sites.contosolearn]", f"[sites.contosolearn]\n{line}")

    def in_client(self, name: str, line: str) -> None:
        """Let the file say more of a client."""
        self.rewrite(f'name = "{name}"', f'name = "{name}"\n{line}')

    def in_clients(self, name: str) -> None:
        """Let the file name one more client."""
        self.file(f'[[sites.contosolearn.clients]]\nname = "{name}"\n')

    def app_id(self, name: str) -> str:
        return str(self.azure.applications(name)[0]["appId"])

    def adopt(self) -> None:
        """Adopt a service application by name, and lose a setting since."""
        self.name_anothers_service()
        theirs = self.app_id("Their service")
        self.done(f"setup --client Import --no-verify --service-app {theirs}")
        self.write(ServiceAuthRole=None)

    def take_role(self, name: str) -> None:
        """Take the app role from a service principal."""
        named = {"$filter": f"displayName eq '{name}'"}
        (row,) = self.azure.graph("GET", "/servicePrincipals", params=named)["value"]
        path = f"/servicePrincipals/{row['id']}/appRoleAssignments"
        for assignment in self.azure.graph("GET", path)["value"]:
            self.azure.graph("DELETE", f"{path}/{assignment['id']}")

    def require_assignment(self) -> None:
        """Let the service application require it, and take that of an identity."""
        self.add_identity()
        self.take_role("reports-func")
        path = self.principal("MCT service (contosolearn)")
        self.azure.graph("PATCH", path, json={"appRoleAssignmentRequired": True})

    def rewrite(self, text: str, other: str) -> None:
        file = self.folder / "trust.toml"
        assert text in file.read_text()
        file.write_text(file.read_text().replace(text, other))

    def add_secret(self, name: str) -> None:
        """Somebody adds a secret by hand, which ends soon."""
        ends = (self.azure.now() + timedelta(days=10)).isoformat().replace("+00:00", "Z")
        secret = {"passwordCredential": {"displayName": "by hand", "endDateTime": ends}}
        self.azure.graph("POST", f"/applications/{self.object_id(name)}/addPassword", json=secret)

    def tag_vault(self) -> None:
        """An owner of the client writes the tag that says in which key vault its secret is."""
        tags = self.azure.applications("Kept")[0]["tags"]
        named = [*tags, f"mct-s2s:vault:{seed.VAULT}/kept"]
        self.azure.graph("PATCH", f"/applications/{self.object_id('Kept')}", json={"tags": named})

    def take_name_in_vault(self) -> None:
        """A deleted secret of something else has the name."""
        self.azure.vault("PUT", "/secrets/kept", json={"value": "x"})
        self.azure.vault("DELETE", "/secrets/kept")

    def delete_anothers_service(self) -> None:
        hand = Hand(self.azure)
        hand.service = hand.register("Their service")
        hand.change_service(identifierUris=[THEIR_URI], appRoles=[hand.role()])
        hand.delete(hand.service)

    def unlock(self) -> None:
        lock = f"{SITE}/providers/Microsoft.Authorization/locks/sandbox"
        self.azure.arm("DELETE", lock, version="2020-05-01")

    def tag_another_api(self) -> None:
        tags = self.azure.applications("MCT service (contosolearn)")[0]["tags"]
        self.change_service(tags=[*tags, "mct-s2s:api:Orders"])


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
    by: Caller = lambda _: {}
    """The environment of who types it; what is printed is run by who may do it."""
    asks: str = ""
    """The option for which a command asks that is run as it is printed: others may have written
    what it would go by.
    """
    then: Callable[[Stage], object] = lambda _: None
    """What is done first, as the words before the command say."""


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
    "the plan is not the reviewed one": Fault(
        in_turn(Stage.file, Stage.revoke_consent),
        f"apply -f trust.toml --expect {64 * '0'}",
        "apply --dry-run -f trust.toml",
    ),
    "much would be removed": Fault(
        in_turn(Stage.file, lambda stage: stage.done("add-client Late --no-verify")),
        "apply -f trust.toml --prune",
        "apply --dry-run -f trust.toml --prune --allow-removals",
    ),
    "one site of the file is not there": Fault(
        lambda stage: stage.file("[sites.zzz]\n"),
        f"apply -f trust.toml --expect {64 * '0'}",
        "apply --dry-run -f trust.toml",
    ),
    "no site of the file is there": Fault(
        lambda stage: stage.file("[sites.zzz]\n"),
        f"apply -f trust.toml --only zzz --expect {64 * '0'}",
        "apply --dry-run -f trust.toml --only zzz",
        then=lambda stage: stage.file(f"[sites.zzz]\n{STAGING}"),
    ),
    "no site of the subscription is set up": Fault(
        lambda stage: stage.done("teardown --purge"),
        "export --all",
        "setup --client NAME",
    ),
    "the name of a client is empty": Fault(lambda _: None, "remove-client ''", "status"),
    "the file has changed since its review": Fault(
        Stage.file,
        f"rotate-secret -f trust.toml --expiring-within 400d --expect {64 * '0'}",
        "rotate-secret --dry-run -f trust.toml --expiring-within 400d",
    ),
    "nothing says which client of the file": Fault(
        Stage.file,
        "rotate-secret -f trust.toml",
        "rotate-secret -y -f trust.toml --expiring-within 30d",
    ),
    "the caller may not write to the directory": Fault(
        lambda _: None,
        "setup --client Late",
        "setup --client Late --no-app-service --handoff handoff.json",
        by=of_the_site,
    ),
    "the caller may not read the directory": Fault(
        Stage.hand_over,
        "configure-appservice",
        "configure-appservice --from handoff.json",
        by=of_the_site,
    ),
    "the caller may not read the directory, says verify": Fault(
        Stage.move_file, "verify", "verify --audience api://APP_ID", by=of_the_site
    ),
    "the file is another client's": Fault(
        in_turn(lambda stage: stage.done("add-client Late --no-verify"), Stage.move_file),
        f"verify Late --credentials {MOVED}",
        f"verify CLIENT_ID --credentials {MOVED}",
    ),
    "a file is named without its option": Fault(
        Stage.file, "apply trust.toml", "apply -f trust.toml"
    ),
    "no App Service is named": Fault(
        lambda _: None, "verify", "status --all", by=lambda _: {"MCT_S2S_APP_SERVICE": ""}
    ),
    "the backup's client is deleted": Fault(
        in_turn(Stage.back_up, lambda stage: stage.delete("Import")),
        "configure-appservice --restore before.json",
        "setup --client Import",
    ),
    "the backup's service application is deleted": Fault(
        in_turn(Stage.back_up, lambda stage: stage.delete("MCT service (contosolearn)")),
        "configure-appservice --restore before.json",
        "setup",
    ),
    "the backup's service application is gone": Fault(
        in_turn(Stage.back_up, lambda stage: stage.done("teardown --purge")),
        "configure-appservice --restore before.json",
        "setup",
    ),
    "who can't read the directory switches the site off": Fault(
        Stage.hand_over,
        "configure-appservice --disable",
        "configure-appservice",
        by=of_the_site,
    ),
    "a value is typed": Fault(
        lambda _: None,
        "configure-appservice --tenant-name example.com",
        "configure-appservice --tenant-name contosolearning.onmicrosoft.com",
    ),
    "settings have no value, says add-client": Fault(
        lambda stage: stage.write(ServiceAuthTenantName=None),
        "add-client Late",
        "configure-appservice",
    ),
    "the caller may not read the settings": Fault(
        lambda _: None,
        "status",
        "doctor",
        by=lambda azure: azure.caller(*READ, arm=[("Reader", SITE)]),
    ),
    "the settings name another team's service application": Fault(
        Stage.name_anothers_service, "status", "setup --service-app APP_ID"
    ),
    "the settings name an adopted service application": Fault(
        Stage.adopt, "status", "setup --service-app APP_ID"
    ),
    "there is no client": Fault(
        lambda stage: stage.done("remove-client Import"), "status", "add-client NAME"
    ),
    "there is no client, says the file": Fault(
        in_turn(Stage.file, lambda stage: stage.done("remove-client Import")),
        "status -f trust.toml",
        "apply",
    ),
    "another team's client is only listed": Fault(Stage.by_hand, "status", "remove-client"),
    "the file's secret always expires": Fault(
        in_turn(Stage.file, lambda stage: stage.in_client("Import", 'secret-lifetime = "20d"')),
        "status -f trust.toml --expiring-within 40d",
        "status -f trust.toml --only contosolearn --expiring-within 10d",
    ),
    "the file was moved, says verify of the trust file": Fault(
        in_turn(Stage.file, Stage.move_file), "verify -f trust.toml", "verify -f trust.toml"
    ),
    "the file is of another port": Fault(
        Stage.move_to_another_port, "verify", "verify --credentials"
    ),
    "the vault has lost the secret, says verify": Fault(
        Stage.lose_from_vault, "verify", "rotate-secret CLIENT_ID", asks=KEPT
    ),
    "the vault has lost the secret, says setup without its place": Fault(
        Stage.lose_from_vault, "setup --client Kept", "rotate-secret Kept", asks=KEPT
    ),
    "the vault has lost the secret, says a rotation of others": Fault(
        Stage.lose_from_vault,
        "rotate-secret --expiring-within 50d",
        "rotate-secret CLIENT_ID",
        asks=KEPT,
    ),
    "the vault has lost the secret, which a file has": Fault(
        Stage.lose_from_vault_and_keep_in_file,
        "setup --client Kept --secret-to file:kept.env",
        "rotate-secret Kept --secret-to keyvault",
    ),
    "a tag names a vault without the secret, says apply": Fault(
        in_turn(lambda stage: stage.done("add-client Kept"), Stage.file, Stage.tag_vault),
        "apply -f trust.toml",
        "rotate-secret Kept -f trust.toml",
        then=lambda stage: stage.in_client("Kept", f'secret-to = "keyvault:{seed.VAULT}/kept"'),
    ),
    "the file was moved, says apply": Fault(
        in_turn(Stage.file, Stage.move_file),
        "apply -f trust.toml",
        "rotate-secret Import -f trust.toml",
    ),
    "an identity is not assigned, says verify": Fault(
        Stage.require_assignment, "verify reports-func", "add-client --managed-identity"
    ),
    "the API does not have the path": Fault(
        lambda stage: stage.answer(404),
        "verify",
        "verify --path PATH",
        then=lambda stage: stage.azure.behave(),
    ),
    "the network is not allowed": Fault(
        lambda stage: stage.answer(403),
        "verify",
        "verify --url",
        then=lambda stage: stage.azure.behave(),
    ),
    "the site refuses what the settings allow": Fault(
        lambda stage: stage.answer(401), "verify", "az webapp restart"
    ),
    "the file's address is another": Fault(
        Stage.change_address, "verify", "verify --url https://learn.example.com"
    ),
    "the file's address is another, says snippet": Fault(
        Stage.change_address, "snippet Import", "snippet CLIENT_ID --url"
    ),
    "the trust file's address is another": Fault(
        in_turn(Stage.file, lambda stage: stage.in_file('url = "https://learn.example.com"')),
        "verify -f trust.toml",
        "verify --url URL",
    ),
    "another team's secret expires": Fault(
        Stage.take_consented,
        "rotate-secret --expiring-within 300d",
        "rotate-secret CLIENT_ID",
    ),
    "another team's secret expires, says the file": Fault(
        in_turn(Stage.take_consented, Stage.file, lambda stage: stage.in_clients("Theirs")),
        "rotate-secret -f trust.toml --expiring-within 300d",
        "rotate-secret CLIENT_ID",
        then=lambda stage: stage.in_clients(stage.app_id("Theirs")),
    ),
    "a client has no credential": Fault(
        lambda stage: stage.done("add-client Bare --credential none --no-verify"),
        "rotate-secret --expiring-within 400d",
        "add-client",
    ),
    "the handoff is of another site": Fault(
        Stage.hand_over,
        "configure-appservice --slot staging --from handoff.json",
        "configure-appservice --from FILE",
    ),
    "consent to an identity is left to others": Fault(
        Stage.require_assignment,
        "add-client --managed-identity reports-func",
        "add-client --managed-identity",
        by=lambda azure: azure.caller(
            *READ, OWNED, arm=[("Website Contributor", SITE), ("Reader", FUNCTION_APP)]
        ),
    ),
    "the caller owns nothing": Fault(
        lambda stage: stage.change_service(identifierUris=[]),
        "setup --client Import",
        "az ad app owner add",
        by=of_the_site_and_its_own,
    ),
    "the caller owned nothing of what is deleted": Fault(
        lambda stage: stage.delete("Import"),
        "setup --client Import",
        "az rest --method POST",
        by=of_the_site_and_its_own,
    ),
    "the restart fails": Fault(
        lambda stage: stage.azure.misbehave(
            {
                "match": {"service": "ARM", "path": "*/restart"},
                "fault": {"type": "status", "status": 400},
            }
        ),
        "add-client Late --no-verify",
        "az webapp restart",
        then=lambda stage: stage.azure.behave(),
    ),
    "the slot is not there": Fault(
        lambda _: None, "status --slot zzz", "az webapp deployment slot list"
    ),
    "who can't read the directory switches an incomplete site off": Fault(
        in_turn(Stage.hand_over, lambda stage: stage.write(ServiceAuthTenantName=None)),
        "configure-appservice --disable",
        "configure-appservice --from handoff.json",
        by=of_the_site,
    ),
    "a deleted service application is named": Fault(
        Stage.delete_anothers_service,
        f"setup --client Import --service-app {THEIR_URI}",
        "az rest --method POST",
    ),
    "a deleted secret has the name": Fault(
        Stage.take_name_in_vault, f"add-client Kept {KEPT}", "az keyvault secret purge"
    ),
    "a rotation by name stops at one site": Fault(
        lambda stage: stage.file('[sites.zzz]\n[[sites.zzz.clients]]\nname = "Import"\n'),
        "rotate-secret Import -f trust.toml",
        "rotate-secret -y -f trust.toml --only zzz --client Import",
        then=in_turn(
            lambda stage: stage.rewrite("[sites.zzz]", f"[sites.zzz]\n{STAGING}"),
            lambda stage: stage.done("apply -f trust.toml --only zzz"),
        ),
    ),
    "no site of the file is set up, says doctor": Fault(
        in_turn(Stage.file, lambda stage: stage.done("teardown --purge")),
        "doctor -f trust.toml",
        "apply -f trust.toml --dry-run",
    ),
    "an entry of the list matches nothing": Fault(
        lambda stage: stage.add_to_list(seed.SUBSCRIPTION_ID), "status", "remove-client"
    ),
    "the restart is left to others": Fault(
        lambda _: None,
        "add-client Late",
        "az webapp restart",
        by=lambda azure: azure.caller(
            *READ,
            "Application.ReadWrite.All",
            "AppRoleAssignment.ReadWrite.All",
            arm=[(WRITER, SITE)],
        ),
    ),
    "consent to a new client will be left to others": Fault(
        lambda stage: stage.done("teardown --purge"),
        "setup --client Late --no-consent --dry-run",
        "add-client Late --credential none",
        then=lambda stage: stage.done("setup --client Late --no-consent"),
    ),
    "the client's certificate has expired": Fault(
        in_turn(
            lambda stage: stage.done("add-client Cert --certificate theirs.pem"),
            lambda stage: stage.azure.advance(36500 * DAY),
        ),
        "status",
        "add-client CLIENT_ID",
    ),
    "the client's certificate has expired, says the file": Fault(
        in_turn(
            lambda stage: stage.done("add-client Cert --certificate theirs.pem"),
            Stage.file,
            lambda stage: stage.azure.advance(41 * DAY),
        ),
        "status -f trust.toml",
        "apply -f trust.toml",
        then=lambda stage: stage.rewrite('credential = "none"', 'credential = "secret"'),
    ),
    "the client is of no trust and has no secret": Fault(
        in_turn(
            Stage.move_file,
            lambda stage: stage.done("remove-client Import --keep-registration"),
            Stage.remove_secrets,
        ),
        f"verify --credentials {MOVED}",
        "rotate-secret",
    ),
    "the App Service is stopped": Fault(Stage.stop, "status", "az webapp start"),
    "the service principal is disabled": Fault(
        lambda stage: stage.disable("Import"), "setup --client Import", "az ad sp update"
    ),
    "the service application is called otherwise": Fault(
        lambda _: None, "setup --client Import --service-name Other", "az ad app update"
    ),
    "a lock is on the site": Fault(
        lambda stage: stage.azure.lock(SITE), "add-client Late", "az lock delete", then=Stage.unlock
    ),
    "the role over the site is lacking": Fault(
        lambda _: None, "setup --client Late", "az role assignment create", by=of_the_directory
    ),
    "an identity stays on": Fault(
        Stage.add_identity, "remove-client reports-func", "az webapp identity remove"
    ),
    "a vault's secret stays": Fault(
        lambda stage: stage.done(f"add-client Kept {KEPT} --no-verify"),
        "remove-client Kept",
        "az keyvault secret delete",
    ),
    "settings would move with a swap": Fault(
        lambda stage: stage.done("setup --slot staging --client Slotted --no-verify"),
        "status --slot staging",
        "az webapp config appsettings set",
    ),
    "a setup restarts nothing": Fault(
        lambda _: None, "add-client Late --no-restart --no-verify", "az webapp restart"
    ),
    "a resource is not there": Fault(
        lambda _: None,
        f"add-client --managed-identity {FUNCTION_APP}x",
        "az resource show",
        by=lambda azure: dict(azure.administrator),
    ),
    "the service application is of another API": Fault(
        in_turn(Stage.tag_another_api, lambda stage: stage.write(ServiceAuthRole=None)),
        "status",
        "status --api FILE",
    ),
    "the file was moved, and a new secret is shown": Fault(
        Stage.move_file,
        "rotate-secret Import --secret-to show",
        "snippet Import --credentials FILE",
    ),
    "a setting is gone, says doctor": Fault(
        lambda stage: stage.write(ServiceAuthRole=None), "doctor", "setup"
    ),
    "a new secret does not sign in": Fault(
        in_turn(lambda stage: stage.azure.advance(DAY), lambda stage: stage.azure.lag(600)),
        "rotate-secret Import --timeout 40",
        "rotate-secret",
        then=lambda stage: stage.azure.lag(0),
    ),
    "the deadline leaves no time for the test": Fault(
        lambda stage: stage.azure.misbehave(
            {"match": {"service": "MCT"}, "fault": {"type": "hang"}}
        ),
        "add-client Late --timeout 40",
        "verify",
        then=lambda stage: stage.azure.behave(),
    ),
    "the place of a secret can't be read": Fault(
        Stage.spoil_file,
        "rotate-secret --expiring-within 400d",
        "rotate-secret CLIENT_ID --secret-to PLACE",
    ),
}
OF_READERS = {
    "NAME": "Import",
    "FILE": "theirs.pem",
    "PATH": "/api/v1/organization",
    "--secret-to PLACE": "--secret-to file:new.env",
    "APP_SERVICE": seed.APP_SERVICE,
    "keyvault:VAULT": f"keyvault:{seed.VAULT}",
    "--credentials FILE": f"--credentials {MOVED}",
    "--from FILE": "--from handoff.json",
    "--api FILE": f"--api {ORDERS_FILE}",
}
"""What is the reader's own, and here is called otherwise."""
ADDRESSES = (
    "URL",
    "https://HOST_of_the_site",
    "https://NAME.azurefd.net",
    "https://learn.example.com",
)
"""What stands for an address at which the reader's API is reached."""
