"""Each thing that a user types: what it means, and what is no good."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import client_names, read_client_list
from mct_s2s.inputs.documents import HandoffFile, given_values, read_handoff
from mct_s2s.inputs.lifetime import expiry
from mct_s2s.inputs.secret_to import secret_to
from mct_s2s.inputs.target import caller_resource, site_target
from mct_s2s.model.client_credentials import NEVER
from mct_s2s.model.desired import GivenValues
from mct_s2s.model.resource_id import ResourceId, SiteTarget

NOW = datetime(2026, 11, 24, 12, 30, 15, 999, tzinfo=UTC)
SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
SITE_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mct-prod/providers/Microsoft.Web/sites/contosolearn"


@pytest.mark.parametrize(
    ("text", "now", "ends"),
    [
        ("1y", NOW, datetime(2027, 11, 24, 12, 30, 15, tzinfo=UTC)),
        (" 2Y ", NOW, datetime(2028, 11, 23, 12, 30, 15, tzinfo=UTC)),
        ("6m", NOW, datetime(2027, 5, 23, 12, 30, 15, tzinfo=UTC)),
        ("180d", NOW, datetime(2027, 5, 23, 12, 30, 15, tzinfo=UTC)),
        ("P180D", NOW, datetime(2027, 5, 23, 12, 30, 15, tzinfo=UTC)),
        ("p1y6m", NOW, datetime(2028, 5, 22, 12, 30, 15, tzinfo=UTC)),
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
    ("text", "code"),
    [
        ("2026-11-23", "lifetime-in-the-past"),
        ("2026-11-24T12:30:00Z", "lifetime-in-the-past"),
        ("", "malformed-lifetime"),
        ("3y", "malformed-lifetime"),
        ("731d", "malformed-lifetime"),
        ("P3Y", "malformed-lifetime"),
        ("0d", "malformed-lifetime"),
        ("P", "malformed-lifetime"),
        ("-1y", "malformed-lifetime"),
        ("2027-02-30", "malformed-lifetime"),
        ("31.12.2027", "malformed-lifetime"),
        ("forever", "malformed-lifetime"),
        ("0001-01-01T00:00:00+14:00", "malformed-lifetime"),
        ("9999-12-31T23:59:59-14:00", "malformed-lifetime"),
    ],
)
def test_a_lifetime_that_is_none_is_refused(text: str, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        expiry(text, NOW)
    assert refused.value.code == code
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("options", "target"),
    [
        (("contosolearn", None, None, None), SiteTarget("contosolearn")),
        (("contosolearn", "", "", ""), SiteTarget("contosolearn")),
        (("ContosoLearn", "g", "Contoso Production", "staging"),
         SiteTarget("ContosoLearn", "g", "Contoso Production", "staging")),
        ((SITE_ID, None, "another default", None), SiteTarget("contosolearn", "mct-prod", SUBSCRIPTION)),
        ((SITE_ID.upper(), "mct-prod", None, None), SiteTarget("CONTOSOLEARN", "MCT-PROD", SUBSCRIPTION.upper())),
        ((f"{SITE_ID}/slots/staging", None, None, "Staging"),
         SiteTarget("contosolearn", "mct-prod", SUBSCRIPTION, "staging")),
    ],
)  # fmt: skip
def test_a_target_is_read_from_a_name_or_an_id(
    options: tuple[str, str | None, str | None, str | None], target: SiteTarget
) -> None:
    assert site_target(*options) == target


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((None, None, None, None), "app-service-missing"),
        (("  ", None, None, None), "app-service-missing"),
        (("https://contosolearn.azurewebsites.net", None, None, None), "malformed-app-service"),
        (("contosolearn.azurewebsites.net", None, None, None), "malformed-app-service"),
        (("-x", None, None, None), "malformed-app-service"),
        (("x" * 61, None, None, None), "malformed-app-service"),
        (("/subscriptions/x", None, None, None), "malformed-resource-id"),
        (("/contosolearn", None, None, None), "malformed-resource-id"),
        ((SITE_ID.replace("/sites/", "/serverfarms/"), None, None, None), "not-an-app-service"),
        ((SITE_ID, "other", None, None), "contradictory-options"),
        ((SITE_ID, None, None, "staging"), "contradictory-options"),
        ((f"{SITE_ID}/slots/staging", None, None, "blue"), "contradictory-options"),
    ],
)
def test_a_target_that_is_none_is_refused(
    options: tuple[str | None, str | None, str | None, str | None], code: str
) -> None:
    with pytest.raises(UsageError) as refused:
        site_target(*options)
    assert refused.value.code == code
    assert refused.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "/",
        SITE_ID.removesuffix("/contosolearn"),
        f"{SITE_ID}/slots",
        f"/subscriptions/{SUBSCRIPTION}",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mct-prod",
        SITE_ID.replace("providers", "provider"),
        SITE_ID.replace("mct-prod", " "),
        SITE_ID.replace("/resourceGroups", ""),
    ],
)
def test_a_resource_id_is_whole_or_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Invalid resource ID") as refused:
        ResourceId.parse(text)
    assert refused.value.code == "malformed-resource-id"


@pytest.mark.parametrize("text", [SITE_ID, f"{SITE_ID}/", f" {SITE_ID}/slots/staging ", SITE_ID.lower()])
def test_a_resource_id_survives_reading(text: str) -> None:
    parsed = ResourceId.parse(text)
    assert str(parsed).lower() == text.strip().rstrip("/").lower()
    assert str(parsed).lower() == str(ResourceId.parse(text.upper())).lower()
    assert parsed.is_site
    assert parsed.slot == ("staging" if "slots" in text else None)


def test_a_caller_is_an_id_or_a_bare_name() -> None:
    assert caller_resource(" reports-func ") == "reports-func"
    assert caller_resource(SITE_ID) == ResourceId.parse(SITE_ID)
    for text, code in (("", "malformed-resource"), ("a b", "malformed-resource"), ("/x", "malformed-resource-id")):
        with pytest.raises(UsageError) as refused:
            caller_resource(text)
        assert refused.value.code == code


def test_client_names_are_trimmed_and_taken_once() -> None:
    assert client_names([" A ", "B", "A", "a"]) == ("A", "B", "a")
    assert client_names(["x" * 120]) == ("x" * 120,)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "client-name-empty"),
        (" \t", "client-name-empty"),
        ("x" * 121, "client-name-unusable"),
        ("a\nb", "client-name-unusable"),
        ("a\x1b[2Jb", "client-name-unusable"),
    ],
)
def test_a_client_name_that_entra_would_not_take_is_refused(name: str, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        client_names(["good", name])
    assert refused.value.code == code


def test_a_secret_goes_to_a_file_a_folder_the_output_or_the_users_data(tmp_path: Path) -> None:
    file, default = tmp_path / "client.env", Path("/default")
    assert secret_to("show", 2).show
    assert secret_to(f"file:{file}", 1).file_for("A", default) == file
    into = secret_to(f"file:{tmp_path}", 2)
    assert {into.file_for(name, default).parent for name in ("A", "B")} == {tmp_path}
    assert into.file_for("A", default) != into.file_for("B", default)
    assert secret_to(f"file:{file}/", 2).file_for("A", default).parent == file
    assert secret_to(None, 1).file_for("A", default).parent == default
    assert secret_to("file:relative.env", 1).file_for("A", default).is_absolute()


@pytest.mark.parametrize(
    ("text", "clients", "code"),
    [
        ("file:", 1, "secret-place-unknown"),
        ("/tmp/x", 1, "secret-place-unknown"),
        ("stdout", 1, "secret-place-unknown"),
        ("file:/tmp/one.env", 2, "secret-place-shared"),
    ],
)
def test_a_secret_place_that_is_none_is_refused(text: str, clients: int, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        secret_to(text, clients)
    assert refused.value.code == code


GIVEN = given_values(
    {
        "ServiceAuthAudience": ["api://x"],
        "ServiceAuthTenantName": ["contoso.onmicrosoft.com"],
        "ServiceAuthTenantId": [SUBSCRIPTION],
        "ServiceAuthRole": ["Role"],
        "ServiceApplicationIds": [SUBSCRIPTION],
        "ServiceObjectIds": [SUBSCRIPTION],
    }
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
    HandoffFile(file).write(settings, "contosolearn/staging")
    assert read_handoff(file) == replace(GIVEN, app_service="contosolearn/staging")
    HandoffFile(file).write(settings, None)
    assert read_handoff(file) == GIVEN


def test_a_handoff_without_clients_gives_none(tmp_path: Path) -> None:
    file = tmp_path / "handoff.json"
    HandoffFile(file).write({"ServiceAuthAudience": "api://x"}, None)
    given = read_handoff(file)
    assert given.settings == {"ServiceAuthAudience": "api://x"}
    assert not given.need_no_directory
    assert GIVEN.need_no_directory
    assert not GivenValues().need_no_directory


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"schema": "mct-s2s/handoff/v2", "settings": {}}',
        '{"schema": "mct-s2s/handoff/v1"}',
        '{"schema": "mct-s2s/handoff/v1", "settings": []}',
        "\udcff",
    ],
)
def test_what_is_no_handoff_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "handoff.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as refused:
        read_handoff(file)
    assert refused.value.code == "handoff-unreadable"
    assert str(file) in refused.value.message


def test_a_handoff_with_a_malformed_id_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "handoff.json"
    HandoffFile(file).write({"ServiceApplicationIds": "x;y"}, None)
    with pytest.raises(UsageError, match="not a GUID"):
        read_handoff(file)


@pytest.mark.parametrize("malformed", ["x", "", "{0b1f6471-1bf0-4dda-aec3-cb9272f09590}", SUBSCRIPTION[:-1]])
def test_ids_and_values_on_the_command_line_are_checked(malformed: str) -> None:
    for name in ("ServiceAuthTenantId", "ServiceApplicationIds", "ServiceObjectIds"):
        with pytest.raises(UsageError) as refused:
            given_values({name: [malformed]})
        assert refused.value.code == "malformed-id"
    for name, empty in (("ServiceAuthAudience", " "), ("ServiceAuthTenantName", ""), ("ServiceAuthRole", " ")):
        with pytest.raises(UsageError) as refused:
            given_values({name: [empty]})
        assert refused.value.code == "empty-value"


@pytest.mark.parametrize(
    ("text", "clients", "code"),
    [
        ("exec:", 1, "secret-command-malformed"),
        ("exec:gh 'secret", 1, "secret-command-malformed"),
        ("exec:gh secret set X", 2, "secret-place-shared"),
        ("github:contoso/import", 1, "secret-place-unknown"),
    ],
)
def test_a_program_that_does_not_fit_is_refused(text: str, clients: int, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        secret_to(text, clients)
    assert refused.value.code == code


def test_a_command_may_name_each_client_and_is_called_as_it_was_written() -> None:
    text = "exec:./vault kv put 'mct/{client}' value=-"
    place = secret_to(text, 2)
    assert place.label == text
    one, two = (place.command_for(name) for name in ("One", "Two"))
    assert one[3] != two[3]
    assert one[3].startswith("mct/one-")


def test_a_line_is_a_name(tmp_path: Path) -> None:
    file = tmp_path / "clients"
    file.write_text("\ufeffÄrzte\r\n\n# later\n  Payroll, old  \n", encoding="utf-8")
    assert read_client_list(file) == ["Ärzte", "Payroll, old"]


@pytest.mark.parametrize("content", [b"", b"\n# nothing\n", b"\xff\xfe\x00", None])
def test_a_file_without_names_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "clients"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as raised:
        read_client_list(file)
    assert raised.value.code == "client-list-unreadable"
