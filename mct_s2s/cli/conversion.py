"""Values that need no conversion, which is nearly all of them: they are texts, or have their option's type already."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, get_args, get_origin

_TO_CONVERT = object()


class SparesConversion:
    """A part of a command: values stay as they are that the parser would not change.

    Typer asks pydantic about each option, also about those that are not given: a twentieth of a `status`, and 13 of its
    megabytes. Whatever may be wrong, and every type that is not known here, goes the usual way and is told as usual.
    """

    def get_params(self, ctx: Any) -> Any:
        """The options and arguments, the option for help among them."""
        parameters = super().get_params(ctx)  # type: ignore[misc]  # the other base's
        for parameter in parameters:
            if not isinstance(parameter.process_value, partial):
                parameter.process_value = partial(_processed, parameter, parameter.process_value)
        return parameters


def _processed(parameter: Any, usual: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    found = _spared(value_type(parameter), value)
    if found is _TO_CONVERT or (parameter.required and not value):
        return usual(context, value)
    return found if parameter.callback is None else parameter.callback(context, parameter, found)


def _spared(kind: Any, value: Any) -> Any:
    if get_origin(kind) is list:
        known = isinstance(value, list | tuple) and {type(one) for one in value} <= {*get_args(kind)}
        return [*value] if known else _TO_CONVERT
    if isinstance(kind, type) and issubclass(kind, Enum) and value in [word.value for word in kind]:
        return kind(value)
    return value if value is None or type(value) is kind else _TO_CONVERT


def value_type(parameter: Any) -> Any:
    """The type of an option's value as its dataclass declares it; `None` where the parser does not tell."""
    return getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
