"""`rotate-secret -f`: the secrets that a trust file asks for, each into the place that the file says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mct_s2s.cli.applying.reviewing import in_file
from mct_s2s.cli.applying.site_run import SiteRun
from mct_s2s.cli.applying.whole_run import run_at_all
from mct_s2s.cli.binding import typed_options
from mct_s2s.cli.fleet.files import sites_of_file
from mct_s2s.cli.options.rotate_secret import RotateSecretOptions
from mct_s2s.cli.requests import request_for
from mct_s2s.cli.rotations import check_lifetime
from mct_s2s.cli.trust_file.entries import SiteSetup
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.errors import Refused, UsageError
from mct_s2s.model.commands import own_command
from mct_s2s.model.desired import Desired, Lifetime, Rotation
from mct_s2s.planning.credentials.certificate import CertificateSpec
from mct_s2s.planning.credentials.secret import SecretSpec
from mct_s2s.planning.reviewed import combined

_UNFIT = {
    "client": "--client",
    "secret_to": "--secret-to",
    "service_app": "--service-app",
    "backup": "--backup",
}
"""What a file says itself, or what is about one App Service."""


def rotate_at_all_sites(options: RotateSecretOptions, shared: Rotation, now: datetime) -> int:
    """Plan the new secrets of all sites, confirm once and apply side by side; return the process exit code.

    Args:
        options: the command's.
        shared: what they ask for; clients and lifetimes are the file's.
        now: the time.

    Raises:
        UsageError: options or a lifetime that do not fit.
    """
    setups = sites_of_file(options, **_UNFIT)
    places = _fingerprint(setups)
    if options.expect is not None and options.expect.lower() != places:
        only = [word for key in options.only for word in ("--only", key)]
        raise Refused(
            "plan-not-expected",
            f"Secrets would not go to the places that were reviewed: the fingerprint is {places}. Nothing was changed.",
            remedy="Review where secrets go:",
            command=own_command(
                "rotate-secret", "-f", str(options.file), *only, "--expiring-within", "31d", "--dry-run"
            ),
        )
    if shared.expiring_within is None:
        raise UsageError(
            "client-missing",
            "A trust file has many clients, and nothing says which of their secrets to rotate.",
            remedy="Add --expiring-within 30d, or rotate one: mct-s2s rotate-secret NAME -a APP_SERVICE",
        )
    is_typed = "secret_lifetime" in typed_options()
    rotations = {one.key: _of_site(one, shared, is_typed=is_typed) for one in setups}
    for key, rotation in rotations.items():
        for name in rotation.clients:
            check_lifetime(rotation.of(name), now, f" of '{name}' at {key}")

    def requested(site: SiteRun, session: Session) -> Request:
        service = replace(in_file(site.wanted.setup.request(session)), may_create=False)
        desired = Desired(service, rotation=rotations[site.key], restart=not options.no_restart)
        return request_for(session, desired, now)

    return run_at_all(options, setups, requested, digest=lambda _: places)


def _fingerprint(setups: Sequence[SiteSetup]) -> str:
    """The digest of where each client's secret goes, at which App Service: the same on every machine and every day."""
    rows = []
    for one in setups:
        site = {**one.profile.options, "key": one.key, "app": one.entry.app_service}
        site |= {"group": one.entry.resource_group, "slot": one.entry.slot}
        clients = sorted((client.name, one.setup.places.of(client.name).label) for client in one.setup.clients)
        rows.append(hashlib.sha256(json.dumps([site, clients], sort_keys=True).encode()).hexdigest())
    return combined(rows)


def _of_site(one: SiteSetup, shared: Rotation, *, is_typed: bool) -> Rotation:
    """The rotation of what the file asks for and keeps at one site; the lifetimes it names unless one was typed."""
    timed = {entry.name.strip() for entry in one.entry.clients if entry.secret_lifetime is not None}
    own: dict[str, Lifetime] = {}
    for client in one.setup.clients:
        match client.credential:
            case (SecretSpec() | CertificateSpec(given=None)) as spec:
                shorten = shared.shorten or getattr(spec, "shorten", False)
                own[client.name] = Lifetime(spec.expires if client.name in timed else None, shorten)
    return replace(shared, clients=tuple(own), only_named=True, own={} if is_typed else own)
