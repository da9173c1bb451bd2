"""Sign-ins to the sandbox: by secret, certificate or device code."""

import base64
import datetime as dt
import hashlib
import uuid
from datetime import timedelta
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import CLI, SECRET, Client, make_app

KEY = rsa.generate_private_key(65537, 2048)
TOKEN_PATH = f"/{seed.TENANT_ID}/oauth2/v2.0/token"
GRAPH = "https://localhost:8444/.default"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def ask(client: Client, path: str = TOKEN_PATH, **form: str) -> tuple[int, dict[str, Any]]:
    full = {
        "grant_type": "client_credentials",
        "client_id": seed.ADMINISTRATOR_ID,
        "client_secret": SECRET,
        "scope": GRAPH,
    }
    sent = {name: value for name, value in {**full, **form}.items() if value}
    answer = client.request("POST", path, data=sent)
    return answer.status_code, answer.json()


def certificate(key: rsa.RSAPrivateKey, days: int = 90) -> bytes:
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.DER)


def with_certificate(client: Client, der: bytes) -> dict[str, Any]:
    application = make_app(client)
    entry = {
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "key": base64.b64encode(der).decode(),
        "displayName": "c",
    }
    answer = client.graph(
        "PATCH", f"/applications/{application['id']}", json={"keyCredentials": [entry]}
    )
    assert answer.status_code == 204, answer.text
    return application


def assertion(
    app_id: str,
    der: bytes,
    *,
    algorithm: str = "PS256",
    key: Any = KEY,
    floats: bool = False,
    **claims: Any,
) -> str:
    digest = hashlib.sha256(der) if algorithm == "PS256" else hashlib.sha1(der)
    mark = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    now: float = dt.datetime.now(dt.UTC).timestamp()
    now = now if floats else int(now)
    says = {
        "aud": f"https://localhost:8443{TOKEN_PATH}",
        "iss": app_id,
        "sub": app_id,
        "jti": str(uuid.uuid4()),
        "nbf": now,
        "exp": now + 600,
    }
    header = {"x5t#S256" if algorithm == "PS256" else "x5t": mark}
    return jwt.encode({**says, **claims}, key, algorithm=algorithm, headers=header)


def ask_with(client: Client, app_id: str, signed: str) -> tuple[int, dict[str, Any]]:
    return ask(
        client,
        client_id=app_id,
        client_secret="",
        client_assertion=signed,
        client_assertion_type=JWT_BEARER,
    )


DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


def asked(client: Client, endpoint: str, **form: str) -> Any:
    form = {"client_id": CLI, "scope": f"{client.addresses.arm}/.default offline_access", **form}
    return client.request("POST", f"/{seed.TENANT_ID}/oauth2/v2.0/{endpoint}", data=form)


def begin(client: Client, **form: str) -> dict[str, Any]:
    answer = asked(client, "devicecode", **form)
    assert answer.status_code == 200
    return {**form, **answer.json()}


def poll(client: Client, begun: dict[str, Any], **form: str) -> Any:
    form |= {name: begun[name] for name in ("scope", "device_code") if name in begun}
    return asked(client, "token", grant_type=DEVICE_CODE, **form).json()
