"""A file of certificates is read in time that grows with its size."""

from __future__ import annotations

import time

import pytest
from mct_s2s.key_pairs import certificate_in
from mct_s2s.local_files import FILE_BYTES

HANGING_SECONDS = 30.0
"""Of processor time, only against hanging: what is linear takes some hundredths, what is quadratic some minutes."""

BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "unit", [BEGIN, BEGIN + b"AAAA\n", b"-----BEGIN ", b"-" * 64, END, b"\n"], ids=lambda unit: unit[:20]
)
def test_a_pem_file_is_read_in_linear_time(unit: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match=r"PEM|cannot be read"):
        certificate_in(unit * (FILE_BYTES // len(unit)))
    assert time.process_time() - began < HANGING_SECONDS
