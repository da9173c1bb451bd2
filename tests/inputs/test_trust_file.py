"""A trust file is read as it is written, or refused with every mistake, its line and its key."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
import tomlkit
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mct_s2s.errors import UsageError
from mct_s2s.inputs.trust_file import read_trust_file
from mct_s2s.model.trust_file import IdentityEntry

from tests.support.sampling import cases

COMPLETE = """\
[profiles.contoso]
tenant = "contoso.onmicrosoft.com"
client-id = "11111111-2222-3333-4444-555555555555"

[sites.learn]
profile = "contoso"
app-service = "contosolearn"
slot = "staging"

[[sites.learn.clients]]
name = "Import"
secret-to = "keyvault:mct-kv"
auto-lifetime = true

[[sites.learn.managed-identities]]
resource = "reports-func"

[sites.other]
"""


def refused(tmp_path: Path, text: str | bytes) -> UsageError:
    path = tmp_path / "trust.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        read_trust_file(path)
    caught.value.headline = caught.value.headline.replace(str(path), "F")
    return caught.value


def test_every_entry_is_read_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    path.write_bytes(b"\xef\xbb\xbf" + COMPLETE.replace("\n", "\r\n").encode())
    learn, other = read_trust_file(path).sites
    assert learn.profile is not None
    assert learn.profile.options == {
        "tenant": "contoso.onmicrosoft.com",
        "client-id": "11111111-2222-3333-4444-555555555555",
    }
    assert (learn.key, learn.app_service, learn.options["slot"], learn.line) == ("learn", "contosolearn", "staging", 5)
    (client,) = learn.clients
    assert (client.name, client.options) == ("Import", {"secret-to": "keyvault:mct-kv", "auto-lifetime": True})
    assert client.where("secret-to") == "line 12, sites.learn.clients[0].secret-to"
    (identity,) = learn.identities
    assert isinstance(identity, IdentityEntry)
    assert (identity.resource, identity.line) == ("reports-func", 15)
    assert (other.app_service, other.profile, other.clients, other.line) == ("other", None, (), 18)


@pytest.mark.parametrize(
    ("text", "told", "remedy"),
    [
        ("", "'F', line 1: it names no site.", "Add a table such as [sites.contosolearn]."),
        ("[sites]\n", "'F', line 1, sites: it names no site.", "Add a table such as [sites.contosolearn]."),
        ("\nx = 1\n[sites.a]", "'F', line 2, x: unknown key.", "Known here: profiles, sites."),
        ("sites = 'a'", "'F', line 1, sites: a text is not expected here.", "Write tables: [sites.NAME]"),
        ("[sites]\na = 1", "'F', line 2, sites.a: a number is not expected here.", "Write a table: [sites.NAME]"),
        (
            "[[sites.a.clients]]\nname = 'A'\nsecret-life = '1y'",
            "'F', line 3, sites.a.clients[0].secret-life: unknown key.",
            "Did you mean 'secret-lifetime'?",
        ),
        (
            "[sites.a]\nclients = ['B']",
            "'F', line 2, sites.a.clients[0]: a text is not expected here.",
            "Write a table: [[sites.NAME.clients]]",
        ),
        (
            "[sites.a.clients]\nname = 'B'",
            "'F', line 1, sites.a.clients: a table is not expected here.",
            "Begin each of them with [[sites.NAME.clients]].",
        ),
        (
            "[sites.a]\n[[sites.a.clients]]\n",
            "'F', line 2, sites.a.clients[0]: 'name' is missing.",
            'Add name = "…", a display name or an appId.',
        ),
        (
            "[[sites.a.clients]]\nname = 'B'\n[[sites.a.clients]]\nname = ' b'",
            "'F', line 3, sites.a.clients[1]: ' b' is already in line 1.",
            "Remove one of the two.",
        ),
        (
            "[[sites.a.clients]]\nname = 'B'\nsecret-lifetime = 2027-06-30",
            "'F', line 3, sites.a.clients[0].secret-lifetime: a date without quotation marks is not expected here.",
            'Write it in quotation marks: secret-lifetime = "2027-06-30"',
        ),
        (
            "[[sites.a.clients]]\nname = 'B'\nno-consent = 'yes'",
            "'F', line 3, sites.a.clients[0].no-consent: a text is not expected here.",
            "Write no-consent = true or no-consent = false.",
        ),
        (
            "[sites.a]\nrole = ' '",
            "'F', line 2, sites.a.role: it is empty.",
            "Correct it, or remove the line.",
        ),
        (
            '[sites.a]\nrole = "a\\u001b[31m"',
            "'F', line 2, sites.a.role: a control character is in it.",
            "Correct it, or remove the line.",
        ),
        (
            '[sites."a\\nb"]',
            "'F', line 1, sites.\"a\\U0000000ab\": the name has to be 1 to 120 printable characters.",
            "Choose another one: [sites.NAME]",
        ),
        (
            "[profiles.b]\n[sites.a]\nprofile = 'c'",
            "'F', line 3, sites.a.profile: there is no profile 'c'.",
            "Add [profiles.c]. Known: b.",
        ),
        (
            f"[sites.a]\nrole = 0x{'f' * 10_000}",
            "'F', line 2, sites.a.role: a number is not expected here.",
            'Write one text: role = "…"',
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_key(tmp_path: Path, text: str, told: str, remedy: str | None) -> None:
    error = refused(tmp_path, text)
    assert (error.code, error.exit_code) == ("trust-file-malformed", 2)
    assert error.headline == told
    assert remedy in {None, error.advice}


def test_all_mistakes_are_listed_in_the_order_of_their_lines(tmp_path: Path) -> None:
    error = refused(tmp_path, "[sites.a]\nslot = 1\nrolle = 'x'\n[[sites.a.clients]]\n[profiles.p]\nauth = true\n")
    assert error.headline == "'F' has 4 mistakes."
    assert [item.partition(":")[0] for item, _ in error.items] == [
        "line 2, sites.a.slot",
        "line 3, sites.a.rolle",
        "line 4, sites.a.clients[0]",
        "line 6, profiles.p.auth",
    ]


def test_a_thousand_mistakes_are_one_screen(tmp_path: Path) -> None:
    error = refused(tmp_path, "[sites.a]\n" + "".join(f"{'k' * 5000}{number} = 1\n" for number in range(100)))
    assert (len(error.items), error.items[-1][0]) == (21, "and 80 more")
    assert len(error.message) < 8000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[sites.a\n", "'F' is not TOML: Expected ']' at the end of a table declaration (at line 1, column 9)."),
        ("[sites.a]\n[sites.a]\n", "'F' is not TOML: Cannot declare ('sites', 'a') twice (at line 2, column 9)."),
        (f"a = {'[' * 100_000}", "'F' is not TOML: it is nested too deeply."),
        (f"[{'a.' * 100_000}a]", "'F' is not TOML: it has a key of more than 16 parts."),
        ("a" + '. "a.b" ' * 16 + "= 1", "'F' is not TOML: it has a key of more than 16 parts."),
        (f"a = {'9' * 10_000}", None),
    ],
)
def test_what_is_not_toml_is_told_as_such(tmp_path: Path, text: str, told: str | None) -> None:
    error = refused(tmp_path, text)
    assert error.code == "trust-file-malformed"
    assert told in {None, error.headline}


def test_dots_in_texts_and_comments_are_no_parts_of_a_key(tmp_path: Path) -> None:
    dots = "a." * 20
    path = tmp_path / "trust.toml"
    path.write_text(
        f'# {dots}\n[sites.a]\nrole = \'{dots}\' # {dots}\nservice-name = """\\"{dots}"""\nslot = "{dots}"\n'
    )
    (site,) = read_trust_file(path).sites
    assert (site.options["role"], site.options["service-name"]) == (dots, f'"{dots}')


def test_a_large_file_of_mistakes_is_read_in_time_that_grows_with_its_size(tmp_path: Path) -> None:
    """Each of them was once compared with all others: hours for a file of 1 MiB."""
    error = refused(tmp_path, "[sites.a]\n" + "".join(f"k{number} = 1\n" for number in range(10_000)))
    assert error.headline == "'F' has 10000 mistakes."


def test_a_file_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    assert refused(tmp_path, b"\xff").headline == "Cannot read 'F': it is not UTF-8 text."
    assert refused(tmp_path, b" " * (1 << 20) + b" ").headline == "Cannot read 'F': it is larger than 1 MiB."
    with pytest.raises(UsageError, match="No such file"):
        read_trust_file(tmp_path / "nothing.toml")
    with pytest.raises(UsageError, match="it is a folder, not a file"):
        read_trust_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="it is a named pipe, not a file"):
        read_trust_file(tmp_path / "pipe")


KEYS = st.one_of(st.text(max_size=3), st.sampled_from(["sites", "clients", "name", "profile", "profiles", "slot"]))
SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=True), st.text(max_size=5))
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=cases(60, 1500), deadline=None)
@given(st.dictionaries(KEYS, ANYTHING, max_size=4))
@example({"sites": {"": {}}})
def test_whatever_is_written_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(tomlkit.dumps(document), encoding="utf-8", newline="")
    with contextlib.suppress(UsageError):
        assert read_trust_file(path).sites
