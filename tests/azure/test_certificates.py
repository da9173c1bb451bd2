"""Certificates: which of them a client can sign in with, and how Graph names them."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from mct_s2s.azure.graph.parse import thumbprint
from mct_s2s.errors import UsageError
from mct_s2s.key_pairs import certificate_in, given_certificate, make_key_pair
from mct_s2s.model.client_credentials import Certificate, CredentialKind
from mct_s2s.model.client_sign_in import CertificateCredential, MadeCredential
from mct_s2s.model.ids import ClientId
from mct_s2s.stores.files import FileStore

from tests.azure.test_secret_stores import RECORD

NOW = datetime.now(UTC).replace(microsecond=0)
SOON = NOW + timedelta(days=30)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def pem_of(key: Key, expires: datetime = SOON) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(expires - timedelta(days=60))
        .not_valid_after(expires)
        .sign(key, digest)
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = RSA.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.mark.parametrize("text", [pem_of(RSA), PRIVATE + pem_of(RSA), b"Bag Attributes\r\n" + pem_of(RSA) + PRIVATE])
def test_the_certificate_alone_is_read(text: bytes) -> None:
    found = certificate_in(text)
    expected = x509.load_pem_x509_certificate(pem_of(RSA))
    assert found.der == expected.public_bytes(serialization.Encoding.DER)
    assert found.thumbprint == expected.fingerprint(hashes.SHA1()).hex().upper()
    assert (found.starts, found.expires) == (expected.not_valid_before_utc, expected.not_valid_after_utc)
    assert "der" not in repr(found)


def test_the_first_of_a_chain_is_the_clients() -> None:
    other = pem_of(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    assert certificate_in(pem_of(RSA) + other) == certificate_in(pem_of(RSA))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "does not contain a certificate"),
        (PRIVATE, "does not contain a certificate"),
        (b"\x30\x82\x01\x00", "does not contain a certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n", "cannot be read"),
        (pem_of(ec.generate_private_key(ec.SECP256R1())), "not RSA"),
        (pem_of(ed25519.Ed25519PrivateKey.generate()), "not RSA"),
        (pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "1024 bits"),
    ],
)
def test_what_nobody_can_sign_in_with_is_refused(text: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=why):
        certificate_in(text)
    file = tmp_path / "x.pem"
    file.write_bytes(text)
    with pytest.raises(UsageError, match=why) as refused:
        given_certificate(file, NOW)
    assert refused.value.code == "certificate-unfit"
    assert "PRIVATE" not in str(refused.value)


@pytest.mark.parametrize(("ended", "why"), [(None, "No such file"), (timedelta(seconds=1), "it expired on")])
def test_an_expired_or_missing_one_is_refused(ended: timedelta | None, why: str, tmp_path: Path) -> None:
    file = tmp_path / "x.pem"
    if ended is not None:
        file.write_bytes(pem_of(RSA, NOW - ended))
    with pytest.raises(UsageError, match=why) as refused:
        given_certificate(file, NOW)
    assert refused.value.code == "certificate-unfit"


@pytest.mark.parametrize("name", ["Import", "é" * 120, "a" * 63 + "é", " "])
def test_any_client_name_gets_a_key_pair(name: str) -> None:
    pem, certificate = make_key_pair(name, NOW, datetime(2299, 12, 31, tzinfo=UTC))
    assert certificate_in(pem.encode()) == certificate
    assert (certificate.starts, certificate.expires.year) == (NOW, 2299)


SHA1 = bytes(range(20))


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        (base64.b64encode(SHA1).decode(), SHA1.hex().upper()),
        (SHA1.hex(), SHA1.hex().upper()),
        (base64.b64encode(SHA1.hex().encode()).decode(), SHA1.hex().upper()),
        (base64.b64encode(b"by hand").decode(), None),
        ("not base64 at all", None),
        ("", None),
        (None, None),
    ],
)
def test_a_thumbprint_is_read_in_every_form_that_graph_has(identifier: str | None, expected: str | None) -> None:
    assert thumbprint(identifier) == expected


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


WISH = ("mct-s2s Reports", NOW, SOON)


def made_of(pem: str, certificate: Certificate) -> MadeCredential:
    return replace(RECORD, credential=CertificateCredential(pem.encode()), key_id=certificate.key_id, expires=SOON)


def test_a_key_is_on_disk_before_it_is_delivered_and_taken_up_by_the_next_run(tmp_path: Path) -> None:
    async def both_runs() -> None:
        first = FileStore(tmp_path / "a.env", is_ours=True, keeps_key=True)
        await first.check(None)
        pem, made = await first.key_pair(*WISH)
        assert names(tmp_path) == ["a.pem.pending"]

        second = FileStore(tmp_path / "a.env", is_ours=True, keeps_key=True)
        note = await second.note()
        assert note.pending == made
        assert await second.key_pair(*WISH) == (pem, made)
        await second.deliver(made_of(pem, made))
        assert names(tmp_path) == ["a.env", "a.pem"]
        after = await second.note()
        assert (after.kind, after.delivered, after.pending) == (CredentialKind.CERTIFICATE, made.key_id, None)
        stored = await second.read()
        assert stored is not None
        assert (stored.credential, stored.key_id) == (CertificateCredential(pem.encode()), made.key_id)
        _, other = await second.key_pair(*WISH)
        assert other != made, "what is delivered is not pending"

    asyncio.run(both_runs())


@pytest.mark.parametrize("name", ["a.pem", "a.env", "a"])
def test_the_place_may_name_either_file_and_nobody_elses_is_written_over(name: str, tmp_path: Path) -> None:
    async def kept_beside() -> None:
        store, pem = FileStore(tmp_path / name, keeps_key=True), "a" if name == "a" else "a.pem"
        (tmp_path / pem).write_text("theirs")
        with pytest.raises(UsageError) as refused:
            await store.check(None)
        assert (refused.value.code, (tmp_path / pem).read_text()) == ("secret-place-taken", "theirs")
        (tmp_path / pem).unlink()
        await store.deliver(made_of(*await store.key_pair(*WISH)))
        assert names(tmp_path) == sorted([pem, "a.env"])
        assert f"AZURE_CLIENT_CERTIFICATE_PATH={tmp_path / pem}" in (tmp_path / "a.env").read_text().splitlines()

    asyncio.run(kept_beside())


def test_a_delivery_that_was_cut_off_is_no_strangers_file(tmp_path: Path) -> None:
    async def cut_off() -> None:
        place = FileStore(tmp_path / "a.pem", keeps_key=True)
        pem, made = await place.key_pair(*WISH)
        (tmp_path / "a.pem").write_bytes((tmp_path / "a.pem.pending").read_bytes())
        await place.check(None)
        await place.deliver(made_of(pem, made))
        await place.check(RECORD.client_id)
        with pytest.raises(UsageError) as refused:
            await place.check(ClientId("99999999-2222-2222-2222-222222222222"))
        assert refused.value.code == "secret-place-taken"

    asyncio.run(cut_off())


def test_a_client_that_goes_takes_its_key_along(tmp_path: Path) -> None:
    async def gone() -> None:
        place = FileStore(tmp_path / "a.env", is_ours=True, keeps_key=True)
        assert place.retire(RECORD.client_id) is False
        await place.deliver(made_of(*await place.key_pair(*WISH)))
        assert place.retire("99999999-2222-2222-2222-222222222222") is False
        assert place.retire(RECORD.client_id) is True
        assert names(tmp_path) == []

    asyncio.run(gone())
