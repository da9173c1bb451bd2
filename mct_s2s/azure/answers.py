"""Answers may come from a proxy, a captive portal or someone hostile: a value is what it should be,
or ValueError.
"""

import json
import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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
"""Of a body, unpacked. The longest real ones, pages of a thousand objects, have about one MiB."""
REFUSAL_BYTES = 16 << 10
"""Of a refusal's body, which patterns are looked for in: some take the square of its length."""
RESUME = "Check the network and the proxy, then run the same command again to resume."
LATER = "Run the same command again to resume."
UNTRUSTED = (
    "This machine does not trust the authority that signed the certificate. If a proxy inspects "
    "the traffic, ask your network's administrators for its root certificate. Add it to the "
    "system's certificates, or to a file with all authorities to trust:"
)
NAME_AUTHORITY = "export SSL_CERT_FILE=FILE"
UNREADABLE = (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What looking into a JSON answer raises where no one has asked what it is."""
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
    """In lower case, so that ids of two answers are compared as they are.

    Part of a path or a sign-in's address.
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


def seconds(header: str | None) -> float | None:
    """`Retry-After`, in seconds or as a date; `None` for anything else."""
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

    @property
    def said(self) -> str:
        return f"{self.code}: {self.message}" if self.code else f"HTTP {self.status}"

    @property
    def request_id(self) -> str | None:
        names = ("request-id", "x-ms-request-id", "x-ms-correlation-request-id")
        return next((self.headers[name] for name in names if self.headers.get(name)), None)


def refusal_of(error: BaseException) -> Refusal | None:
    """The answer that an error of httpx's or of an SDK's was made from."""
    answer = getattr(error, "response", None)
    answer = getattr(answer, "internal_response", answer)
    return read_refusal(answer) if isinstance(answer, httpx.Response) else None


def read_refusal(answer: httpx.Response) -> Refusal:
    """The envelope of all services, `{"error": {"code", "message"}}`, or what is in it."""
    try:
        document = _lowered(parse_json(answer.content))
    except (ValueError, OddAnswer):
        document = {}
    said = _lowered(document.get("error") or document)
    return Refusal(
        answer.status_code,
        str(_lowered(said.get("innererror")).get("code") or said.get("code") or "")[:130],
        " ".join(str(said.get("message") or "")[:900].split()),
        dict(answer.headers),
        answer.content[:REFUSAL_BYTES].decode("utf-8", "replace"),
    )


def _lowered(document: object) -> dict[str, Any]:
    """App Service and Resource Manager differ in the case of their keys."""
    return (
        {str(key).lower(): value for key, value in document.items()}
        if isinstance(document, Mapping)
        else {}
    )


@dataclass(frozen=True)
class RemoteService:
    """In all methods, `step` is a verb phrase: `restart the App Service`."""

    name: str
    label: str
    """Its name in traces."""
    unreachable: str
    """The code of its errors where it gave no answer, or a wrong one."""
    refused: str = ""
    sign_in: str = ""
    """These two where a refusal has no code of its own."""

    def unanswered(self, error: Exception, step: str, remedy: str = RESUME) -> ServiceError:
        """No answer, or one that is not read.

        What no repetition mends has the status `NEVER_CONNECTED`.
        """
        said, told = (
            f"did not respond to the request to {step}: {reason(error)}",
            advice(error, remedy),
        )
        odd, untrusted = causes(error, OddAnswer), causes(error, ssl.SSLCertVerificationError)
        if odd:  # asking once more would bring the same again
            said = f"returned an invalid response to the request to {step}: it {odd[0]}"
            told = {
                "remedy": (
                    "Check --cloud, the network and the proxy, then run the same command again to "
                    "resume."
                )
            }
        status = NEVER_CONNECTED if odd or untrusted else 0
        return ServiceError(self.unreachable, f"{self.name} {said}.", status=status, **told)

    @contextmanager
    def readable(self, step: str) -> Iterator[None]:
        """Raise ServiceError for what reading a successful answer of another shape raises: its
        effect is unknown.
        """
        try:
            yield
        except (
            *UNREADABLE,
            ValueError,
            UsageError,
        ) as error:
            # UsageError: a checker of what users type said no
            message = f"{self.name} returned an unreadable response to the request to {step}."
            raise ServiceError(self.unreachable, message, remedy=RESUME) from error


GRAPH = RemoteService(
    "Microsoft Graph", "Graph", "graph-unreachable", "graph-refused", "graph-sign-in"
)
ARM = RemoteService(
    "Azure Resource Manager", "ARM", "arm-unreachable", "arm-refused", "arm-sign-in"
)
LOGIN = RemoteService("The login service", "Entra", "login-unreachable")


def advice(error: BaseException, otherwise: str) -> dict[str, Any]:
    """An error's remedy and its command: more where the certificate is signed by no one that is
    trusted here.
    """
    codes = {
        getattr(one, "verify_code", _HOSTNAME_MISMATCH)
        for one in causes(error, ssl.SSLCertVerificationError)
    }
    is_untrusted = bool(codes - {_HOSTNAME_MISMATCH})
    return (
        {"remedy": UNTRUSTED, "command": NAME_AUTHORITY} if is_untrusted else {"remedy": otherwise}
    )


def causes(error: BaseException | None, kind: type[E]) -> list[E]:
    left, seen = [error], list[BaseException]()
    while left:
        one = left.pop(0)
        if one is not None and one not in seen:
            seen.append(one)
            left += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return [one for one in seen if isinstance(one, kind)]


def reason(error: BaseException) -> str:
    """The system's own words, without Python's and a library's around them."""
    for cause in (*causes(error, ssl.SSLCertVerificationError), *causes(error, BaseException)):
        if "Timeout" in type(cause).__name__:  # each library has its own
            return "no response in time"
        said = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None)
        if isinstance(cause, OSError) and said:
            return (
                os.strerror(cause.errno or 0)
                if said.startswith("Connect call failed")
                else said.rstrip(".")
            )
    return first_line(error).rstrip(".")
