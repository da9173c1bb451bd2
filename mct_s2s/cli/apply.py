"""`apply`: every App Service of a trust file as the file says."""

from collections.abc import Sequence
from dataclasses import replace

from mct_s2s.cli.binding import command_line
from mct_s2s.cli.change import run_change_of_file
from mct_s2s.cli.commands import ApplyOptions
from mct_s2s.cli.file_site import FileSite
from mct_s2s.cli.site_change import SiteChange
from mct_s2s.cli.trust_file import chosen, read_sites
from mct_s2s.errors import Refused
from mct_s2s.model.desired import Pruning


def apply(options: ApplyOptions) -> int:
    sites = read_sites(options)
    # A registration that any site of the file names has to stay.
    named = {client.name.casefold() for site in sites for client in site.request.setup.clients}
    named |= {str(identity).casefold() for site in sites for identity in site.request.identities}
    unnamed = Pruning(options.prune, options.allow_removals, frozenset(named))

    def check(changes: Sequence[SiteChange], found: str | None) -> None:
        is_pending = found is None or any(one.is_pending for one in changes)
        if options.expect is None or found == options.expect.lower() or not is_pending:
            return
        raise Refused(
            "plan-not-expected",
            "This is not the plan that was reviewed: "
            + ("not every site could be read" if found is None else f"its fingerprint is {found}")
            + ". Nothing was changed.",
            remedy="Review what would be done now:",
            command=command_line(
                "apply", replace(options, expect=None, yes=False, output="text", dry_run=True)
            ),
            items=[one.error.headline for one in changes if one.error is not None],
        )

    file_sites = [_with_pruning(site, unnamed) for site in chosen(sites, options)]
    return run_change_of_file(
        options, file_sites, check=check, is_reviewed=options.expect is not None
    )


def _with_pruning(site: FileSite, pruning: Pruning) -> FileSite:
    desired = replace(site.request.setup, pruning=pruning)
    return replace(site, request=replace(site.request, desired=desired))
