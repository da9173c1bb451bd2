"""One App Service's share of a command that changes something."""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from mct_s2s import clock
from mct_s2s.activity import Progress
from mct_s2s.cli.command_run import CommandRun
from mct_s2s.cli.file_site import FileSite
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.options_to_request import at_site
from mct_s2s.engine.credential_stores import rehearse_stores, retire_files, useless_files
from mct_s2s.engine.flow import carry_out, prepare
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import Refused, S2SError
from mct_s2s.exit_codes import ExitCode, worst
from mct_s2s.model.client_sign_in import MadeCredential
from mct_s2s.model.desired import Rotation, Setup
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.plain_text import plain
from mct_s2s.planning.reviewed import digest_of, fingerprint
from mct_s2s.render.credentials import credential_lines
from mct_s2s.render.pipelines import masks
from mct_s2s.render.site_report import SavedCredential

STALE_SECONDS = 5.0
"""A plan that is older when its turn comes is made again."""


class SiteChange:
    """One App Service's share of a command, how far it has come, and the engine's `Approver`."""

    session: Session
    """Set before it is planned."""

    def __init__(
        self,
        command_run: CommandRun,
        options: ChangingOptions,
        request: Request,
        ask_again: "Callable[[Sequence[SiteChange]], Awaitable[bool]]",
        file_site: FileSite | None = None,
    ) -> None:
        self.command_run = command_run
        self.options = options
        self.request = request
        self._ask_again = ask_again
        self._file_site = file_site
        self.key = file_site.key if file_site is not None else None
        self.outcome: Outcome | None = None
        """`None` until it could be read."""
        self.error: S2SError | None = None
        self.is_over = False
        self._planned_at_wall_time = 0.0
        self._read_at = 0.0
        """On the loop's clock."""
        self._user_had_time_to_think = False

    @property
    def is_of_file(self) -> bool:
        """Whether a trust file names it."""
        return self._file_site is not None

    @property
    def title(self) -> str:
        if self._file_site is not None:
            return self._file_site.title
        return self.outcome.request.label if self.outcome is not None else ""

    @property
    def is_pending(self) -> bool:
        return self.outcome is not None and not self.outcome.plan.is_empty

    @property
    def has_unread_settings(self) -> bool:
        """Whether its plan says nothing of settings that it should be about."""
        if self.outcome is None or not isinstance(self.request.desired, Setup):
            return False
        return self.outcome.before.settings_unread

    @property
    def fingerprint(self) -> str | None:
        """The same for every caller on every machine; `None` where there is no whole plan.

        It is of the plan before the caller's rights limit it (`Outcome.intended`).
        Of a site of a trust file, it covers the plan and what the file says of it. The plan alone
        rounds lifetimes to months, and does not say who signs in.
        """
        if self.outcome is None or self.has_unread_settings:
            return None
        before, plan = self.outcome.before, self.outcome.intended or self.outcome.plan
        planned = fingerprint(plan, before.now, before.subject)
        if self._file_site is not None:
            return digest_of([self._file_site.file_digest, planned])
        # Of a description in a file, the plan has the settings and the role alone.
        api = self.request.api
        return planned if api.is_shipped else digest_of([api.canonical, planned])

    @property
    def exit_code(self) -> int:
        """The code at this App Service: the first case that applies.

        * The code of its error; 1 where there is none and nothing could be planned.
        * Of a dry run with changes, none of them blocked: that of a place's refusal, where this
          machine cannot store a new secret; otherwise 3, also where steps are left to others.
        * 4: the caller lacks a right, also where nothing remains but what is left to others for
          want of it. What an option leaves to them does not count.
        * 3: the check at the end failed, or a client is left alone; otherwise 0.
        """
        if self.error is not None:
            return self.error.exit_code
        if self.outcome is None:
            return ExitCode.FAILED
        plan, verification = self.outcome.plan, self.outcome.verification
        if self.options.dry_run and not plan.is_empty and not plan.blocked:
            refusals = self.outcome.place_refusals.values()
            if refusals:
                return worst(refusal.exit_code for refusal in refusals)
            # Also where steps are left to others: the run itself would end with 4.
            return ExitCode.ATTENTION
        if plan.missing_rights or plan.blocked:
            return ExitCode.NOT_PERMITTED
        a_test_failed = verification is not None and verification.failed
        return ExitCode.ATTENTION if a_test_failed or plan.left_alone else ExitCode.DONE

    async def plan(self, session: Session) -> None:
        """Look at the App Service and plan. Raises UsageError: nothing names it, or a key vault."""
        self.session = session
        self._planned_at_wall_time = time.time()
        self._read_at = clock.seconds()
        for vault in self.request.places.vaults:
            # Its mistakes are told before anything is read.
            session.connection.cloud.check_vault(vault)
        request = at_site(self.request, self.options, session)
        if request.backup is not None:
            request.backup.say = self.command_run.terminal.inform
        self.outcome = await prepare(session, replace(request, show=self.show))
        for refusal in self.outcome.place_refusals.values():
            self._name_keys(refusal)
        site = self.outcome.before.app_service
        # Before the question, and in a dry run: the run itself would be refused.
        if request.backup is not None and site is not None and site.refusal is None:
            request.backup.check(str(site.resource), dry_run=True)
        if not (request.dry_run or self.is_of_file):
            await self._rehearse_stores(self.outcome)

    def _name_keys(self, error: S2SError) -> None:
        if self._file_site is not None:
            self._file_site.name_keys(error)

    async def _rehearse_stores(self, outcome: Outcome) -> None:
        """Refuse before the question what the run itself would refuse at its start.

        A rotation of all clients that expire leaves those out whose store refuses.
        """
        desired = outcome.request.desired
        if isinstance(desired, Rotation) and desired.expiring_within is not None:
            return
        for refusal in (await rehearse_stores(outcome)).values():
            raise refusal

    async def apply(self) -> None:
        assert self.outcome is not None  # it has a plan
        self._user_had_time_to_think = not self.options.yes
        try:
            self.outcome = await carry_out(
                self.session, self.outcome, self._planned_at_wall_time, self
            )
        except S2SError as error:
            if self.outcome.has_written:
                error.mark_as_after_write()
            self._name_keys(error)
            raise
        removed_files = retire_files(self.session, self.outcome)
        if removed_files:
            self.command_run.terminal.inform("Deleted files of credentials that were removed:")
            for path in removed_files:
                self.command_run.terminal.inform(f"  {path}")
        kept_files = useless_files(self.session, self.outcome, self.outcome.done.values())
        if kept_files:
            self.command_run.terminal.say(
                "Could not delete files of credentials that were removed:"
            )
            for path in kept_files:
                self.command_run.terminal.say(f"  {path}")

    # What the engine asks of the user

    @property
    def may_be_stale(self) -> bool:
        return self._user_had_time_to_think or (
            self.is_of_file and clock.seconds() - self._read_at > STALE_SECONDS
        )

    async def confirm(self, outcome: Outcome) -> bool:
        """Ask again about a plan that has changed; of several sites, compare with the reviewed."""
        if not self.is_of_file:
            self.outcome = outcome
            return await self._ask_again([self])
        self._compare_with_reviewed(outcome)
        if outcome.plan.is_empty:
            self.outcome = outcome
            return False
        self._user_had_time_to_think = False
        self._read_at = clock.seconds()
        return True

    def _compare_with_reviewed(self, outcome: Outcome) -> None:
        """Raises Refused: there is something to do, and it is not what was reviewed."""
        reviewed = self.outcome
        assert reviewed is not None  # it was shown
        now, subject = outcome.request.now, outcome.before.subject
        is_the_same = fingerprint(outcome.plan, now, subject) == fingerprint(
            reviewed.plan, now, subject
        )
        if not (is_the_same or outcome.plan.is_empty):
            raise Refused(
                "plan-changed",
                f"What would be done at {self.title} is no longer what was planned. Nothing was "
                "changed there.",
                remedy="Run the same command again to see the new plan.",
            )

    @contextmanager
    def applying(self, outcome: Outcome) -> Iterator[Progress]:
        self.outcome = outcome
        with self.command_run.display.applying(outcome.plan) as steps:
            yield steps

    def show(self, credential: MadeCredential | None) -> bool:
        """Print a secret once it is sure that standard output has a reader.

        `None` only asks whether it has one. Returns `False` where nothing was printed, as for a
        secret that the JSON document is to show.
        """
        terminal = self.command_run.terminal
        if credential is None or terminal.json:
            terminal.check_reader()
            return False
        lines = credential_lines(
            SavedCredential(
                client=credential.name,
                client_id="",
                expires=credential.expires,
                saved_to=SecretPlace(PlaceKind.SHOWN),
                secret=credential.value,
                kind=credential.credential.kind,
            )
        )
        # Apart from the progress around it
        text = [
            "",
            *masks(credential.value),
            *(plain(line.plain) for line in lines),
            "",
        ]
        terminal.verbatim("".join(f"{line}\n" for line in text))
        return True
