"""A site that is called at another address than the App Service's own, such as Azure Front
Door's.
"""

import shlex
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


def test_setup_tests_and_tells_clients_the_address_that_is_typed(
    mct: Program, azure: Sandbox, door: str
) -> None:
    done = mct(*SETUP, "--url", door, *JSON)
    assert (done.code, done.document["verification"]["proved"]) == (0, True), done
    assert done.document["verification"]["url"] == door
    assert values_in(saved_to(done))["MCT_S2S_URL"] == door
    assert {row["status"] for row in azure.log("site")} == {200, 401}


def test_later_commands_use_the_address_that_is_typed_or_in_the_clients_own_file(
    mct: Program, azure: Sandbox, door: str
) -> None:
    assert mct(*SETUP, "--url", door, *JSON).code == 0
    azure.forget()
    assert mct(*SETUP, "--url", door, "-y").code == 0
    assert azure.writes() == []
    for words in (("curl",), ("app-settings",)):
        assert door in mct("snippet", "Import", "-l", *words, "--url", door).out
    more = mct("add-client", "More", "--url", door, *JSON)
    assert values_in(saved_to(more))["MCT_S2S_URL"] == door
    rotated = mct("rotate-secret", "Import", *JSON)
    assert rotated.code == 0, rotated
    assert values_in(saved_to(rotated))["MCT_S2S_URL"] == door


def test_the_printed_next_command_calls_the_address_that_was_typed(
    mct: Program, azure: Sandbox, door: str
) -> None:
    """Nothing in Azure remembers it."""
    done = mct(*SETUP, "--url", door, "-y")
    (printed,) = [line for line in done.out.splitlines() if "mct-s2s snippet" in line]
    assert f"{door}/api/" in mct(*shlex.split(printed)[1:]).out
    forgotten = mct("snippet", "Import")
    (better,) = [line for line in forgotten.err.splitlines() if "mct-s2s snippet" in line]
    assert f"{door}/api/" in mct(*shlex.split(better)[1:]).out


def test_a_token_is_sent_there_only_where_the_address_is_typed(
    mct: Program, azure: Sandbox, door: str
) -> None:
    assert mct(*SETUP, "--url", door, *JSON).code == 0
    azure.forget()
    looked = mct("verify", "-o", "json")
    (call,) = [row for row in looked.document["checks"] if row["check"] == "call"]
    assert looked.code == 3, looked
    assert call["ok"] is not True
    assert f"its credential is for '{door}'" in call["message"]
    _, _, naming = call["remedy"].partition("name it: mct-s2s ")
    assert f"--url {door}" in naming
    assert mct(*shlex.split(naming)).code == 0


def test_an_address_that_a_trust_file_alone_names_gets_no_token(
    mct: Program, azure: Sandbox, door: str, tmp_path: Path
) -> None:
    """The file may be somebody else's branch; what the client's own credential says confirms it."""
    setup = mct(*SETUP, *JSON)
    file = tmp_path / "trust.toml"
    place = f'secret-to = "file:{saved_to(setup)}"'
    file.write_text(
        f'[sites.contosolearn]\nurl = "{door}"\nclients = [{{ name = "Import", {place} }}]\n',
        "utf-8",
    )
    azure.forget()
    looked = mct("verify", "-f", str(file), "-o", "json")
    (call,) = [row for row in looked.document["sites"][0]["checks"] if row["check"] == "call"]
    assert (looked.code, call["ok"]) == (3, False), looked
    assert f"the trust file alone says that the API is at {door}" in call["message"]
    assert "mct-s2s verify --url URL" in call["remedy"]
    assert [row for row in azure.log("site") if row["status"] == 200] == []


def test_a_trust_file_says_the_address(
    mct: Program, azure: Sandbox, door: str, tmp_path: Path
) -> None:
    file = tmp_path / "trust.toml"
    file.write_text(
        f'[sites.contosolearn]\nurl = "{door}"\nclients = [{{ name = "Import" }}]\n',
        encoding="utf-8",
    )
    done = mct("apply", "-f", str(file), *JSON)
    assert done.code == 0, done
    assert {row["status"] for row in azure.log("site")} == {200, 401}
    file.write_text('[sites.contosolearn]\nurl = "http://contoso.azurefd.net"\n', encoding="utf-8")
    refused = mct("apply", "-f", str(file), *JSON)
    assert (refused.code, "sites.contosolearn.url" in refused.document["error"]["message"]) == (
        2,
        True,
    ), refused


def test_an_export_with_the_address_is_applied_without_a_change(
    mct: Program, azure: Sandbox, door: str, tmp_path: Path
) -> None:
    assert mct(*SETUP, "--url", door, *JSON).code == 0
    file = tmp_path / "trust.toml"
    file.write_text(mct("export", "--url", door).out, encoding="utf-8")
    azure.forget()
    assert mct("apply", "-f", str(file), "-y").code == 0
    assert (azure.writes(), mct("verify", "-f", str(file)).code) == ([], 0)


def test_a_stored_address_that_is_another_one_is_told(
    mct: Program, azure: Sandbox, door: str
) -> None:
    """The first run knew nothing of the Front Door: its file names the App Service's own host."""
    first = mct(*SETUP, *JSON)
    assert (first.code, first.document["verification"]["proved"]) == (0, False)
    file = saved_to(first)
    output = " ".join(mct(*SETUP, "--url", door, "--dry-run").out.split())
    assert (
        f"MCT_S2S_URL in file:{file} is '{azure.site_url}'. Set it to {door}, where the API is "
        "reached."
    ) in output


@pytest.mark.as_administrator("the registration is a stranger's, which a pipeline may not change")
def test_an_address_that_strangers_noted_is_told_no_client(mct: Program, azure: Sandbox) -> None:
    """Anyone may register an application under the name of this App Service's, and note an address
    of their own.
    """
    evil = "https://collector.example.com"
    body = {"displayName": "MCT service (contosolearn)", "tags": [f"{TAG}{evil}"]}
    azure.graph(
        "PATCH",
        "/applications(uniqueName='mct-s2s-contosolearn')",
        json=body,
        headers={"Prefer": "create-if-missing"},
    )
    done = [
        mct(*words)
        for words in (
            (*SETUP, "--dry-run", *JSON), (*SETUP, *JSON), ("add-client", "More", *JSON),
            ("rotate-secret", "Import", *JSON), ("status", "-o", "json"), ("snippet", "Import"),
            ("export",),
        )
    ]  # fmt: skip
    assert [
        ended.out for ended in done if "collector" in ended.out.replace(f"{TAG}{evil}", "")
    ] == []
    assert values_in(saved_to(done[3]))["MCT_S2S_URL"] == azure.site_url
    assert [row for row in azure.log("site") if "example" in str(row)] == []
