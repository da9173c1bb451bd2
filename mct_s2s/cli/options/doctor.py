"""The options of `mct-s2s doctor`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from mct_s2s.cli.binding import option
from mct_s2s.cli.options import ChangingOptions

EXAMPLES = (
    "mct-s2s doctor -a contosolearn",
    "mct-s2s doctor -a contosolearn --managed-identity reports-func",
    "mct-s2s doctor -a contosolearn --request request.txt",
    "mct-s2s doctor -a contosolearn --fix",
)


@dataclass(kw_only=True)
class DoctorOptions(ChangingOptions):
    """Options of `doctor`."""

    managed_identity: Annotated[
        list[str],
        option("--managed-identity", metavar="RESOURCE", text="Resource whose managed identity to enable. Repeatable."),
    ] = field(default_factory=list)
    no_app_service: Annotated[bool, option("--no-app-service", text="Check Entra ID only.")] = False
    no_consent: Annotated[bool, option("--no-consent", text="Skip the check for admin consent.")] = False
    request: Annotated[
        str | None,
        option("--request", metavar="FILE", text="Write a request for what is missing, for an administrator."),
    ] = None
    fix: Annotated[bool, option("--fix", text="Mend what has drifted. Shows the plan and asks first.")] = False
