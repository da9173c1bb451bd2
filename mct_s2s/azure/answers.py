"""Values of answers, checked: a proxy, a captive portal or someone hostile may have sent them.

A value is what it should be, or ValueError is raised.
"""

import json
import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, TypeVar

import httpx

from mct_s2s import clock
from mct_s2s.errors import NEVER_CONNECTED, ServiceError, UsageError, first_line
from mct_s2s.model.azure_resources import same_origin
from mct_s2s.model.ids import is_guid

E = TypeVar("E", bound=BaseException)
T = TypeVar("T")
Json: TypeAlias = Mapping[str, Any]
"""An object of an answer."""
Parse: TypeAlias = Callable[[Json], T]
ANSWER_BYTES = 16 << 20
"""The longest body, unpacked. The longest real ones, of a thousand objects, have about one MiB."""
REFUSAL_BYTES = 16 << 10
"""The longest part of a refusal's body in which patterns are looked for: some take its square."""
RESUME = "Check the network and the proxy, then run the same command again to resume."
LATER = "Run the same command again to resume."
UNTRUSTED = (
    "This machine does not trust the authority that signed the certificate. If a proxy inspects "
    "the traffic, ask your network's administrators for its root certificate. Add it to the "
    "system's certificates, or to a file with all authorities to trust:"
)
NAME_AUTHORITY = "export SSL_CERT_FILE=FILE"
UNREADABLE = (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading a JSON answer of another shape raises."""
_HOSTNAME_MISMATCH = 62
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH: the authority is trusted, the address is wrong."""


class OddAnswer(Exception):
    """An answer that is refused whatever it says; the text completes "The response …"."""


def check_address(link: object, address: str) -> None:
    """Stop before a link leads to anywhere but where the answer came from. Raises OddAnswer."""
    if not isinstance(link, str) or not same_origin(link, address):
        raise OddAnswer(f"redirects to an address other than {address}")


def check_size(size: int) -> None:
    if size > ANSWER_BYTES:
        raise OddAnswer(f"is larger than {ANSWER_BYTES // 1024 // 1024} MiB")


def parse_json(body: bytes | str, each: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Look at `each` object in it. Raises ValueError or, nested too deeply, OddAnswer."""
    try:
        return json.loads(body, object_hook=each)
    except RecursionError:
        raise OddAnswer("is nested too deeply") from None


# Each of these raises ValueError where something else is there: what was received is wrong, not its
# type.


def guid(value: object) -> str:
    """A GUID in lower case, so that ids of two answers are compared as they are.

    It may become part of a path, or of a sign-in's address.
    """
    if not isinstance(value, str) or not is_guid(value):
        raise ValueError(f"{value!r} is not a GUID")
    return value.lower()


def text(value: object) -> str:
    return optional(value) or ""


def optional(value: object) -> str | None:
    if not isinstance(value, str | None):
        raise ValueError(f"{value!r} is not a string")
    return value


def texts(value: object) -> tuple[str, ...]:
    return tuple(map(text, _list(value)))


def rows(value: object) -> list[Json]:
    return list(map(members, _list(value)))


def listed(value: object) -> list[Json]:
    """A list that has to be there: "none" would be taken for an answer."""
    if value is None:
        raise ValueError("there is not a list")
    return rows(value)


def members(value: object) -> Json:
    if not isinstance(value, Mapping | None):
        raise ValueError(f"{value!r} is not an object")
    return value or {}


def _list(value: object) -> list[object]:
    if not isinstance(value, list | None):
        raise ValueError(f"{value!r} is not a list")
    return value or []


def parse_retry_after(header: str | None) -> float | None:
    """Read `Retry-After`, in seconds or as a date; `None` for anything else."""
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", (header or "").strip(), re.ASCII):
        return float(header or "")
    try:
        return max(0.0, (parsedate_to_datetime(header or "") - clock.now()).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Refusal:
    status: int
    code: str
    """The service's own, `Request_ResourceNotFound`, the most exact one."""
    message: str
    """On one line, cut off."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Their names in lower case."""
    body: str = field(default="", repr=False)
    """Its beginning, as JSON: a policy's reasons come after its identifiers, which are long."""
    path: str = ""
    """Of the request."""

    @property
    def summary(self) -> str:
        """`Request_ResourceNotFound: …`, as users report it."""
        return f"{self.code}: {self.message}" if self.code else f"HTTP {self.status}"

    @property
    def request_id(self) -> str | None:
        names = ("request-id", "x-ms-request-id", "x-ms-correlation-request-id")
        return next((self.headers[name] for name in names if self.headers.get(name)), None)


def refusal_of(error: BaseException) -> Refusal | None:
    """The answer that an error of httpx or of an SDK was made from; `None` if there was none."""
    answer = getattr(error, "response", None)
    answer = getattr(answer, "internal_response", answer)
    if not isinstance(answer, httpx.Response):
        return None
    return replace(read_refusal(answer), path=answer.request.url.path)


def read_refusal(answer: httpx.Response) -> Refusal:
    """Read the envelope of all services, `{"error": {"code", "message"}}`, or what is in it."""
    try:
        document = _with_lower_keys(parse_json(answer.content))
    except (ValueError, OddAnswer):
        document = {}
    error = _with_lower_keys(document.get("error") or document)
    inner = _with_lower_keys(error.get("innererror"))
    return Refusal(
        answer.status_code,
        str(inner.get("code") or error.get("code") or "")[:130],
        " ".join(str(error.get("message") or "")[:900].split()),
        dict(answer.headers),
        answer.content[:REFUSAL_BYTES].decode("utf-8", "replace"),
    )


def _with_lower_keys(document: object) -> dict[str, Any]:
    """App Service and Resource Manager differ in the case of their keys."""
    if not isinstance(document, Mapping):
        return {}
    return {str(key).lower(): value for key, value in document.items()}


@dataclass(frozen=True)
class RemoteService:
    """In all methods, `step` is a verb phrase: `restart the App Service`."""

    name: str
    label: str
    """Its name in traces."""
    unreachable: str
    """The code of its errors where it gave no answer, or a wrong one."""
    refused: str = ""
    """The code of a refusal that has none of its own."""
    sign_in: str = ""
    """The same of a refused sign-in."""

    def unanswered(self, error: Exception, step: str, remedy: str = RESUME) -> ServiceError:
        """The error for no answer, or one that is not read.

        Its status is `NEVER_CONNECTED` where repeating would bring the same again.
        """
        odd_answers = causes(error, OddAnswer)
        if odd_answers:
            return ServiceError(
                self.unreachable,
                f"{self.name} returned an invalid response to the request to {step}: "
                f"it {odd_answers[0]}.",
                status=NEVER_CONNECTED,
                remedy="Check --cloud, the network and the proxy, then run the same command again "
                "to resume.",
            )
        remedy, command = advice(error, remedy)
        is_untrusted = bool(causes(error, ssl.SSLCertVerificationError))
        return ServiceError(
            self.unreachable,
            f"{self.name} did not respond to the request to {step}: {describe_cause(error)}.",
            status=NEVER_CONNECTED if is_untrusted else 0,
            remedy=remedy,
            command=command,
        )

    @contextmanager
    def readable(self, step: str) -> Iterator[None]:
        """Raise ServiceError where a successful answer has another shape: its effect is unknown."""
        try:
            yield
        # UsageError: of a function that checks what users type, too.
        except (*UNREADABLE, ValueError, UsageError) as error:
            message = f"{self.name} returned an unreadable response to the request to {step}."
            raise ServiceError(self.unreachable, message, remedy=RESUME) from error


GRAPH = RemoteService(
    "Microsoft Graph", "Graph", "graph-unreachable", "graph-refused", "graph-sign-in"
)
ARM = RemoteService(
    "Azure Resource Manager", "ARM", "arm-unreachable", "arm-refused", "arm-sign-in"
)
LOGIN = RemoteService("The login service", "Entra", "login-unreachable")


def advice(error: BaseException, otherwise: str) -> tuple[str, str]:
    """The remedy for a failed connection, and its command; `otherwise` if the certificate is good.

    A certificate for another host name is good: its authority is trusted.
    """
    codes = {
        getattr(cause, "verify_code", _HOSTNAME_MISMATCH)
        for cause in causes(error, ssl.SSLCertVerificationError)
    }
    if codes - {_HOSTNAME_MISMATCH}:
        return UNTRUSTED, NAME_AUTHORITY
    return otherwise, ""


def causes(error: BaseException | None, kind: type[E]) -> list[E]:
    """The errors of a kind among an error and all that it was raised from or during."""
    unvisited = [error]
    visited: list[BaseException] = []
    while unvisited:
        cause = unvisited.pop(0)
        if cause is not None and cause not in visited:
            visited.append(cause)
            unvisited += [cause.__cause__, cause.__context__, *getattr(cause, "exceptions", ())]
    return [cause for cause in visited if isinstance(cause, kind)]


def describe_cause(error: BaseException) -> str:
    """The system's own words, without Python's and a library's around them."""
    for cause in (*causes(error, ssl.SSLCertVerificationError), *causes(error, BaseException)):
        if "Timeout" in type(cause).__name__:  # each library has its own
            return "no response in time"
        words = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None)
        if isinstance(cause, OSError) and words:
            # asyncio's own words name the address, not the reason.
            if words.startswith("Connect call failed"):
                return os.strerror(cause.errno or 0)
            return str(words.rstrip("."))
    return first_line(error).rstrip(".")
