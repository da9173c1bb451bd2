"""Files of clients: one name a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import read_client_list


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
