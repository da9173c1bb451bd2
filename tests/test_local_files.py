"""Which files are ours, and in which folders nobody can exchange them: the one judgement that all readers share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mct_s2s.file_ownership import UntrustedFile
from mct_s2s.local_files import is_there, read_given, read_ours
from mct_s2s.private_folders import check_folder, make_private_folder

STRANGER = 65_534

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither owners nor modes of this kind")
needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def nobody() -> Iterator[None]:
    """A process without any right of root's."""
    os.setegid(STRANGER)
    os.seteuid(STRANGER)
    yield
    os.seteuid(0)
    os.setegid(0)


def file(path: Path, mode: int = 0o600, text: str = "x") -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_private_file_of_ours_is_read(tmp_path: Path, mode: int) -> None:
    assert read_ours(file(tmp_path / "a", mode)) == b"x"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])
def test_one_that_others_may_do_anything_with_is_none_of_ours(tmp_path: Path, mode: int) -> None:
    path = file(tmp_path / "a", mode)
    with pytest.raises(UntrustedFile, match="its mode is"):
        read_ours(path)
    if mode & 0o022:
        with pytest.raises(UntrustedFile, match="change it"):
            read_ours(path, delivered=True)
    else:
        assert read_ours(path, delivered=True) == b"x"


def test_what_is_not_there_is_no_error_and_a_dangling_link_is_there(tmp_path: Path) -> None:
    file(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for missing in (tmp_path / "b", tmp_path / "a" / "b", tmp_path / "c" / "b"):
        assert (read_ours(missing), is_there(missing)) == (None, False)
    with pytest.raises(UntrustedFile, match="it is a symbolic link"):
        read_ours(tmp_path / "link")
    assert is_there(tmp_path / "link")
    with pytest.raises(FileNotFoundError):
        read_given(tmp_path / "b")


def test_a_given_file_may_be_reached_by_links_and_read_by_all(tmp_path: Path) -> None:
    """So it is where a platform mounts its tokens and certificates."""
    (tmp_path / "link").symlink_to(file(tmp_path / "a", 0o644))
    assert read_given(tmp_path / "link", secret=True) == b"x"
    file(tmp_path / "a", 0o666)
    assert read_given(tmp_path / "link") == b"x"
    with pytest.raises(UntrustedFile, match="every user"):
        read_given(tmp_path / "link", secret=True)


@needs_root
def test_root_may_have_given_it_but_no_other_user(tmp_path: Path, nobody: None) -> None:
    del nobody
    here = Path("/etc/passwd")
    assert read_given(here, secret=True)
    os.seteuid(0)
    theirs = file(tmp_path / "a", 0o644)
    os.chown(theirs, 1, 1)
    with pytest.raises(UntrustedFile, match="another user"):
        read_given(theirs)


def test_folders_are_judged_up_to_the_root(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    make_private_folder(inner)
    assert [path.stat().st_mode & 0o777 for path in (inner, inner.parent)] == [0o700, 0o700]
    assert check_folder(inner) is False
    (tmp_path / "a").chmod(0o777)
    with pytest.raises(UntrustedFile, match="other users can write to the folder"):
        check_folder(inner)
    with pytest.raises(UntrustedFile):
        make_private_folder(inner / "c")
    assert not (inner / "c").exists()
    (tmp_path / "a").chmod(0o1777)
    assert check_folder(tmp_path / "a") is True
    assert check_folder(inner) is False, "nobody may write to the last one"


def test_links_on_the_way_are_followed_as_the_system_does(tmp_path: Path) -> None:
    """`..` after a link leaves the folder that it leads to, not the one that it is in."""
    (tmp_path / "open" / "safe").mkdir(parents=True, mode=0o700)
    (tmp_path / "link").symlink_to("open/safe")
    assert check_folder(tmp_path / "link") is False
    (tmp_path / "open").chmod(0o777)
    for way in ("link", "link/..", "link/../safe", str(tmp_path / "link")):
        with pytest.raises(UntrustedFile):
            check_folder(tmp_path / way)
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="link"):
        check_folder(tmp_path / "round")


@needs_root
def test_a_link_or_a_folder_of_somebody_else_leads_wherever_he_likes(tmp_path: Path) -> None:
    (tmp_path / "safe").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("safe")
    os.chown(tmp_path / "link", STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(UntrustedFile, match="belongs to another user"):
        check_folder(tmp_path / "link")
    os.chown(tmp_path / "safe", STRANGER, STRANGER)
    with pytest.raises(UntrustedFile, match="belongs to another user"):
        check_folder(tmp_path / "safe")


@needs_root
def test_who_calls_sudo_is_trusted_as_root_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    os.chown(tmp_path / "theirs", STRANGER, STRANGER)
    monkeypatch.setenv("SUDO_UID", str(STRANGER))
    assert check_folder(tmp_path / "theirs") is False
    monkeypatch.setenv("SUDO_UID", "²")
    with pytest.raises(UntrustedFile):
        check_folder(tmp_path / "theirs")


@needs_root
def test_an_ordinary_user_keeps_files_where_he_may(nobody: None) -> None:
    """As anybody but root: a folder of one's own below `/tmp`, which belongs to root and is everybody's."""
    import tempfile  # noqa: PLC0415

    del nobody
    with tempfile.TemporaryDirectory(dir="/tmp") as own:
        assert check_folder(Path(own)) is False
        assert check_folder(Path("/tmp")) is True
        assert read_ours(file(Path(own) / "a")) == b"x"
