"""Resource ids: `/subscriptions/{s}/resourceGroups/{g}/providers/{namespace}/{type}/{name}/…`.

Source: ARM: resource-manager, "Resource IDs"; names and segments are compared without case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from mct_s2s.sandbox.core.wire_errors import arm_error


@dataclass(frozen=True)
class ResourceId:
    """The id of a resource, as it was spelled.

    Shape: `types` and `names` are parallel, parents first: ("sites", "slots") and ("contosolearn", "staging").
    """

    subscription: str
    group: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        parts = text.strip("/").split("/")
        heads = [part.lower() for part in parts[0:6:2]]
        odd = len(parts) < 8 or len(parts) % 2 or not all(parts)
        if odd or heads != ["subscriptions", "resourcegroups", "providers"]:
            raise arm_error(400, "InvalidResourceId", f"The resource identifier '{text}' is invalid.")
        return cls(parts[1], parts[3], parts[5], tuple(parts[6::2]), tuple(parts[7::2]))

    @property
    def type(self) -> str:
        return "/".join((self.namespace, *self.types))

    @property
    def name(self) -> str:
        return "/".join(self.names)

    @property
    def key(self) -> str:
        return str(self).lower()

    @property
    def parent(self) -> ResourceId | None:
        if len(self.types) == 1:
            return None
        return ResourceId(self.subscription, self.group, self.namespace, self.types[:-1], self.names[:-1])

    def __str__(self) -> str:
        tail = "/".join(f"{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{self.namespace}/{tail}"


def is_within(scope: str, ancestor: str) -> bool:
    """Return whether `scope` is `ancestor` or lies below it; both are paths, compared without case."""
    scope, ancestor = scope.lower().rstrip("/"), ancestor.lower().rstrip("/")
    return scope == ancestor or scope.startswith(ancestor + "/")
