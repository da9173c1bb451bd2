"""Three tenants with three MCT sites each, and the trust file that names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, Program
from tests.conftest import Json
from tests.support.sandboxes import Tenants

PER_TENANT = 3
SOON = "20d"
"""The lifetime of the secrets at the first two sites of each tenant; at the third it is a year."""
_KEPT: list[Json] = []
"""The world of each tenant, made once."""


@dataclass
class Fleet:
    """Runs the program over the file; variables that name one App Service stay set, as they would in a user's shell."""

    mct: Program
    tenants: Tenants
    file: Path

    def __call__(self, command: str, *words: str) -> Ended:
        """Run a command with `-f`, each tenant by the login host of its own cloud."""
        return self.mct(command, "-f", str(self.file), *words, env={"AZURE_AUTHORITY_HOST": ""})

    def write(self, **of_clients: str) -> None:
        """The file, with more lines for the client of a site: `t1_2='secret-to = "…"'`."""
        sites = [(tenant, number) for tenant in (1, 2, 3) for number in range(1, PER_TENANT + 1)]
        tables = (_site(tenant, number, of_clients.get(f"t{tenant}_{number}", "")) for tenant, number in sites)
        self.file.write_text(self.tenants.profiles() + "".join(tables))


def _site(tenant: int, number: int, more: str) -> str:
    return f"""
[sites.t{tenant}-{number}]
profile = "tenant-{tenant}"
app-service = "mct-{number}"
resource-group = "mct"
[[sites.t{tenant}-{number}.clients]]
name = "Import {number}"
{more}
"""


@pytest.fixture
def fleet(mct: Program, tenants: Tenants, tmp_path: Path) -> Fleet:
    """The tenants as they begin: each site has a client with a secret, and the first one another."""
    first = tenants.all[0]
    if not _KEPT:
        first.azure.reset()
        for number in range(1, PER_TENANT + 1):
            first.azure.add_site(name=f"mct-{number}", group="mct", subscription=first.azure.subscription_id)
            words = ["-a", f"mct-{number}", "-g", "mct", "--client", f"Import {number}"]
            words += ["--client", "Other"] if number == 1 else []
            words += ["--secret-lifetime", SOON] if number < PER_TENANT else []
            assert mct("setup", *words, "-y", "--no-verify").code == 0
        _KEPT.append(first.keep())
    tenants.become(_KEPT[0])
    made = Fleet(mct, tenants, tmp_path / "trust.toml")
    made.write()
    return made
