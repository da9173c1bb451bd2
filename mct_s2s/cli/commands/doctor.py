"""`mct-s2s doctor`: check permissions, locks and policies; ask for what is missing, or mend what has drifted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mct_s2s import clock
from mct_s2s.cli.options.doctor import DoctorOptions
from mct_s2s.cli.requests import named_target, request_for, service_spec, where
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.observe.rights_examination import examine
from mct_s2s.engine.session import Session
from mct_s2s.errors import UsageError
from mct_s2s.inputs.target import caller_resource
from mct_s2s.model.desired import Desired
from mct_s2s.planning.app_service import guards
from mct_s2s.planning.permissions.doctor import DoctorCheck, Seen, checks, is_ready, is_secret_shortened
from mct_s2s.render.doctor import doctor_document, show_checks, show_drift

SOMETHING_MISSING = 3
STANDARD_OUTPUT = "-"


def doctor(options: DoctorOptions) -> int:
    """Check what the caller may do; return 0 if nothing is missing, else 3. With `--fix`, mend what has drifted."""
    _check_combination(options)
    if options.fix:
        from mct_s2s.cli.mending import fix  # noqa: PLC0415  # what changes something is a lot to import

        return fix(options)
    identities = tuple(dict.fromkeys(caller_resource(text) for text in options.managed_identity))
    named = named_target(options) if options.no_app_service else None
    request_text = _RequestText(options.request) if options.request is not None else None

    async def body(current: Run, session: Session) -> int:
        now = clock.now()
        service = service_spec(session.target or named, "MCT service")
        request = replace(request_for(session, Desired(service), now), identities=identities, without_settings=True)
        seen = await examine(session.azure, request)
        if seen.site is not None:
            guards.refuse_function_app(seen.site)
        found = checks(seen, now, consent=not options.no_consent)
        if request_text is not None:
            request_text.write(current, seen, found, where(options))
        if current.terminal.json:
            current.terminal.document(doctor_document(seen, found))
        elif options.request != STANDARD_OUTPUT:
            more = _more(options, shortened=is_secret_shortened(seen, now))
            show_checks(current.terminal, found, where(options), more, is_requested=request_text is not None)
            show_drift(current.terminal, seen, where(options))
        return 0 if is_ready(found) else SOMETHING_MISSING

    arm = not options.no_app_service or bool(identities)
    return run(options, Needs(arm=arm, target=not options.no_app_service), body)


def _check_combination(options: DoctorOptions) -> None:
    """Refuse options that mean nothing together; `--yes` may come from the environment.

    Raises:
        UsageError: as said.
    """
    changing = {
        "--dry-run": options.dry_run,
        "--no-restart": options.no_restart,
        "--no-preflight": options.no_preflight,
        "--backup": options.backup is not None,
    }
    checking = {
        "--managed-identity": bool(options.managed_identity),
        "--no-app-service": options.no_app_service,
        "--no-consent": options.no_consent,
        "--request": options.request is not None,
    }
    for name, is_given in (checking if options.fix else changing).items():
        if is_given:
            without = f"Remove {name}, or --fix." if options.fix else f"Add --fix, or remove {name}."
            together = "cannot be combined with --fix" if options.fix else "has no meaning without --fix"
            raise UsageError("contradictory-options", f"{name} {together}.", remedy=without)
    if options.request == STANDARD_OUTPUT and options.output != "text":
        raise UsageError(
            "contradictory-options",
            "--request - and --output json both need standard output.",
            remedy="Write the request to a file: --request FILE",
        )


class _RequestText:
    """`--request`: a text for an administrator, in a file that is checked at once, or on standard output."""

    def __init__(self, place: str) -> None:
        from mct_s2s.cli.user_files import request_file  # noqa: PLC0415  # most runs write none

        self._file = None if place == STANDARD_OUTPUT else request_file(Path(place))
        if self._file is not None:
            self._file.check(dry_run=False)

    def write(self, current: Run, seen: Seen, found: tuple[DoctorCheck, ...], where: str) -> None:
        """Write it, where there is something to ask for."""
        from mct_s2s.render.access_request import access_request  # noqa: PLC0415  # as above

        text = access_request(seen, found, where)
        if text is None:
            current.terminal.say("There is nothing to ask an administrator for. No request was written.")
        elif self._file is not None:
            self._file.write(text)
            current.terminal.note(f"Wrote the request to {self._file.path}")
        else:
            for line in text.splitlines():
                current.terminal.result(line)


def _more(options: DoctorOptions, *, shortened: bool) -> list[str]:
    """What `setup` has to be told so that it does what was checked, no more, and is not refused by what was seen."""
    identities = [word for resource in options.managed_identity for word in ("--managed-identity", resource)]
    return [
        *identities,
        *(["--no-app-service"] if options.no_app_service else []),
        *(["--no-consent"] if options.no_consent else []),
        *(["--auto-lifetime"] if shortened else []),
    ]
