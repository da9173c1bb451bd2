"""What a running sandbox observes, and the watch over every secret that it has issued: where it
does not belong.

Client secrets go to the token service and into vaults, tokens into the `Authorization` header for
the service they are meant for, secret application settings back into application settings. Anywhere
else - an address, another header, the body of another operation, a service it is not for - is a
leak. Secrets are held in memory only, tokens by their hash; a leak names the secret by a few
characters of its hash.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote_plus

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.observability.exchange import Entry, RequestLog
from mct_s2s.sandbox.observability.faults import Faults
from mct_s2s.sandbox.observability.issued_tokens import IssuedToken, IssuedTokens

SHORTEST = 8
"""Characters: what is shorter could be anything, and is no secret."""
KEPT = 2_000
FEW = 32
"""As many are looked for one by one, in less time than it takes to cut a header into pieces of
`SHORTEST`.
"""


class KnownSecrets:
    """The latest secrets with their kinds, in memory only.

    Each request has some fifteen texts that are searched. With the secrets of 200 clients, looking
    for one after the other took two fifths of the sandbox's time, so of many only those are looked
    for whose first characters are there.
    """

    def __init__(self) -> None:
        self._kinds: OrderedDict[str, str] = OrderedDict()
        self._by_start: dict[str, dict[str, None]] = {}

    def add(self, secret: str, kind: str) -> None:
        if len(secret) < SHORTEST:
            return
        self._kinds[secret] = kind
        for start in _starts(secret):
            self._by_start.setdefault(start, {})[secret] = None
        if len(self._kinds) > KEPT:
            self._forget(self._kinds.popitem(last=False)[0])

    def found_in(self, text: str) -> list[tuple[str, str]]:
        """Those that a text holds, with their kinds; escaped as in an address or in JSON, too."""
        if len(text) < SHORTEST:
            return []
        plain = unquote_plus(text) if "%" in text or "+" in text else text
        secrets = []
        for secret, kind in self._candidates(text if plain == text else f"{text}\n{plain}"):
            # JSON escapes quotes and non-ASCII letters.
            if (
                secret in text
                or secret in plain
                or ("\\" in text and json.dumps(secret)[1:-1] in text)
            ):
                secrets.append((secret, kind))
        return secrets

    def _candidates(self, text: str) -> list[tuple[str, str]]:
        if len(self._kinds) <= FEW:
            return list(self._kinds.items())
        pieces = dict.fromkeys(text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1))
        starts = [piece for piece in pieces if piece in self._by_start]
        secrets = dict.fromkeys(secret for start in starts for secret in self._by_start[start])
        return [(secret, self._kinds[secret]) for secret in secrets]

    def _forget(self, secret: str) -> None:
        for start in _starts(secret):
            of_start = self._by_start[start]
            of_start.pop(secret, None)
            if not of_start:
                del self._by_start[start]


def _starts(secret: str) -> set[str]:
    return {secret[:SHORTEST], json.dumps(secret)[1:-1][:SHORTEST]}


LEAKS_KEPT = 10_000
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_GIVEN = re.compile(rb'"(secretText|refresh_token)"\s*:\s*"([^"\\]{8,})"')
_SECRET_NAME = re.compile(r"password|secret|accountkey|storage$|connectionstring", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"(password|accountkey|sharedaccesskey)=", re.IGNORECASE)
_VAULT_VALUE = re.compile(rb'^\{"value"\s*:\s*"([^"\\]{8,})"')
_SETTINGS = ("/config/appsettings", "/config/connectionstrings")


@dataclass(frozen=True)
class Leak:
    """A secret in the wrong place: the request, where in it, the kind of secret, and its
    fingerprint.
    """

    request: int
    service: str
    method: str
    path: str
    where: str
    kind: str
    secret: str


class SecretWatch:
    """The secrets of one running sandbox. `leaks` holds what was found."""

    def __init__(self, tokens: IssuedTokens) -> None:
        self._tokens = tokens
        self._secrets = KnownSecrets()
        self.leaks: list[Leak] = []

    def record(self, secret: str, kind: str = "client secret") -> None:
        self._secrets.add(secret, kind)

    def to_list(self) -> list[dict[str, Any]]:
        return [asdict(leak) for leak in self.leaks]

    def masked(self, text: str) -> str:
        """Return a part of an address with every secret in it masked, for the log."""
        for secret, _ in self._found(text):
            for spelled in (secret, *_spellings(text, secret)):
                text = text.replace(spelled, "***")
        return text

    def arrived(
        self, entry: Entry, path: str, query: str, headers: Iterable[tuple[str, str]]
    ) -> None:
        self._report(entry, "path", self._found(path))
        self._report(entry, "query", self._found(query))
        for name, value in headers:
            if name == "authorization":
                self._judge_authorization(entry, value)
            else:
                self._report(entry, f"header {name}", self._found(value))

    def sent(self, entry: Entry, body: bytes) -> None:
        if not body or entry.service == "control":
            return
        allowed = _allowed_in_body(entry)
        secrets = self._found(body.decode("utf-8", "replace"))
        self._report(entry, "body", [each for each in secrets if each[1] not in allowed])

    def answered(self, entry: Entry, sent: bytes, body: bytes) -> None:
        if entry.service == "identity":
            self._tokens.add(_access_token(body))
        if entry.service in {"graph", "entra"}:
            for name, value in _GIVEN.findall(body):
                self.record(
                    value.decode(), "client secret" if name == b"secretText" else "refresh token"
                )
        if entry.service == "entra" and b'"access_token"' in body:
            self._tokens.add(_access_token(body))
            proven = re.search(rb"(?:^|&)client_secret=([^&]+)", sent)
            if proven:
                self.record(unquote_plus(proven[1].decode("utf-8", "replace")))
        if entry.service == "vault":
            for value in _VAULT_VALUE.findall(body):
                self.record(value.decode())
        if entry.service == "arm" and entry.path.lower().endswith("/config/appsettings/list"):
            self._learn_settings(body)

    def _learn_settings(self, body: bytes) -> None:
        try:
            settings: Mapping[str, str | None] = json.loads(body)["properties"]
        except (ValueError, KeyError, TypeError):
            return
        for name, value in settings.items():
            reference = (value or "").startswith("@Microsoft.KeyVault")
            if (
                value
                and not reference
                and (_SECRET_NAME.search(name) or _SECRET_VALUE.search(value))
            ):
                self.record(value, "application setting")

    def _judge_authorization(self, entry: Entry, value: str) -> None:
        handed = self._tokens.get(value.partition(" ")[2].strip())
        if handed is not None:
            if not self._tokens.is_for(handed, entry.service):
                self._add(
                    entry,
                    f"authorization of a call to {entry.service}",
                    "access token",
                    handed.fingerprint,
                )
        elif entry.service != "entra":
            self._report(entry, "authorization", self._found(value))

    def _found(self, text: str) -> list[tuple[str, str]]:
        tokens = {token for token in _TOKEN.findall(text) if self._tokens.get(token) is not None}
        return [*self._secrets.found_in(text), *((token, "access token") for token in tokens)]

    def _report(self, entry: Entry, where: str, secrets: Iterable[tuple[str, str]]) -> None:
        for secret, kind in secrets:
            self._add(entry, where, kind, IssuedToken.fingerprint_of(secret))

    def _add(self, entry: Entry, where: str, kind: str, fingerprint: str) -> None:
        if len(self.leaks) < LEAKS_KEPT:
            self.leaks.append(
                Leak(
                    entry.number, entry.service, entry.method, entry.path, where, kind, fingerprint
                )
            )


def _access_token(body: bytes) -> str:
    try:
        return str(json.loads(body).get("access_token", ""))
    except (ValueError, AttributeError):
        return ""


def _spellings(text: str, secret: str) -> list[str]:
    escaped = "".join(
        f"(?:{re.escape(char)}|%{ord(char):02X}|%{ord(char):02x})"
        for char in secret
        if ord(char) < 128
    )
    return [match[0] for match in re.finditer(escaped, text)]


def _allowed_in_body(entry: Entry) -> frozenset[str]:
    if entry.service == "entra":
        return frozenset({"client secret", "refresh token", "access token"})
    path = entry.path.lower()
    if entry.service == "vault" and entry.method == "PUT" and path.startswith("/secrets/"):
        return frozenset({"client secret"})
    if (
        entry.service == "arm"
        and entry.method in {"PUT", "PATCH"}
        and "/microsoft.web/sites/" in path
    ):
        whole_site = "/config/" not in path
        if whole_site or path.endswith(_SETTINGS):
            return frozenset({"client secret", "application setting"})
    return frozenset()


class Observability:
    """All four; none is part of the state, and none is saved."""

    def __init__(self, addresses: Addresses, log: RequestLog | None = None) -> None:
        self.log = log or RequestLog()
        self.faults = Faults()
        self.tokens = IssuedTokens(addresses)
        self.watch = SecretWatch(self.tokens)
