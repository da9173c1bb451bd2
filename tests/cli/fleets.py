"""Three tenants with three MCT sites each, and the trust file that names them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, Program
from tests.conftest import Json
from tests.reliability.harness import label
from tests.support.sandbox_inside import Inside
from tests.support.sandboxes import Tenants

PER_TENANT = 3
SOON = "20d"
"""The lifetime of the secrets at the first two sites of each tenant; at the third it is a year."""
_KEPT: list[Json] = []
"""The state of each tenant, made once."""


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


def requests_of(one: Inside) -> Counter[str]:
    """What a sandbox was asked since the last time, each site's by `mct-N`."""
    counted = Counter(re.sub(r"mct-\d|import-\d-\w+", "…", label(row)) for row in one.log())
    one.pipeline.observability.log.clear()
    return counted


def check_costs(run: Callable[..., Ended], tenants: Tenants) -> None:
    """Sixty sites take no sixty sign-ins, and none waits for another: each adds its own requests, no more."""
    tenants.slow_down(0.1)
    first = tenants.all[0]
    one = run("--only", "t1-2"), requests_of(first)
    two = run("--only", "t1-2", "--only", "t1-3"), requests_of(first)
    everything = run()
    assert [done.code for done in (one[0], two[0], everything)] == [0, 0, 0]
    # Which requests leave together is for the event loop to say: a round trip or two more, but not eight sites' worth.
    assert everything.seconds <= one[0].seconds + 0.25
    own = two[1] - one[1]
    assert not any(word in request for request in own for word in OF_A_TENANT)
    for tenant in tenants.all:
        assert requests_of(tenant).total() == one[1].total() + (PER_TENANT - 1) * own.total()


OF_A_TENANT = (
    "transitiveMemberOf", "appRoleAssignments", "ownedObjects", "/policies/", "/organization", "/token", "/metadata",
)  # fmt: skip
"""In requests about the tenant, the subscription or the caller, of which there is one for all sites."""


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
