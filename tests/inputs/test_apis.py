"""A description of an API: what it can say, and what is refused before anything is asked of
anyone.
"""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from mct_s2s.errors import UsageError
from mct_s2s.inputs.apis import read_api, shipped_api, shipped_names
from mct_s2s.model.site_settings import NOT_SHOWN

from tests.support.apis import ORDERS, ORDERS_FILE, STOCK_FILE
from tests.support.mct import MCT

SOUND = (
    'name = "Orders"\nrole = "Orders.Call"\ntoken-version = 2\n[test]\npath = '
    '"/orders"\n[settings]\n'
)


def read(tmp_path: Path, text: str) -> str:
    """What is refused about a description."""
    file = tmp_path / "api.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_api(str(file))
    assert refused.value.exit_code == 2
    assert refused.value.code in {"api-malformed", "api-unreadable"}
    return " ".join([refused.value.message, *map(str, refused.value.items)])


@pytest.mark.parametrize("path", ["orders", "https://orders.example/orders", ""])
def test_a_path_without_its_slash_is_said_to_need_it(tmp_path: Path, path: str) -> None:
    told = read(tmp_path, SOUND.replace("/orders", path))
    assert "test.path: it must be a path, which begins with /." in told


@pytest.mark.parametrize("name", shipped_names())
def test_each_description_that_is_shipped_is_read_by_its_name(name: str) -> None:
    assert read_api(name) is shipped_api(name)
    assert shipped_api(name).is_shipped


def test_a_description_in_a_file_is_not_believed_to_be_shipped(tmp_path: Path) -> None:
    file = tmp_path / "mct.toml"
    file.write_text(
        (files("mct_s2s") / "apis" / "mct.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    copy = read_api(str(file))
    assert copy.canonical == MCT.canonical
    assert (copy.is_shipped, copy.is_default) == (False, False)


@pytest.mark.parametrize("file", [ORDERS_FILE, STOCK_FILE], ids=lambda file: file.stem)
def test_the_descriptions_of_the_apps_are_sound(file: Path) -> None:
    assert read_api(str(file)).lists == ()


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('A = "https://evil.example/run.zip"', "settings.A"),
        ('WEBSITE_RUN_FROM_PACKAGE = "tenant-id"', "settings.WEBSITE_RUN_FROM_PACKAGE"),
        ('node_options = "role"', "settings.node_options"),
        ('SQLCONNSTR_x = "tenant-id"', "settings.SQLCONNSTR_x"),
        ('PATH = "role"', "settings.PATH"),
        ('TMPDIR = "role"', "settings.TMPDIR"),
        ('PROMPT_COMMAND = "role"', "settings.PROMPT_COMMAND"),
        ('COMMAND = "role"', "settings.COMMAND"),
        ('Kestrel__Endpoints__Http__Url = "issuer"', "settings.Kestrel__Endpoints__Http__Url"),
        ('RAILS_ENV = "role"', "settings.RAILS_ENV"),
        ('LOGGING_CONFIG = "role"', "settings.LOGGING_CONFIG"),
        ('"logging.config" = "role"', 'settings."logging.config"'),
        ('SPRING_CONFIG_LOCATION = "authority"', "settings.SPRING_CONFIG_LOCATION"),
        ('OTEL_EXPORTER_OTLP_ENDPOINT = "login"', "settings.OTEL_EXPORTER_OTLP_ENDPOINT"),
        ('GUNICORN_CMD_ARGS = "role"', "settings.GUNICORN_CMD_ARGS"),
        ('UVICORN_RELOAD = "switch"', "settings.UVICORN_RELOAD"),
        ('FLASK_DEBUG = "switch"', "settings.FLASK_DEBUG"),
        ('DJANGO_SETTINGS_MODULE = "role"', "settings.DJANGO_SETTINGS_MODULE"),
        ('CONTAINER_ENCRYPTION_KEY = "app-id"', "settings.CONTAINER_ENCRYPTION_KEY"),
        ('"A B" = "tenant-id"', 'settings."A B"'),
        ('A = "object-ids"', "settings"),
        ('A = "tenant-id"\nB = "tenant-id"', "settings"),
        ('A__B = "tenant-id"\n"a__b" = "role"', "settings"),
        ('[test.headers]\nHost = "other.example"', "test.headers.Host"),
        ('[test.headers]\nX-Forwarded-Host = "other.example"', "test.headers.X-Forwarded-Host"),
        ('[test.headers]\nX-A = "a\\r\\nHost: b"', "test.headers.X-A"),
        ('[test.headers]\nX-Method-Override = "DELETE"', "test.headers.X-Method-Override"),
        ('[test.headers]\nAuthorization = "Bearer x"', "test.headers.Authorization"),
        ('[test.body]\na = "b"', "test.body"),
    ],
)
def test_a_hostile_line_is_refused_by_its_key(tmp_path: Path, line: str, key: str) -> None:
    assert f"{key}: " in read(tmp_path, SOUND + line + "\n")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('role = "Orders.Call"', 'role = "https://evil.example/logback.xml"', "role"),
        ('role = "Orders.Call"', 'role = "--config=/tmp/x"', "role"),
        ('path = "/orders"', 'path = "//evil.example"', "test.path"),
        ('path = "/orders"', 'path = "@evil.example"', "test.path"),
        ('path = "/orders"', 'path = "/a b"', "test.path"),
        ('path = "/orders"', 'path = "/orders"\nmethod = "DELETE"', "test.method"),
        ('path = "/orders"', 'path = "/orders"\nrefused-with = [200]', "test.refused-with.0"),
        ('name = "Orders"', 'name = "Orders\\u001b[2J"', "name"),
        ('name = "Orders"', 'name = "[x](https://evil)"', "name"),
        ('name = "Orders"', f'name = "{"x" * 41}"', "name"),
        ('name = "Orders"', 'name = "Orders"\nurl = "https://evil"', "url"),
        ("token-version = 2", "token-version = 3", "token-version"),
        ("token-version = 2", "token-version = true", "token-version"),
        ('path = "/orders"', 'path = "/orders"\nrefused-with = [401.0]', "test.refused-with.0"),
        ('role = "Orders.Call"', 'role = "--x"', "role"),
    ],
)
def test_a_hostile_value_is_refused_by_its_key(
    tmp_path: Path, old: str, new: str, key: str
) -> None:
    assert old in SOUND
    assert f"{key}: " in read(tmp_path, SOUND.replace(old, new))


def test_what_is_no_description_is_refused(tmp_path: Path) -> None:
    assert "not TOML" in read(tmp_path, "{")
    assert "characters" in read(tmp_path, "# " + "x" * 1_000_000)
    assert "more than 1000 dots" in read(tmp_path, "a." * 9_000 + "a = 1")
    assert "test: it is missing" in read(tmp_path, 'name = "A"\nrole = "B"\n')
    assert "depends on token-version" in read(
        tmp_path, SOUND.replace("token-version = 2\n", "") + 'A = "authority"\n'
    )
    with pytest.raises(UsageError) as refused:
        read_api("nothing-there")
    assert "microsoft-identity-web" in refused.value.remedy


@pytest.mark.parametrize(
    "secret",
    [
        "Server=x;Password=y",
        "hunter2",
        "https://user:pass@host/",
        "https://hooks.example.com/services/T00000000/B00000000/XXXXXXXX",
        "https://example.com/a?sig=x",
        "6babcaad-604b-40ac-a9d7-9fd97c0b779f;x",
        "Other.Role",
        "contoso.com",
    ],
)
def test_a_value_that_is_no_id_and_no_uri_is_neither_shown_nor_written_over(secret: str) -> None:
    """The setting of a secret may be named as anything that a description can say."""
    settings = dict.fromkeys(ORDERS.settings, secret) | {"Other": secret}
    masked = ORDERS.masked(settings)
    assert masked == {**dict.fromkeys(ORDERS.settings, NOT_SHOWN), "Other": secret}
    assert ORDERS.masked(masked) == masked
    assert len(ORDERS.hidden(masked)) == len(ORDERS.settings)
    assert ORDERS.service_in(masked) == ""
    assert ORDERS.masked(settings, [secret]) == settings, "the directory has it"


@pytest.mark.parametrize(
    "value",
    [
        "true",
        "False",
        "",
        " ",
        "6babcaad-604b-40ac-a9d7-9fd97c0b779f",
        "6babcaad-604b-40ac-a9d7-9fd97c0b779f; 0E6A2B1C-95D4-4F0B-8A86-0F7D4C6F2A11;",
        "api://orders",
        "https://orders.example.com/api",
        "https://localhost:8443/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0",
        "Orders.Call",
    ],
)
def test_an_id_a_uri_a_switch_and_the_apis_own_role_are_shown(value: str) -> None:
    settings = dict.fromkeys(ORDERS.settings, value)
    assert ORDERS.masked(settings) == settings
    assert ORDERS.hidden(settings) == ()


def test_mcts_own_settings_are_shown_as_they_are() -> None:
    odd = dict.fromkeys(MCT.settings, "anything")
    assert MCT.masked(odd) == odd


def test_the_schema_and_the_reader_know_the_same_keys() -> None:
    text = ORDERS_FILE.read_text(encoding="utf-8")
    assert {*tomllib.loads(text)} <= {
        field.alias or name for name, field in type(ORDERS).model_fields.items()
    }


@pytest.mark.parametrize(
    ("named", "remedy"),
    [
        ("mtc", "Did you mean 'mct'? If not, name a file."),
        ("mtc.toml", "Name a file, or one of: "),
        ("orders", "Name a file, or one of: "),
    ],
)
def test_a_mistyped_name_is_answered_with_the_one_that_was_meant(named: str, remedy: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_api(named)
    assert refused.value.remedy.startswith(remedy)
