"""What a user gives, in an option or a file: what it means, and any text is a value or an error of
our own.
"""

import asyncio
import contextlib
import json
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mct_s2s.azure.sign_in import choice
from mct_s2s.cli.options_to_request import check_role, named_spec
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.inputs.client_options import client_names, management_reference, read_client_list
from mct_s2s.inputs.secret_to import secret_to, vault_to
from mct_s2s.inputs.target import (
    api_path,
    caller_resource,
    checked_tenant,
    checked_url,
    site_target,
)
from mct_s2s.inputs.user_files import SettingsFile, given_values, read_backup, read_handoff
from mct_s2s.key_pairs import certificate_in, given_certificate
from mct_s2s.model.client_credentials import NEVER
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.duration import LONGEST, duration, expiry, read_duration
from mct_s2s.model.ids import client_unique_name, file_stem, secret_name
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.model.run_files import Handoff
from mct_s2s.model.site_settings import Holds, Setting
from mct_s2s.plain_text import load_json
from mct_s2s.planning.federation import federated_spec, github_subject
from mct_s2s.stores.dotenv import DELIVERED, available, from_files, variables_in
from mct_s2s.stores.files import FileStore

from tests.support.apis import ORDERS
from tests.support.certificates import PRIVATE, RSA, pem_of
from tests.support.mct import MCT, NAMES, SETTINGS
from tests.support.sampling import cases

NOW = datetime(2026, 11, 24, 12, 30, 15, 999, tzinfo=UTC)
GUID = "11111111-2222-3333-4444-555555555555"


def _given(setting: Setting) -> Callable[[str], Any]:
    return lambda text: given_values({setting.holds: [text]}, MCT)


PARSERS: dict[str, Callable[[str], Any]] = {
    "--url": checked_url,
    "--path": lambda text: api_path(text, MCT),
    "--client": lambda text: client_names([text]),
    "--secret-to": lambda text: (
        secret_to(text, 1),
        secret_to(text, 2) if not text.startswith("file:") else None,
    ),
    "keyvault:": vault_to,
    "--keep-old": lambda text: duration(text, "--keep-old"),
    "--github": github_subject,
    "--federated-issuer": lambda text: federated_spec(text, "s", None, None),
    "--federated-subject": lambda text: federated_spec("https://issuer", text, None, None),
    "--federated-audience": lambda text: federated_spec("https://issuer", "s", text, None),
    **{
        f"{setting.word.option} of configure-appservice": _given(setting)
        for setting in SETTINGS
        if setting.word.option
    },
    "--secret-lifetime": lambda text: expiry(text, NOW),
    "-a": lambda text: site_target(text, None, None, None),
    "-g": lambda text: site_target("site", text, None, None),
    "-s": lambda text: site_target("site", None, text, None),
    "--slot": lambda text: site_target("site", None, None, text),
    "--managed-identity": caller_resource,
    "--tenant": lambda text: checked_tenant(text, "--tenant"),
    "--role": lambda text: check_role(text, MCT),
    "--service-management-reference": management_reference,
    "--service-name": lambda text: named_spec(ServiceSpec(display_name=text), None, MCT),
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
        [
            GUID,
            f"/subscriptions/{GUID}/resourceGroups/g/providers/Microsoft.Web/sites/s",
            "https://h",
        ]
    ).flatmap(lambda begin: st.text(st.characters(), max_size=5).map(lambda end: begin + end)),
    st.sampled_from(
        ["file:", "keyvault:", "keyvault:https://", "https://", "/", "system:serviceaccount:"]
    ).flatmap(lambda begin: st.text(st.characters(), max_size=30).map(lambda end: begin + end)),
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
def test_any_text_of_an_option_is_parsed_or_refused_with_our_error(option: str, text: str) -> None:
    with contextlib.suppress(S2SError):
        PARSERS[option](text)


@settings(max_examples=cases(200, 5000))
@given(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30))
def test_an_accepted_name_stays_one_part_of_a_path(group: str, slot: str) -> None:
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
    ["", " ", "\0", "\n", "~", "~x/y", "/", "//", "..", "a/b", "file:", "file:~x/", "file:a\0b",
     "keyvault:",
     "keyvault:https://[", "https://[::1", "https://h:99999", "https://h:-1", "https://é", "٣d",
     "²y", "1e9d",
     "9999-12-31", "0001-01-01T00:00:00+23:59", "-0001-01-01", "2026-W01", "/subscriptions/x", GUID,
     f"{{{GUID}}}",
     "x" * 5000]
)  # fmt: skip
texts = st.text(max_size=40)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just(GUID)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)


def documents(*members: str, **known: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """JSON texts that look like the right one, and bytes that do not."""
    shaped = (
        st.fixed_dictionaries({}, optional={**dict.fromkeys(members, values), **known}) | values
    )
    return (
        st.builds(lambda value: json.dumps(value).encode(), shaped)
        | st.binary(max_size=200)
        | bent(shaped)
    )


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

    whole = st.sampled_from(
        [certificate, PRIVATE + certificate, certificate + PRIVATE, b"", PRIVATE]
    )
    return st.builds(change, st.integers(0, 5000), st.binary(max_size=6), whole) | st.binary(
        max_size=200
    )


settings_of = st.dictionaries(st.sampled_from(NAMES) | texts, texts | values, max_size=7)
handoffs = documents(
    schema=st.just("mct-s2s/handoff/v1"), appService=texts | values, settings=settings_of | values
)
backups = documents(
    schema=st.just("mct-s2s/backup/v1"), appService=texts | values, settings=settings_of | values
)
facts = documents(
    "name",
    "keyId",
    "made",
    "kind",
    made=st.sampled_from(["2026-11-24", "2026-11-24T00:00:00"]) | values,
)
names = st.sampled_from(
    ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH",
     "AZURE_FEDERATED_TOKEN_FILE", "MCT_S2S_URL", "export AZURE_CLIENT_ID", "# x"]
)  # fmt: skip
lines = st.builds(lambda name, value: f"{name}={value}".encode("utf-8", "replace"), names, typed)
notes = st.builds(lambda fact: DELIVERED.encode() + fact.replace(b"\n", b" "), facts)
dotenvs = st.builds(b"\n".join, st.lists(lines | notes | st.binary(max_size=20), max_size=8))
profiles = documents(
    subscriptions=st.lists(
        st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("id", "name", "tenantId", "user", "isDefault"), values)
        )
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
    texts = ("a message", "a remedy")
    try:
        function()
    except S2SError as error:
        texts = (error.message, error.remedy)
    assert all(texts)


@settings(max_examples=cases(60, 2500))
@given(content=handoffs | backups)
def test_any_content_of_a_handoff_or_backup_is_read_or_refused(file: Path, content: bytes) -> None:
    only_our_errors(lambda: read_handoff(fill(file, content), MCT))
    only_our_errors(lambda: read_backup(fill(file, content)))


@settings(max_examples=cases(60, 2500))
@given(content=dotenvs)
def test_any_content_of_a_credential_file_is_read_or_refused(file: Path, content: bytes) -> None:
    fill(file, content)
    only_our_errors(lambda: from_files([file]))
    only_our_errors(lambda: available([], {}, file.parent))
    variables_in(content.decode("utf-8", "replace"))


@settings(max_examples=cases(60, 2500))
@given(
    content=dotenvs,
    note=st.binary(max_size=60)
    | st.builds(lambda name: f"{name}\t{GUID}\n".encode("utf-8", "replace"), words),
)
def test_a_credential_file_with_any_note_can_be_planned_with(
    file: Path, content: bytes, note: bytes
) -> None:
    """Whatever is noted, the plan can reckon with it."""
    fill(file, content)
    fill(file.with_name(f"{file.name}.pending"), note)

    async def both() -> None:
        place = FileStore(file)
        noted = await place.note()
        noted.is_fresh(GUID, NOW)
        await place.read()
        place.is_of_client(GUID)

    only_our_errors(lambda: asyncio.run(both()))


@settings(max_examples=cases(60, 2500))
@given(content=pems())
def test_any_content_of_a_certificate_is_read_or_refused(file: Path, content: bytes) -> None:
    only_our_errors(lambda: given_certificate(fill(file, content), NOW))
    with contextlib.suppress(ValueError):
        certificate_in(content)


@settings(max_examples=cases(60, 2500))
@given(content=pems())
def test_any_content_of_a_pending_key_is_read_or_refused(file: Path, content: bytes) -> None:
    pending = file.with_name("key.pem.pending")
    fill(pending, content)
    only_our_errors(
        lambda: asyncio.run(
            FileStore(file.with_name("key.pem"), is_default_place=True, keeps_key=True).note()
        )
    )


@settings(max_examples=cases(60, 2500))
@given(content=profiles)
def test_any_content_of_the_azure_clis_profile_is_read(file: Path, content: bytes) -> None:
    environ = {"AZURE_CONFIG_DIR": str(fill(file.with_name("azureProfile.json"), content).parent)}
    choice.subscriptions(environ)
    choice.cli_account(environ, "x", "y")
    choice.known("x", "public", environ)
    choice.known(None, "https://x", environ)


@settings(max_examples=cases(60, 2500))
@given(content=documents() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_json_text_is_a_value_or_a_value_error(content: bytes) -> None:
    try:
        value = load_json(content)
    except ValueError:
        return
    json.dumps(value, ensure_ascii=False).encode()


SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
SITE_ID = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mct-prod/providers/Microsoft.Web/sites/"
    "contosolearn"
)


@pytest.mark.parametrize(
    ("text", "now", "ends"),
    [
        ("1y", NOW, datetime(2027, 11, 24, 12, 30, 15, tzinfo=UTC)),
        (" 2Y ", NOW, datetime(2028, 11, 24, 12, 30, 15, tzinfo=UTC)),
        ("6m", NOW, datetime(2027, 5, 24, 12, 30, 15, tzinfo=UTC)),
        (
            "6m",
            datetime(2026, 8, 31, tzinfo=UTC),
            datetime(2027, 3, 1, tzinfo=UTC),
        ),  # there is no 31st of February
        ("1y", datetime(2028, 2, 29, tzinfo=UTC), datetime(2029, 3, 1, tzinfo=UTC)),
        ("180d", NOW, datetime(2027, 5, 23, 12, 30, 15, tzinfo=UTC)),
        ("P180D", NOW, datetime(2027, 5, 23, 12, 30, 15, tzinfo=UTC)),
        ("p1y6m", NOW, datetime(2028, 5, 24, 12, 30, 15, tzinfo=UTC)),
        ("24h", NOW, datetime(2026, 11, 25, 12, 30, 15, tzinfo=UTC)),
        ("730d", NOW, datetime(2028, 11, 23, 12, 30, 15, tzinfo=UTC)),
        ("never", NOW, NEVER),
        ("NEVER", NOW, NEVER),
        ("2027-12-31", NOW, datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-11-24", NOW, datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC)),
        ("2027-12-31T10:00:00", NOW, datetime(2027, 12, 31, 10, tzinfo=UTC)),
        ("2027-12-31T10:00:00+02:00", NOW, datetime(2027, 12, 31, 8, tzinfo=UTC)),
        ("2027-12-31T10:00:00Z", NOW, datetime(2027, 12, 31, 10, tzinfo=UTC)),
        ("9999-12-31", NOW, NEVER),
    ],
)
def test_a_lifetime_ends_in_utc(text: str, now: datetime, ends: datetime) -> None:
    assert expiry(text, now) == ends


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("24h", timedelta(hours=24)),
        (" 4W ", timedelta(days=28)),
        ("0h", timedelta(0)),
        ("3660d", timedelta(days=3660)),
        ("P30D", timedelta(days=30)),
        ("P365DT12H", timedelta(days=365, hours=12)),
        ("PT90.5S", timedelta(seconds=90)),
    ],
)
def test_a_duration_has_an_exact_length(text: str, length: timedelta) -> None:
    assert duration(text, "--keep-old") == length


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("P1Y", 365), ("P2M3W", 81), ("P999999Y", LONGEST.days), ("30m", 910), ("3661d", 3661),
        *((text, None) for text in ("", "30", "d", "-1d", "1.5d", "٣d", "1d1h", "99999999999w", "P",
                                    "PT", "P-1D",
                                    "P1.5D", "P٣D", "P1H")),
    ],
)  # fmt: skip
def test_a_duration_by_the_calendar_or_above_ten_years_is_a_policys_only(
    text: str, days: int | None
) -> None:
    """Where no months have a length of their own, a year counts 365 days and a month 30."""
    found = read_duration(text)
    assert (found.length.days if found else None) == days
    with pytest.raises(UsageError, match="--keep-old") as refused:
        duration(text, "--keep-old")
    assert refused.value.code == "malformed-duration"
    assert "--keep-old 24h" in refused.value.remedy


SERVER_FARM = SITE_ID.replace("/sites/", "/serverfarms/")
REFUSED: list[tuple[Callable[..., Any], str, list[Any]]] = [
    (lambda text: expiry(text, NOW), "lifetime-in-the-past",
     ["2026-11-23", "2026-11-24T12:30:00Z"]),
    (
        lambda text: expiry(text, NOW),
        "malformed-lifetime",
        ["", "3y", "731d", "P3Y", "0d", "P", "-1y", "2027-02-30", "31.12.2027", "forever",
         "0001-01-01T00:00:00+14:00",
         "9999-12-31T23:59:59-14:00"],
    ),
    (site_target, "app-service-missing", [(None, None, None, None), ("  ", None, None, None)]),
    (
        lambda name: site_target(name, None, None, None),
        "malformed-app-service",
        ["https://contosolearn.azurewebsites.net", "contosolearn.azurewebsites.net", "-x",
         "x" * 61],
    ),
    (lambda name: site_target(name, None, None, None), "malformed-resource-id",
     ["/subscriptions/x", "/contosolearn"]),
    (lambda name: site_target(name, None, None, None), "not-an-app-service", [SERVER_FARM]),
    (
        site_target,
        "contradictory-options",
        [(SITE_ID, "other", None, None), (SITE_ID, None, None, "staging"),
         (f"{SITE_ID}/slots/staging", None, None, "blue")],
    ),
    (
        ResourceId.parse,
        "malformed-resource-id",
        ["/", SITE_ID.removesuffix("/contosolearn"), f"{SITE_ID}/slots",
         f"/subscriptions/{SUBSCRIPTION}",
         f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mct-prod",
         SITE_ID.replace("providers", "provider"),
         SITE_ID.replace("mct-prod", " "), SITE_ID.replace("/resourceGroups", "")],
    ),
    (caller_resource, "malformed-resource", ["", "a b"]),
    (caller_resource, "malformed-resource-id", ["/x"]),
    (lambda name: client_names(["good", name]), "client-name-empty", ["", " \t"]),
    (lambda name: client_names(["good", name]), "client-name-unusable",
     ["x" * 121, "a\nb", "a\x1b[2Jb"]),
    (
        secret_to,
        "secret-place-unknown",
        [("file:", 1), ("/tmp/x", 1), ("stdout", 1), ("github:contoso/import", 1)],
    ),
    (
        secret_to,
        "secret-place-shared",
        [("file:/tmp/one.env", 2), ("exec:gh secret set X", 2), ("keyvault:contoso/x", 2)],
    ),
    (
        secret_to,
        "secret-command-malformed",
        [("exec:", 1), ("exec:gh 'secret", 1), ("exec:cat > FILE", 1), ("exec:tr a b | cat", 1)],
    ),
    *(
        (lambda text, holds=holds: given_values({holds: [text]}, MCT), "malformed-id",
         ["x", "", f"{{{SUBSCRIPTION}}}"])
        for holds in (Holds.TENANT_ID, Holds.APPLICATION_IDS, Holds.OBJECT_IDS)
    ),
    *(
        (lambda text, holds=holds: given_values({holds: [text]}, MCT), "empty-value", ["", " "])
        for holds in (Holds.URI, Holds.TENANT_NAME, Holds.ROLE)
    ),
]  # fmt: skip
"""A parser, an error's code, and what it refuses with that: the text, or all of its arguments."""


@pytest.mark.parametrize(
    ("parse", "code", "given"), [(*row[:2], one) for row in REFUSED for one in row[2]]
)
def test_a_value_of_the_wrong_form_is_refused_with_a_remedy(
    parse: Callable[..., Any], code: str, given: Any
) -> None:
    with pytest.raises(UsageError) as refused:
        parse(*given) if isinstance(given, tuple) else parse(given)
    assert refused.value.code == code
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("options", "target"),
    [
        (("contosolearn", None, None, None), SiteTarget("contosolearn")),
        (("contosolearn", "", "", ""), SiteTarget("contosolearn")),
        (("ContosoLearn", "g", "Contoso Production", "staging"),
         SiteTarget("ContosoLearn", "g", "Contoso Production", "staging")),
        ((SITE_ID, None, "another default", None),
         SiteTarget("contosolearn", "mct-prod", SUBSCRIPTION)),
        ((SITE_ID.upper(), "mct-prod", None, None),
         SiteTarget("CONTOSOLEARN", "MCT-PROD", SUBSCRIPTION.upper())),
        ((f"{SITE_ID}/slots/staging", None, None, "Staging"),
         SiteTarget("contosolearn", "mct-prod", SUBSCRIPTION, "staging")),
    ],
)  # fmt: skip
def test_a_target_is_a_name_or_id(
    options: tuple[str, str | None, str | None, str | None], target: SiteTarget
) -> None:
    assert site_target(*options) == target


@pytest.mark.parametrize(
    "text", [SITE_ID, f"{SITE_ID}/", f" {SITE_ID}/slots/staging ", SITE_ID.lower()]
)
def test_a_resource_id_survives_reading(text: str) -> None:
    parsed = ResourceId.parse(text)
    assert str(parsed).lower() == text.strip().rstrip("/").lower()
    assert str(parsed).lower() == str(ResourceId.parse(text.upper())).lower()
    assert parsed.is_site
    assert parsed.slot == ("staging" if "slots" in text else None)


def test_a_caller_is_an_id_or_a_bare_name() -> None:
    assert caller_resource(" reports-func ") == "reports-func"
    assert caller_resource(SITE_ID) == ResourceId.parse(SITE_ID)


def test_client_names_are_trimmed_and_taken_once() -> None:
    assert client_names([" A ", "B", "A", "a"]) == ("A", "B", "a")
    assert client_names(["x" * 120]) == ("x" * 120,)


def test_a_printed_placeholder_is_no_clients_name() -> None:
    with pytest.raises(UsageError, match="'NAME' is a placeholder"):
        client_names(["Import", " NAME "])
    assert client_names(["Name"]) == ("Name",)


def test_a_service_management_reference_has_256_characters_at_most() -> None:
    """Said before anyone signs in; what Graph takes at most is documented nowhere."""
    assert management_reference(f" {'x' * 256}\n") == "x" * 256
    with pytest.raises(UsageError, match="256 printable characters at most") as refused:
        management_reference("x" * 257)
    assert (refused.value.code, refused.value.exit_code) == ("malformed-id", 2)


def test_a_secret_goes_to_a_file_a_folder_the_output_or_the_users_data(tmp_path: Path) -> None:
    file = tmp_path / "client.env"
    default = Path("/default")
    assert secret_to("show", 2).show
    assert secret_to(f"file:{file}", 1).file_for("A", default) == file
    into = secret_to(f"file:{tmp_path}", 2)
    assert {into.file_for(name, default).parent for name in ("A", "B")} == {tmp_path}
    assert into.file_for("A", default) != into.file_for("B", default)
    assert secret_to(f"file:{file}/", 2).file_for("A", default).parent == file
    assert secret_to(None, 1).file_for("A", default).parent == default
    assert secret_to("file:relative.env", 1).file_for("A", default).is_absolute()


GIVEN = given_values(
    {
        Holds.URI: ["api://x"],
        Holds.TENANT_NAME: ["contoso.onmicrosoft.com"],
        Holds.TENANT_ID: [SUBSCRIPTION],
        Holds.ROLE: ["Role"],
        Holds.APPLICATION_IDS: [SUBSCRIPTION],
        Holds.OBJECT_IDS: [SUBSCRIPTION],
    },
    MCT,
)


def test_a_handoff_comes_back_as_it_was_written(tmp_path: Path) -> None:
    settings = {
        "ServiceAuthEnabled": "true",
        "ServiceAuthAudience": "api://x",
        "ServiceAuthTenantName": "contoso.onmicrosoft.com",
        "ServiceAuthTenantId": SUBSCRIPTION,
        "ServiceObjectIds": SUBSCRIPTION,
        "ServiceApplicationIds": f"{SUBSCRIPTION};{SITE_ID.split('/')[2].upper()}",
        "ServiceAuthRole": "Role",
    }
    file = tmp_path / "handoff.json"
    SettingsFile(file, Handoff).write("contosolearn/staging", settings)
    assert read_handoff(file, MCT) == (GIVEN, "contosolearn/staging")
    SettingsFile(file, Handoff).write(None, settings)
    assert read_handoff(file, MCT) == (GIVEN, None)


def test_a_handoff_of_another_api_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "handoff.json"
    SettingsFile(file, Handoff).write(None, {"ServiceAuthAudience": "api://x"})
    with pytest.raises(UsageError, match="no setting of the Orders API"):
        read_handoff(file, ORDERS)


def test_a_handoff_without_clients_gives_none(tmp_path: Path) -> None:
    file = tmp_path / "handoff.json"
    SettingsFile(file, Handoff).write(None, {"ServiceAuthAudience": "api://x"})
    given, _ = read_handoff(file, MCT)
    assert given == {"ServiceAuthAudience": "api://x"}
    assert not MCT.need_no_directory(given)
    assert MCT.need_no_directory(GIVEN)


def test_a_file_of_another_format_is_no_backup(tmp_path: Path) -> None:
    file = tmp_path / "trust.toml"
    file.write_text("[sites.contosolearn]\n")
    with pytest.raises(UsageError, match=r"trust\.toml': it is not JSON\.$"):
        read_backup(file)


NO_HANDOFF = [
    "", "{", "[]", "null", "{}", '{"schema": "mct-s2s/handoff/v2", "settings": {}}',
    '{"schema": "mct-s2s/handoff/v1"}', '{"schema": "mct-s2s/handoff/v1", "settings": []}',
    "\udcff",
]  # fmt: skip
MALFORMED_ID = (
    '{"schema": "mct-s2s/handoff/v1", "appService": null, "settings": '
    '{"ServiceApplicationIds": '
    '"x;y"}}'
)


@pytest.mark.parametrize(
    ("text", "code"),
    [*((text, "handoff-unreadable") for text in NO_HANDOFF), (MALFORMED_ID, "malformed-id")],
)
def test_a_file_that_is_no_handoff_is_refused(tmp_path: Path, text: str, code: str) -> None:
    file = tmp_path / "handoff.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(
        UsageError, match=re.escape(str(file)) if text != MALFORMED_ID else "Invalid --"
    ) as refused:
        read_handoff(file, MCT)
    assert refused.value.code == code


def test_a_command_may_name_each_client_and_is_called_as_it_was_written() -> None:
    text = "exec:./vault kv put 'mct/{client}' value=-"
    place = secret_to(text, 2)
    assert place.label == text
    first, two = (place.command_for(name) for name in ("One", "Two"))
    assert first[3] != two[3]
    assert first[3].startswith("mct/one-")


def test_each_line_of_a_client_list_is_a_name(tmp_path: Path) -> None:
    file = tmp_path / "clients"
    file.write_text("\ufeffÄrzte\r\n\n# later\n  Payroll, old  \n", encoding="utf-8")
    assert read_client_list(file) == ["Ärzte", "Payroll, old"]


@pytest.mark.parametrize("content", [b"", b"\n# nothing\n", b"\xff\xfe\x00", None])
def test_a_client_list_without_names_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "clients"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as raised:
        read_client_list(file)
    assert raised.value.code == "client-list-unreadable"
