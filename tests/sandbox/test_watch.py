"""A secret that appears where it must not is found, however spelled; the page shows all else, as
text alone.
"""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mct_s2s.sandbox.core.addresses import RealNames
from mct_s2s.sandbox.observability.secret_watch import FEW, KEPT, KnownSecrets
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.sandbox.conftest import OWN, SECRET, SETTINGS, Client
from tests.support.sampling import cases

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a path": quote,
    "in a form": quote_plus,
    "in JSON": lambda text: json.dumps({"a": text}),
}
LETTERS = st.text(st.sampled_from('ab~"é+% \\'), min_size=8, max_size=10)


def leaks(client: Client) -> list[tuple[str, str, str]]:
    rows: list[dict[str, Any]] = client.request("GET", "/_sandbox/leaks").json()["value"]
    return [(leak["service"], leak["where"], leak["kind"]) for leak in rows]


def new_secret(client: Client) -> str:
    application = client.create("/applications", **OWN)
    answer = client.graph(
        "POST", f"/applications/{application['id']}/addPassword", json={"passwordCredential": {}}
    )
    secret: str = answer.json()["secretText"]
    return secret


def test_the_usual_ways_of_a_secret_are_no_leaks(client: Client) -> None:
    settings = client.arm("POST", f"{SETTINGS}/list").json()["properties"]
    secret = new_secret(client)
    client.arm("PUT", SETTINGS, json={"properties": {**settings, "MyClientSecret": secret}})
    form = {"client_id": "x", "client_secret": secret, "grant_type": "client_credentials"}
    client.request("POST", f"/{seed.TENANT_ID}/oauth2/v2.0/token", data=form)
    assert leaks(client) == []


def test_a_secret_in_an_address_is_found_and_not_logged(client: Client) -> None:
    secret = new_secret(client)
    client.arm("GET", seed.SITE, params={"note": f"x{secret}y"})
    client.arm("GET", f"{seed.SITE}{secret}")
    assert leaks(client) == [("arm", "query", "client secret"), ("arm", "path", "client secret")]
    everything = json.dumps(client.log.to_list()) + client.request("GET", "/_sandbox/leaks").text
    assert secret not in everything


def test_a_secret_in_a_header_is_found(client: Client) -> None:
    secret = new_secret(client)
    bearer = f"Bearer {client.token(client.addresses.arm + '/.default')}"
    client.arm(
        "GET", seed.SITE, headers={"Authorization": bearer, "User-Agent": f"tool/1 ({secret})"}
    )
    client.arm("GET", seed.SITE, headers={"Authorization": f"Bearer {secret}"})
    assert leaks(client) == [
        ("arm", "header user-agent", "client secret"),
        ("arm", "authorization", "client secret"),
    ]


def test_a_secret_in_a_body_that_is_not_about_it_is_found(client: Client) -> None:
    secret = new_secret(client)
    client.graph("POST", "/applications", json={"displayName": secret})
    listed = client.arm("POST", f"{SETTINGS}/list").json()["properties"]
    client.graph(
        "POST", "/applications", json={"displayName": listed["ConnectionStrings:MctDatabase"]}
    )
    token = client.token(client.addresses.arm + "/.default")
    client.arm("PUT", SETTINGS, json={"properties": {"Token": token}})
    assert leaks(client) == [
        ("graph", "body", "client secret"),
        ("graph", "body", "application setting"),
        ("arm", "body", "access token"),
    ]


def test_a_secret_that_signs_in_is_known_from_then_on(client: Client) -> None:
    client.arm("GET", seed.SITE, params={"a": SECRET})
    assert leaks(client) == [("arm", "query", "client secret")]


@pytest.mark.parametrize("service", ["graph", "site"])
def test_a_token_for_one_service_at_another_is_found(client: Client, service: str) -> None:
    headers = {"Authorization": f"Bearer {client.token(client.addresses.arm + '/.default')}"}
    host = (
        client.addresses.graph
        if service == "graph"
        else f"https://{client.addresses.of_site(seed.SITE)}"
    )
    client.request("GET", f"{host}/v1.0/organization", headers=headers)
    assert leaks(client) == [(service, f"authorization of a call to {service}", "access token")]
    assert client.request("DELETE", "/_sandbox/leaks").status_code == 204
    assert leaks(client) == []


def test_the_log_says_who_called_and_what_was_written(client: Client) -> None:
    client.arm("POST", f"{SETTINGS}/list")
    client.arm("PUT", SETTINGS, json={"properties": {}})
    client.arm("PUT", SETTINGS, json={"properties": []})
    client.graph("POST", "/applications", json={"displayName": "A"})
    batch = {"requests": [{"id": "1", "method": "GET", "url": "/organization"}]}
    client.graph("POST", "/$batch", json=batch)
    created = {"id": "2", "method": "POST", "url": "/applications", "body": {"displayName": "B"}}
    batch["requests"].append({**created, "headers": {"Content-Type": "application/json"}})  # type: ignore[dict-item]
    client.graph("POST", "/$batch", json=batch)
    rows = [row for row in client.log.to_list() if row["service"] in {"arm", "graph"}]
    assert [row["wrote"] for row in rows] == [False, True, False, True, False, True]
    assert {row["app_id"] for row in rows} == {seed.ADMINISTRATOR_ID}
    assert client.log.to_list(service="entra")[0]["app_id"] == seed.ADMINISTRATOR_ID
    assert client.token(client.addresses.arm + "/.default") not in json.dumps(client.log.to_list())


def _known(*secrets: str) -> KnownSecrets:
    known = KnownSecrets()
    for secret in secrets:
        known.add(secret, "client secret")
    return known


def _others(count: int) -> list[str]:
    return [f"other~{at:06d}" for at in range(count)]


@pytest.mark.parametrize("others", [0, FEW + 1])
@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(max_examples=cases(50, 100))
@given(secret=LETTERS, around=st.text(st.sampled_from("ab%7E"), max_size=6))
def test_a_secret_is_found_however_it_is_spelled(
    others: int, spelling: str, secret: str, around: str
) -> None:
    known = _known(secret, *_others(others))
    spelled = SPELLINGS[spelling](secret)
    assert [secret for secret, _ in known.found_in(f"{around} {spelled} {around}")] == [secret]


@settings(max_examples=cases(25, 100))
@given(
    secrets=st.lists(LETTERS, min_size=FEW + 1, max_size=FEW + 9, unique=True),
    text=st.text(max_size=40),
)
def test_secrets_among_many_are_found_as_one_by_one(secrets: list[str], text: str) -> None:
    held = secrets[0] + text + secrets[-1]
    one_by_one = {secret for secret in secrets if _known(secret).found_in(held)}
    assert {secret for secret, _ in _known(*secrets).found_in(held)} == one_by_one


def test_a_value_that_is_too_short_is_no_secret() -> None:
    assert _known("short").found_in("short short") == []


def test_the_oldest_secret_is_forgotten_and_leaves_nothing_behind() -> None:
    known = _known("first~secret", "first~sibling", *_others(KEPT - 1))
    assert known.found_in("first~secret") == []
    assert known.found_in("first~sibling") == [("first~sibling", "client secret")]


PAGE = "/_sandbox/"
HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover=alert(1) x='",
    "</code></script><svg onload=alert(1)>", "{{ 7 * 7 }} {% raw %} &lt;b&gt;", "\u202etxt.exe",
    "\u0000\u001b[2J",
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
        self.links += [
            value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(client: Client) -> Document:
    answer = client.request("GET", PAGE)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Document(answer.content.decode("utf-8"))


def test_the_page_shows_what_a_command_has_done(client: Client) -> None:
    object_id = client.create("/applications", displayName="S2S-client")["id"]
    client.graph(
        "POST",
        f"/applications/{object_id}/addPassword",
        json={"passwordCredential": {"displayName": "one"}},
    )
    client.arm(
        "PUT",
        SETTINGS,
        json={"properties": {"ServiceAuthEnabled": "true", "ServiceAuthSecret": "not for you"}},
    )
    text = page(client).text
    for shown in (
        *("S2S-client", object_id, "ServiceAuthEnabled=true", "Deployment pipeline", "expires 20"),
        *("POST", "/v1.0/applications", "PUT", "/subscriptions/", "graph", "arm", "entra", "201"),
    ):
        assert shown in text, shown
    assert "not for you" not in text


def test_the_page_names_sites_and_vaults_shortly_and_heads_every_column(client: Client) -> None:
    text = page(client).text
    assert "mct-prod/contosolearn/staging" in text
    for vault in ("contoso-integrations", "contosolearn-kv"):
        assert f"https://{vault}.vault.localhost" in text
    assert re.search(r"Secrets in wrong places\s+None seen\.", text)
    assert "<th></th>" not in client.request("GET", PAGE).text


def test_sites_and_clients_come_before_the_log_whose_newest_are_shown(client: Client) -> None:
    for _ in range(60):
        client.graph("GET", "/organization")
    text = page(client).text
    places = [text.index(title) for title in ("Sites", "App registrations", "Requests")]
    assert places == sorted(places)
    assert " more" in text[places[-1] :], "the rest unfolds"


def test_words_of_the_page_stay_whole(client: Client) -> None:
    """Only what may be long breaks anywhere: a heading of one word was cut into three."""
    client.graph("GET", "/organization")
    text = client.request("GET", PAGE).text
    assert (
        "th, td { text-align: left; vertical-align: top; padding: .2em .8em .2em 0; white-space: "
        "nowrap }"
    ) in text
    assert re.findall(r"<td>GET</td>", text)


def test_the_page_shows_no_secret(client: Client, state: SandboxState) -> None:
    object_id = client.create("/applications", displayName="S2S-client")["id"]
    made = client.graph("POST", f"/applications/{object_id}/addPassword", json={}).json()
    client.request("GET", f"/{seed.TENANT_ID}/{SECRET}?key={SECRET}")
    seen = client.request("GET", PAGE).text
    held = [
        version["value"]
        for vault in state.resources.vaults.values()
        for secret in vault.secrets.values()
        for version in secret["versions"]
    ]
    assert len(held) > 2
    for secret in (SECRET, made["secretText"], *held):
        assert secret not in seen
    assert f">{made['hint']}<" not in seen
    assert made["keyId"] in seen
    assert "/***" in seen, "an address that holds one"


def test_names_on_the_page_are_only_text(client: Client, state: SandboxState) -> None:
    before = set(page(client).elements)
    site = next(iter(state.resources.sites.values()))
    for evil in HOSTILE:
        object_id = client.create("/applications", displayName=evil)["id"]
        sent = {"passwordCredential": {"displayName": evil}}
        client.graph("POST", f"/applications/{object_id}/addPassword", json=sent)
        client.request(
            "GET",
            "/subscriptions/<svg onload=alert(1)>",
            params={"evil": evil.encode("utf-8", "replace")},
        )
        client.control("POST", "callers", {"name": evil})
        site.settings |= {evil: "x", "ServiceAuthRole": evil}
    seen = page(client)
    new = {element for element in seen.elements if element not in before}
    assert {tag for tag, _ in new} <= {
        "details",
        "div",
        "h2",
        "p",
        "summary",
        "table",
        "td",
        "th",
        "tr",
    }
    assert not any(attributes for _, attributes in new)
    for evil in HOSTILE[:-1]:
        assert seen.text.count(evil) >= 2, evil


def test_the_page_lets_a_browser_run_and_fetch_nothing(client: Client) -> None:
    answer = client.request("GET", PAGE)
    seen = Document(answer.text)
    policy = dict(
        rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; ")
    )
    nonce = policy.pop("style-src").removeprefix("'nonce-").removesuffix("'")
    assert f'<style nonce="{nonce}">' in answer.text
    assert nonce not in client.request("GET", PAGE).text
    assert policy == dict.fromkeys(
        ("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'"
    )
    assert "script" not in [tag for tag, _ in seen.elements]
    assert not [
        names
        for _, names in seen.elements
        if "style" in names or any(name.startswith("on") for name in names)
    ]
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
def test_no_page_from_elsewhere_may_read_the_sandboxs_page(
    client: Client, headers: dict[str, str], status: int
) -> None:
    assert client.request("GET", PAGE, headers=headers).status_code == status


def test_the_page_is_at_no_name_of_azures(state: SandboxState) -> None:
    client = Client(state, RealNames(443, state.resources.sites))
    browser = {"Accept": "text/html,*/*;q=0.8"}
    assert client.request("GET", f"https://localhost{PAGE}", headers=browser).status_code == 200
    assert client.request("GET", "https://localhost/", headers=browser).headers["location"] == PAGE
    for name in ("management.azure.com", "graph.microsoft.com", "login.microsoftonline.com"):
        assert client.request("GET", f"https://{name}{PAGE}", headers=browser).status_code == 421
        assert client.request("GET", f"https://{name}/", headers=browser).status_code not in {
            200,
            307,
        }
