"""The page shows what is in a sandbox and what was asked of it; no secret is on it, and text is only ever text."""

from html.parser import HTMLParser

import pytest
from mct_s2s.sandbox.core.addresses import RealNames
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.sandbox.conftest import SECRET, SETTINGS, Client

PAGE = "/_sandbox/"
HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover=alert(1) x='",
    "</code></script><svg onload=alert(1)>", "{{ 7 * 7 }} {% raw %} &lt;b&gt;", "\u202etxt.exe", "\u0000\u001b[2J",
)  # fmt: skip


class Document(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(client: Client) -> Document:
    answer = client.request("GET", PAGE)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Document(answer.content.decode("utf-8"))


def test_it_shows_what_a_command_has_done(client: Client) -> None:
    object_id = client.create("/applications", displayName="S2S-client")["id"]
    client.graph("POST", f"/applications/{object_id}/addPassword", json={"passwordCredential": {"displayName": "one"}})
    client.arm("PUT", SETTINGS, json={"properties": {"ServiceAuthEnabled": "true", "ServiceAuthSecret": "not for you"}})
    text = page(client).text
    for shown in (
        *("S2S-client", object_id, "ServiceAuthEnabled=true", "Deployment pipeline", "expires 20"),
        *("POST", "/v1.0/applications", "PUT", "/subscriptions/", "graph", "arm", "entra", "201"),
    ):
        assert shown in text, shown
    assert "not for you" not in text


def test_no_secret_is_on_it(client: Client, state: SandboxState) -> None:
    object_id = client.create("/applications", displayName="S2S-client")["id"]
    made = client.graph("POST", f"/applications/{object_id}/addPassword", json={}).json()
    client.request("GET", f"/{seed.TENANT_ID}/{SECRET}?key={SECRET}")
    seen = client.request("GET", PAGE).text
    held = [version["value"] for vault in state.resources.vaults.values() for one in vault.secrets.values()
            for version in one["versions"]]  # fmt: skip
    assert len(held) > 2
    for secret in (SECRET, made["secretText"], *held):
        assert secret not in seen
    assert f">{made['hint']}<" not in seen
    assert made["keyId"] in seen
    assert "/***" in seen, "an address that holds one"


def test_names_from_elsewhere_are_only_ever_text(client: Client, state: SandboxState) -> None:
    before = set(page(client).elements)
    site = next(iter(state.resources.sites.values()))
    for evil in HOSTILE:
        object_id = client.create("/applications", displayName=evil)["id"]
        sent = {"passwordCredential": {"displayName": evil}}
        client.graph("POST", f"/applications/{object_id}/addPassword", json=sent)
        client.request("GET", "/subscriptions/<svg onload=alert(1)>", params={"evil": evil.encode("utf-8", "replace")})
        client.control("POST", "callers", {"name": evil})
        site.settings |= {evil: "x", "ServiceAuthRole": evil}
    seen = page(client)
    new = {element for element in seen.elements if element not in before}
    assert {tag for tag, _ in new} <= {"div", "h2", "table", "td", "th", "tr"}
    assert not any(attributes for _, attributes in new)
    for evil in HOSTILE[:-1]:
        assert seen.text.count(evil) >= 2, evil


def test_a_browser_runs_and_fetches_nothing(client: Client) -> None:
    answer = client.request("GET", PAGE)
    seen = Document(answer.text)
    policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    nonce = policy.pop("style-src").removeprefix("'nonce-").removesuffix("'")
    assert f'<style nonce="{nonce}">' in answer.text
    assert nonce not in client.request("GET", PAGE).text
    assert policy == dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'")
    assert "script" not in [tag for tag, _ in seen.elements]
    assert not [names for _, names in seen.elements if "style" in names or any(name.startswith("on") for name in names)]
    assert seen.links == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example:8443"}, 421),
        ({"Host": "localhost.evil.example:8443"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "127.0.0.1:8443"}, 200),
    ],
)
def test_no_page_from_elsewhere_may_read_it(client: Client, headers: dict[str, str], status: int) -> None:
    assert client.request("GET", PAGE, headers=headers).status_code == status


def test_it_is_at_no_name_of_azures(state: SandboxState) -> None:
    client, browser = Client(state, RealNames(443, state.resources.sites)), {"Accept": "text/html,*/*;q=0.8"}
    assert client.request("GET", f"https://localhost{PAGE}", headers=browser).status_code == 200
    assert client.request("GET", "https://localhost/", headers=browser).headers["location"] == PAGE
    for name in ("management.azure.com", "graph.microsoft.com", "login.microsoftonline.com"):
        assert client.request("GET", f"https://{name}{PAGE}", headers=browser).status_code == 421
        assert client.request("GET", f"https://{name}/", headers=browser).status_code not in {200, 307}
