"""Keys of a trust file, named where a message about its values names options."""

import re
from itertools import chain, repeat
from typing import get_args

from mct_s2s.model.client_sign_in import CredentialType, Method
from mct_s2s.model.toml import Table

_OF_RESOURCE = "managed-identity"
"""The option that has what the key `resource` of a managed identity has."""
_CHOICES = "|".join((*get_args(CredentialType), *(method.value for method in Method)))
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_VALUE = rf"[A-Z\w]*[A-Z:/@.][^\s,;]*[^\s,;.]|(?:{_CHOICES})\b|{_GUID}"
_OPTION = re.compile(rf"\baz\w? [^,;.]*|--([a-z-]+)(?: ({_VALUE}))?")
"""An option in a message, and the value that is proposed for it; not one of another program's."""


def with_keys(text: str, table: type[Table], wrong: str = "", where: str = "") -> str:
    """Name the table's keys in place of options.

    `wrong`: the key that the message is about. `where`: the table, said beside the first key.
    """
    places = chain([where], repeat(where and " there"))
    keys = {str(field.alias): str(field.alias) for field in table.model_fields.values()}
    keys[_OF_RESOURCE] = "resource"

    def key_of(option: re.Match[str]) -> str:
        key = keys.get(option[1] or "")
        if key is None:
            return option[0]
        return (key if option[2] is None else f'{key} = "{option[2]}"') + next(places)

    for name in (wrong, _OF_RESOURCE):
        text = text.replace(f"Invalid --{name} ", "invalid value ")
    return _OPTION.sub(key_of, text)
