"""People's sign-ins: device codes, refresh tokens, delegated tokens.

Sources: entra: identity-platform/v2-oauth2-device-code,
identity-platform/access-token-claims-reference, identity-platform/id-token-claims-reference.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mct_s2s.sandbox.core.encoding import base64url
from mct_s2s.sandbox.core.wire_errors import WireError, entra_error, service_error
from mct_s2s.sandbox.entra.access.permissions import directory_roles_of
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.sessions import DEVICE_CODE_LIFETIME, DeviceCode, Session
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.tenant import policies
from mct_s2s.sandbox.entra.tokens import access_tokens
from mct_s2s.sandbox.entra.types import PUBLIC_CLIENT_SCOPES, PUBLIC_CLIENTS

_OPENID = frozenset({"openid", "profile", "offline_access", "email"})
_LIFETIME = timedelta(minutes=75)


def device_code(directory: Directory, form: Mapping[str, str]) -> dict[str, Any]:
    for name in ("client_id", "scope"):
        if not form.get(name):
            raise service_error("missing_parameter", name)
    _public_client(directory, form["client_id"])
    now, claims = directory.clock.now(), form.get("claims", "")
    issued = directory.sessions.begin(form["client_id"], form["scope"], now, claims)
    if directory.sessions.auto_approve:
        approve(directory, issued.user_code, directory.sessions.auto_approve)
    where = f"{directory.addresses.login}/devicelogin"
    return {
        "user_code": issued.user_code,
        "device_code": issued.code,
        "verification_uri": where,
        "expires_in": int(DEVICE_CODE_LIFETIME.total_seconds()),
        "interval": 5,
        "message": f"To sign in, use a web browser to open the page {where} and enter the code "
        f"{issued.user_code} to authenticate.",
    }


def approve(directory: Directory, user_code: str, address: str) -> bool:
    """Sign a person in with the code that a client shows; return whether code and person exist."""
    code = directory.sessions.by_user_code(user_code)
    people = directory.users.seen_by("userPrincipalName", address)
    if code is None or not people:
        return False
    code.user_id = people[0]["id"]
    return True


def decline(directory: Directory, user_code: str) -> bool:
    code = directory.sessions.by_user_code(user_code)
    if code is None:
        return False
    code.declined = True
    return True


def redeem_device_code(directory: Directory, form: Mapping[str, str]) -> dict[str, Any]:
    code = directory.sessions.by_code(form.get("device_code") or form.get("code") or "")
    if code is None or code.client_id != form["client_id"]:
        raise entra_error(
            400, "bad_verification_code", 70019, "Verification code expired or not recognized."
        )
    _check_approved(directory, code)
    directory.sessions.end(code)
    if blocked := directory.variations.blocked_device_codes:
        raise service_error(f"blocked by {blocked}")
    # The second factor is requested where the code is typed, by the claims of the request for the
    # code.
    mfa = directory.variations.sign_in_with_mfa or policies.asks_for_mfa(code.claims)
    return _answer(
        directory,
        Session(str(code.user_id), code.client_id, mfa),
        form.get("scope") or code.scope,
        form,
    )


def refresh(directory: Directory, form: Mapping[str, str]) -> dict[str, Any]:
    session = directory.sessions.refreshed(form.get("refresh_token", ""))
    if session is None or session.client_id != form["client_id"]:
        text = "Provided grant is invalid or malformed."
        raise entra_error(400, "invalid_grant", 70000, text)
    # A session remembers how it began
    if directory.variations.blocked_device_codes == "conditional-access":
        raise service_error("device_session_ended")
    return _answer(directory, session, form.get("scope", ""), form)


def _check_approved(directory: Directory, code: DeviceCode) -> None:
    if code.declined:
        raise _poll(
            "authorization_declined", 70020, "The end user denied the authorization request."
        )
    if directory.clock.now() >= code.expires:
        raise _poll(
            "expired_token",
            70020,
            "The provided value for the input parameter 'device_code' is expired.",
        )
    if code.user_id is None:
        raise _poll(
            "authorization_pending",
            70016,
            "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
        )


def _poll(error: str, aadsts: int, text: str) -> WireError:
    return entra_error(400, error, aadsts, text)


def _public_client(directory: Directory, client_id: str) -> Object:
    known = directory.service_principals.seen_by("appId", client_id)
    if client_id in PUBLIC_CLIENTS and known:
        return known[0]
    applications = directory.applications.seen_by("appId", client_id)
    if not applications:
        raise service_error("unknown_client", client_id, directory.tenant)
    if not applications[0]["isFallbackPublicClient"]:
        raise service_error("no_credential")
    raise service_error("no_consent", client_id, applications[0]["displayName"])


def _answer(
    directory: Directory, session: Session, scope: str, form: Mapping[str, str]
) -> dict[str, Any]:
    asked = form.get("claims", "")
    if policies.asks_for_mfa(asked) and not session.mfa:
        raise service_error("no_second_factor")
    if blocked := directory.variations.blocked_people:
        raise service_error(f"blocked by {blocked}", directory.tenant.display_name)
    client = _public_client(directory, session.client_id)
    user = directory.users.seen(session.user_id)
    if user is None or not user["accountEnabled"]:
        raise entra_error(400, "invalid_grant", 50057, "The user account is disabled.")
    resource = _resource(scope)
    target = access_tokens.resource_principal(directory, resource)
    scopes = PUBLIC_CLIENT_SCOPES.get(target["appId"])
    if scopes is None:
        raise service_error("no_consent", client["appId"], client["displayName"])
    claims = access_tokens.common_claims(directory, client, target, resource, acr="0")
    claims |= {**_person(directory, user, client), **_factors(session), **policies.granted(asked)}
    token = access_tokens.sign(directory, {**claims, "scp": scopes}, _LIFETIME)
    # What was asked for comes back beside what it means: MSAL finds the token in its cache by it
    # (azure-cli#32931).
    granted = [name for name in scopes.split() if name not in _OPENID] + [".default"] * (
        "/.default" in scope
    )
    seconds = int(_LIFETIME.total_seconds()) - 1
    return {
        "token_type": "Bearer",
        "scope": " ".join(f"{resource}/{name}" for name in granted),
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": token.access_token,
        "refresh_token": directory.sessions.refresh_token(session),
        "id_token": _id_token(directory, user, client),
        "client_info": _client_info(directory, user),
    }


def _resource(scope: str) -> str:
    named = [name for name in scope.split() if name not in _OPENID]
    if not named or "/" not in named[0]:
        raise service_error("bad_scope", scope)
    return named[0].rpartition("/")[0]


def _person(directory: Directory, user: Object, client: Object) -> dict[str, Any]:
    # `sub` differs from client to client for the same person.
    pair = f"{client['appId']}/{user['id']}/{directory.tenant_id}".encode()
    pairwise = base64url(hashlib.sha256(pair).digest())
    return {
        "idtyp": "user",
        "name": user["displayName"],
        "oid": user["id"],
        "sub": pairwise,
        "unique_name": user["userPrincipalName"],
        "upn": user["userPrincipalName"],
        "wids": directory_roles_of(user),
    }


def _factors(session: Session) -> dict[str, Any]:
    return {"amr": ["pwd", "mfa"], "acrs": ["p1"]} if session.mfa else {"amr": ["pwd"]}


def _id_token(directory: Directory, user: Object, client: Object) -> str:
    person = _person(directory, user, client)
    claims = {
        "aud": client["appId"],
        "iss": access_tokens.issuer(directory, 2),
        "name": person["name"],
        "oid": user["id"],
        "preferred_username": user["userPrincipalName"],
        "sub": person["sub"],
        "tid": directory.tenant_id,
        "ver": "2.0",
    }
    return access_tokens.sign(directory, claims, _LIFETIME).access_token


def _client_info(directory: Directory, user: Object) -> str:
    text = json.dumps({"uid": user["id"], "utid": directory.tenant_id}, separators=(",", ":"))
    return base64url(text.encode())
