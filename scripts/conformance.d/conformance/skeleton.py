"""An answer as the tables of recorded traffic have it: facts, with placeholders for whatever is somebody's own.

Of objects that the run has not made, only the shape is kept: which members there are, and of what type.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.comparing.comparison import Answer
from conformance.steps import SETTING, Json, Step
from conformance.texts import ANY, Texts, is_only_placeholders
from conformance.walk import Outcome

HEADERS = frozenset(
    {
        *("allow", "cache-control", "client-request-id", "content-type", "etag", "expires", "location"),
        *("odata-version", "pragma", "preference-applied", "request-id", "retry-after", "server"),
        *("strict-transport-security", "www-authenticate", "x-content-type-options", "x-powered-by"),
        *("x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id", "x-ms-failure-cause"),
        *("x-ms-keyvault-network-info", "x-ms-keyvault-region", "x-ms-keyvault-service-version"),
        "x-ms-ratelimit-remaining-subscription-deletes",
        "x-ms-ratelimit-remaining-subscription-reads",
        "x-ms-ratelimit-remaining-subscription-resource-requests",
        "x-ms-ratelimit-remaining-subscription-writes",
    }
)
"""Those that are compared. What is left out says nothing, or differs between two answers of one service."""
_TELLING = frozenset({"allow", "content-type", "etag", "location", "odata-version", "retry-after", "www-authenticate"})
"""Those whose absence is compared, too."""
_OPAQUE_HEADERS = frozenset({"etag", "x-ms-keyvault-network-info", "x-ms-keyvault-region", "x-ms-routing-request-id"})
_WORDS = frozenset(
    {
        *("code", "message", "error", "error_description", "token_type", "tokenType"),
        *("Code", "Message", "ExtendedCode", "MessageTemplate", "Target"),
        *("@odata.context", "@odata.type", "@odata.id", "type", "kind", "usage"),
        *("signInAudience", "servicePrincipalType", "principalType", "state", "provisioningState", "recoveryLevel"),
    }
)
"""Members that hold a service's own words."""
_NUMBERS = frozenset({"expires_in", "ext_expires_in", "expires_on", "not_before", "exp", "iat", "nbf"})
_OPEN = frozenset({"tags", "userAssignedIdentities"})
"""Objects whose members are named by their owners."""
_EPOCH = 100_000_000
_OWNERS_MEMBER = re.compile(r"extension_[0-9a-fA-F]{32}_|[^A-Za-z0-9_.@$ -]|^$|.{65}")


@dataclass
class Softness:
    """What softens the comparison: the tables' `compare`."""

    partial: list[str] = field(default_factory=list)
    as_set: list[str] = field(default_factory=list)
    may_have: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, list[str]]:
        """Without what is empty."""
        rows = {"partial": self.partial, "as-set": self.as_set, "may-have": self.may_have}
        return {name: list(dict.fromkeys(pointers)) for name, pointers in rows.items() if pointers}


@dataclass(frozen=True)
class Skeleton:
    """An answer that may be shown to anybody."""

    response: dict[str, Json]
    compare: dict[str, list[str]]


class Skeletons:
    """Makes skeletons of one side's answers.

    Args:
        texts: how texts of this side are shown.
        known: texts, as `texts` shows them, that may stay as they are.
    """

    def __init__(self, texts: Texts, known: frozenset[str]) -> None:
        self._texts = texts
        self._known = known

    def of(self, step: Step, answer: Answer, other: Answer | None) -> Skeleton:
        """The skeleton of an answer.

        Args:
            step: what was asked.
            answer: the answer.
            other: the other side's, for headers that only it has.
        """
        softness = Softness()
        body, others = readable(step, answer.body), step.shows_others and answer.status < 400
        if step.settings and answer.status < 400:
            shown = self._settings(body, softness)
        elif others:
            shown = self._shape(body, "", softness)
        else:
            shown = self._value(body, "", "", softness)
        response: dict[str, Json] = {"status": answer.status, "headers": self._headers(answer), "body": shown}
        theirs = {name.lower() for name in other.headers} if other is not None else set()
        absent = sorted((_TELLING & theirs) - {name.lower() for name in answer.headers})
        return Skeleton(response | ({"absent-headers": absent} if absent else {}), softness.as_json())

    def _headers(self, answer: Answer) -> dict[str, str]:
        found = {name.lower(): value for name, value in answer.headers.items() if name.lower() in HEADERS}
        return {name: self._header(name, value) for name, value in sorted(found.items())}

    def _header(self, name: str, value: str) -> str:
        if name in _OPAQUE_HEADERS:
            return ANY
        if value.isdecimal():
            return "<digits>"
        return self._texts.message(value)

    def _value(self, value: Json, where: str, member: str, softness: Softness) -> Json:
        if isinstance(value, dict):
            return self._members(value, where, softness)
        if isinstance(value, list):
            if len(value) > 1:
                softness.as_set.append(where)
            return [self._value(item, f"{where}/{index}", member, softness) for index, item in enumerate(value)]
        if isinstance(value, str):
            return self._text(value, member)
        if isinstance(value, bool) or value is None:
            return value
        return "<number>" if member in _NUMBERS or abs(value) >= _EPOCH else value

    def _members(self, value: Mapping[str, Json], where: str, softness: Softness) -> dict[str, Json]:
        shown: dict[str, Json] = {}
        for name, item in value.items():
            if _is_owners(name) or self._texts.identifies(name):
                softness.partial.append(where)
            elif name in _OPEN and isinstance(item, dict) and item and not self._is_ours(item):
                shown[name] = "<object>"
            else:
                shown[name] = self._value(item, f"{where}/{name}", name, softness)
        return shown

    def _is_ours(self, value: Mapping[str, Json]) -> bool:
        return all(name in self._known and isinstance(item, str) for name, item in value.items())

    def _text(self, value: str, member: str) -> str:
        if member in _NUMBERS and value.isdecimal():
            return "<digits>"
        shown = self._texts.plain(value)
        if shown in self._known or is_only_placeholders(shown):
            return shown
        return self._texts.message(value) if member in _WORDS else ANY

    def _shape(self, value: Json, where: str, softness: Softness) -> Json:
        """Members and types alone; of rows, the first one."""
        if isinstance(value, dict):
            shown: dict[str, Json] = {}
            for name, item in value.items():
                if _is_owners(name) or self._texts.identifies(name):
                    softness.partial.append(where)
                elif item is None:
                    shown[name] = "<any>"
                elif name in _OPEN and isinstance(item, dict):
                    shown[name] = "<object or null>"
                else:
                    shown[name] = self._shape_of_member(name, item, where, softness)
            return shown
        return self._type(value, "")

    def _shape_of_member(self, name: str, item: Json, where: str, softness: Softness) -> Json:
        below = f"{where}/{name}"
        if name == "value" and not where and isinstance(item, list):
            softness.partial.append(below)
            return [self._shape(row, f"{below}/{index}", softness) for index, row in enumerate(item[:1])]
        return self._shape(item, below, softness) if isinstance(item, dict) else self._type(item, name)

    def _type(self, value: Json, member: str) -> Json:
        if isinstance(value, str):
            shown = self._texts.plain(value)
            keeps = member in {"type", "@odata.context"} and shown in self._known
            return shown if keeps else "<string or null>"
        if isinstance(value, bool):
            return "<boolean or null>"
        return "<array or null>" if isinstance(value, list) else "<number or null>"

    def _settings(self, body: Json, softness: Softness) -> Json:
        """All application settings: of those, ours."""
        found = body.get("properties") if isinstance(body, dict) else None
        rest = {name: item for name, item in body.items() if name != "properties"} if isinstance(body, dict) else body
        shown = self._shape(rest, "", softness)
        if isinstance(found, dict) and isinstance(shown, dict):
            softness.partial.append("/properties")
            ours = {SETTING: self._text(str(found[SETTING]), "")} if SETTING in found else {}
            shown["properties"] = ours
        return shown


def known_texts(steps: Iterable[Step], outcomes: Iterable[Outcome], texts: Texts) -> frozenset[str]:
    """Texts that may stay as they are: what the run sends, and what the sandbox says of the run's own objects."""
    sent = (text for step in steps for text in strings([step.path, dict(step.query), step.body], keys=True))
    said = (
        text
        for outcome in outcomes
        if outcome.answer is not None and not outcome.step.shows_others and not outcome.step.settings
        for text in strings([readable(outcome.step, outcome.answer.body), dict(outcome.answer.headers)])
    )
    return frozenset(sent) | frozenset(texts.plain(text) for text in said)


def known_words(known: Iterable[str], outcomes: Iterable[Outcome]) -> frozenset[str]:
    """What may be quoted in a message: whole texts that are known, what those quote, and names of members."""
    names = {
        name
        for outcome in outcomes
        if outcome.answer is not None and not outcome.step.settings
        for name in _keys(readable(outcome.step, outcome.answer.body))
    }
    texts = set(known)
    quoted = {part for text in texts for part in re.findall(r"['\"`]([^'\"`]{1,80})['\"`]", text)}
    return frozenset(texts | quoted | names)


def plain_words(texts: Iterable[str]) -> frozenset[str]:
    """All single words of texts, in lower case."""
    return frozenset(word.lower() for text in texts for word in re.findall(r"[A-Za-z0-9_.@]+", text))


def readable(step: Step, body: Json) -> Json:
    """A body with the claims of its token in place of the token."""
    if not step.has_token or not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
        return body
    header, claims = (decoded(part) for part in [*body["access_token"].split("."), "", ""][:2])
    return {**body, "access_token": {"header": header, "claims": claims}}


def decoded(part: str) -> Json:
    """A part of a token; None where it cannot be read."""
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None


def strings(value: Json, *, keys: bool = False) -> Iterator[str]:
    """Every text in a JSON value; with `keys`, names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, keys=keys)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if keys:
                yield name
            yield from strings(item, keys=keys)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _keys(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            if name not in _OPEN:
                yield from _keys(item)


def _is_owners(name: str) -> bool:
    """Return whether a member's name was chosen by the owner of the object."""
    return _OWNERS_MEMBER.search(name) is not None
