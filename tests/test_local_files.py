"""Which files are used, and in which folders nobody can exchange ours: the one judgement that all
readers share.
"""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mct_s2s import local_files
from mct_s2s.local_files import (
    UntrustedFile,
    check_folder,
    make_folder,
    read_given,
    read_ours,
    replace_whole,
    write_new,
)

STRANGER = 65_534
SECONDS = 10.0
"""Far more than reading a file needs, and only there against hanging."""

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has neither owners nor modes of this kind"
)
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
)


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


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o644])
def test_a_file_that_only_we_may_write_to_is_ours(tmp_path: Path, mode: int) -> None:
    assert read_ours(file(tmp_path / "a", mode)) == "x"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_to_is_not_ours(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UntrustedFile, match="other users can write to it"):
        read_ours(file(tmp_path / "a", mode))


def test_a_missing_file_is_no_error_and_a_link_is_never_ours(tmp_path: Path) -> None:
    file(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for missing in (tmp_path / "b", tmp_path / "a" / "b", tmp_path / "c" / "b"):
        assert read_ours(missing) == ""
    with pytest.raises(UntrustedFile, match="it is not a file, but a link"):
        read_ours(tmp_path / "link")
    with pytest.raises(FileNotFoundError):
        read_given(tmp_path / "b")


@pytest.mark.parametrize("read", [read_given, read_ours])
def test_a_pipe_that_takes_the_place_of_a_file_meanwhile_is_not_waited_for(
    read: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write to the folder could make the command hang: a pipe is opened when somebody
    writes to it.
    """
    path = file(tmp_path / "a")
    look = local_files.must_not_block

    def look_and_swap(looked_at: Path, **options: bool) -> None:
        look(looked_at, **options)
        looked_at.unlink()
        os.mkfifo(looked_at, 0o600)

    monkeypatch.setattr(local_files, "must_not_block", look_and_swap)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read, path)
        try:
            with pytest.raises(UntrustedFile, match="it is not a file"):
                reading.result(timeout=SECONDS)
        finally:
            os.close(os.open(path, os.O_RDWR))  # a reader that waits for a writer goes on


def test_a_given_file_may_be_reached_by_links_and_read_by_all(tmp_path: Path) -> None:
    """So it is where a platform mounts its tokens and certificates."""
    (tmp_path / "link").symlink_to(file(tmp_path / "a", 0o664))
    assert read_given(tmp_path / "link") == b"x"
    file(tmp_path / "a", 0o666)
    with pytest.raises(UntrustedFile, match="other users can write to it"):
        read_given(tmp_path / "link")


@needs_root
def test_a_given_file_may_be_roots_but_no_other_users(tmp_path: Path, nobody: None) -> None:
    del nobody
    assert read_given(Path("/etc/passwd"))
    os.seteuid(0)
    theirs = file(tmp_path / "a", 0o644)
    os.chown(theirs, 1, 1)
    for read in (read_given, read_ours):
        with pytest.raises(UntrustedFile, match="another user"):
            read(theirs)


def test_a_folder_is_no_place_where_others_can_exchange_files(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    make_folder(inner)
    assert [path.stat().st_mode & 0o777 for path in (inner, inner.parent)] == [0o700, 0o700]
    check_folder(inner)
    inner.chmod(0o775)
    check_folder(inner)
    inner.chmod(0o777)
    with pytest.raises(UntrustedFile, match="other users can write to the folder"):
        check_folder(inner)
    with pytest.raises(UntrustedFile):
        make_folder(inner / "c")
    assert not (inner / "c").exists()
    inner.chmod(0o1777)
    check_folder(inner)


@needs_root
def test_anothers_folder_is_no_place_but_that_of_sudos_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("theirs")
    os.chown(tmp_path / "theirs", STRANGER, STRANGER)
    for folder in ("theirs", "link"):
        with pytest.raises(UntrustedFile, match="belongs to another user"):
            check_folder(tmp_path / folder)
    monkeypatch.setenv("SUDO_UID", str(STRANGER))
    check_folder(tmp_path / "theirs")


@needs_root
def test_an_ordinary_user_keeps_files_where_he_may(nobody: None) -> None:
    """As anybody but root: a folder of one's own below `/tmp`, which belongs to root and is
    everybody's.
    """
    import tempfile  # noqa: PLC0415

    del nobody
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        check_folder(Path(folder))
        check_folder(Path("/tmp"))
        assert read_ours(file(Path(folder) / "a")) == "x"


def test_a_secret_is_not_written_where_modes_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = os.open

    def open_for_all(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = kept(path, flags, mode)
        os.fchmod(descriptor, 0o777)
        return descriptor

    monkeypatch.setattr(os, "open", open_for_all)
    with pytest.raises(UntrustedFile, match="not private"):
        write_new(tmp_path / "a", "a secret")
    assert not (tmp_path / "a").exists()


def test_runs_that_write_one_file_at_the_same_moment_do_not_stop_each_other(tmp_path: Path) -> None:
    path = tmp_path / "handoff.json"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: replace_whole(path, f"{number}"), range(100)))
    assert [path.name for path in tmp_path.iterdir()] == [path.name]
