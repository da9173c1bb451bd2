"""A site that is called at another address than the App Service's own, such as Azure Front Door's."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Program, saved_to, values_in
from tests.conftest import JSON, Sandbox

SETUP = ("setup", "--client", "Import")
TAG = "mct-s2s:url:"


@pytest.fixture
def door(azure: Sandbox) -> str:
    """The address of the Front Door: the site's own host admits nothing else."""
    azure.vary(site_front="front-door")
    return azure.site_url.replace("https://", "https://contosolearn.azurefd.")


def tags(azure: Sandbox) -> list[str]:
    (service,) = azure.applications("MCT service (contosolearn)")
    return [tag for tag in service["tags"] if tag.startswith(TAG)]


def test_setup_tests_and_tells_clients_the_address_that_is_typed(mct: Program, azure: Sandbox, door: str) -> None:
    assert f"API reached at {door}" in " ".join(mct(*SETUP, "--url", door, "--dry-run").out.split())
    done = mct(*SETUP, "--url", door, *JSON)
    assert (done.code, done.document["verification"]["proved"]) == (0, True), done
    assert done.document["verification"]["url"] == door
    assert values_in(saved_to(done))["MCT_S2S_URL"] == door
    assert tags(azure) == [f"{TAG}{door}"]
    assert {row["status"] for row in azure.log("site")} == {200, 401}


def test_the_address_is_kept_with_the_setup(mct: Program, azure: Sandbox, door: str, tmp_path: Path) -> None:
    assert mct(*SETUP, "--url", door, *JSON).code == 0
    azure.forget()
    assert mct(*SETUP, "-y").code == 0
    assert mct(*SETUP, "--url", door, "-y").code == 0
    assert azure.writes() == []
    status = mct("status", "-o", "json").document
    assert (status["connection"]["url"], status["appService"]["url"]) == (door, azure.site_url)
    assert door in mct("status").out
    for words in (("curl",), ("app-settings",)):
        assert door in mct("snippet", "Import", "-l", *words).out
    file = tmp_path / "trust.toml"
    file.write_text(mct("export").out, encoding="utf-8")
    assert f'url = "{door}"' in file.read_text(encoding="utf-8")
    same = mct("apply", "-f", str(file), "--dry-run", *JSON)
    assert same.code == 0, same
    more = mct("add-client", "More", *JSON)
    assert values_in(saved_to(more))["MCT_S2S_URL"] == door
    rotated = mct("rotate-secret", "Import", *JSON)
    assert rotated.code == 0, rotated
    assert values_in(saved_to(rotated))["MCT_S2S_URL"] == door


def test_a_token_is_sent_there_only_where_the_address_is_typed(mct: Program, azure: Sandbox, door: str) -> None:
    assert mct(*SETUP, "--url", door, *JSON).code == 0
    azure.forget()
    looked = mct("verify", "-o", "json")
    (call,) = [row for row in looked.document["checks"] if row["check"] == "call"]
    assert (looked.code, call["ok"]) == (3, None)
    assert f"mct-s2s verify --url {door}" in call["remedy"]
    assert {row["status"] for row in azure.log("site")} == {403}
    assert mct("verify", "--url", door).code == 0


def test_a_trust_file_says_the_address(mct: Program, azure: Sandbox, door: str, tmp_path: Path) -> None:
    file = tmp_path / "trust.toml"
    file.write_text(f'[sites.contosolearn]\nurl = "{door}"\nclients = [{{ name = "Import" }}]\n', encoding="utf-8")
    done = mct("apply", "-f", str(file), *JSON)
    assert done.code == 0, done
    assert {row["status"] for row in azure.log("site")} == {200, 401}
    file.write_text('[sites.contosolearn]\nurl = "http://contoso.azurefd.net"\n', encoding="utf-8")
    refused = mct("apply", "-f", str(file), *JSON)
    assert (refused.code, "sites.contosolearn.url" in refused.document["error"]["message"]) == (2, True), refused


def test_another_address_is_noted_and_what_is_stored_is_told(mct: Program, azure: Sandbox, door: str) -> None:
    """The first run knew nothing of the Front Door: its file names the App Service's own host."""
    first = mct(*SETUP, *JSON)
    assert (first.code, first.document["verification"]["proved"]) == (0, False)
    file = saved_to(first)
    planned = mct(*SETUP, "--url", door, "--dry-run")
    told = " ".join(planned.out.split())
    assert f"notes that the API is reached at {door}" in told
    assert mct(*SETUP, "--url", door, "-y").code == 0
    assert f"MCT_S2S_URL in file:{file} is '{azure.site_url}'. Set it to {door}, where the API is reached." in told
    assert tags(azure) == [f"{TAG}{door}"]
    assert mct(*SETUP, "--url", azure.site_url, "-y").code == 0
    assert tags(azure) == []


def test_an_address_that_strangers_noted_is_told_no_client(mct: Program, azure: Sandbox) -> None:
    """Anyone may register an application under the name of this App Service's, and note an address of their own."""
    evil = "https://collector.example.com"
    body = {"displayName": "MCT service (contosolearn)", "tags": [f"{TAG}{evil}"]}
    azure.graph(
        "PATCH",
        "/applications(uniqueName='mct-s2s-contosolearn')",
        json=body,
        headers={"Prefer": "create-if-missing"},
    )
    planned = mct(*SETUP, "--dry-run", *JSON)
    done = mct(*SETUP, *JSON)
    assert evil not in json.dumps(planned.document)
    if done.code == 0:
        assert values_in(saved_to(done))["MCT_S2S_URL"] == azure.site_url
    assert [row for row in azure.log("site") if "example" in str(row)] == []
