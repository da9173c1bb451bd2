"""The errors that a user sees, and their exit codes.

Errors of the SDKs are translated in `azure/`, and chained.
"""

import re
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from mct_s2s.exit_codes import ExitCode

T = TypeVar("T")
DOCS = "https://github.com/mct-s2s/mct-s2s/blob/main/docs/"
NOTHING_CHANGED = "Nothing was changed."
LONGEST_REASON = 300
"""Characters of a service's own words that a message quotes."""
_SAME_COMMAND = re.compile(r"\b([Rr]un) the same command again(?: to (?:resume|see the new plan))?")
NEVER_CONNECTED = -1
"""In place of an HTTP status: a wrong address or certificate, which no repetition mends."""


@dataclass(frozen=True)
class Instruction:
    what: str
    command: str = ""
    """Printed on a line of its own."""
    who: str = ""
    link: str | None = None
    values: dict[str, str] | None = None
    """The settings to enter, where they are what is left."""
    lists: tuple[str, ...] = ()
    """Names of `values` that are lists: their IDs are added to those that are there."""
    in_dry_run: str = ""
    """What a dry run says instead, without the command: that is for after the run."""
    once_done: str = ""
    """What the result of a run says instead, where the plan has announced it."""

    @property
    def sentence(self) -> str:
        return f"{self.what} Ask {self.who}." if self.who else self.what

    @property
    def as_done(self) -> "Instruction":
        return replace(self, what=self.once_done or self.what)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.sentence, self.command)))


def as_instructions(items: Iterable[str | Instruction]) -> tuple[Instruction, ...]:
    return tuple(Instruction(item) if isinstance(item, str) else item for item in items)


class WayOut(Enum):
    """Who else can do what takes a right, while the caller does the rest."""

    REGISTRAR = "registrar"
    """Someone who can create app registrations."""
    SITE_OWNER = "site owner"
    CONSENTER = "consenter"


@dataclass(frozen=True)
class MissingRight:
    step: str
    """A verb phrase: `grant admin consent to 'Import'`."""
    right: str
    """The role or permission; for a lock, its removal."""
    who: str
    """Who can grant it: `a Privileged Role Administrator`."""
    command: str = ""
    way_out: WayOut | None = None
    enabling: str = ""
    """What the owner of a resource runs to enable its identity."""


class S2SError(Exception):
    """An error with a remedy.

    `items` is the list that the message introduces. It is not part of the message, as values in it
    may contain line ends; `introduction` is what stands before it. `says_unchanged`: it says that
    nothing was changed, for as long as that holds.
    """

    exit_code: int = ExitCode.FAILED
    page: str = ""
    """Of the documentation: `permissions.md`."""
    file = ""
    """The user's file in which the mistake is: a pipeline shows it there."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        remedy: str,
        command: str = "",
        answer: str = "",
        request_id: str | None = None,
        items: Iterable[str | Instruction] = (),
        missing: Iterable[MissingRight] = (),
        says_unchanged: bool = False,
        introduction: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.statement = message
        self.says_unchanged = says_unchanged
        self.introduction = introduction
        self.answer = answer
        self.request_id = request_id
        self.items = as_instructions(items)
        self.missing = tuple(missing)
        self.ways_out: tuple[Instruction, ...] = ()
        """Other ways to go on, by this caller or by someone else."""
        self.advise(remedy, command)

    def __str__(self) -> str:
        return self.message

    @property
    def headline(self) -> str:
        return " ".join(filter(None, (self.without_items, self.introduction)))

    @property
    def without_items(self) -> str:
        """The headline where the items are not shown, so that nothing introduces them."""
        unchanged = NOTHING_CHANGED if self.says_unchanged else ""
        return " ".join(filter(None, (self.statement, unchanged)))

    @property
    def message(self) -> str:
        if not self.items:
            return " ".join(filter(None, (self.headline, self.answer)))
        lines = [self.headline, *(f"  - {item}" for item in self.items)]
        if self.answer:
            lines.append(f"  {self.answer}")
        return "\n".join(lines)

    @property
    def remedy(self) -> str:
        return " ".join(filter(None, (self.advice, self.command, *map(str, self.ways_out))))

    def mention(self, items: Iterable[str | Instruction]) -> None:
        self.items += as_instructions(items)

    def mark_as_after_write(self) -> None:
        """Take back what exit code 2 and the message promise: that nothing was written."""
        self.says_unchanged = False
        if self.exit_code == ExitCode.NOT_BEGUN:
            self.exit_code = ExitCode.FAILED

    def advise(self, remedy: str, command: str = "") -> None:
        self.advice, self.command = remedy, command

    def advise_rest(self) -> None:
        """Advise to do the rest, where the same command is refused now or would do more."""
        self.advice = _SAME_COMMAND.sub(
            lambda verb: "Do the rest" if verb[1] == "Run" else "do the rest", self.advice
        )


class UsageError(S2SError):
    """The command line, an environment variable or an input file is invalid. Nothing was sent."""

    exit_code = ExitCode.NOT_BEGUN
    key = ""
    """The option without its dashes, which is the key in a trust file: see `about`."""


def malformed(code: str, what: str, text: str, remedy: str) -> UsageError:
    return UsageError(code, f"Invalid {what} '{text[:130]}'.", remedy=remedy)


def contradiction(message: str, remedy: str = "Remove one of them.") -> UsageError:
    return UsageError("contradictory-options", message, remedy=remedy)


@contextmanager
def about(key: str) -> Iterator[None]:
    """Name in a `UsageError` the option that it is about, unless it names one itself."""
    try:
        yield
    except UsageError as error:
        error.key = error.key or key
        raise


class Refused(S2SError):
    """The command is valid, but its target must not be changed: a function app, another tenant."""

    exit_code = ExitCode.NOT_BEGUN


class SignInFailed(S2SError):
    """The login service issued no token."""

    exit_code = ExitCode.NOT_PERMITTED


class PermissionMissing(S2SError):
    """The remedy names the least role and who grants it."""

    exit_code = ExitCode.NOT_PERMITTED
    page = "permissions.md"
    is_reminded = False
    """Whether it says how the right counts once it is granted."""
    caller_id: str | None = None
    """The caller's object ID, where the refusal says it."""


class NotOwner(PermissionMissing):
    """The caller's right is only about registrations that it owns, and this one is another's."""


class VaultPermissionMissing(PermissionMissing):
    """A key vault allows the caller less than the directory and the App Service do."""


class NotThere(S2SError):
    """A name matches nothing, or more than one thing."""

    exit_code = ExitCode.NOT_BEGUN
    may_appear = False
    """Whether a replica may not show yet what the App Service's settings, which never lag, name."""
    may_be_hidden = False
    """Whether it may exist all the same, where this caller can't read it."""


class NoSuchObject(NotThere):
    """Resource Manager or a key vault knows no object of that name: 404."""


class ServiceError(S2SError):
    """A service refused a request, or did not answer.

    `contention`: a write was refused because of another one: what is waited for, and how many
    seconds.
    """

    waits_for = ""
    """What is waited for before the request is sent again, where the reason does not say it."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 0,
        service_code: str = "",
        service_message: str = "",
        retry_after: float | None = None,
        contention: tuple[str, float] | None = None,
        remedy: str,
        command: str = "",
        answer: str = "",
        request_id: str | None = None,
        items: Iterable[str | Instruction] = (),
        missing: Iterable[MissingRight] = (),
        says_unchanged: bool = False,
    ) -> None:
        super().__init__(
            code,
            message,
            remedy=remedy,
            command=command,
            answer=answer,
            request_id=request_id,
            items=items,
            missing=missing,
            says_unchanged=says_unchanged,
        )
        self.status = status
        self.service_code = service_code
        self.service_message = service_message
        self.retry_after = retry_after
        self.contention = contention
        self.follows_lost_answer = False
        """Whether what was asked for may have been done before, by a request without an answer."""

    @property
    def answer_lost(self) -> bool:
        """Whether what was asked for may have been done."""
        return self.follows_lost_answer or self._is_unanswered

    @property
    def _is_unanswered(self) -> bool:
        return self.status in {0, 408, 500, 502, 503, 504} and self.contention is None


class Purged(ServiceError):
    """A registration that the recycle bin showed by one replica, and that was purged before."""


class DeadlinePassed(S2SError):
    """`--timeout` seconds have passed."""


class Interrupted(S2SError):
    """Ctrl-C or SIGTERM (143). The changes so far are kept, and the same command resumes."""

    exit_code = ExitCode.INTERRUPTED


class Cancelled(S2SError):
    """The user answered no."""


def first_line(error: BaseException) -> str:
    """The first line of a library's message: what follows is often a whole answer."""
    return shortened((str(error).splitlines() or [""])[0]) or "no reason given"


def shortened(text: str) -> str:
    """At most LONGEST_REASON characters of what a service says, cut between words."""
    text = text.strip()
    if len(text) <= LONGEST_REASON:
        return text
    kept = text[: LONGEST_REASON - 1]
    return f"{kept.rpartition(' ')[0] or kept}…"


async def or_none(reading: Awaitable[T]) -> T | None:
    """Read an object; `None` where it does not exist. What contains it has to exist."""
    try:
        return await reading
    except NoSuchObject:
        return None
    except ServiceError as error:  # Graph's
        if error.status != 404:
            raise
        return None


async def outcome_of(work: Awaitable[T]) -> T | S2SError:
    """Return the result, or the error in its place."""
    try:
        return await work
    except S2SError as error:
        return error


async def or_unknown(reading: Awaitable[T]) -> T | None:
    """Return the result; `None` where it could not be read."""
    result = await outcome_of(reading)
    return None if isinstance(result, S2SError) else result
