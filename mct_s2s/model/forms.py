"""Words for the form that a value has to have.

pydantic, which checks forms, has words of its own for programmers.
"""

from collections.abc import Mapping
from typing import Any

_EXPECTED = {
    "missing": "it is missing",
    "string_too_short": "it is empty",
    "bool_type": "true or false is expected",
    "bool_parsing": "true or false is expected",
    "string_type": "a text in quotes is expected",
    "enum": "one of {expected} is expected",
    "literal_error": "one of {expected} is expected",
    "greater_than_equal": "{ge:g} or more is expected",
    "less_than_equal": "{le:g} or less is expected",
    "float_type": "a number is expected",
    "float_parsing": "a number is expected",
    "finite_number": "a number is expected",
    "int_type": "a whole number is expected",
    "int_parsing": "a whole number is expected",
    "int_from_float": "a whole number is expected",
    "list_type": "a list is expected",
    "dict_type": "names with values are expected",
    "model_type": "names with values are expected",
    "value_error": "{error}",
}
"""By pydantic's type of error; its context fills the braces."""


def expected(wrong: Mapping[str, Any]) -> str:
    """The form that is expected, in our words; `wrong`: of `ValidationError.errors()`."""
    context = dict(wrong.get("ctx", {}))
    if "expected" in context:
        context["expected"] = ", ".join(choices_of(wrong))
    return _EXPECTED.get(wrong["type"], "a value of this form is not known").format(**context)


def choices_of(wrong: Mapping[str, Any]) -> list[str]:
    """The values of which one is expected; empty where any value of a form is."""
    text = str(wrong.get("ctx", {}).get("expected", ""))
    return text.replace("'", "").replace(" or ", ", ").split(", ") if text else []
