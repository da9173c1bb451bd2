"""`mct-s2s rotate-secret`: new secrets for old, without a moment in which neither is good."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from mct_s2s import clock
from mct_s2s.cli.change_targets import query_for
from mct_s2s.cli.changing import Change, change
from mct_s2s.cli.options import RotateOptions
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.specs import service_wish
from mct_s2s.cli.where import where
from mct_s2s.cli.wiring import Needs, Session
from mct_s2s.errors import UsageError
from mct_s2s.inputs.clients import client_names, secret_to
from mct_s2s.inputs.lifetime import duration, expiry
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Desired, Rotation
from mct_s2s.render.closing import show_credentials

SEVERAL = 2
"""As many clients as `--expiring-within` may be about: a single file is no place for their secrets."""


def rotate_secret(options: RotateOptions) -> int:
    """Exit code of `rotate-secret`."""
    if (options.name is None) == (options.expiring_within is None):
        raise UsageError(
            "client-missing",
            "No client given: neither a name nor --expiring-within.",
            remedy="Run mct-s2s rotate-secret NAME, or mct-s2s rotate-secret --expiring-within 30d",
        )
    if options.remove_old and options.keep_old is not None:
        raise UsageError(
            "contradictory-options",
            "--keep-old cannot be combined with --remove-old.",
            remedy="Remove one of them.",
        )
    now = clock.now()
    within = duration(options.expiring_within, "--expiring-within") if options.expiring_within is not None else None
    rotation = Rotation(
        expires=expiry(options.secret_lifetime, now),
        clients=client_names([options.name] if options.name is not None else []),
        expiring_within=within,
        keep_old=duration(options.keep_old, "--keep-old") if options.keep_old is not None else timedelta(0),
        shorten=options.auto_lifetime,
        remove_old=options.remove_old,
    )
    _check_lifetime(rotation, now)
    stores = secret_to(options.secret_to, len(rotation.clients) or SEVERAL)

    async def body(current: Run, session: Session) -> int:
        service = service_wish(session.target, None, may_create=False)
        query = replace(query_for(session, service, now), clients=rotation.clients, wired=stores.vault is not None)
        wanted = Change(
            query=query,
            desired=Desired(service, rotation=rotation, restart=not options.no_restart),
            label=session.target.label if session.target else service.display_name,
            now=now,
            secret_to=stores,
        )
        code, changed = await change(current, options, session, wanted)
        if not current.terminal.json and changed.applied:
            show_credentials(current.terminal, [one for one in changed.credentials if one.secret is None])
            after = changed.convergence.after
            current.terminal.result(
                f"Done. Check it any time: {own_command('status', where=where(options, after))}", style="good"
            )
        return code

    return run(options, Needs(key_vault=stores.vault is not None), body)


def _check_lifetime(rotation: Rotation, now: datetime) -> None:
    if rotation.expiring_within is not None and rotation.expires <= now + rotation.expiring_within:
        raise UsageError(
            "lifetime-too-short",
            "The new secret would itself expire within --expiring-within, so every run would create another.",
            remedy="Use a longer --secret-lifetime or a shorter --expiring-within.",
        )
