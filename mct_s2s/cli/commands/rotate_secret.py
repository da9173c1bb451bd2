"""`mct-s2s rotate-secret`: new secrets for old, without a moment in which neither is good."""

from __future__ import annotations

from mct_s2s import clock
from mct_s2s.cli.change import change, exit_code
from mct_s2s.cli.closing import close, made_by
from mct_s2s.cli.fleet.files import check_only
from mct_s2s.cli.options.rotate_secret import RotateSecretOptions
from mct_s2s.cli.requests import request_for, service_spec
from mct_s2s.cli.rotations import check_lifetime, rotation_of
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.session import Session
from mct_s2s.errors import UsageError
from mct_s2s.inputs.secret_to import ClientPlaces, secret_to
from mct_s2s.model.desired import Desired

SEVERAL = 2
"""As many clients as `--expiring-within` may be about: a single file cannot hold their secrets."""


def rotate_secret(options: RotateSecretOptions) -> int:
    """Plan the new secrets, confirm and apply; return the process exit code."""
    now = clock.now()
    if options.file is not None:
        from mct_s2s.cli.applying.rotating import rotate_at_all_sites  # noqa: PLC0415  # only for a file

        return rotate_at_all_sites(options, rotation_of(options, now), now)
    check_only(options)
    if options.expect is not None:
        raise UsageError("usage", "--expect is about a trust file.", remedy="Add --file FILE, or remove --expect.")
    if (options.client is None) == (options.expiring_within is None):
        raise UsageError(
            "client-missing",
            "No client given: neither a name nor --expiring-within.",
            remedy="Run mct-s2s rotate-secret NAME, or mct-s2s rotate-secret --expiring-within 30d",
        )
    rotation = rotation_of(options, now)
    check_lifetime(rotation, now)
    place = secret_to(options.secret_to, len(rotation.clients) or SEVERAL)
    places = ClientPlaces(place)

    async def body(current: Run, session: Session) -> int:
        service = service_spec(session.target, None, adopt=options.service_app, may_create=False)
        desired = Desired(service, rotation=rotation, restart=not options.no_restart)
        request = request_for(session, desired, now)
        outcome = await change(current, options, session, request, places)
        made = made_by(outcome)
        kinds = {one.credential.kind.noun for one in made if one.credential is not None}
        noun = kinds.pop() if len(kinds) == 1 else "credential"
        what = f"the {noun} of {made[0].name}" if len(made) == 1 else f"{len(made) or 'old'} {noun}s"
        close(current.terminal, options, session, outcome, f"Rotated {what}", made)
        return exit_code(options, outcome)

    return run(options, Needs(key_vault=place.vault is not None), body)
