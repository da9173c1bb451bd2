"""Answers of every shape: arbitrary JSON, and good documents of which one part is something else."""

from __future__ import annotations

import copy
import dataclasses
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any

from hypothesis import strategies as st

from tests.azure.raw import Answer

ODD_SECONDS = [
    "²",
    "-1",
    "inf",
    "nan",
    "1e400",
    "soon",
    "",
    "9" * 400,
    "\u0661",
    "0x10",
    " 5",
    "5;",
    "Wed, 21 Oct 2026 07:28:00 GMT",
]
STATUSES = [
    200,
    200,
    200,
    200,
    201,
    202,
    204,
    206,
    301,
    302,
    304,
    307,
    308,
    400,
    401,
    403,
    404,
    409,
    418,
    429,
    500,
    503,
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2**31, 2**63, 10**400]),
    st.floats(allow_nan=False),
    st.sampled_from(
        [
            "",
            "x",
            "é",
            "\x00",
            "\x1b[31m",
            "\ud800",
            "../..",
            "9999-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "P9999999Y",
        ]
    ),
    st.text(max_size=8),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["id", "value", "error", "code", "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip


def places_in(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all parts of a document."""
    found = [path]
    if isinstance(document, Mapping):
        found += [place for key, part in document.items() for place in places_in(part, (*path, key))]
    elif isinstance(document, list):
        found += [place for at, part in enumerate(document) for place in places_in(part, (*path, at))]
    return found


def with_part(document: Any, path: tuple[Any, ...], part: Any, *, gone: bool = False) -> Any:
    """The document with one part replaced or, where it has a key, gone."""
    if not path:
        return part
    made = copy.deepcopy(document)
    at = made
    for key in path[:-1]:
        at = at[key]
    if gone:
        del at[path[-1]]
    else:
        at[path[-1]] = part
    return made


def documents(*good: Any) -> st.SearchStrategy[Any]:
    """Good documents with up to two parts replaced or gone; and any JSON at all."""
    return st.one_of(
        st.sampled_from(good).flatmap(_spoiled).flatmap(_spoiled), st.sampled_from(good).flatmap(_spoiled), json_values
    )


def _spoiled(document: Any) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda place, part, gone: with_part(document, place, part, gone=gone and bool(place)),
        st.sampled_from(places_in(document)),
        json_values,
        st.booleans(),
    )


def answers(*good: Any) -> st.SearchStrategy[Answer]:
    """Answers with such documents, of every status, with odd headers."""
    return st.builds(_answer, st.sampled_from(STATUSES), documents(*good), st.sampled_from([*ODD_SECONDS, None]))


def _answer(status: int, document: Any, retry_after: str | None) -> Answer:
    headers = {"Content-Type": "application/json", "Location": "https://elsewhere.example/x"}
    if retry_after is not None:
        headers["Retry-After"] = retry_after.encode("utf-8").decode("latin-1")
    return Answer(status, document, headers)


def is_well_typed(value: object, kind: Any) -> bool:
    """Whether a value of our model is what its annotation says, all the way down."""
    kind = getattr(kind, "__supertype__", kind)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if origin in {typing.Union, types.UnionType}:
        return any(is_well_typed(value, one) for one in inner)
    if origin is tuple and inner[-1] is not ...:
        return isinstance(value, tuple) and all(is_well_typed(v, k) for v, k in zip(value, inner, strict=True))
    if origin in {tuple, list, frozenset}:
        return isinstance(value, origin) and all(
            is_well_typed(v, inner[0]) for v in typing.cast("Collection[Any]", value)
        )
    if origin in {dict, Mapping}:
        entries = typing.cast("Mapping[Any, Any]", value)
        return isinstance(value, dict) and all(
            is_well_typed(k, inner[0]) and is_well_typed(v, inner[1]) for k, v in entries.items()
        )
    if kind is None or kind is type(None):
        return value is None
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        fields = dataclasses.fields(typing.cast("Any", kind))
        return isinstance(value, typing.cast("type", kind)) and all(
            is_well_typed(getattr(value, field.name), hints[field.name]) for field in fields
        )
    return isinstance(value, kind)
