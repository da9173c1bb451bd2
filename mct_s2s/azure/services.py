"""The services that are asked, and the errors that are made of what they answer: one rule for all of them."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from mct_s2s.azure.answers import OddAnswer, parse_json
from mct_s2s.errors import NEVER_CONNECTED, ServiceError, UsageError

RESUME = "Check the network and the proxy, then run the same command again to resume."
LATER = "Run the same command again to resume."
UNTRUSTED = (
    "This machine does not trust the authority that signed the certificate. If a proxy inspects the traffic, ask your "
    "network's administrators for its root certificate. Add it to the system's certificates, or to a file with all "
    "authorities to trust:"
)
NAME_AUTHORITY = "export SSL_CERT_FILE=FILE"
_HOSTNAME_MISMATCH = 62
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH: the authority is trusted, the address is wrong."""


@dataclass(frozen=True)
class Refusal:
    """A request that was answered, and refused."""

    status: int
    code: str
    """The service's own, `Request_ResourceNotFound`, the most exact one; empty where the answer has none."""
    message: str
    """On one line, as much of it as can be read."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Their names in lower case."""
    body: str = field(default="", repr=False)
    """All of it: a policy's reasons come after its identifiers, which are long."""

    @property
    def said(self) -> str:
        """The service's own words, code first."""
        return f"{self.code}: {self.message}" if self.code else f"HTTP {self.status}"

    @property
    def request_id(self) -> str | None:
        """The service's own id of the request, for a support case."""
        names = ("request-id", "x-ms-request-id", "x-ms-correlation-request-id")
        return next((self.headers[name] for name in names if self.headers.get(name)), None)


def refusal_of(error: BaseException) -> Refusal | None:
    """The answer that an error of httpx's or of an SDK's was made from; `None` where there was none."""
    answer = getattr(error, "response", None)
    answer = getattr(answer, "internal_response", answer)
    return read_refusal(answer) if isinstance(answer, httpx.Response) else None


def read_refusal(answer: httpx.Response) -> Refusal:
    """What a service says in the envelope of all of them: `{"error": {"code", "message"}}`, or what is in it."""
    try:
        document = _lowered(parse_json(answer.content))
    except (ValueError, OddAnswer):
        document = {}
    said = _lowered(document.get("error") or document)
    return Refusal(
        answer.status_code,
        str(_lowered(said.get("innererror")).get("code") or said.get("code") or ""),
        " ".join(str(said.get("message") or "")[:900].split()),
        dict(answer.headers),
        answer.content.decode("utf-8", "replace"),
    )


def _lowered(document: object) -> dict[str, Any]:
    """App Service and Resource Manager differ in the case of their keys."""
    return {str(key).lower(): value for key, value in document.items()} if isinstance(document, Mapping) else {}


@dataclass(frozen=True)
class RemoteService:
    """Whose answers they are, in the words of a message.

    In all methods, `step` is what was to be done, as a verb phrase: `restart the App Service`.
    """

    name: str
    unreachable: str
    """The error code of a service that does not answer: of a wrong answer no more is known than of none."""
    label: str = ""
    """Its name in traces."""

    def unreadable(self, step: str) -> ServiceError:
        """An answer of another shape: a proxy's page, or nothing. Whether the request took effect is unknown."""
        message = f"{self.name} returned an unreadable response to the request to {step}."
        return ServiceError(self.unreachable, message, remedy=RESUME)

    def unanswered(self, error: Exception, step: str, remedy: str = RESUME) -> ServiceError:
        """No answer, or one that is not read. What no repetition mends has the status `NEVER_CONNECTED`."""
        odd = odd_answer(error)
        if odd is not None:  # asking once more would bring the same again
            return ServiceError(
                self.unreachable,
                f"{self.name} returned an invalid response to the request to {step}: it {odd}.",
                remedy="Check --cloud, the network and the proxy, then run the same command again to resume.",
                status=NEVER_CONNECTED,
            )
        advice, command = certificate_advice(error) or (remedy, "")
        return ServiceError(
            self.unreachable,
            f"{self.name} did not respond to the request to {step}: {reason(error)}.",
            remedy=advice,
            command=command,
            status=NEVER_CONNECTED if certificate_errors(error) else 0,
        )

    @contextmanager
    def readable(self, step: str) -> Iterator[None]:
        """Translate what reading a successful answer of another shape raises.

        Raises:
            ServiceError: the answer is unreadable.
        """
        try:
            yield
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
            raise self.unreadable(step) from error
        except UsageError as error:  # an id of the service's, where a checker of what users type said no
            raise self.unreadable(step) from error


GRAPH = RemoteService("Microsoft Graph", "graph-unreachable", "Graph")
ARM = RemoteService("Azure Resource Manager", "arm-unreachable", "ARM")
LOGIN = RemoteService("The login service", "login-unreachable", "Entra")


def odd_answer(error: BaseException) -> OddAnswer | None:
    """The odd answer that an error was made from, if there is one."""
    return next((cause for cause in causes(error) if isinstance(cause, OddAnswer)), None)


def certificate_errors(error: BaseException) -> list[ssl.SSLCertVerificationError]:
    """Why the server's certificate was not accepted, where that is what an error was made from."""
    return [cause for cause in causes(error) if isinstance(cause, ssl.SSLCertVerificationError)]


def certificate_advice(error: BaseException) -> tuple[str, str] | None:
    """The remedy and its command, where the certificate is signed by no one that is trusted here."""
    codes = {getattr(one, "verify_code", _HOSTNAME_MISMATCH) for one in certificate_errors(error)}
    return (UNTRUSTED, NAME_AUTHORITY) if codes - {_HOSTNAME_MISMATCH} else None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    left, seen = [error], set[int]()
    while left:
        one = left.pop(0)
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]


def reason(error: BaseException) -> str:
    """Why there was no answer, or no file: the system's own words without Python's and a library's around them."""
    for cause in (*certificate_errors(error), *causes(error)):
        if "Timeout" in type(cause).__name__:  # each library has its own
            return "no response in time"
        said = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None)
        if isinstance(cause, OSError) and said:
            return os.strerror(cause.errno or 0) if said.startswith("Connect call failed") else said.rstrip(".")
    return first_line(error).rstrip(".")


def first_line(error: BaseException) -> str:
    """The beginning of an SDK's message: what follows is often the whole answer."""
    return (str(error).splitlines() or [""])[0][:300] or "no reason given"
