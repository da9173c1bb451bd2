"""The page in Chromium, with `--all` and where Chromium is installed; test_page.py reads it without a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from mct_s2s.sandbox.hosting.embedded import Running
from mct_s2s.sandbox.state import seed

from tests.sandbox.test_page import HOSTILE
from tests.sandbox.test_serving import arm_headers, https, replace_settings
from tests.support.sampling import every_cell

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

WITHIN = 15_000
"""Milliseconds: the page looks every second, the machine may be busy."""
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

pytestmark = pytest.mark.skipif(not every_cell(), reason="takes a browser: --all")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # half a second, and only here

    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program)
        yield chromium
        chromium.close()


@pytest.fixture
def complaints() -> list[str]:
    """Messages on the console, dialogs, requests to elsewhere: a test fails that leaves one here."""
    return []


@pytest.fixture
def look(browser: Browser, running: Running, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Open the page in a browser of its own."""
    contexts = []

    def dismiss(dialog: Dialog) -> None:
        complaints.append(dialog.message)
        dialog.dismiss()

    def opened(**options: Any) -> Page:
        context = browser.new_context(ignore_https_errors=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", dismiss)
        page.on("request", lambda one: complaints.extend([one.url] if not ours(one.url, running) else []))
        page.goto(running.resource_manager)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def ours(url: str, running: Running) -> bool:
    return url.startswith((f"{running.resource_manager}/", "data:"))


def add_application(running: Running, name: str) -> None:
    with https(running) as http:
        http.post(f"{running.resource_manager}/_sandbox/callers", json={"name": name}).raise_for_status()


def test_what_a_command_does_appears_by_itself(look: Callable[..., Page], running: Running) -> None:
    page = look()
    page.get_by_text("None yet.").wait_for(timeout=WITHIN)
    page.locator("#live", has_text="Live").wait_for(timeout=WITHIN)
    page.evaluate("window.same = true")
    replace_settings(running, {"ServiceAuthRole": "S2SAppRole"})
    page.locator("#requests li", has_text="PUT /subscriptions/").wait_for(timeout=WITHIN)
    page.locator("#sites article", has_text="S2SAppRole").wait_for(timeout=WITHIN)
    assert page.get_by_text("None yet.").count() == 0
    assert page.evaluate("window.same"), "it was not loaded anew"
    before = page.locator("#requests .read").count()
    page.get_by_label("Only those that changed something").check()
    assert before > 0
    assert page.locator("#requests .read:visible").count() == 0
    assert page.locator("#requests .wrote:visible").count() == 1


def test_what_somebody_reads_stays_open_and_in_focus(look: Callable[..., Page], running: Running) -> None:
    page = look()
    summary = page.locator("#sites summary").first
    summary.focus()
    page.keyboard.press("Enter")
    replace_settings(running, {"ServiceAuthRole": "A", "Other": "1"})
    site = page.locator(f"[id='site-{seed.SITE}']", has_text="ServiceAuthRole")
    site.wait_for(timeout=WITHIN)
    assert site.locator("details").evaluate("details => details.open")
    assert site.locator("summary").evaluate("summary => summary === document.activeElement")
    assert page.get_by_text("BannerText").count() == page.get_by_text("BannerText").and_(page.locator("dt")).count()


def test_it_can_be_paused(look: Callable[..., Page], running: Running) -> None:
    page = look()
    button = page.get_by_role("button", name="Pause")
    button.press("Space")
    assert button.get_attribute("aria-pressed") == "true"
    page.locator("#live", has_text="Paused").wait_for(timeout=WITHIN)
    add_application(running, "While it was paused")
    page.wait_for_timeout(2_500)
    assert page.get_by_text("While it was paused").count() == 0
    button.press("Enter")
    page.get_by_role("heading", name="While it was paused").wait_for(timeout=WITHIN)


def test_hostile_names_do_nothing(look: Callable[..., Page], running: Running) -> None:
    page = look()
    for evil in HOSTILE:
        add_application(running, evil)
    with https(running) as http:
        headers = arm_headers(running, http)
        for evil in HOSTILE[:-1]:
            http.get(f"{running.resource_manager}/subscriptions/x", params={"q": evil}, headers=headers)
    page.get_by_role("heading", name=HOSTILE[0], exact=True).wait_for(timeout=WITHIN)
    page.locator("#registrations article").nth(len(HOSTILE)).wait_for(timeout=WITHIN)
    assert page.locator("body script, body img, body svg, body iframe").count() == 1, "its own script"
    page.reload()
    assert page.locator("body script, body img, body svg, body iframe").count() == 1


@pytest.mark.parametrize("width", [400, 800, 1400])
def test_it_fits(look: Callable[..., Page], running: Running, width: int) -> None:
    add_application(running, "A name of many letters " * 9)
    page = look(viewport={"width": width, "height": 800})
    page.get_by_role("heading", name="A name of many").wait_for(timeout=WITHIN)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_dark_or_light_as_the_system_is(look: Callable[..., Page]) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = (look(color_scheme=scheme).evaluate(ground) for scheme in ("light", "dark"))
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(27, 26, 25)")


def test_a_keyboard_reaches_everything(look: Callable[..., Page]) -> None:
    page = look()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the requests"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"only-writes", "SUMMARY", "DIV"} <= reached


def test_a_reader_of_the_screen_finds_its_way(look: Callable[..., Page]) -> None:
    page = look()
    assert page.get_by_role("heading", level=1).count() == 1
    for name in ("Requests", "Sites", "App registrations", "Granted permissions", "Service principals"):
        assert page.get_by_role("region", name=name, exact=True).count() == 1
        assert page.get_by_role("heading", level=2, name=name, exact=True).count() == 1
    assert page.get_by_role("main").count() == page.get_by_role("banner").count() == 1
    assert page.get_by_role("status").text_content() is not None


def test_it_says_that_the_sandbox_has_ended(look: Callable[..., Page], complaints: list[str]) -> None:
    page = look()
    page.locator("#live", has_text="Live").wait_for(timeout=WITHIN)
    page.route("**/*", lambda route: route.abort())
    page.locator("#live", has_text="does not answer").wait_for(timeout=WITHIN)
    page.unroute("**/*")
    page.locator("#live", has_text="Live").wait_for(timeout=WITHIN)
    complaints.clear()  # the browser's own, about what has failed
