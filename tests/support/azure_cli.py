"""An `az` of our own, which hands out tokens of the sandbox."""

import json
import os
import sys
import time
from pathlib import Path

from tests.conftest import Json, Sandbox

START_SECONDS = 60.0
"""For so long a process may take to begin, on a machine that is busy."""
OTHER_SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"

# `az account get-access-token` as azure-identity calls it; what it is asked is written down, and
# whether it is alone. It truncates its cache before it writes it, for an application each time:
# another one finds nobody signed in then.
AZ = """#!{python} -I
import json, pathlib, sys, time
here = pathlib.Path(__file__).parent
profile = json.loads((here / "azureProfile.json").read_text("utf-8-sig"))
(account,) = [row for row in profile["subscriptions"] if row["isDefault"]]
writes = (account["user"] or {{}}).get("type") != "user"
mark = here / f"running-{{time.monotonic_ns()}}"
mark.touch()
was_alone = list(here.glob("running-*")) == [mark]
(here / "alone").open("a").write(f"{{was_alone}}\\n")
with (here / "asked").open("a") as asked:
    print(*sys.argv[1:], file=asked)
until = time.monotonic() + 30  # for another one to begin, however slow the machine is
if not writes:
    while len((here / "asked").read_text().splitlines()) < 2 and time.monotonic() < until:
        time.sleep(0.02)
time.sleep(0.1)
mark.unlink()
try:
    (here / "truncated").unlink()
    is_truncated = True
except FileNotFoundError:
    is_truncated = writes and not was_alone
if is_truncated:
    sys.exit("ERROR: Please run 'az login' to setup account.")
for refusal in here.glob("refusal-*"):
    try:
        sys.exit(refusal.rename(here / f"said-{{refusal.name}}").read_text())
    except FileNotFoundError:
        pass
if (here / "always").exists():
    print((here / "always").read_text())
    sys.exit()
try:
    print((here / "odd").rename(here / f"printed-{{mark.name}}").read_text())
    sys.exit()
except FileNotFoundError:
    pass
answers = json.loads((here / "answers").read_text())
if isinstance(answers, str):
    sys.exit(answers)
asked_for = [argument.removesuffix("/.default") for argument in sys.argv[1:]]
(resource,) = [each for each in answers if each in asked_for]
token = {{"accessToken": answers[resource], "expires_on": {expires}, "tokenType": "Bearer"}}
print(json.dumps(token), flush=True)
if (here / "lingers").exists():
    mark.touch()
    until = time.monotonic() + float((here / "lingers").read_text())
    while time.monotonic() < until and not (here / "may-end").exists():
        time.sleep(0.02)
    mark.unlink()
    (here / "ended").open("a").write("ended\\n")
"""


class AzureCli:
    """An `az` on PATH, with a profile.

    It has tokens of the sandbox's administrator, or says what it is told to.
    """

    def __init__(self, folder: Path, azure: Sandbox) -> None:
        self._folder = folder
        folder.mkdir()
        az = folder / "az"
        az.write_text(AZ.format(python=sys.executable, expires=int(time.time()) + 3600))
        az.chmod(0o755)
        tokens = {
            to: azure.token(f"{to}/.default").json()["access_token"]
            for to in (azure.origin, azure.graph_url)
        }
        self.answers(tokens)
        self.profile(azure.tenant_id, {OTHER_SUBSCRIPTION: False, azure.subscription_id: True})
        # As `az cloud register` and `az cloud set` write them.
        endpoints = {
            "active_directory": azure.origin,
            "active_directory_resource_id": f"{azure.origin}/",
            "microsoft_graph_resource_id": f"{azure.graph_url}/",
            "resource_manager": azure.origin,
        }
        lines = [f"endpoint_{name} = {address}" for name, address in endpoints.items()]
        (folder / "clouds.config").write_text("\n".join(["[Sandbox]", *lines, ""]))
        (folder / "config").write_text("[cloud]\nname = Sandbox\n")
        names = ("CLIENT_ID", "CLIENT_SECRET", "TENANT_ID", "SUBSCRIPTION_ID")
        self.env = {
            **{f"AZURE_{name}": "" for name in names},
            "MCT_S2S_RESOURCE_GROUP": "",
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "AZURE_CONFIG_DIR": str(folder),
        }

    def answers(self, answers: dict[str, str] | str) -> None:
        (self._folder / "answers").write_text(json.dumps(answers))

    def profile(
        self,
        tenant_id: str,
        subscriptions: dict[str, bool],
        cloud: str = "Sandbox",
        user: Json | None = None,
    ) -> None:
        shared = {"tenantId": tenant_id, "state": "Enabled", "environmentName": cloud, "user": user}
        self.rows(
            *(
                {
                    "id": subscription_id,
                    "name": subscription_id[:8],
                    "isDefault": is_default,
                    **shared,
                }
                for subscription_id, is_default in subscriptions.items()
            )
        )

    def rows(self, *rows: Json) -> None:
        content = json.dumps({"installationId": "x", "subscriptions": rows})
        # As az writes it
        (self._folder / "azureProfile.json").write_text(content, encoding="utf-8-sig")

    def truncate(self) -> None:
        """The next one finds its cache empty."""
        (self._folder / "truncated").touch()

    def lingers(self, seconds: float) -> None:
        """From now on, each goes on for so long after it has printed its token."""
        (self._folder / "lingers").write_text(str(seconds))

    def may_end(self) -> None:
        """Those that linger end now."""
        (self._folder / "may-end").touch()

    def ended(self) -> list[str]:
        """A line for each that has lingered and ended."""
        return self._lines("ended")

    def refuses(self, text: str, times: int) -> None:
        """The next ones, as it passes on what the login service says."""
        for number in range(times):
            (self._folder / f"refusal-{number}").write_text(text)

    def prints_once(self, text: str) -> None:
        (self._folder / "odd").write_text(text)

    def prints(self, text: str) -> None:
        """From now on."""
        (self._folder / "always").write_text(text)

    def asked(self) -> list[str]:
        """What each was asked, in the order in which they began."""
        return self._lines("asked")

    def wait_until_asked(self, times: int) -> None:
        """Raises AssertionError: it was not asked so often."""
        until = time.monotonic() + START_SECONDS
        while len(self.asked()) < times:
            assert time.monotonic() < until, self.asked()
            time.sleep(0.01)

    def alone(self) -> list[bool]:
        """Whether no other one was running when each began."""
        return [line == "True" for line in self._lines("alone")]

    def _lines(self, name: str) -> list[str]:
        file = self._folder / name
        return file.read_text().splitlines() if file.exists() else []
