"""Checks the body of a write against the type table, and the 400 answers that all rules share.

Sources: graph: concepts/errors; the wording of the OData reader, which Graph passes on.
"""

import base64
import binascii
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mct_s2s.sandbox.core.wire_errors import WireError, graph_error, service_error
from mct_s2s.sandbox.entra.types import OPEN_TYPES, TYPES, Property


def bad_request(
    message: str, *, code: str = "Request_BadRequest", detail: str = "", target: str = ""
) -> WireError:
    """Refuse with 400 and, if given, one detail about `target`."""
    details = [{"code": detail, "message": message, "target": target}] if detail else []
    return graph_error(400, code, message, details=details)


def missing(name: str) -> WireError:
    return bad_request(f"Property '{name}' is required.", detail="MissingProperty", target=name)


def read_only(name: str) -> WireError:
    return bad_request(
        f"Property '{name}' is read-only and cannot be set.", detail="ReadOnly", target=name
    )


def invalid_value(resource: str, name: str, *, detailed: bool = True) -> WireError:
    """Refuse the value of a property; for some properties Graph leaves the detail out."""
    message = f"Invalid value specified for property '{name}' of resource '{resource}'."
    return bad_request(message, detail="InvalidValue" if detailed else "", target=name)


def duplicate_values() -> WireError:
    return bad_request("Request contains a property with duplicate values.", code="DuplicateValue")


def password_not_generated() -> WireError:
    """Refuse a secret that the client made, or that is not created by `addPassword`."""
    return bad_request("New password credentials must be generated with service actions.")


def are_tags(tags: list[str]) -> bool:
    """Whether an application may have these tags: no blanks, none twice, 1 to 256 characters each.

    Source: learn.microsoft.com/entra/identity-platform/supported-accounts-validation.
    """
    is_each_sound = all(re.fullmatch(r"\S{1,256}", tag) for tag in tags)
    return is_each_sound and len(set(tags)) == len(tags)


def json_object(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise bad_request("Invalid request body: a JSON object is expected.")
    return body


def clean(type_name: str, body: object) -> dict[str, Any]:
    """Check a body against its type; return its values as they are stored.

    Annotations (`@odata.type` and the like, which SDKs add) are accepted and dropped.
    """
    values: dict[str, Any] = {}
    for name, value in json_object(body).items():
        if "@" in name:
            continue
        values[name] = _checked(_writable(type_name, name), value)
    return values


def as_utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def precise_timestamp(moment: datetime) -> str:
    """Write a moment with seven decimals, as answers to a POST and times of credentials
    have them.
    """
    return timestamp(moment).replace("Z", f".{moment.microsecond:06d}0Z")


def is_guid(text: object) -> bool:
    try:
        return isinstance(text, str) and len(text) == 36 and bool(uuid.UUID(text))
    except ValueError:
        return False


def _writable(type_name: str, name: str) -> Property:
    prop = TYPES[type_name].get(name)
    if prop is None and type_name in OPEN_TYPES:
        raise bad_request(f"Invalid property '{name}'.")
    if prop is None:
        raise service_error("Request_BadRequest unknown property", name=name, type_name=type_name)
    if prop.read_only:
        raise read_only(name)
    return prop


def _checked(prop: Property, value: object) -> object:
    if value is None:
        if not prop.nullable:
            raise bad_request(
                f"A null value was found for the property named '{prop.name}', which is not "
                "nullable."
            )
        return None
    if not prop.collection:
        return _single(prop, value)
    if not isinstance(value, list):
        raise bad_request(f"Property '{prop.name}': an array of {_edm(prop)} is expected.")
    if any(item is None for item in value):
        raise bad_request(
            f"A null value was found in the collection '{prop.name}', which is not nullable."
        )
    return [_single(prop, item) for item in value]


def _single(prop: Property, value: object) -> object:
    read = _READERS.get(prop.type)
    if read is None:
        return clean(prop.type, value)
    try:
        return read(value)
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        shown = str(value)[:80]
        raise service_error(
            "Request_BadRequest literal", shown=shown, type=_edm(prop), name=prop.name
        ) from error


def _edm(prop: Property) -> str:
    return f"Edm.{prop.type}" if prop.type in _READERS else f"microsoft.graph.{prop.type}"


def _exactly(kind: type) -> Callable[[object], Any]:
    def read(value: object) -> object:
        if type(value) is not kind:
            raise TypeError(value)
        return value

    return read


_string = _exactly(str)


def _int32(value: object) -> int:
    number: int = _exactly(int)(value)
    if not -(2**31) <= number < 2**31:
        raise ValueError(value)
    return number


def _guid(value: object) -> str:
    if not is_guid(value):
        raise ValueError(value)
    return str(value).lower()


def _moment(value: object) -> str:
    text = _string(value)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        # Edm.DateTimeOffset requires an offset; SDKs write none for a naive datetime.
        raise ValueError(value)
    # As precise as it came: docs/azure-contract.md, section 3.5.
    decimals = _DECIMALS.search(text)
    return timestamp(moment).replace("Z", f".{decimals[1][:7]}Z" if decimals else "Z")


_DECIMALS = re.compile(r"\.(\d+)")


def _binary(value: object) -> str:
    text: str = _string(value)
    base64.b64decode(text, validate=True)
    return text


_READERS: dict[str, Callable[[object], object]] = {
    "String": _string,
    "Boolean": _exactly(bool),
    "Int32": _int32,
    "Guid": _guid,
    "DateTimeOffset": _moment,
    "Binary": _binary,
}
