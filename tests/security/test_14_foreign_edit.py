"""App Service has no ETag for its settings: an edit of somebody else's survives ours, also when requests go astray."""

from __future__ import annotations

from mct_s2s.sandbox.observability.exchange import Cut, Entry

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox
from tests.support.sandbox_inside import Inside

BANNER = "BannerText"
SETUP = ("setup", "--client", "S2S-client", "--secret-to", "show", "-y", "-o", "json")


def edit(inside: Inside) -> None:
    """Somebody writes one setting in the portal."""
    inside.state.resources.sites[SITE.lower()].settings[BANNER] = "new"


def writes(entry: Entry) -> bool:
    return entry.method == "PUT" and entry.path.lower() == f"{SITE}/config/appsettings".lower()


def test_a_write_whose_connection_was_reset_is_repeated_with_new_settings_only(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    """The HTTP library itself would send the same bytes once more, where the connection was a used one."""
    cuts = 0

    async def cut(entry: Entry) -> None:
        nonlocal cuts
        if writes(entry) and not cuts:
            cuts += 1
            edit(inside)
            raise Cut("reset")

    inside.hooks.before.append(cut)
    done = mct(*SETUP)
    assert (done.code, cuts) == (0, 1), done.out
    assert azure.settings()[BANNER] == "new"
