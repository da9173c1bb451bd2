"""A trust file is read as it is written, or refused with every mistake, named by its key."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mct_s2s.errors import UsageError
from mct_s2s.inputs.trust_file import Mistakes, read_trust_file, without_mistakes
from mct_s2s.model.trust_file import TrustFile

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


def read(path: Path) -> TrustFile:
    mistakes = Mistakes(path)
    found = read_trust_file(mistakes)
    mistakes.check()
    return found


def refused(tmp_path: Path, text: str | bytes) -> UsageError:
    path = tmp_path / "trust.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        read(path)
    caught.value.headline = caught.value.headline.replace(str(path), "F")
    return caught.value


def test_every_entry_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    path.write_bytes(b"\xef\xbb\xbf" + COMPLETE.replace("\n", "\r\n").encode())
    file = read(path)
    assert list(file.sites) == ["learn", "other"]
    assert file.profiles["contoso"].options == {
        "tenant": "contoso.onmicrosoft.com",
        "client_id": "11111111-2222-3333-4444-555555555555",
    }
    learn = file.sites["learn"]
    assert (learn.profile, learn.app_service, learn.slot) == ("contoso", "contosolearn", "staging")
    (client,) = learn.clients
    assert client.options == {"name": "Import", "secret_to": "keyvault:mct-kv", "auto_lifetime": True}
    assert [one.resource for one in learn.managed_identities] == ["reports-func"]
    assert file.sites["other"].options == {}


def test_a_thousand_mistakes_are_one_screen(tmp_path: Path) -> None:
    error = refused(tmp_path, "[sites.a]\n" + "".join(f"k{number}{'k' * 5000} = 1\n" for number in range(100)))
    assert (len(error.items), error.items[-1][0]) == (21, "and 80 more")
    assert len(error.message) < 8000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[sites.a\n", "'F' is not TOML: Expected ']' at the end of a table declaration (at line 1, column 9)."),
        ("[sites.a]\n[sites.a]\n", "'F' is not TOML: Cannot declare ('sites', 'a') twice (at line 2, column 9)."),
        (f"a = {'[' * 100_000}", "'F' is not TOML: it is nested too deeply."),
        (f"[{'a.' * 100_000}a]", "'F' is not TOML: a line has more than 1000 dots."),
        (f"a = {'9' * 10_000}", None),
    ],
)
def test_what_is_not_toml_is_told_as_such(tmp_path: Path, text: str, told: str | None) -> None:
    error = refused(tmp_path, text)
    assert error.code == "trust-file-malformed"
    assert told in {None, error.headline}


def test_a_large_file_of_mistakes_is_read_in_time_that_grows_with_its_size(tmp_path: Path) -> None:
    """Each of them was once compared with all others: hours for a file of 1 MiB."""
    error = refused(tmp_path, "[sites.a]\n" + "".join(f"k{number} = 1\n" for number in range(10_000)))
    assert error.headline == "'F' has 10000 mistakes."


def test_a_file_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    assert refused(tmp_path, b"\xff").headline == "Cannot read 'F': it is not UTF-8 text."
    assert refused(tmp_path, b" " * (1 << 20) + b" ").headline == "Cannot read 'F': it is larger than 1 MiB."
    with pytest.raises(UsageError, match="No such file"):
        read(tmp_path / "nothing.toml")
    with pytest.raises(UsageError, match="it is a folder, not a file"):
        read(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="it is a named pipe, not a file"):
        read(tmp_path / "pipe")


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
def test_whatever_is_written_is_read_or_refused(document: dict[str, object]) -> None:
    with contextlib.suppress(UsageError):
        assert without_mistakes(document, Mistakes(Path("trust.toml"))).sites
