"""Whatever a user gives, in an option or a file, comes back as a value or as an error of our own."""

import asyncio
import contextlib
import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mct_s2s.azure.sign_in import choice
from mct_s2s.cli.requests import check_role, named_spec
from mct_s2s.errors import S2SError
from mct_s2s.inputs.clients import client_names, management_reference
from mct_s2s.inputs.documents import given_values, read_backup, read_handoff
from mct_s2s.inputs.secret_to import secret_to, vault_to
from mct_s2s.inputs.target import api_path, api_url, caller_resource, site_target, tenant
from mct_s2s.key_pairs import certificate_in, given_certificate
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.duration import duration, expiry
from mct_s2s.model.ids import client_unique_name, file_stem, secret_name
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import NAMES, SETTINGS, Setting
from mct_s2s.plain_text import load_json
from mct_s2s.planning.federation import federated_spec, github_subject
from mct_s2s.stores.dotenv import DELIVERED, available, from_files, variables_in
from mct_s2s.stores.files import FileStore

from tests.azure.test_certificates import PRIVATE, RSA, pem_of
from tests.support.sampling import cases

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GUID = "11111111-2222-3333-4444-555555555555"


def _given(setting: Setting) -> Callable[[str], Any]:
    return lambda text: given_values({setting.name: [text]})


PARSERS: dict[str, Callable[[str], Any]] = {
    "--url": api_url,
    "--path": api_path,
    "--client": lambda text: client_names([text]),
    "--secret-to": lambda text: (secret_to(text, 1), secret_to(text, 2) if not text.startswith("file:") else None),
    "keyvault:": vault_to,
    "--keep-old": lambda text: duration(text, "--keep-old"),
    "--github": github_subject,
    "--federated-issuer": lambda text: federated_spec(text, "s", None, None),
    "--federated-subject": lambda text: federated_spec("https://issuer", text, None, None),
    "--federated-audience": lambda text: federated_spec("https://issuer", "s", text, None),
    **{f"{setting.option} of configure-appservice": _given(setting) for setting in SETTINGS if setting.option},
    "--secret-lifetime": lambda text: expiry(text, NOW),
    "-a": lambda text: site_target(text, None, None, None),
    "-g": lambda text: site_target("site", text, None, None),
    "-s": lambda text: site_target("site", None, text, None),
    "--slot": lambda text: site_target("site", None, None, text),
    "--managed-identity": caller_resource,
    "--tenant": lambda text: tenant(text, "--tenant"),
    "--role": check_role,
    "--service-management-reference": management_reference,
    "--service-name": lambda text: named_spec(ServiceSpec(display_name=text), None),
    "a resource id": ResourceId.parse,
    "names made of names": lambda text: (
        file_stem(text),
        client_unique_name("mct-s2s-x", text),
        secret_name(text, text),
    ),
}
ANY = st.one_of(
    st.text(st.characters(), max_size=40),
    st.text("/.:-_%?#[]@\\ \0²٣é1aZ", max_size=40),
    st.sampled_from(
        [GUID, f"/subscriptions/{GUID}/resourceGroups/g/providers/Microsoft.Web/sites/s", "https://h"]
    ).flatmap(lambda begin: st.text(st.characters(), max_size=5).map(lambda end: begin + end)),
    st.sampled_from(["file:", "keyvault:", "keyvault:https://", "https://", "/", "system:serviceaccount:"]).flatmap(
        lambda begin: st.text(st.characters(), max_size=30).map(lambda end: begin + end)
    ),
)


@pytest.mark.parametrize("option", PARSERS)
@settings(max_examples=cases(60, 5000))
@given(text=ANY)
@example(text="https://[")
@example(text="https://a:99999999")
@example(text="file:\0")
@example(text="file:" + "a" * 5000)
@example(text="²y")
@example(text="9999-12-31T23:59:59-23:59")
@example(text="\ud800")
def test_a_text_is_taken_or_refused(option: str, text: str) -> None:
    with contextlib.suppress(S2SError):
        PARSERS[option](text)


@settings(max_examples=cases(200, 5000))
@given(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30))
def test_what_is_taken_stays_a_part_of_a_path(group: str, slot: str) -> None:
    try:
        target = site_target("site", group, GUID, slot)
    except S2SError:
        return
    path = str(ResourceId.site(GUID, target.group or "g", target.name, target.slot))
    assert path.count("/") == (8 if target.slot is None else 10)
    assert not {"", ".", ".."} & set(path.split("/")[1:])
    assert not set(path) & set("%?#\\")
    assert ResourceId.parse(path).slot == target.slot
    assert len(shlex.split(shlex.quote(path))) == 1


# --- files ---

words = st.text(st.characters(exclude_categories=()), max_size=60)
"""Any characters, halves of characters among them: a command line that is no UTF-8 brings such."""
typed = words | st.sampled_from(
    ["", " ", "\0", "\n", "~", "~x/y", "/", "//", "..", "a/b", "file:", "file:~x/", "file:a\0b", "keyvault:",
     "keyvault:https://[", "https://[::1", "https://h:99999", "https://h:-1", "https://é", "٣d", "²y", "1e9d",
     "9999-12-31", "0001-01-01T00:00:00+23:59", "-0001-01-01", "2026-W01", "/subscriptions/x", GUID, f"{{{GUID}}}",
     "x" * 5000]
)  # fmt: skip
texts = st.text(max_size=40)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just(GUID)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


def documents(*members: str, **known: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """JSON texts that look like the right one, and bytes that do not."""
    shaped = st.fixed_dictionaries({}, optional={**dict.fromkeys(members, values), **known}) | values
    return st.builds(lambda value: json.dumps(value).encode(), shaped) | st.binary(max_size=200) | bent(shaped)


def bent(shaped: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """JSON texts with something cut out, or put in."""

    def bend(value: Any, at: int, length: int, put: bytes) -> bytes:
        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        at %= len(text) + 1
        return text[:at] + put + text[at + length :]

    put = st.binary(max_size=4) | st.sampled_from(
        [b"[" * 5000, b'{"a":' * 5000, b"1" * 5000, b"\\ud800", b"NaN", b"\xff"]
    )
    return st.builds(bend, shaped, st.integers(0, 500), st.integers(0, 9), put)


def pems() -> st.SearchStrategy[bytes]:
    """Certificates and keys with something changed in them."""
    certificate = pem_of(RSA)

    def change(at: int, put: bytes, text: bytes) -> bytes:
        at %= len(text) + 1
        return text[:at] + put + text[at + len(put) :]

    whole = st.sampled_from([certificate, PRIVATE + certificate, certificate + PRIVATE, b"", PRIVATE])
    return st.builds(change, st.integers(0, 5000), st.binary(max_size=6), whole) | st.binary(max_size=200)


settings_of = st.dictionaries(st.sampled_from(NAMES) | texts, texts | values, max_size=7)
handoffs = documents(schema=st.just("mct-s2s/handoff/v1"), appService=texts | values, settings=settings_of | values)
backups = documents(schema=st.just("mct-s2s/backup/v1"), appService=texts | values, settings=settings_of | values)
facts = documents("name", "keyId", "made", "kind", made=st.sampled_from(["2026-11-24", "2026-11-24T00:00:00"]) | values)
names = st.sampled_from(
    ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH",
     "AZURE_FEDERATED_TOKEN_FILE", "MCT_S2S_URL", "export AZURE_CLIENT_ID", "# x"]
)  # fmt: skip
lines = st.builds(lambda name, value: f"{name}={value}".encode("utf-8", "replace"), names, typed)
notes = st.builds(lambda fact: DELIVERED.encode() + fact.replace(b"\n", b" "), facts)
dotenvs = st.builds(b"\n".join, st.lists(lines | notes | st.binary(max_size=20), max_size=8))
profiles = documents(
    subscriptions=st.lists(
        st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "name", "tenantId", "user", "isDefault"), values))
        | values,
        max_size=3,
    )
    | values
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all examples."""
    return tmp_path_factory.mktemp("given") / "given.env"


def fill(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    file.chmod(0o600)
    return file


def only_our_errors(function: Callable[[], object]) -> None:
    """Call; an error of ours has a message and a remedy."""
    said = ("a message", "a remedy")
    try:
        function()
    except S2SError as error:
        said = (error.message, error.remedy)
    assert all(said)


@settings(max_examples=cases(60, 2500))
@given(content=handoffs | backups)
def test_a_handoff_or_a_backup(file: Path, content: bytes) -> None:
    only_our_errors(lambda: read_handoff(fill(file, content)))
    only_our_errors(lambda: read_backup(fill(file, content)))


@settings(max_examples=cases(60, 2500))
@given(content=dotenvs)
def test_a_credential_file(file: Path, content: bytes) -> None:
    fill(file, content)
    only_our_errors(lambda: from_files([file]))
    only_our_errors(lambda: available([], {}, file.parent))
    variables_in(content.decode("utf-8", "replace"))


@settings(max_examples=cases(60, 2500))
@given(
    content=dotenvs,
    note=st.binary(max_size=60) | st.builds(lambda name: f"{name}\t{GUID}\n".encode("utf-8", "replace"), words),
)
def test_a_credential_file_and_its_note_of_our_own(file: Path, content: bytes, note: bytes) -> None:
    """Whatever is noted, the plan can reckon with it."""
    fill(file, content)
    fill(file.with_name(f"{file.name}.pending"), note)

    async def both() -> None:
        place = FileStore(file)
        noted = await place.note()
        noted.is_fresh(GUID, NOW)
        await place.read()
        place.holds(GUID)

    only_our_errors(lambda: asyncio.run(both()))


@settings(max_examples=cases(60, 2500))
@given(content=pems())
def test_a_certificate(file: Path, content: bytes) -> None:
    only_our_errors(lambda: given_certificate(fill(file, content), NOW))
    with contextlib.suppress(ValueError):
        certificate_in(content)


@settings(max_examples=cases(60, 2500))
@given(content=pems())
def test_a_key_on_its_way(file: Path, content: bytes) -> None:
    pending = file.with_name("key.pem.pending")
    fill(pending, content)
    only_our_errors(lambda: asyncio.run(FileStore(file.with_name("key.pem"), is_ours=True, keeps_key=True).note()))


@settings(max_examples=cases(60, 2500))
@given(content=profiles)
def test_the_azure_clis_profile(file: Path, content: bytes) -> None:
    environ = {"AZURE_CONFIG_DIR": str(fill(file.with_name("azureProfile.json"), content).parent)}
    choice.subscriptions(environ)
    choice.signed_in_as(environ)
    choice.known("x", "public", environ)
    choice.known(None, "https://x", environ)


@settings(max_examples=cases(60, 2500))
@given(content=documents() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_a_json_text_is_a_value_or_a_value_error(content: bytes) -> None:
    try:
        value = load_json(content)
    except ValueError:
        return
    json.dumps(value, ensure_ascii=False).encode()
