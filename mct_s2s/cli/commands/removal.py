"""`remove-client` and `teardown`."""

from dataclasses import MISSING, dataclass, replace
from typing import TYPE_CHECKING

from mct_s2s.cli.binding import REMOVAL, FirstWord, option, site_words
from mct_s2s.cli.options import CLIENT, ChangingOptions
from mct_s2s.errors import UsageError, contradiction

if TYPE_CHECKING:
    from mct_s2s.model.desired import Removal


@dataclass(kw_only=True)
class RemovalOptions(ChangingOptions):
    keep_registration: bool = option(
        "--keep-registration", "Keep app registrations. Revoke their access only.", REMOVAL
    )
    delete_adopted: bool = option(
        "--delete-adopted", "Also delete registrations that mct-s2s did not create.", REMOVAL
    )
    purge: bool = option("--purge", "Delete permanently. Nothing can be restored.", REMOVAL)


@dataclass(kw_only=True)
class RemoveClientOptions(RemovalOptions):
    examples = (
        "mct-s2s remove-client Import -a contosolearn --dry-run",
        "mct-s2s remove-client Import -a contosolearn --keep-registration",
    )
    without_site = (
        "Or delete the client's app registration, if it has one, in the portal (Entra ID, App "
        "registrations): it gets no more tokens then. Its ID stays on the allow list until this "
        "command is run."
    )
    first_word = FirstWord(
        "client", "NAME", "Display name, appId, object ID, resource ID or allow list entry."
    )

    client: str = option(*CLIENT, default=MISSING)
    ignore_missing: bool = option(
        "--ignore-missing", "Exit 0 if the client does not exist.", REMOVAL
    )


@dataclass(kw_only=True)
class TeardownOptions(RemovalOptions):
    examples = (
        "mct-s2s teardown -a contosolearn --dry-run",
        "mct-s2s teardown -a contosolearn --keep-registration",
    )


def remove_client(options: RemoveClientOptions) -> int:
    from mct_s2s.model.commands import command, own_command
    from mct_s2s.model.desired import Removal

    name = options.client.strip()
    if not name:
        raise UsageError(
            "client-name-empty",
            "No client given: the name is empty.",
            remedy="List the clients, then run it with the name or ID of one:",
            command=own_command("status", where=command(*site_words(options))),
        )
    _check_extent(options)
    removal = Removal(
        clients=(name,),
        ignore_missing=options.ignore_missing,
        keep_registration=options.keep_registration,
        delete_adopted=options.delete_adopted,
        purge=options.purge,
    )
    return _remove(options, removal)


def teardown(options: TeardownOptions) -> int:
    from mct_s2s.model.desired import Removal

    _check_extent(options)
    removal = Removal(
        everything=True,
        keep_registration=options.keep_registration,
        delete_adopted=options.delete_adopted,
        purge=options.purge,
    )
    return _remove(options, removal)


def _remove(options: RemovalOptions, removal: "Removal") -> int:
    from mct_s2s import clock
    from mct_s2s.cli.change import run_change
    from mct_s2s.cli.options_to_request import change_request
    from mct_s2s.model.desired import ServiceSpec

    removal = replace(removal, service=ServiceSpec(adopt=options.service_app))
    return run_change(options, change_request(options, removal, clock.now()))


def _check_extent(options: RemovalOptions) -> None:
    """Raise UsageError: the options say both that registrations stay and that they go."""
    if options.keep_registration and (options.purge or options.delete_adopted):
        raise contradiction(
            "--keep-registration cannot be combined with --purge or --delete-adopted."
        )
