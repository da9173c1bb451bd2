"""`apply`: every App Service of a trust file as the file says."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.cli.binding import ADVANCED, REMOVAL, command_line, option
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.errors import Instruction, Refused, contradiction, malformed

if TYPE_CHECKING:
    from mct_s2s.cli.file_site import FileSite
    from mct_s2s.cli.site_change import SiteChange
    from mct_s2s.model.desired import Pruning

_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


@dataclass(kw_only=True)
class ApplyOptions(ChangingOptions):
    examples = (
        "mct-s2s apply -f trust.toml --dry-run",
        "mct-s2s apply -f trust.toml",
        "mct-s2s apply -f trust.toml --dry-run -o markdown",
        "mct-s2s apply -f trust.toml --expect FINGERPRINT --yes",
        "mct-s2s apply -f trust.toml --only contosolearn --prune",
    )
    first_word = None

    file: Path = option(
        "-f --file FILE", "Trust file: the sites and their clients.", default=MISSING
    )
    only: list[str] = option(
        "--only SITE", "Only this site, by its name in the file. Repeatable.", default=list
    )
    expect: str | None = option(
        "--expect FINGERPRINT",
        "Apply the plan of a dry run without asking, and refuse any other.",
    )
    prune: bool = option(
        "--prune", "Remove clients of these sites that the file does not name.", REMOVAL
    )
    allow_removals: bool = option(
        "--allow-removals", "Let --prune remove more than a third of the clients.", REMOVAL
    )
    no_verify: bool = option("--no-verify", "Do not test the clients at the end.", ADVANCED)

    # Those of one App Service: the file names each. Typed, they are refused; their variables are
    # not read.
    app_service: str | None = option("-a --app-service VALUE", "In the file.", hidden=True)
    resource_group: str | None = option("-g --resource-group VALUE", "In the file.", hidden=True)
    slot: str | None = option("--slot VALUE", "In the file.", hidden=True)
    backup: Path | None = option("--backup VALUE", "Of one App Service alone.", hidden=True)
    service_app: str | None = option("--service-app VALUE", "In the file.", hidden=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.allow_removals and not self.prune:
            no_effect = "--allow-removals has no effect without --prune."
            raise contradiction(no_effect, "Add --prune, or remove --allow-removals.")
        if self.expect is not None and not _FINGERPRINT.fullmatch(self.expect):
            remedy = (
                "Use the whole fingerprint that the dry run printed, 64 hexadecimal digits: "
                "another plan could be made to begin with the same few."
            )
            raise malformed("malformed-fingerprint", "--expect", self.expect, remedy)


def apply(options: ApplyOptions) -> int:
    from mct_s2s.cli.change import run_change_of_file
    from mct_s2s.cli.trust_file_requests import chosen, read_sites
    from mct_s2s.model.desired import Pruning

    sites = read_sites(options, "backup")
    # A registration that any site of the file names has to stay.
    named = {client.name.casefold() for site in sites for client in site.request.setup.clients}
    named |= {str(identity).casefold() for site in sites for identity in site.request.identities}
    unnamed = Pruning(options.prune, options.allow_removals, frozenset(named))

    reviewing = replace(options, expect=None, yes=False, output="text", dry_run=True)
    review = command_line("apply", reviewing)
    allowing = command_line("apply", replace(reviewing, allow_removals=options.prune))

    def check(planned: "Sequence[SiteChange]", fingerprint: str | None) -> None:
        is_pending = fingerprint is None or any(site.is_pending for site in planned)
        if options.expect is None or fingerprint == options.expect.lower() or not is_pending:
            return
        if fingerprint is None:
            failed = [site for site in planned if site.error is not None]
            way_out = _review_of_others(reviewing, planned)
            raise Refused(
                "plan-not-expected",
                "The plan that was reviewed is applied as a whole, and not every site can be "
                "planned.",
                says_unchanged=True,
                items=[item for site in failed for item in _reasons(site)],
                remedy=way_out.what,
                command=way_out.command,
            )
        raise Refused(
            "plan-not-expected",
            f"This is not the plan that was reviewed: its fingerprint is {fingerprint}.",
            remedy="Were --prune, the chosen sites and the file the same as in the review? "
            "Review what would be done now:",
            command=review,
            says_unchanged=True,
        )

    file_sites = [_with_pruning(site, unnamed) for site in chosen(sites, options)]
    expects_fingerprint = options.expect is not None
    # What is left of a plan has another fingerprint.
    rest = Instruction("To resume, review what is left and apply that:", review)
    return run_change_of_file(
        options,
        file_sites,
        check=check,
        expects_fingerprint=expects_fingerprint,
        resume=(lambda _: rest) if expects_fingerprint else None,
        allowing=allowing,
    )


def _review_of_others(reviewing: ApplyOptions, planned: "Sequence[SiteChange]") -> Instruction:
    """Say how to review those sites of the command that can be planned."""
    plannable = [site.key for site in planned if site.fingerprint is not None and site.key]
    if not plannable:
        again = "Correct what is wrong there, then review it again:"
        return Instruction(again, command_line("apply", reviewing))
    what = "Correct what is wrong there, or review the others:"
    return Instruction(what, command_line("apply", replace(reviewing, only=plannable)))


def _reasons(site: "SiteChange") -> Iterator[Instruction]:
    """Yield why a site could not be planned, each reason with its name."""
    if site.error is None:
        return
    yield Instruction(f"{site.title}: {site.error.statement}")
    for item in site.error.items:
        yield replace(item, what=f"{site.title}: {item.what}")


def _with_pruning(site: "FileSite", pruning: "Pruning") -> "FileSite":
    desired = replace(site.request.setup, pruning=pruning)
    return replace(site, request=replace(site.request, desired=desired))
