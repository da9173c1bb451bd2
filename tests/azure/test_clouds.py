"""The clouds by name, held against what Azure's own SDKs say of them, and by their metadata
document.
"""

import ast
import errno
import os
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints
from mct_s2s.azure import clouds
from mct_s2s.azure.cloud_metadata import read_cloud
from mct_s2s.azure.clouds import CHINA, PUBLIC, US_GOVERNMENT, US_GOVERNMENT_DOD, Cloud
from mct_s2s.azure.sign_in.choice import may_sign_in, remedy_of_kept_back
from mct_s2s.errors import UsageError

from tests.support.parsing import parsed

SDK = {
    "public": (
        AzureClouds.AZURE_PUBLIC_CLOUD,
        AzureAuthorityHosts.AZURE_PUBLIC_CLOUD,
        "graph.microsoft.com",
    ),
    "usgov": (
        AzureClouds.AZURE_US_GOVERNMENT,
        AzureAuthorityHosts.AZURE_GOVERNMENT,
        "graph.microsoft.us",
    ),
    "usgov-dod": (
        AzureClouds.AZURE_US_GOVERNMENT,
        AzureAuthorityHosts.AZURE_GOVERNMENT,
        "dod-graph.microsoft.us",
    ),
    "china": (
        AzureClouds.AZURE_CHINA_CLOUD,
        AzureAuthorityHosts.AZURE_CHINA,
        "microsoftgraph.chinacloudapi.cn",
    ),
}


@pytest.mark.parametrize("name", SDK)
def test_addresses_of_a_cloud_are_those_of_azures_own_sdks(name: str) -> None:
    cloud = clouds.BY_NAME[name]
    (setting, authority, graph) = SDK[name]
    endpoints = get_arm_endpoints(setting)
    assert cloud.arm == endpoints["resource_manager"].rstrip("/")
    assert [cloud.arm_scope] == endpoints["credential_scopes"]
    assert urlsplit(cloud.login).netloc == authority
    assert (cloud.graph, cloud.graph_scope) == (f"https://{graph}", f"https://{graph}/.default")
    assert (cloud.authority_host is None) == (name == "public"), (
        "a file names every other login host"
    )
    assert cloud.is_microsofts


def test_names_of_clouds_in_the_azure_cli_mean_the_same_clouds() -> None:
    for name, cloud in (
        ("AzureCloud", PUBLIC),
        ("AzureUSGovernment", US_GOVERNMENT),
        ("AzureChinaCloud", CHINA),
    ):
        clouds.check_name(name)
        assert clouds.BY_NAME[name.lower()] is cloud


def _document(cloud: Cloud, **changes: Any) -> dict[str, Any]:
    """As `/metadata/endpoints` answers it: `resourceManager` and Graph with a slash, keys in any
    case.
    """
    document = {
        "name": "SomeCloud",
        "authentication": {
            "loginEndpoint": f"{cloud.login}/",
            "audiences": [cloud.arm_scope.removesuffix(".default")],
        },
        "microsoftGraphResourceId": f"{cloud.graph}/",
        "resourceManager": f"{cloud.arm}/",
    }
    return {key.lower(): value for key, value in (document | changes).items()}


@pytest.mark.parametrize(
    ("cloud", "older_name", "login"),
    [
        (PUBLIC, "https://management.core.windows.net/", None),
        (US_GOVERNMENT, "https://management.core.usgovcloudapi.net", None),
        (US_GOVERNMENT_DOD, "https://management.core.usgovcloudapi.net", None),
        (CHINA, "https://management.core.chinacloudapi.cn", None),
        (
            CHINA,
            "https://management.core.chinacloudapi.cn",
            "https://login.partner.microsoftonline.cn/",
        ),
    ],
)
def test_metadata_of_the_real_clouds_is_taken(
    cloud: Cloud, older_name: str, login: str | None
) -> None:
    """Their first audience is an older name of Resource Manager's; MSAL knows both of China's login
    services.
    """
    document = _document(
        cloud, suffixes={"keyVaultDns": f".{cloud.key_vault}", "storage": "core.windows.net"}
    )
    document["authentication"]["audiences"] = [older_name, cloud.arm]
    document["authentication"]["loginEndpoint"] = login or cloud.login
    assert read_cloud("https://asked.example", document) is cloud
    assert may_sign_in(login or cloud.login, cloud.login)


def test_an_unknown_cloud_is_taken_as_its_metadata_says() -> None:
    stack = Cloud(
        "Stack",
        "https://login.stack.example",
        "https://graph.stack.example",
        "https://arm.stack.example",
        "",
    )
    document = _document(stack, name="Stack")
    document["authentication"]["audiences"] = ["https://audience.stack.example/id", "https://other"]
    cloud = read_cloud("https://arm.stack.example", document)
    assert (cloud.login, cloud.graph, cloud.arm) == (stack.login, stack.graph, stack.arm)
    assert cloud.arm_scope == "https://audience.stack.example/id/.default"
    assert not cloud.is_microsofts
    assert cloud.authority_host == stack.login
    assert cloud.label == "arm.stack.example"


@pytest.mark.parametrize("name", ["public", "AzureCloud", "Sandbox"])
def test_no_unknown_cloud_is_called_like_another_one(name: str) -> None:
    stack = replace(
        PUBLIC,
        login="https://login.stack.example",
        graph="https://graph.stack.example",
        arm="https://arm.stack.example",
        arm_scope="https://arm.stack.example/.default",
    )
    cloud = read_cloud(stack.arm, _document(stack, name=name))
    assert (cloud.name, cloud.label) == (stack.arm, "arm.stack.example")


def test_no_address_but_https_is_taken_from_metadata() -> None:
    with pytest.raises(
        ValueError, match=r"^microsoftgraphresourceid: 'http://graph.+' is not an https address"
    ):
        read_cloud(PUBLIC.arm, _document(PUBLIC, microsoftGraphResourceId="http://graph.example/"))


@pytest.mark.parametrize("name", ["germany", "http://arm.example", "https://", "arm.example"])
def test_an_unknown_name_of_a_cloud_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="Invalid --cloud"):
        clouds.check_name(name)


@pytest.mark.parametrize(
    "address",
    [
        "https://login.microsoftonline.com@evil.example",
        "https://evil.example?https://login.microsoftonline.com",
        "https://evil.example#x",
        "https://evil.example\\@login.microsoftonline.com",
        "https://login.microsoftonline\uff0ecom",
        "https://evil.example:99999",
        "https://evil.example:x",
        "https://",
        "https://evil example",
        "https://evil.example\n",
        "//evil.example",
        4,
        None,
        ["https://evil.example"],
    ],
)
@pytest.mark.parametrize(
    "place", ["loginEndpoint", "audiences", "microsoftgraphresourceid", "resourcemanager"]
)
def test_an_address_that_is_missing_or_can_be_read_in_two_ways_is_refused(
    place: str, address: object
) -> None:
    document = _document(PUBLIC)
    within = document["authentication"] if place in {"loginEndpoint", "audiences"} else document
    within[place] = [address] if place == "audiences" else address
    if place == "resourcemanager" and address is None:
        assert read_cloud(PUBLIC.arm, document) is PUBLIC
        return
    with pytest.raises(ValueError):  # noqa: PT011  # each says it in its own words
        read_cloud(PUBLIC.arm, document)


def test_metadata_without_a_login_service_is_refused() -> None:
    document = _document(PUBLIC)
    del document["authentication"]
    with pytest.raises(ValueError, match="authentication"):
        read_cloud(PUBLIC.arm, document)


@pytest.mark.parametrize(
    ("named", "login", "may"),
    [
        (None, PUBLIC.login, True),
        ("", PUBLIC.login, True),
        ("", CHINA.login, False),
        (None, US_GOVERNMENT.login, False),
        (None, "https://login.evil.example", False),
        ("login.microsoftonline.us", US_GOVERNMENT.login, True),
        ("https://login.microsoftonline.us/", US_GOVERNMENT.login, True),
        ("https://LOGIN.microsoftonline.us:443", US_GOVERNMENT.login, True),
        ("https://login.microsoftonline.com", US_GOVERNMENT.login, False),
        ("https://login.microsoftonline.com", "https://login.microsoftonline.com:8443", False),
        ("http://localhost:1", "https://localhost:1", False),
        ("https://localhost:1", "https://localhost:1", True),
        ("https://localhost:x", "https://localhost:1", False),
    ],
)
def test_a_stored_credential_goes_to_its_own_login_host(
    named: str | None, login: str, may: bool
) -> None:
    assert may_sign_in(named, login) is may


@pytest.mark.parametrize(
    ("named", "login", "remedy"),
    [
        (
            "https://localhost:8443",
            "https://localhost:9443",
            "Serve it there again: mct-s2s sandbox serve --port 8443",
        ),
        (None, "https://localhost:9443", "add this line to the credential: AZURE_AUTHORITY_HOST="),
        (CHINA.login, PUBLIC.login, "set this in the credential: AZURE_AUTHORITY_HOST="),
        ("https://localhost:x", "https://localhost:1", "set this in the credential"),
    ],
)
def test_a_credential_for_another_login_host_is_told_what_to_change(
    named: str | None, login: str, remedy: str
) -> None:
    assert remedy in remedy_of_kept_back(named, login)


def test_only_the_table_of_clouds_knows_the_sandbox() -> None:
    """To everything else it is one more cloud, which brings an account along."""
    package = Path(clouds.__file__).parent.parent
    rooms = [
        path
        for room in ("azure", "cli", "engine", "stores")
        for path in (package / room).rglob("*.py")
    ]
    known = {
        str(path.relative_to(package))
        for path in rooms
        for node in ast.walk(parsed(path))
        if (isinstance(node, ast.Constant) and node.value == "sandbox")
        or (isinstance(node, ast.Name) and node.id in {"SANDBOX", "EmbeddedSandbox"})
    }
    assert known == {
        "azure/clouds.py",
        "cli/app.py",
        "cli/sandbox.py",
        "cli/commands/sandbox_commands.py",
    }, "and what runs it"


def test_without_the_sandbox_nothing_sends_people_to_a_package_that_is_not_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no release: whoever has the name in an index may be anyone."""
    monkeypatch.setitem(sys.modules, "mct_s2s.sandbox.hosting.embedded", None)
    with pytest.raises(UsageError) as refused:
        clouds._start_sandbox(Event())
    assert (refused.value.code, refused.value.command) == (
        "sandbox-not-installed",
        "pipx install --force '.[sandbox]'",
    )
    assert "mct-s2s[sandbox]" not in f"{refused.value.remedy} {refused.value.command}"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_folder_of_the_sandbox_that_cannot_be_written_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    monkeypatch.setenv("MCT_S2S_SANDBOX_DIR", str(tmp_path))

    def refuse(**_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(UsageError, match=os.strerror(number)) as refused:
        clouds._start_sandbox(Event())
    assert refused.value.code == "sandbox-unwritable"
    assert ("Free some space" in refused.value.remedy) is (number == errno.ENOSPC)
