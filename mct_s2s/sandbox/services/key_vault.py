"""Key Vault's data plane: the secrets of a vault, at the vault's own host name.

Checks are in the service's order: vault, token, api-version, name, permission, secret. A vault that
does not exist has no address in Azure; here, where every name below `localhost` resolves, it is
answered 404. Sources: keyvault/secrets REST reference; key-vault:
general/authentication-requests-and-responses.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.encoding import object_of
from mct_s2s.sandbox.core.operation import Operation, below
from mct_s2s.sandbox.core.wire_errors import WireError, vault_error
from mct_s2s.sandbox.entra.directory import Caller
from mct_s2s.sandbox.entra.tokens import access_tokens
from mct_s2s.sandbox.entra.tokens.access_tokens import TokenRejected
from mct_s2s.sandbox.resources import vault_references, vaults
from mct_s2s.sandbox.resources.providers import VERSIONS
from mct_s2s.sandbox.resources.vaults import RETENTION_DAYS, VaultState
from mct_s2s.sandbox.state.state import SandboxState

MOST_RESULTS = 25
Body = dict[str, Any]


@dataclass(frozen=True)
class VaultCall:
    """A request with its vault and its operation's parameters.

    `origin` is the vault's address, without a slash.
    """

    state: SandboxState
    origin: str
    vault: Body
    params: Mapping[str, str]
    query: Mapping[str, str]
    raw_body: bytes = field(repr=False)

    @property
    def vault_state(self) -> VaultState:
        return self.state.resources.vaults[self.vault["id"].lower()]

    @property
    def now(self) -> float:
        return self.state.clock.timestamp()

    @property
    def name(self) -> str:
        return self.params["name"]

    @cached_property
    def body(self) -> Body:
        return object_of(
            self.raw_body, lambda _: vaults.bad_parameter("Property  has invalid value\r\n")
        )


class VaultOperation(Operation[VaultCall, Any]):
    """An operation of the sandbox's vaults: `run` returns the JSON body, None for an empty answer.

    `{version}` is a version or nothing for the latest, `action` is below
    `Microsoft.KeyVault/vaults/secrets/`.
    """

    SHAPES: ClassVar = {"version": "(?P<version>[^/]*)"}


def routes(state: SandboxState, addresses: Addresses) -> list[Route]:
    async def answer(request: Request) -> Response:
        vault = _vault(state, addresses, request)
        operation, params = find(request.method, request.url.path)
        try:
            caller = authenticate(state, addresses, request)
        except WireError as refused:
            refused.headers |= _headers(vault)
            raise
        request.scope["sandbox"]["caller"] = caller.object_id
        _check_version(state, request.query_params.get("api-version"))
        if "name" in params:
            vaults.check_name(params["name"])
        try:
            vault_references.check(
                state.resources.access, vault, caller, operation.action, params.get("name", "")
            )
        except WireError as refused:
            refused.headers |= _NO_CACHE
            raise
        origin = addresses.of_vault(vault["name"])
        call = VaultCall(state, origin, vault, params, request.query_params, await request.body())
        result = operation.run(call)
        headers = {**_NO_CACHE, **_headers(vault)}
        if result is None:
            return Response(status_code=204, headers=headers)
        return JSONResponse(result, headers=headers, media_type="application/json; charset=utf-8")

    return [below("/", answer)]


_NO_CACHE = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1"}


def _headers(vault: Body) -> dict[str, str]:
    return {
        "x-ms-keyvault-region": vault["location"],
        "x-ms-keyvault-service-version": "1.9.2500.1",
        "x-ms-keyvault-network-info": "conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;",
    }


def find(method: str, path: str) -> tuple[VaultOperation, dict[str, str]]:
    # Some clients join the vault's address and the path with two slashes, which Key Vault accepts.
    # With a slash at the end, so that a version may be left out.
    plain = "/" + path.strip("/") + "/"
    for row in OPERATIONS:
        match = row.pattern.fullmatch(plain)
        if match and row.method == method:
            return row, {name: value or "" for name, value in match.groupdict().items()}
    raise vault_error(
        501, "SandboxNotImplemented", f"The sandbox does not support {method} {path} of Key Vault."
    )


def authenticate(state: SandboxState, addresses: Addresses, request: Request) -> Caller:
    trusted = state.directory.subscription_tenant.tenant_id
    where = f"{addresses.login}/{trusted}"
    challenge = f'Bearer authorization="{where}", resource="{addresses.vault}"'
    try:
        caller = access_tokens.verify(
            state.directory,
            request.headers.get("authorization"),
            audiences=(addresses.vault, f"{addresses.vault}/"),
        )
    except TokenRejected as rejected:
        messages = {
            "missing": "AKV10000: Request is missing a Bearer, PoP, or MTLS_POP token.",
            "audience": f"AKV10022: Invalid audience. Expected {addresses.vault}.",
            "expired": "AKV10043: Token has expired.",
        }
        message = messages.get(
            rejected.kind, f"AKV10001: Token validation failed. {rejected.reason}"
        )
        raise vault_error(
            401, "Unauthorized", message, headers={"WWW-Authenticate": challenge}
        ) from rejected
    if caller.tenant_id != trusted:
        issuer = f"https://sts.windows.net/{trusted}/"
        message = f"AKV10032: Invalid issuer. Expected one of {issuer}, found https://sts.windows.net/{caller.tenant_id}/."
        raise vault_error(401, "Unauthorized", message, headers={"WWW-Authenticate": challenge})
    return caller


def _vault(state: SandboxState, addresses: Addresses, request: Request) -> Body:
    name = addresses.vault_named_by(request.headers.get("host", "")) or ""
    vault = state.resources.vault_named(name)
    if vault is None:
        raise vault_error(
            404,
            "VaultNotFound",
            f"There is no vault '{name}' (in Azure, its name would not resolve).",
        )
    return vault


def _check_version(state: SandboxState, version: str | None) -> None:
    if not version:
        raise vaults.bad_parameter("api-version must be specified")
    state.resources.api_versions.check_vault(version, VERSIONS["KeyVault"])


def _set_secret(call: VaultCall) -> Body:
    return _bundle(
        call, call.name, call.vault_state.set(call.name, call.body, call.now), with_value=True
    )


def _update_secret(call: VaultCall) -> Body:
    secret_version = call.vault_state.update(call.name, call.params["version"], call.body, call.now)
    return _bundle(call, call.name, secret_version)


def _get_secret(call: VaultCall) -> Body:
    secret_version = call.vault_state.version(call.name, call.params["version"], call.now)
    if not secret_version["attributes"]["enabled"]:
        why = "Operation get is not allowed on a disabled secret."
        raise vault_error(403, "Forbidden", why, inner="SecretDisabled")
    return _bundle(call, call.name, secret_version, with_value=True)


def _delete_secret(call: VaultCall) -> Body:
    return _deleted(
        call, call.vault_state.delete(call.name, call.now, call.state.resources.operation_seconds)
    )


def _list_secrets(call: VaultCall) -> Body:
    live = [
        secret for secret in call.vault_state.secrets.values() if secret["ready_at"] <= call.now
    ]
    shown = [
        _bundle(call, secret["name"], secret["versions"][-1], with_version=False) for secret in live
    ]
    return _page(call, sorted(shown, key=lambda item: item["id"].lower()))


def _list_versions(call: VaultCall) -> Body:
    try:
        versions = call.vault_state.versions(call.name, call.now)
    except WireError:
        versions = []
    return _page(
        call, sorted((_bundle(call, call.name, v) for v in versions), key=lambda item: item["id"])
    )


def _list_deleted(call: VaultCall) -> Body:
    deleted = [
        secret for secret in call.vault_state.deleted.values() if secret["ready_at"] <= call.now
    ]
    return _page(
        call,
        sorted((_deleted(call, secret) for secret in deleted), key=lambda item: item["id"].lower()),
    )


def _get_deleted(call: VaultCall) -> Body:
    return _deleted(call, call.vault_state.deleted_secret(call.name, call.now))


def _recover(call: VaultCall) -> Body:
    secret = call.vault_state.recover(call.name, call.now, call.state.resources.operation_seconds)
    return _bundle(call, secret["name"], secret["versions"][-1])


def _purge(call: VaultCall) -> None:
    call.vault_state.purge(call.name, call.now)


def _bundle(
    call: VaultCall,
    name: str,
    version: Mapping[str, Any],
    *,
    with_value: bool = False,
    with_version: bool = True,
) -> Body:
    tail = f"/{version['version']}" if with_version else ""
    shown = {key: version[key] for key in ("value",) if with_value}
    shown |= {key: version[key] for key in ("contentType", "tags") if version.get(key)}
    days = _retention(call)
    recovery: Body = {
        "recoveryLevel": f"{'Customized' if days < RETENTION_DAYS else ''}Recoverable+Purgeable"
    }
    if call.query["api-version"] > "7.0":
        recovery["recoverableDays"] = days
    return {
        **shown,
        "id": f"{call.origin}/secrets/{name}{tail}",
        "attributes": {**version["attributes"], **recovery},
    }


def _deleted(call: VaultCall, secret: Mapping[str, Any]) -> Body:
    when = int(secret["deleted_at"])
    days = {"deletedDate": when, "scheduledPurgeDate": when + 86_400 * _retention(call)}
    shown = _bundle(call, secret["name"], secret["versions"][-1])
    return {"recoveryId": f"{call.origin}/deletedsecrets/{secret['name']}", **days, **shown}


def _retention(call: VaultCall) -> int:
    return int(call.vault["properties"].get("softDeleteRetentionInDays", RETENTION_DAYS))


def _page(call: VaultCall, items: list[Body]) -> Body:
    try:
        size = int(call.query.get("maxresults", MOST_RESULTS))
        start = int(base64.urlsafe_b64decode(call.query.get("$skiptoken", "MA==")))
    except ValueError:
        size = start = 0
    if not 1 <= size <= MOST_RESULTS:
        raise vaults.bad_parameter("maxresults is not between 1 and 25.")
    # Opaque to clients.
    token = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    rest = f"&$skiptoken={token}&maxresults={size}"
    path = f"secrets/{call.name}/versions" if "name" in call.params else "secrets"
    if items and "recoveryId" in items[0]:
        path = "deletedsecrets"
    following = f"{call.origin}/{path}?api-version={call.query['api-version']}{rest}"
    return {
        "value": items[start : start + size],
        "nextLink": following if start + size < len(items) else None,
    }


def _row(
    method: str,
    path: str,
    action: str,
    run: Callable[[VaultCall], Any],
    page: str,
    fidelity: str = "usual",
) -> VaultOperation:
    return VaultOperation(method, path, run, f"keyvault/secrets: {page}", fidelity, action)


OPERATIONS = (
    _row("GET", "/secrets", "readMetadata/action", _list_secrets, "get-secrets"),
    _row(
        "GET",
        "/secrets/{name}/versions",
        "readMetadata/action",
        _list_versions,
        "get-secret-versions",
        "full",
    ),
    _row("GET", "/secrets/{name}/{version}", "getSecret/action", _get_secret, "get-secret", "full"),
    _row("PUT", "/secrets/{name}", "setSecret/action", _set_secret, "set-secret", "full"),
    _row("PATCH", "/secrets/{name}/{version}", "update/action", _update_secret, "update-secret"),
    _row("DELETE", "/secrets/{name}", "delete", _delete_secret, "delete-secret"),
    _row("GET", "/deletedsecrets", "readMetadata/action", _list_deleted, "get-deleted-secrets"),
    _row(
        "GET", "/deletedsecrets/{name}", "readMetadata/action", _get_deleted, "get-deleted-secret"
    ),
    _row(
        "POST",
        "/deletedsecrets/{name}/recover",
        "recover/action",
        _recover,
        "recover-deleted-secret",
    ),
    _row("DELETE", "/deletedsecrets/{name}", "purge/action", _purge, "purge-deleted-secret"),
)
