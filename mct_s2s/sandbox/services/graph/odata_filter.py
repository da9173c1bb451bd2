"""`$filter` expressions, parsed into predicates.

Text is compared without case, as the directory does.

Sources: graph: concepts/filter-query-parameter; which operators are advanced: graph:
concepts/aad-advanced-queries.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mct_s2s.sandbox.core.wire_errors import WireError, graph_error, service_error
from mct_s2s.sandbox.entra.types import TYPES
from mct_s2s.sandbox.entra.validation import as_utc, timestamp

Predicate = Callable[[Any], bool]
Hint = tuple[str, tuple[str, ...]] | None

_UNFILTERABLE = {
    "application": frozenset(
        {
            "addIns",
            "api",
            "appRoles",
            "defaultRedirectUri",
            "groupMembershipClaims",
            "isDeviceOnlyAuthSupported",
        }
        | {
            "isFallbackPublicClient",
            "notes",
            "optionalClaims",
            "parentalControlSettings",
            "passwordCredentials",
        }
        | {"publicClient", "samlMetadataUrl", "spa", "tokenEncryptionKeyId", "uniqueName", "web"}
    ),
    "servicePrincipal": frozenset(
        {
            "addIns",
            "appRoles",
            "info",
            "loginUrl",
            "logoutUrl",
            "notes",
            "notificationEmailAddresses",
        }
        | {"passwordCredentials", "replyUrls", "samlSingleSignOnSettings", "tokenEncryptionKeyId"}
    ),
}
"""Properties whose page does not mention `$filter`: they do not support it, not even in advanced
queries.
"""

_ENDS_WITH = frozenset({"mail", "otherMails", "userPrincipalName", "proxyAddresses"})
_IN_ORDER = frozenset({"createdDateTime", "deletedDateTime"})
"""What may be compared by `ge` and `le` without an advanced query."""

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<mark>[(),:])|(?P<word>[^\s(),:']+))")


@dataclass(frozen=True)
class Filter:
    """A `$filter`: the predicate, whether it is an advanced query, and keys that an index can be
    asked for.
    """

    holds: Predicate
    advanced: bool = False
    hint: Hint = None


def parse(type_name: str, text: str) -> Filter:
    reader = _Reader(type_name, _tokens(text))
    condition = reader.either()
    if reader.rest():
        raise _malformed(f"Syntax error at '{reader.rest()[0]}'.")
    return condition


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise _malformed(f"There is an unterminated string literal at position {position}.")
        tokens.append(match.group().strip())
        position = match.end()
    return tokens


def _malformed(why: str) -> WireError:
    return graph_error(400, "BadRequest", f"Invalid filter clause: {why}")


class _Reader:
    """A recursive descent over the tokens; `variables` are those of the `any` around."""

    def __init__(self, type_name: str, tokens: list[str]) -> None:
        self._type = type_name
        self._tokens = tokens
        self._variable: str | None = None

    def rest(self) -> list[str]:
        return self._tokens

    def either(self) -> Filter:
        parts = [self._all()]
        while self._accept("or"):
            parts.append(self._all())
        return (
            parts[0]
            if len(parts) == 1
            else _together(any, parts, _joined([part.hint for part in parts]))
        )

    def _all(self) -> Filter:
        parts = [self._term()]
        while self._accept("and"):
            parts.append(self._term())
        hint = next((part.hint for part in parts if part.hint), None)
        return parts[0] if len(parts) == 1 else _together(all, parts, hint)

    def _term(self) -> Filter:
        if self._accept("not"):
            inner = self._term()
            return Filter(lambda item: not inner.holds(item), advanced=True)
        if self._accept("("):
            inside = self.either()
            self._expect(")")
            return inside
        word = self._next()
        if self._peek() == "(":
            return self._call(word)
        return self._comparison(word)

    def _call(self, word: str) -> Filter:
        if word.endswith("/any"):
            return self._any(word.removesuffix("/any"))
        if word not in {"startswith", "startsWith", "endswith", "endsWith"}:
            raise graph_error(
                400,
                "Request_UnsupportedQuery",
                f"The function '{word}' is not supported in a filter.",
            )
        self._expect("(")
        path = self._path(self._next())
        self._expect(",")
        wanted = str(self._literal(path)).casefold()
        self._expect(")")
        if word.lower() == "endswith" and path and path[0] not in _ENDS_WITH:
            raise self._unsupported(path[0])
        if word.lower() == "startswith":
            return Filter(lambda item: str(_at(item, path) or "").casefold().startswith(wanted))
        return Filter(
            lambda item: str(_at(item, path) or "").casefold().endswith(wanted), advanced=True
        )

    def _any(self, name: str) -> Filter:
        path = self._path(name)
        self._expect("(")
        outer, self._variable = self._variable, self._next()
        self._expect(":")
        inner = self.either()
        self._expect(")")
        self._variable = outer
        hint = (
            (path[0], inner.hint[1])
            if inner.hint and inner.hint[0] == "" and len(path) == 1
            else None
        )
        return Filter(
            lambda item: any(inner.holds(member) for member in (_at(item, path) or [])),
            inner.advanced,
            hint,
        )

    def _comparison(self, word: str) -> Filter:
        path = self._path(word)
        operator = self._next()
        if operator == "in":
            return self._in(path)
        if operator not in _OPERATORS:
            raise _malformed(
                f"A binary operator with incompatible types was detected. Found '{operator}'."
            )
        wanted = _folded(self._literal(path))
        compare = _OPERATORS[operator]
        hint = (
            (path[0] if path else "", (str(wanted),))
            if operator == "eq" and len(path) < 2
            else None
        )
        in_order = operator in {"ge", "le", "gt", "lt"} and path[:1] and path[0] in _IN_ORDER
        advanced = wanted is None or not (operator == "eq" or in_order)
        return Filter(
            lambda item: compare(_folded(_at(item, path)), wanted),
            advanced,
            None if wanted is None else hint,
        )

    def _in(self, path: tuple[str, ...]) -> Filter:
        self._expect("(")
        values = [self._literal(path)]
        while self._accept(","):
            values.append(self._literal(path))
        self._expect(")")
        if len(values) > 15:
            raise service_error("Request_UnsupportedQuery clauses", number=len(values))
        wanted = tuple(dict.fromkeys(_folded(value) for value in values))
        hint = (path[0], tuple(str(value) for value in wanted)) if len(path) == 1 else None
        return Filter(lambda item: _folded(_at(item, path)) in wanted, hint=hint)

    def _path(self, word: str) -> tuple[str, ...]:
        head, *more = word.split("/")
        if head == self._variable:
            return tuple(more)
        if head not in TYPES[self._type] and head != "createdDateTime":
            raise _malformed(
                f"Could not find a property named '{head}' on type 'microsoft.graph.{self._type}'."
            )
        if head in _UNFILTERABLE.get(self._type, ()):
            raise self._unsupported(head)
        return (head, *more)

    def _unsupported(self, name: str) -> WireError:
        resource = self._type[:1].upper() + self._type[1:]
        return service_error("Request_UnsupportedQuery property", name=name, resource=resource)

    def _literal(self, path: tuple[str, ...]) -> object:
        word = self._next()
        kind = (
            TYPES[self._type][path[0]].type if path and path[0] in TYPES[self._type] else "String"
        )
        if kind == "DateTimeOffset" and not word.startswith("'") and word != "null":
            return self._moment(word)
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if word in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[word]
        if word.lstrip("-").isdecimal() and kind == "Int32":
            return int(word)
        raise _malformed(
            "A binary operator with incompatible types was detected. Found operand types "
            f"'Edm.{kind}' and '{word[:80]}'."
        )

    def _moment(self, word: str) -> str:
        # The tokens are cut at colons.
        while self._peek() == ":":
            word += self._next() + self._next()
        try:
            return timestamp(as_utc(word))
        except ValueError as error:
            raise _malformed(f"'{word[:80]}' is no Edm.DateTimeOffset.") from error

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _next(self) -> str:
        if not self._tokens:
            raise _malformed("Syntax error: the expression ends too early.")
        return self._tokens.pop(0)

    def _accept(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._tokens.pop(0)
        return True

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise _malformed(f"Syntax error: '{token}' is expected before '{self._peek()}'.")


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compared(actual: Any, limit: Any) -> bool:
        return type(actual) is type(limit) and compare(actual, limit)

    return compared


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "ne": lambda left, right: bool(left != right),
    "ge": _ordered(lambda left, right: bool(left >= right)),
    "gt": _ordered(lambda left, right: bool(left > right)),
    "le": _ordered(lambda left, right: bool(left <= right)),
    "lt": _ordered(lambda left, right: bool(left < right)),
}


def _together(combine: Callable[[Iterable[bool]], bool], parts: list[Filter], hint: Hint) -> Filter:
    advanced = any(part.advanced for part in parts)
    return Filter(lambda item: combine(part.holds(item) for part in parts), advanced, hint)


def _joined(hints: list[Hint]) -> Hint:
    known = [hint for hint in hints if hint is not None]
    if len(known) != len(hints) or len({name for name, _ in known}) != 1:
        return None
    return known[0][0], tuple(key for _, keys in known for key in keys)
