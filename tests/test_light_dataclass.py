"""A light dataclass behaves as the standard library's does."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import pytest
from mct_s2s import light_dataclass

Decorator = Callable[..., Any]


def classes(decorator: Decorator) -> dict[str, Any]:
    """The same classes, made by either decorator."""

    @decorator(frozen=True)
    class Place:
        name: str
        secret: str = dataclasses.field(default="", repr=False)
        label: str = dataclasses.field(default="", compare=False)
        tags: tuple[str, ...] = ()

        @cached_property
        def length(self) -> int:
            return len(self.name)

    @decorator(frozen=True)
    class Vault(Place):
        url: str = ""

    @decorator(frozen=True)
    class Named:
        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Named) and self.name.lower() == other.name.lower()

        def __hash__(self) -> int:
            return hash(self.name.lower())

        def __repr__(self) -> str:
            return f"<{self.name}>"

    @decorator(kw_only=True)
    class Options:
        """Options of a command."""

        names: list[str] = dataclasses.field(default_factory=list)
        quiet: bool = False

        def __post_init__(self) -> None:
            self.names = sorted(self.names)

    @decorator(eq=False)
    class Run:
        number: int

    @decorator
    class Note:
        text: str

    return {made.__name__: made for made in (Place, Vault, Named, Options, Run, Note)}


LIGHT, STANDARD = classes(light_dataclass.dataclass), classes(dataclasses.dataclass)
INSTANCES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "default fields": lambda of: of["Place"]("a"),
    "all fields": lambda of: of["Place"]("a", "s", "l", ("t",)),
    "another label": lambda of: of["Place"]("a", "s", "m", ("t",)),
    "subclass": lambda of: of["Vault"]("a", url="u"),
    "subclass with its base's fields": lambda of: of["Vault"]("a", "s", "l", ("t",)),
    "own methods": lambda of: of["Named"]("A"),
    "own methods, equal": lambda of: of["Named"]("a"),
    "keywords": lambda of: of["Options"](names=["b", "a"]),
    "no equality": lambda of: of["Run"](1),
    "mutable": lambda of: of["Note"]("a"),
}


def outcome(attempt: Callable[..., object]) -> object:
    """What comes of an attempt; of an error, its class and words."""
    try:
        return attempt()
    except (AttributeError, TypeError) as error:
        return type(error), str(error)


def make_wrongly(made: Any) -> object:
    return made(wrong=1)


def behaviour(of: dict[str, Any]) -> dict[str, object]:
    seen: dict[str, object] = {"cached": of["Place"]("abc").length}
    for what, make in INSTANCES.items():
        instance = make(of)
        field = dataclasses.fields(instance)[0].name
        seen[what] = [
            repr(instance),
            [other for other, make_other in INSTANCES.items() if instance == make_other(of)],
            outcome(partial(hash, instance)) == outcome(partial(hash, make(of))),
            isinstance(outcome(partial(hash, instance)), int),
            copy.deepcopy(instance) == instance,
            repr(dataclasses.replace(instance)),
            type(instance).__match_args__,
            outcome(partial(make_wrongly, type(instance))),
            outcome(partial(setattr, instance, "other", "b")),
            outcome(partial(setattr, instance, field, "b")),
            outcome(partial(delattr, instance, field)),
        ]
    return seen


def test_light_dataclass_behaves_as_the_standard_one() -> None:
    assert behaviour(LIGHT) == behaviour(STANDARD)


def test_light_dataclass_is_frozen() -> None:
    place = LIGHT["Place"]("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        place.name = "b"
    assert place.name == "a"


@light_dataclass.dataclass(frozen=True)
class _Pickled:
    name: str


def test_light_dataclass_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(_Pickled("a"))) == _Pickled("a")
