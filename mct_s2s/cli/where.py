"""The options that name one App Service, as a remedy prints them: typed as printed, it must mend what it names."""

from __future__ import annotations

import shlex

from mct_s2s.azure.sign_in.choice import Method
from mct_s2s.cli.options import AzureOptions
from mct_s2s.model.observed import ObservedState


def where(options: AzureOptions, observed: ObservedState | None = None) -> str:
    """`-a contosolearn -g mct-prod`, and whatever else was said that a second command needs, too."""
    site = observed.app_service.site if observed and observed.app_service else None
    words: list[str] = []
    if site is not None:
        words += ["-a", site.name, "-g", site.resource.resource_group]
        words += ["--slot", site.resource.slot] if site.resource.slot else []
    elif options.app_service:
        words += ["-a", options.app_service]
        words += ["-g", options.resource_group] if options.resource_group else []
    if site is not None and (options.app_service or "").startswith("/"):
        words += ["-s", site.resource.subscription_id]  # the id named it, and no default need be the same
    elif options.subscription:
        words += ["-s", options.subscription]
    if options.tenant:
        words += ["--tenant", options.tenant]
    if options.cloud != "public":
        words += ["--cloud", options.cloud]
    if options.auth is not Method.AUTO:
        words += ["--auth", options.auth.value]
    return shlex.join(words)
