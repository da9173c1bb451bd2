"""`verify` sends a token only where the token and the credential's own file say that it belongs."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended, Program
from tests.conftest import Sandbox
from tests.support.sampling import sampled

OTHER = "https://contoso-other.example"


def files(mct: Program, tmp_path: Path, *clients: str) -> list[Path]:
    """A credential file of each client."""
    made = []
    for client in clients:
        made.append(tmp_path / f"{client}.env")
        assert mct("setup", "--client", client, "--secret-to", f"file:{made[-1]}", "-y").code == 0
    return made


def with_value(file: Path, name: str, value: str) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith(f"{name}=")]
    file.write_text("\n".join([f"{name}={value}", *lines]) + "\n")


def calls(azure: Sandbox) -> list[int]:
    """What the site answered to calls that carried a token it took."""
    return [row["status"] for row in azure.log("site") if row["status"] == 200]


def row(ended: Ended, client: str) -> Any:
    (found,) = (row for row in ended.document["checks"] if (row["client"], row["check"]) == (client, "call"))
    return found


def audience_of(file: Path) -> str:
    (line,) = (line for line in file.read_text().splitlines() if line.startswith("MCT_S2S_SCOPE="))
    return line.partition("=")[2].removesuffix("/.default")


def test_a_token_for_something_else_is_not_sent_to_the_site(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    """A file that asks for a token of Graph would have it sent to whoever runs the App Service."""
    (file,) = files(mct, tmp_path, "A")
    with_value(file, "MCT_S2S_SCOPE", f"{azure.graph_url}/.default")
    azure.forget()
    ended = mct("verify", "--credentials", str(file), "-o", "json")
    assert ended.code == 3
    call = row(ended, "A")
    assert (call["ok"], "was not sent" in call["message"]) == (False, True)
    assert azure.graph_url in call["message"]
    assert len(azure.log("site")) == 1, "the call without a token alone"


def test_a_credential_whose_file_names_another_site_is_not_tried_here(
    mct: Program, azure: Sandbox, tmp_path: Path
) -> None:
    (file,) = files(mct, tmp_path, "A")
    with_value(file, "MCT_S2S_URL", OTHER)
    azure.forget()
    ended = mct("verify", "--credentials", str(file), "-o", "json")
    assert (ended.code, row(ended, "A")["ok"]) == (3, False)
    assert OTHER in row(ended, "A")["message"]
    assert calls(azure) == []
    typed = mct("verify", "--credentials", str(file), "--url", azure.site_url, "-o", "json")
    assert (typed.code, row(typed, "A")["ok"]) == (3, False), "the same site, by whatever name"


def test_the_sites_other_names_are_its_own(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    (file,) = files(mct, tmp_path, "A")
    with_value(file, "MCT_S2S_URL", azure.site_url.upper().replace("HTTPS", "https") + "/")
    assert mct("verify", "--credentials", str(file), "-o", "json").code == 0


def test_several_credentials_go_each_to_its_own_site(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    """Today the first file's address got the tokens of all."""
    first, second = files(mct, tmp_path, "A", "B")
    audience = audience_of(first)
    with_value(first, "MCT_S2S_URL", "https://localhost:9")
    azure.forget()
    ended = mct("verify", "--audience", audience, "--credentials", str(first), "--credentials", str(second), "-o",
                "json", env={"MCT_S2S_URL": ""})  # fmt: skip
    values = [dict(line.partition("=")[::2] for line in file.read_text().splitlines()) for file in (first, second)]
    assert row(ended, values[0]["AZURE_CLIENT_ID"])["ok"] is None
    assert row(ended, values[1]["AZURE_CLIENT_ID"])["ok"] is True
    assert calls(azure) == [200]


def test_from_inside_a_token_of_another_audience_is_not_sent(mct: Program, azure: Sandbox, tmp_path: Path) -> None:
    """A service application with several URIs gives tokens whose audience is another than the one asked for."""
    (file,) = files(mct, tmp_path, "A")
    audience = audience_of(file)
    (service,) = azure.applications("MCT service (contosolearn)")
    azure.graph("PATCH", f"/applications/{service['id']}", json={"api": {"requestedAccessTokenVersion": 2}})
    azure.forget()
    ended = mct("verify", "--audience", audience, "--credentials", str(file), "-o", "json")
    client_id = azure.applications("A")[0]["appId"]
    assert (ended.code, row(ended, client_id)["ok"]) == (3, False)
    assert "was not sent" in row(ended, client_id)["message"]
    assert len(azure.log("site")) == 1


HOSTILE = [
    "\u2028AZURE_CLIENT_SECRET=x", "\u2029AZURE_CLIENT_SECRET=x", "\u0085AZURE_CLIENT_SECRET=x",
    "\nAZURE_CLIENT_SECRET=x", "\rAZURE_CLIENT_SECRET=x", "\x0bAZURE_CLIENT_SECRET=x", "\x0cAZURE_CLIENT_SECRET=x",
    "\x1eAZURE_CLIENT_SECRET=x", "'$(touch owned)'", "`touch owned`", '"; touch owned #', "\u202e", "\\",
]  # fmt: skip


@pytest.mark.parametrize("ending", sampled(HOSTILE, 2, salt="endings"), ids=ascii)
def test_a_display_name_puts_no_line_into_a_credential_file(
    mct: Program, azure: Sandbox, tmp_path: Path, ending: str
) -> None:
    """Whoever may rename a registration must not choose what its client signs in with, or what a shell runs."""
    file = tmp_path / "a.env"
    assert mct("setup", "--client", "A", "--secret-to", f"file:{file}", "-y").code == 0
    (application,) = azure.applications("A")
    azure.graph("PATCH", f"/applications/{application['id']}", json={"displayName": f"A{ending}"})
    words = ("rotate-secret", "--expiring-within", "3000d", "--secret-lifetime", "never", "-y", "-o", "json")
    rotated = mct(*words)
    assert rotated.code == 0, rotated
    written = Path(rotated.made[0]["savedTo"].removeprefix("file:"))
    lines = written.read_text(encoding="utf-8").splitlines()
    names = [line.partition("=")[0] for line in lines if not line.startswith("#")]
    assert len(names) == len(set(names)) == len(lines) - 1
    assert json.loads(lines[-1].removeprefix("# mct-s2s credential "))["client"].startswith("A")
    shell = [shlex.split(line, comments=True) for line in lines]
    assert all(len(words) == 1 for words in shell[:-1])
    assert shell[-1] == []
