"""One request of the story, and how its answer is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = Any


class Service(StrEnum):
    """The service of a request, named as in the tables of recorded traffic."""

    GRAPH = "graph"
    ARM = "arm"
    LOGIN = "login"
    VAULT = "vault"
    SITE = "site"


class Kind(StrEnum):
    """What a request creates that has to be removed again."""

    APPLICATION = "application"
    PRINCIPAL = "servicePrincipal"
    IDENTITY = "identity"
    SECRET = "secret"  # the word, not a secret
    SETTING = "setting"


class Settings(StrEnum):
    """How a request uses the application settings of a site, which are other people's."""

    READ = "read"
    ADD = "add"
    TAKE_BACK = "take back"


SETTING = "MCT_S2S_CONFORMANCE"
"""The one application setting that a run adds; its value is the run's id."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A request. `{name}` stands for what an earlier answer, or the run, has bound to that name.

    Attributes:
        id: `table/number`, as in the tables.
        operation: the row of the sandbox's table of operations.
        service: the service.
        method: HTTP method.
        path: below the service's root.
        query: decoded.
        headers: in addition to those of every request.
        body: JSON; of a form, the fields.
        is_form: whether the body is sent as a form.
        is_anonymous: whether it is sent without a token.
        bearer: the name of the token, where it is not the caller's own.
        binds: names, and JSON pointers to their values in a successful answer.
        needs: steps that have to succeed before.
        makes: what it creates. Its name begins with the run's.
        shows_others: whether the answer shows objects of others: of those only the shape is compared.
        settings: set where it reads or writes all application settings.
        has_token: whether the answer holds a token whose claims are compared.
    """

    id: str
    operation: str
    service: Service
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    is_form: bool = False
    is_anonymous: bool = False
    bearer: str | None = None
    binds: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    makes: Kind | None = None
    shows_others: bool = False
    settings: Settings | None = None
    has_token: bool = False

    @property
    def reads(self) -> bool:
        """Whether it changes nothing, so that it can be sent again."""
        return self.method in {"GET", "HEAD"} or self.settings is Settings.READ or self.service is Service.LOGIN


def at(body: Json, pointer: str) -> Json:
    """Return the value of a JSON pointer in a body; None where there is none."""
    for part in pointer.split("/")[1:]:
        if isinstance(body, list) and part.isdecimal() and int(part) < len(body):
            body = body[int(part)]
        elif isinstance(body, dict):
            body = body.get(part)
        else:
            return None
    return body


class Table:
    """Collects the steps of one subject and numbers them."""

    def __init__(self, name: str, service: Service, **common: Any) -> None:
        self.steps: list[Step] = []
        self._name = name
        self._service = service
        self._common = common

    def ask(self, method: str, path: str, operation: str, *, needs: tuple[int, ...] = (), **more: Any) -> None:
        """Add a request; `operation` is without its method, which is the request's; `needs` are rows of this table."""
        step = Step(
            id=self._id(len(self.steps) + 1),
            operation=f"{method} {operation}",
            service=self._service,
            method=method,
            path=path,
            needs=tuple(self._id(number) for number in needs),
            **{**self._common, **more},
        )
        self.steps.append(step)

    def _id(self, number: int) -> str:
        return f"{self._name}/{number:02}"
