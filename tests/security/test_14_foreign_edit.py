"""App Service has no ETag for its settings: an edit of somebody else's survives ours, also when requests go astray."""

from __future__ import annotations

from mct_s2s.sandbox.observability.exchange import Cut
from mct_s2s.sandbox.observability.request_log import Entry

from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox
from tests.support.answers import answering
from tests.support.sandbox_inside import Inside

BANNER = "BannerText"
SETUP = ("setup", "--client", "S2S-client", "--secret-to", "show", "-y", "-o", "json")


def edit(inside: Inside) -> None:
    """Somebody writes one setting in the portal."""
    inside.state.resources.sites[SITE.lower()].settings[BANNER] = "new"


def lists(entry: Entry) -> bool:
    return entry.path.lower() == f"{SITE}/config/appsettings/list".lower()


def writes(entry: Entry) -> bool:
    return entry.method == "PUT" and entry.path.lower() == f"{SITE}/config/appsettings".lower()


def test_a_listing_is_not_fresh_for_as_long_as_it_was_throttled(mct: Program, azure: Sandbox, inside: Inside) -> None:
    """The second listing is the one that is merged; while it waits for 15 s, consent takes even longer."""
    busy = answering(lists, {"error": {"code": "TooManyRequests", "message": "Later."}}, 429, {"retry-after": "15"})
    listings = 0

    async def throttle_the_second(entry: Entry) -> None:
        nonlocal listings
        listings += lists(entry)
        if lists(entry) and listings == 2:
            await busy(entry)

    async def consent_takes_long(entry: Entry) -> None:
        if entry.method == "POST" and entry.path.endswith("/appRoleAssignedTo"):
            await inside.state.clock.sleep(25)
            edit(inside)

    inside.hooks.before += [throttle_the_second, consent_takes_long]
    done = mct(*SETUP)
    assert done.code == 0, done.out
    assert listings > 2
    assert azure.settings()[BANNER] == "new"


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


def test_a_write_that_the_service_put_off_takes_no_longer_than_it_asked_for(
    mct: Program, azure: Sandbox, inside: Inside
) -> None:
    usual = mct(*SETUP).seconds
    assert mct("teardown", "-y").code == 0
    azure.misbehave(
        {
            "match": {"service": "ARM", "method": "PUT", "path": "*/config/appsettings"},
            "fault": {"type": "status", "status": 429, "retryAfter": 60},
            "times": 1,
        }
    )
    done = mct(*SETUP)
    assert done.code == 0
    assert 60 <= done.seconds < 60 + usual + 5
