"""A page about a sandbox for people who look on: what was asked of it, and what is in it.

No secret is on it.

Names, settings and addresses in it are whatever clients have sent: the template escapes all of
them.
"""

import functools
import secrets
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.observability.secret_watch import Observability
from mct_s2s.sandbox.state.state import SandboxState

if TYPE_CHECKING:
    from jinja2 import Template

PATH = "/_sandbox/"
MOST = 200
"""Rows of a table: a directory may hold tens of thousands."""
FIRST = 50
"""Rows that are shown at once; the others unfold."""
_LONG = frozenset({"path", "query", "note", "trust settings", "credentials"})
"""Columns whose text may break anywhere: a word, a method or a status stays whole."""
_TRUST = frozenset(
    {
        "serviceauthenabled",
        "serviceauthaudience",
        "serviceauthtenantname",
        "serviceauthtenantid",
        "serviceauthrole",
    }
    | {"serviceobjectids", "serviceapplicationids"}
)
"""Settings that say who may call: none of them is a secret.

Source: service-to-service authentication, step 3.
"""


class _Table(NamedTuple):
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]


def routes(state: SandboxState, addresses: Addresses, observability: Observability) -> list[Route]:
    async def show(request: Request) -> Response:
        del request
        nonce, tables = secrets.token_urlsafe(16), list(_tables(state, addresses, observability))
        text = _template().render(
            nonce=nonce,
            first=FIRST,
            most=MOST,
            long=_LONG,
            tenant=state.directory.tenant,
            tables=tables,
        )
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri "
            "'none'; form-action 'none'; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        # Names may have lone surrogates, which JSON can carry and UTF-8 cannot.
        return Response(text.encode("utf-8", "replace"), headers=headers)

    async def lead_there(request: Request) -> Response:
        del request
        return RedirectResponse(PATH)

    return [Route(PATH, show), Route(PATH.rstrip("/"), lead_there)]


@functools.cache
def _template() -> "Template":
    import jinja2  # noqa: PLC0415  # most sandboxes are never looked at

    text = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text)


def _tables(
    state: SandboxState, addresses: Addresses, observability: Observability
) -> Iterator[_Table]:
    held, now = state.resources, state.clock.timestamp()
    sites = [
        (
            _group_and_name(held.resources[key]["id"]),
            f"https://{addresses.of_site(key)}",
            "restarting" if now < site.ready_at else held.resources[key]["properties"].get("state"),
            [f"{name}={value}" for name, value in site.settings.items() if name.lower() in _TRUST],
        )
        for key, site in held.sites.items()
        if key in held.resources
    ]
    yield _Table("Sites", ("site", "address", "state", "trust settings"), sites)
    registrations = [
        (
            application["displayName"],
            application["appId"],
            application["id"],
            list(_credentials(application)),
            "deleted" if application["deletedDateTime"] else "",
        )
        for application in state.directory.applications.dump()
    ]
    yield _Table(
        "App registrations",
        ("name", "app id", "object id", "credentials", "state"),
        registrations[::-1],
    )
    principals = [
        (
            principal["displayName"],
            principal["servicePrincipalType"],
            principal["appId"],
            principal["id"],
        )
        for principal in state.directory.service_principals.dump()
    ]
    yield _Table("Service principals", ("name", "type", "app id", "object id"), principals[::-1])
    vault_names = [
        (
            _group_and_name(held.resources[key]["id"]),
            addresses.of_vault(held.resources[key]["name"]),
        )
        for key in held.vaults
        if key in held.resources
    ]
    yield _Table("Key vaults", ("vault", "address"), vault_names)
    leaks = [tuple(leak.values()) for leak in observability.watch.to_list()]
    yield _Table(
        "Secrets in wrong places", tuple(next(iter(observability.watch.to_list()), {})), leaks[::-1]
    )
    log = [
        (
            entry.at[11:19],
            entry.service,
            entry.method,
            entry.path,
            entry.query,
            entry.status or "no answer",
            entry.fault,
            entry.note,
        )
        for entry in observability.log
        if entry.service != "control"
    ]
    columns = ("time", "service", "method", "path", "query", "status", "fault", "note")
    yield _Table("Requests", columns, log[::-1])


def _group_and_name(resource_id: str) -> str:
    """`mct-prod/contosolearn`, and `mct-prod/contosolearn/staging` of a slot, as `serve` does."""
    parts = resource_id.strip("/").split("/")
    return "/".join([parts[3], *parts[7::2]])


def _credentials(application: Mapping[str, Any]) -> Iterator[str]:
    # Neither `secretText`, which is null, nor `hint`, which is the beginning of the secret.
    for credential in (*application["passwordCredentials"], *application["keyCredentials"]):
        end_date = str(credential["endDateTime"])[:10]
        yield f"{credential['displayName'] or ''} {credential['keyId']} expires {end_date}"
