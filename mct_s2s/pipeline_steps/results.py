"""What a run of mct-s2s came to, read from its document."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mct_s2s.model.secret_place import SecretPlace


@dataclass(frozen=True)
class Failure:
    """An error of the program, in its words."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class CreatedCredential:
    """A credential that the run created."""

    client: str
    kind: str
    expires: str
    saved_to: str

    @property
    def is_in_file(self) -> bool:
        return bool(self.saved_to) and SecretPlace.parse(self.saved_to).is_file


@dataclass(frozen=True)
class SiteResult:
    """One App Service; what it does not have is empty."""

    name: str
    changes: Counter[str]
    created: tuple[CreatedCredential, ...] = ()
    clients: tuple[tuple[str, str], ...] = ()
    """Display name and appId of each client application."""
    url: str = ""
    scope: str = ""
    left_to_others: int = 0
    verified: bool | None = None
    """Whether the test of the clients succeeded; `None` if there was none."""
    failure: Failure | None = None

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return any(count for action, count in self.changes.items() if action != "none")


@dataclass(frozen=True)
class Results:
    """All of it."""

    sites: tuple[SiteResult, ...]
    failure: Failure | None = None
    """What kept the whole command from being done."""

    def failures(self) -> Iterator[tuple[str, Failure]]:
        """Each with the name of its site; that of the whole command has none."""
        if self.failure is not None:
            yield "", self.failure
        yield from ((site.name, site.failure) for site in self.sites if site.failure is not None)


def read(file: Path) -> Results:
    """Read the document of a run; one that was killed leaves none, which is a failure as well."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Results(
            (), Failure("no-document", "mct-s2s ended without a result.", "See the log of the job.")
        )
    kind = document.get("schema", "")
    if kind.startswith("mct-s2s/apply/"):
        return Results(
            tuple(
                _site(site["site"], site.get("result"), site.get("error"))
                for site in document["sites"]
            )
        )
    if kind.startswith("mct-s2s/error/"):
        return Results((), _failure(document))
    address = (document.get("connection") or {}).get("url") or ""
    return Results((_site(address.removeprefix("https://"), document, None),))


def _site(name: str, result: Any, error: Any) -> SiteResult:
    failure = _failure(error) if error else None
    if not result:
        return SiteResult(name, Counter(), _created(error or {}), failure=failure)
    connection, verification = result.get("connection") or {}, result.get("verification")
    return SiteResult(
        name,
        Counter(change["action"] for change in result["changes"]),
        _created(result),
        tuple(
            dict.fromkeys(
                (credential["client"], credential["appId"])
                for credential in result["credentials"]
                if credential.get("appId")
            )
        ),
        connection.get("url", ""),
        connection.get("scope", ""),
        len(result.get("manualSteps", ())),
        verification["proved"] if verification else None,
        failure,
    )


def _created(document: Any) -> tuple[CreatedCredential, ...]:
    return tuple(
        CreatedCredential(
            credential["client"],
            credential["kind"],
            credential.get("expires") or "",
            credential.get("savedTo") or "",
        )
        for credential in document.get("credentials") or ()
        if credential.get("created", True)
    )


def _failure(error: Any) -> Failure:
    inner = error.get("error", error)
    return Failure(inner["code"], inner["message"], inner.get("remedy") or "")
