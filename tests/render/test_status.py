"""`status` on the screen: the verdict first, each id whole, each problem marked, each remedy ready to be pasted."""

from collections.abc import Callable
from dataclasses import replace

from mct_s2s.model.observed import ObservedState, Trust
from mct_s2s.planning.reports.status import StatusReport
from mct_s2s.render.console import Terminal
from mct_s2s.render.status import show_report

from tests.planning.scenarios import FOREIGN, IMPORT, SERVICE, complete, observed_state, settings, trust
from tests.render.examples import healthy, with_role_off, with_settings
from tests.render.reports import one, several
from tests.support.screens import check_screen, check_texts


def shown(report: StatusReport) -> Callable[[Terminal], None]:
    return lambda terminal: show_report(terminal, report)


def test_app_services_as_a_picture() -> None:
    for width in (40, 80):
        check_screen(f"status-{width}", shown(one()), width=width)
    check_screen("status-ascii", shown(one()), color=False, unicode=False)
    check_screen("status-all-80", shown(several()))


STATUSES: dict[str, ObservedState] = {
    "two problems that one command mends": with_settings(
        complete(IMPORT), settings(ServiceAuthEnabled="", ServiceAuthTenantName="")
    ),
    "nothing wrong": healthy(),
    "no clients, and no table of them": complete(),
    "no service application": observed_state(Trust(), settings()),
    "gaps of the service application": observed_state(
        Trust(replace(SERVICE, identifier_uris=(), app_roles=())), settings()
    ),
    "a role that is off": with_role_off(complete(IMPORT)),
    "no tenant, and no line for it": ObservedState("public", None, None, trust(IMPORT)),
}


def test_a_status_is_as_it_was() -> None:
    text = check_texts("statuses", {name: shown(one(observed)) for name, observed in STATUSES.items()})
    assert [name for name in FOREIGN if name in text] == [], "settings of others are never shown"
