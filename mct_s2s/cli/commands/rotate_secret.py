"""`rotate-secret`, at one App Service or those of a trust file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from mct_s2s.cli.binding import FirstWord, command_line, option, typed_options
from mct_s2s.cli.options import CLIENT, FileOptions, SecretOptions
from mct_s2s.errors import Instruction, Refused, UsageError, contradiction

if TYPE_CHECKING:
    from mct_s2s.cli.file_site import FileSite
    from mct_s2s.model.desired import Rotation


@dataclass(kw_only=True)
class RotateSecretOptions(FileOptions, SecretOptions):
    examples = (
        "mct-s2s rotate-secret Import -a contosolearn",
        "mct-s2s rotate-secret -a contosolearn --expiring-within 30d --yes",
        "mct-s2s rotate-secret Import -a contosolearn --keep-old 7d",
        "mct-s2s rotate-secret -f trust.toml --expiring-within 30d --yes",
    )
    first_word = FirstWord("client", "NAME", "Client application: its display name or appId.")

    client: str | None = option(*CLIENT)
    expiring_within: str | None = option(
        "--expiring-within DURATION", "All clients whose credential expires within 30d, 4w, …"
    )
    expect: str | None = option(
        "--expect FINGERPRINT",
        "With --file: do not ask, and refuse another file than was reviewed.",
    )
    keep_old: str | None = option(
        "--keep-old DURATION",
        "Keep the old one for 24h, 7d, … if each rotation says so.",
    )
    remove_old: bool = option("--remove-old", "Remove the old one now, even if it is still in use.")


def rotate_secret(options: RotateSecretOptions) -> int:
    from mct_s2s import clock
    from mct_s2s.cli.change import run_change
    from mct_s2s.cli.options_to_request import change_request, where
    from mct_s2s.cli.trust_file_requests import check_only
    from mct_s2s.inputs.client_options import client_names
    from mct_s2s.inputs.secret_to import ClientPlaces, secret_to
    from mct_s2s.model.commands import own_command
    from mct_s2s.model.desired import Rotation, ServiceSpec
    from mct_s2s.model.duration import duration, expiry

    now = clock.now()
    if options.remove_old and options.keep_old is not None:
        raise contradiction("--keep-old cannot be combined with --remove-old.")
    within = (
        duration(options.expiring_within, "--expiring-within")
        if options.expiring_within is not None
        else None
    )
    rotation = Rotation(
        ServiceSpec(adopt=options.service_app),
        expires=expiry(options.secret_lifetime, now)
        if options.secret_lifetime is not None
        else None,
        clients=client_names([options.client] if options.client is not None else []),
        expiring_within=within,
        keep_old=duration(options.keep_old, "--keep-old")
        if options.keep_old is not None
        else timedelta(0),
        shorten=options.auto_lifetime,
        remove_old=options.remove_old,
        place=options.secret_to,
    )
    if options.file is not None:
        return _rotate_at_all_sites(options, rotation, now)
    check_only(options)
    if options.expect is not None:
        raise UsageError(
            "usage",
            "--expect is about a trust file.",
            remedy="Add --file FILE, or remove --expect.",
        )
    _check_one_choice(options)
    if options.client is None and options.expiring_within is None:
        raise UsageError(
            "client-missing",
            "No client given: neither a name nor --expiring-within.",
            remedy="Name one, or rotate all that expire soon:",
            command=own_command("rotate-secret", "--expiring-within", "30d", where=where(options)),
        )
    _check_lifetime(rotation.expires, rotation.expiring_within, now)
    # `--expiring-within` may be about several clients: a single file cannot hold their secrets.
    places = ClientPlaces(secret_to(options.secret_to, 1 if rotation.clients else None))
    return run_change(options, change_request(options, rotation, now, places=places))


def _check_one_choice(options: RotateSecretOptions) -> None:
    if options.client is not None and options.expiring_within is not None:
        raise contradiction(
            f"--expiring-within cannot be combined with the client '{options.client}'."
        )


def _check_lifetime(expires: datetime | None, within: timedelta | None, now: datetime) -> None:
    if _is_too_short(expires, within, now):
        raise UsageError(
            "lifetime-too-short",
            "The new secret would itself expire within --expiring-within, so every run would "
            "create another.",
            remedy="Use a longer --secret-lifetime or a shorter --expiring-within.",
        )


def _is_too_short(expires: datetime | None, within: timedelta | None, now: datetime) -> bool:
    return within is not None and expires is not None and expires <= now + within


def _too_short_in_file(file: object, short: Sequence[str], *, is_typed: bool) -> UsageError:
    """The error about all clients of a file whose new secrets would not last long enough.

    `is_typed`: the command line says the lifetime, not the file.
    """
    longer = "Use a longer --secret-lifetime" if is_typed else f"Set a longer one in '{file}'"
    return UsageError(
        "lifetime-too-short",
        "A new secret would itself expire within --expiring-within, so every run would create "
        "another.",
        introduction="Too short:",
        items=short,
        remedy=f"{longer}, or use a shorter --expiring-within.",
    )


def _rotate_at_all_sites(options: RotateSecretOptions, shared: "Rotation", now: datetime) -> int:
    from mct_s2s.cli.change import run_change_of_file
    from mct_s2s.cli.options_to_request import change_request
    from mct_s2s.cli.trust_file_requests import chosen, path_text, read_sites
    from mct_s2s.model.client_credentials import NewCredential
    from mct_s2s.model.desired import ClientRotation
    from mct_s2s.planning.reviewed import combined

    sites = chosen(read_sites(options, "backup", "secret_to"), options)
    _check_one_choice(options)
    # Not of plans: which secrets end soon is another answer every night, what the file says of them
    # is not.
    reviewed = combined([site.file_digest for site in sites])
    if options.expect is not None and options.expect.lower() != reviewed:
        # Variables may name an App Service: the file names its own, and takes none beside it.
        review = replace(
            options, app_service=None, resource_group=None, slot=None, expect=None, yes=False
        )
        within = options.expiring_within or "31d"
        raise Refused(
            "plan-not-expected",
            f"The trust file no longer says what was reviewed: the fingerprint is {reviewed}.",
            says_unchanged=True,
            remedy="Review the file, and where secrets go:",
            command=command_line(
                "rotate-secret",
                replace(review, output="text", dry_run=True, expiring_within=within),
            ),
        )
    if shared.expiring_within is None and options.client is None:
        soon = replace(
            options, app_service=None, resource_group=None, slot=None, expiring_within="30d"
        )
        raise UsageError(
            "client-missing",
            "A trust file has many clients, and nothing says which of their secrets to rotate.",
            remedy="Name one, or rotate all that expire soon:",
            command=command_line("rotate-secret", soon),
        )
    if options.client is not None:
        sites = _naming(options, sites)
    is_typed = "secret_lifetime" in typed_options()
    rotated: list[FileSite] = []
    short: list[str] = []
    wanted = {name.casefold() for name in shared.clients}
    for site in sites:
        setup = site.request.setup
        of_clients = dict[str, ClientRotation]()
        names = site.client_names
        timed = {
            entry.name.strip() for entry in site.entry.clients if entry.secret_lifetime is not None
        }
        for client in setup.clients:
            is_asked_for = options.client is None or client.name.casefold() in wanted
            if is_asked_for and isinstance(client.credential, NewCredential):
                is_of_file = client.name in timed and not is_typed
                expires = client.credential.expires if is_of_file else shared.expires
                of_clients[client.name] = ClientRotation(
                    expires,
                    shared.shorten or client.credential.shorten,
                    client.credential.kind,
                )
                if _is_too_short(expires, shared.expiring_within, now):
                    place = path_text("sites", site.key, "clients", names.index(client.name))
                    key = ".secret-lifetime" if is_of_file else ""
                    short.append(f"{place}{key} ('{client.name}')")
        service = setup.service or shared.service
        rotation = replace(
            shared,
            service=service,
            clients=tuple(of_clients),
            only_named=True,
            of_clients=of_clients,
        )
        request = change_request(
            site.options, rotation, now, places=site.request.places, file=site.request.file
        )
        rotated.append(replace(site, request=request))
    if options.client is not None and not any(site.request.desired.clients for site in rotated):
        raise _nothing_to_rotate(options.client)
    if short:
        raise _too_short_in_file(options.file, short, is_typed=is_typed)
    return run_change_of_file(
        options,
        rotated,
        digest=reviewed,
        expects_fingerprint=options.expect is not None,
        resume=None if options.client is None else partial(_rotating_rest, options),
    )


def _rotating_rest(options: RotateSecretOptions, keys: "Sequence[str]") -> Instruction:
    """How a rotation of a client by its name is completed.

    The same command would make another secret at each site that is done.
    """
    rest = replace(
        options,
        app_service=None,
        resource_group=None,
        slot=None,
        only=list(keys),
        expect=None,
    )
    return Instruction("Do the rest:", command_line("rotate-secret", rest))


def _nothing_to_rotate(client: str) -> Refused:
    """The error about a client to which the file gives nothing that mct-s2s makes."""
    return Refused(
        "no-secret-to-rotate",
        f"By the file, '{client[:130]}' has no secret, and no certificate that mct-s2s creates.",
        says_unchanged=True,
        remedy="A federated credential needs no rotation, and another certificate of your own is "
        "registered by 'apply' once the file names it.",
    )


def _naming(options: RotateSecretOptions, sites: "Sequence[FileSite]") -> "tuple[FileSite, ...]":
    """The sites at which the file names the client. Raises UsageError: there is none."""
    from mct_s2s.model.ids import is_guid
    from mct_s2s.plain_text import few_of
    from mct_s2s.planning.clients import did_you_mean

    wanted = (options.client or "").strip().casefold()
    naming = tuple(
        site for site in sites if wanted in (name.casefold() for name in site.client_names)
    )
    if not naming:
        known = list(dict.fromkeys(name for site in sites for name in site.client_names))
        names = f"It names {few_of(known)}." if known else "It names none."
        if any(map(is_guid, known)):
            names = f"{names} A client that it names by its appId is rotated by that."
        raise UsageError(
            "client-unknown",
            f"'{options.file}' names no client '{(options.client or '')[:130]}'{_among(options)}.",
            remedy=did_you_mean(options.client or "", known, names),
        )
    return naming


def _among(options: RotateSecretOptions) -> str:
    """Where a client was looked for; empty for the whole file."""
    return f" at {', '.join(options.only)}" if options.only else ""
