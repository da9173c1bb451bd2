"""Tokens of the Azure CLI or the Azure Developer CLI, asked for before they are needed.

Either tool takes as long to start as the rest of a command does. It is asked in azure-identity's
words, and nothing is concluded from a failure here: azure-identity then asks the tool once more,
alone, and says what is wrong. For az truncates its token cache before it writes it, and another az
that reads in this moment takes its user for signed out.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mct_s2s import concurrency
from mct_s2s.model.client_sign_in import Method
from mct_s2s.programs import find_program
from mct_s2s.waits import SIGN_IN_TOOL_SECONDS

_started: ContextVar["dict[TokenQuestion, TokenProcess] | None"] = ContextVar(
    "started tools", default=None
)


@dataclass(frozen=True)
class TokenQuestion:
    """What a tool is asked: a token for `scope`, in one tenant, or with the account of one
    subscription.
    """

    tool: Method
    scope: str
    tenant: str = ""
    subscription: str | None = None

    @property
    def words(self) -> list[str]:
        if self.tool is Method.AZD:
            tenant = ["--tenant-id", self.tenant] if self.tenant else []
            return [
                "auth",
                "token",
                "--output",
                "json",
                "--no-prompt",
                "--scope",
                self.scope,
                *tenant,
            ]
        words = ["account", "get-access-token", "--output", "json"]
        words += ["--resource", self.scope.removesuffix("/.default")]
        words += ["--tenant", self.tenant] if self.tenant else []
        return [*words, "--subscription", self.subscription] if self.subscription else words


@dataclass(frozen=True)
class ToolToken:
    value: str
    expires_on: int
    """In seconds since 1970."""


class TokenProcess:
    """The tool, asked one question.

    It is never ended: it may be writing its cache at this moment. Its token is taken as soon as it
    is printed, as az takes a fifth of its time to end after that.
    """

    def __init__(self, program: str, question: TokenQuestion, environ: Mapping[str, str]) -> None:
        self._tool = question.tool
        self._answer: asyncio.Task[ToolToken | None] | None = None
        self._ending: asyncio.Task[object] | None = None
        # No folder of a user's choice
        folder = environ.get("SYSTEMROOT") if sys.platform == "win32" else "/bin"
        self._process = subprocess.Popen(  # noqa: S603  # as words, without a shell
            [program, *question.words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**environ, "AZURE_CORE_NO_COLOR": "true", "NO_COLOR": "true"},
        )

    async def token(self) -> ToolToken | None:
        """Wait for its answer; `None` where it is anything but a token, or takes too long."""
        self._answer = self._answer or asyncio.ensure_future(self._read())
        return await asyncio.shield(self._answer)

    async def end(self) -> None:
        """Wait until it has ended, so that the next one is alone."""
        await self.token()
        if self._ending is not None:
            await asyncio.wait({self._ending}, timeout=SIGN_IN_TOOL_SECONDS)

    async def _read(self) -> ToolToken | None:
        try:
            async with asyncio.timeout(SIGN_IN_TOOL_SECONDS):
                token = await concurrency.in_background(self._printed_token)
        except TimeoutError:
            return None
        if token is not None:
            ending = concurrency.in_background(self._process.communicate)
            self._ending = asyncio.ensure_future(ending)
        return token

    def _printed_token(self) -> ToolToken | None:
        """Read until there is a token; `None` where the tool has ended without one."""
        output = b""
        assert self._process.stdout is not None
        while part := os.read(self._process.stdout.fileno(), 65_536):
            output += part
            token = parse_token(self._tool, output) if output.rstrip().endswith(b"}") else None
            if token is not None:
                return token
        self._process.communicate()
        return None


def parse_token(tool: Method, output: bytes) -> ToolToken | None:
    """Read what the tool prints, as azure-identity does; `None` where it is anything else."""
    with suppress(ValueError, KeyError, TypeError, OverflowError, RecursionError):
        token = _token_in(tool, json.loads(output))
        return token if is_sendable(token.value) else None
    return None


def is_sendable(token: str) -> bool:
    """Whether a header can hold it."""
    return token.isascii() and token.isprintable()


def _token_in(tool: Method, answer: Any) -> ToolToken:
    if tool is Method.AZD:
        ends = datetime.strptime(answer["expiresOn"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return ToolToken(str(answer["token"]), int(ends.timestamp()))
    if "expires_on" in answer:
        return ToolToken(str(answer["accessToken"]), int(answer["expires_on"]))
    local = datetime.strptime(answer["expiresOn"], "%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ007  # az before 2.54
    return ToolToken(str(answer["accessToken"]), int(local.timestamp()))


def start(questions: Iterable[TokenQuestion], environ: Mapping[str, str]) -> None:
    """Ask now, by a process for each, what `Tool` will be asked for."""
    processes = ((question, _ask(question, environ)) for question in questions)
    _started.set({question: process for question, process in processes if process is not None})


def are_asked() -> bool:
    """Whether a tool gives this command's tokens, unless it fails."""
    return bool(_started.get())


def _ask(question: TokenQuestion, environ: Mapping[str, str]) -> TokenProcess | None:
    program = find_program("azd" if question.tool is Method.AZD else "az", environ)
    with suppress(OSError):
        return TokenProcess(program, question, environ) if program is not None else None
    return None


class Tool:
    """The questions of one sign-in, each asked once."""

    def __init__(
        self,
        tool: Method,
        tenant: str,
        subscription: str | None,
        environ: Mapping[str, str],
        *,
        at_once: bool,
    ) -> None:
        """`at_once`: whether two processes may run side by side."""
        self._tool, self._tenant, self._subscription, self._environ = (
            tool,
            tenant,
            subscription,
            environ,
        )
        self._at_once = at_once
        self._started = dict(_started.get() or {})
        self._scopes: set[str] = set()

    async def token(self, scope: str) -> ToolToken | None:
        """The tool's first answer for a scope; `None` where it has to be asked again, and alone."""
        if scope in self._scopes:
            return None
        self._scopes.add(scope)
        question = TokenQuestion(self._tool, scope, self._tenant, self._subscription)
        process = self._started.get(question)
        if process is None and self._at_once:
            process = _ask(question, self._environ)
        if process is not None:
            self._started[question] = process
            token = await process.token()
            if token is not None:
                if not self._at_once:
                    await process.end()
                return token
        # What comes next is to be alone.
        await asyncio.gather(*(other.end() for other in self._started.values()))
        return None
