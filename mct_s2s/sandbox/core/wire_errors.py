"""Refusals of the services: one exception, with a body in each service's own form.

Rules raise `WireError`; the pipeline renders it, because only the pipeline knows the ids of the
request. Sources: graph: concepts/errors; entra: identity-platform/reference-error-codes; ARM:
resource-manager api contracts, "Error response content"; key-vault: general/rest-error-codes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mct_s2s.sandbox.core.files import data


class WireError(Exception):
    """A refusal as it is sent.

    Attributes:
        status: the HTTP status.
        body: the JSON body without the ids of the request (see `rendered`).
        headers: further response headers, e.g. `Retry-After` or `WWW-Authenticate`.
        service: whose envelope this is: `graph`, `entra`, `arm` or `vault`.
    """

    def __init__(
        self,
        status: int,
        body: dict[str, Any],
        headers: Mapping[str, str] | None = None,
        *,
        service: str = "arm",
    ) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})
        self.service = service

    @property
    def code(self) -> str:
        if self.service == "entra":
            return (
                str(self.body["error_codes"][0])
                if self.body.get("error_codes")
                else str(self.body["error"])
            )
        named = self.body.get("error") or self.body  # App Service refuses without the envelope
        return str(named.get("code") or named.get("Code") or "")

    def rendered(
        self, *, now: datetime, request_id: str, client_request_id: str | None = None
    ) -> dict[str, Any]:
        """Return the body with the ids and the time of this request where the service writes them.

        Source: graph: concepts/errors (`innerError`, a date without a zone); entra:
        identity-platform/reference-error-codes (`trace_id`, `correlation_id`, and again in the
        text).
        """
        correlation = client_request_id or request_id
        if self.service == "graph":
            inner = {
                "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
                "request-id": request_id,
                "client-request-id": correlation,
            }
            return {"error": {**self.body["error"], "innerError": inner}}
        if self.service == "entra" and "error_codes" in self.body:
            return self._entra_body(f"{now:%Y-%m-%d %H:%M:%SZ}", request_id, correlation)
        return self.body

    def _entra_body(self, timestamp: str, trace_id: str, correlation_id: str) -> dict[str, Any]:
        # On one line since 2024, on four until 2023: docs/azure-contract.md, section 2.3.
        parts = [
            self.body["error_description"],
            f"Trace ID: {trace_id}",
            f"Correlation ID: {correlation_id}",
            f"Timestamp: {timestamp}",
        ]
        stamped = {"timestamp": timestamp, "trace_id": trace_id, "correlation_id": correlation_id}
        head = {
            "error": self.body["error"],
            "error_description": " ".join(parts),
            "error_codes": self.body["error_codes"],
        }
        rest = {name: value for name, value in self.body.items() if name not in head}
        return {**head, **stamped, **rest}


def graph_error(
    status: int,
    code: str,
    message: str,
    *,
    details: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> WireError:
    """Refuse as Microsoft Graph does. Source: graph: concepts/errors."""
    error: dict[str, Any] = {"code": code, "message": message}
    if details:
        error["details"] = [dict(detail) for detail in details]
    return WireError(status, {"error": error}, headers, service="graph")


def entra_error(
    status: int,
    error: str,
    aadsts: int,
    description: str,
    *,
    suberror: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> WireError:
    """Refuse as the Entra token service does; `description` comes without its `AADSTS…: ` prefix.

    Source: entra: identity-platform/reference-error-codes.
    """
    body: dict[str, Any] = {
        "error": error,
        "error_description": f"AADSTS{aadsts}: {description}",
        "error_codes": [aadsts],
        "error_uri": f"https://login.microsoftonline.com/error?code={aadsts}",
    }
    if suberror:
        body["suberror"] = suberror
    return WireError(status, body, headers, service="entra")


def arm_error(
    status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
) -> WireError:
    """Refuse as Azure Resource Manager does. Source: ARM: "Error response content"."""
    return WireError(status, {"error": {"code": code, "message": message}}, headers, service="arm")


def vault_error(
    status: int,
    code: str,
    message: str,
    *,
    inner: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> WireError:
    """Refuse as Key Vault does; `inner` is the code of the reason.

    Source: key-vault: general/rest-error-codes.
    """
    error: dict[str, Any] = {"code": code, "message": message}
    if inner is not None:
        error["innererror"] = {"code": inner}
    return WireError(status, {"error": error}, headers, service="vault")


_WORDS = data("refusals.json")


def service_error(
    name: str, /, *values: object, headers: Mapping[str, str] | None = None, **named: object
) -> WireError:
    """Refuse in the words of `data/refusals.json`: a service, a status, a message, and for Entra
    error and number.

    A name is the code; what follows a space tells refusals of one code apart.
    """
    service, status, message, *more = _WORDS[name]
    text = message.format(*values, **named)
    if service == "entra":
        error, aadsts, *suberror = more
        return entra_error(status, error, aadsts, text, suberror=suberror[0] if suberror else None)
    make = vault_error if service == "vault" else graph_error if service == "graph" else arm_error
    return make(status, name.partition(" ")[0], text, headers=headers)
