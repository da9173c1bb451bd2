"""An answer without anything that identifies a tenant: names in place of values, formats in place
of the rest.

Nothing is kept because it looks harmless. A text stays only if the sandbox returned the same, if
the run sent it, or if it is a service's own word in a place for such words; even there, quoted
parts are replaced unless they are known. Of objects that the run has not made, only the shape is
kept: which members there are, and of what type.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from conformance.clouds import Side
from conformance.comparison import Answer, at
from conformance.story import SETTING, Json, Step
from conformance.walk import Outcome

ANY = "<string>"
SHORTEST_PRIVATE = 4
LONGEST_MESSAGE = 1000
_PART = r"(?<![A-Za-z0-9])(?:{})(?![A-Za-z0-9])"
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_TOP = (
    "com|net|org|edu|gov|mil|int|info|biz|cloud|dev|local|internal|test|example|"
    "school|academy|training|[a-z]{2}"
)
_HOST = rf"(?i:(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+(?:{_TOP}))"
_FORMATS = [
    (re.compile(pattern), shown)
    for pattern, shown in (
        (r"\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*", ANY),
        (_PART.format(_GUID), "<guid>"),
        (_PART.format(f"(?i:{_GUID})"), ANY),
        (_SECONDS + r"\.\d{7}Z", "<utc 7 decimals>"),
        (_SECONDS + r"(?:\.\d+)?(?:[+-]\d\d:\d\d)", ANY),
        (_SECONDS + r"\.\d+Z", ANY),
        (_SECONDS + "Z", "<utc seconds>"),
        (_SECONDS + r"(?:\.\d{1,7})?", "<utc no zone, 0 to 7 decimals, trailing zeros cut>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "<utc blank Z>"),
        (r"\b\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d(?: [AP]M)?(?: [+-]\d\d:\d\d)?", ANY),
        (r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", ANY),
        (r"[^\s'\"<>()@,;=/]+@[^\s'\"<>()@,;=/]+", ANY),
        (
            r"(?<=://)(?:localhost|\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::\d+)?(?=[/?#'\",;.\s]|$)",
            ANY,
        ),
        (_PART.format(_HOST), ANY),
        (r"\b(?:localhost|\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?\b", ANY),
        (r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,}[0-9a-fA-F:.]*", ANY),
        (
            r"(?<![A-Za-z0-9+_-])(?=(?:[A-Za-z+_-]*\d){2})[A-Za-z0-9+_-]{20,}={0,2}(?![A-Za-z0-9+_-])",
            ANY,
        ),
        (r"(?<![A-Za-z0-9=])\d{5,}(?![A-Za-z0-9])", "<digits>"),
    )
]
"""In this order: what is longer comes before what it may contain."""
_PLACEHOLDER = re.compile(r"(\{[A-Za-z][^{}\"]*\}|<[A-Za-z0-9][^<>]*>)")
_QUOTED = re.compile(r"(['\"`])([^'\"`]*)\1")
_OWNERS_MEMBER = re.compile(r"extension_[0-9a-fA-F]{32}_|[^A-Za-z0-9_.@$ -]|^$|.{65}")
"""A member's name that the owner of the object has chosen."""
_OPEN = {"tags", "userAssignedIdentities"}
"""Objects whose members are named by their owners."""
_NUMBERS = re.compile("(ext_)?expires_(in|on)|not_before|exp|iat|nbf")
_WORDS = re.compile(
    "[cC]ode|[mM]essage|error|error_description|token_?[tT]ype|ExtendedCode|MessageTemplate|Target|@odata.(context|type|id)|"
    "type|kind|usage|signInAudience|servicePrincipalType|principalType|state|provisioningState|recoveryLevel"
)
"""Members that hold a service's own words."""
_TELLING = {
    "allow",
    "content-type",
    "etag",
    "location",
    "odata-version",
    "retry-after",
    "www-authenticate",
}
"""Headers whose absence is compared, too."""
_OPAQUE = re.compile("etag|x-ms-keyvault-(network-info|region)|x-ms-routing-request-id")
_HEADERS = re.compile(
    "|".join(_TELLING)
    + "|cache-control|(client-)?request-id|expires|pragma|preference-applied|server|"
    "strict-transport-security|x-content-type-options|x-powered-by|x-ms-((correlation-|routing-)?request-id|failure-cause|"
    "keyvault-(network-info|region|service-version)|ratelimit-remaining-subscription-.*)"
)
"""Those that are compared.

What is left out says nothing, or differs between two answers of one service.
"""


class Redactor:
    """Makes skeletons of one side's answers for the tables: `known` texts may stay, `private`
    values may not.
    """

    def __init__(
        self, names: Mapping[str, str], known: Iterable[str] = (), private: Iterable[str] = ()
    ) -> None:
        self._names = {value: name for name, value in reversed(list(names.items())) if value}
        self._bound, self._private = any_of(self._names), any_of(private)
        self._known = frozenset(known)
        self._quotable = self._known | {
            match[2] for text in self._known for match in _QUOTED.finditer(text)
        }

    def plain(self, text: str) -> str:
        """Return a text with names in place of values, and formats in place of ids, times,
        addresses and secrets.
        """
        if self._bound is not None:  # in another case it is private, too, but not the same text
            text = self._bound.sub(
                lambda found: f"{{{self._names[found[0]]}}}" if found[0] in self._names else ANY,
                text,
            )
        for pattern, shown in [*([(self._private, ANY)] if self._private else []), *_FORMATS]:
            parts = _PLACEHOLDER.split(text)  # every second one is a placeholder
            text = "".join(
                part if place % 2 else pattern.sub(shown, part) for place, part in enumerate(parts)
            )
        return text

    def skeleton(
        self, step: Step, answer: Answer, other: Answer
    ) -> tuple[dict[str, Json], dict[str, list[str]]]:
        """Return an answer that may be shown to anybody, and what softens its comparison with the
        other side's.
        """
        body, soft = readable(answer.body), dict[str, list[str]]()
        others = (step.others or step.settings is not None) and answer.status < 400
        if others and step.settings is not None and isinstance(at(body, "/properties"), dict):
            soft["partial"] = ["/properties"]
            ours = {
                name: self._leaf(value, "")
                for name, value in body["properties"].items()
                if name == SETTING
            }
            shown = {
                **self._value({**body, "properties": None}, "", "", soft, others=True),
                "properties": ours,
            }
        else:
            shown = self._value(body, "", "", soft, others=others)
        theirs = {name.lower() for name in other.headers}
        headers = {name.lower(): value for name, value in answer.headers.items()}
        shown_headers = {
            name: self._header(name, headers[name])
            for name in sorted(headers)
            if _HEADERS.fullmatch(name)
        }
        absent = sorted((_TELLING & theirs) - headers.keys())
        response = {
            "status": answer.status,
            "headers": shown_headers,
            "body": shown,
            **({"absent-headers": absent} if absent else {}),
        }
        return response, {name: list(dict.fromkeys(pointers)) for name, pointers in soft.items()}

    def _header(self, name: str, value: str) -> str:
        return (
            ANY
            if _OPAQUE.fullmatch(name)
            else "<digits>"
            if value.isdecimal()
            else self._message(value)
        )

    def _value(
        self, value: Json, where: str, member: str, soft: dict[str, list[str]], *, others: bool
    ) -> Json:
        if isinstance(value, dict):
            shown: dict[str, Json] = {}
            for name, item in value.items():
                if _OWNERS_MEMBER.search(name) or any(
                    pattern and pattern.search(name) for pattern in (self._bound, self._private)
                ):
                    soft.setdefault("partial", []).append(where)
                elif name in _OPEN and isinstance(item, dict) and item:
                    shown[name] = "<object or null>"
                else:
                    shown[name] = self._value(item, f"{where}/{name}", name, soft, others=others)
            return shown
        if isinstance(value, list):
            if others and where != "/value":
                return "<array or null>"
            if others or len(value) > 1:
                soft.setdefault("partial" if others else "as-set", []).append(where)
            rows = value[:1] if others else value
            return [
                self._value(item, f"{where}/{index}", member, soft, others=others)
                for index, item in enumerate(rows)
            ]
        return self._shape(value, member) if others else self._leaf(value, member)

    def _leaf(self, value: Json, member: str) -> Json:
        if isinstance(value, str):
            if _NUMBERS.fullmatch(member) and value.isdecimal():
                return "<digits>"
            shown = self.plain(value)
            if shown in self._known or _only_placeholders(shown):
                return shown
            return self._message(value) if _WORDS.fullmatch(member) else ANY
        if isinstance(value, bool) or value is None:
            return value
        return "<number>" if _NUMBERS.fullmatch(member) or abs(value) >= 100_000_000 else value

    def _shape(self, value: Json, member: str) -> Json:
        if value is None:
            return "<any>"
        if isinstance(value, str):
            shown = self.plain(value)
            return (
                shown
                if member in {"type", "@odata.context"} and shown in self._known
                else "<string or null>"
            )
        return "<boolean or null>" if isinstance(value, bool) else "<number or null>"

    def _message(self, text: str) -> str:
        """Return a service's message without quoted parts, unless they are known."""

        def quoted(match: re.Match[str]) -> str:
            mark, inner = match[1], match[2]
            return (
                match[0]
                if _only_placeholders(inner) or inner in self._quotable
                else f"{mark}{ANY}{mark}"
            )

        return _QUOTED.sub(quoted, self.plain(text))[:LONGEST_MESSAGE]


def known_texts(outcomes: Iterable[Outcome], names: Mapping[str, str]) -> set[str]:
    """Return the texts that may stay as they are: what is sent, and what the sandbox says of the
    run's own objects.
    """
    plain, texts = Redactor(names).plain, set[str]()
    for outcome in outcomes:
        step, answer = outcome.step, outcome.answer
        texts |= {*strings([step.path, dict(step.query), step.body])}
        if answer is not None and not step.others and not step.settings:
            texts |= {
                plain(text) for text in strings([readable(answer.body), dict(answer.headers)])
            }
    return texts


def private_values(
    cloud: Side, ours: Iterable[Outcome], sandbox: Side, theirs: Iterable[Outcome]
) -> set[str]:
    """Return what the cloud says of its tenant, and the sandbox does not say: no report may hold
    it.
    """
    harmless = {
        word.lower() for text in sandbox.bindings.values() for word in (text, *_words(text))
    }
    for outcome in theirs:
        body = readable(outcome.answer.body) if outcome.answer else None
        for text in strings([outcome.step.path, dict(outcome.step.query), outcome.step.body, body]):
            harmless |= {text.lower(), *(word.lower() for word in _words(text))}
    values = {*cloud.bindings.values(), *cloud.tokens.values()}
    for token in cloud.tokens.values():
        values |= {text for part in token.split(".")[:2] for text in strings(_decoded(part))}
    for outcome in ours:
        if outcome.answer is not None and (outcome.step.others or outcome.step.settings):
            values |= {*strings(outcome.answer.body)}
    return {
        text for text in values if len(text) >= SHORTEST_PRIVATE and text.lower() not in harmless
    }


def any_of(values: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds any of these values, longest first, in any case; None without values."""
    longest_first = sorted(
        {value for value in values if value}, key=lambda value: (-len(value), value)
    )
    return (
        re.compile(_PART.format("|".join(map(re.escape, longest_first))), re.IGNORECASE)
        if longest_first
        else None
    )


def readable(body: Json) -> Json:
    """Return a body with the claims of its token in place of the token."""
    token = at(body, "/access_token")
    if not isinstance(token, str):
        return body
    header, claims = (_decoded(part) for part in [*token.split("."), "", ""][:2])
    return {**body, "access_token": {"header": header, "claims": claims}}


def strings(value: Json) -> Iterator[str]:
    """Every text in a JSON value, names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from strings(item)


def _decoded(part: str) -> Json:
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9_.@]+", text)


def _only_placeholders(text: str) -> bool:
    return re.search(r"[A-Za-z0-9]", _PLACEHOLDER.sub("", text)) is None
