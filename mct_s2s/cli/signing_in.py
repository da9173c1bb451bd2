"""Where a command signs in, known by its options and this machine's files alone.

az is asked for tokens then.

What is heavy is imported after it: az takes as long to start.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mct_s2s.azure.clouds import BY_NAME, has_own_site
from mct_s2s.azure.sign_in import choice, tools
from mct_s2s.cli.options import AzureOptions
from mct_s2s.errors import S2SError
from mct_s2s.inputs.target import checked_tenant, site_target
from mct_s2s.model.client_sign_in import Method
from mct_s2s.model.resource_id import SiteTarget


@dataclass(frozen=True)
class Aim:
    """The App Service, tenant and subscription that are meant, as far as they are named."""

    site: SiteTarget | None
    tenant: str | None
    subscription: str | None


def aim_of(
    options: AzureOptions,
    environ: Mapping[str, str],
    site: SiteTarget | None,
    *,
    by_az: bool = True,
) -> Aim:
    """Decide by the options, the environment, then with `by_az` the Azure CLI's defaults."""
    subscription = named_subscription(options, environ)
    tenant = checked_tenant(options.tenant, "--tenant") or checked_tenant(
        environ.get("AZURE_TENANT_ID"), "AZURE_TENANT_ID"
    )
    meant = site.subscription if site is not None else subscription  # a resource ID names its own
    known = choice.known(meant, options.cloud, environ, tenant) if by_az else None
    if known is None:
        return Aim(site, tenant, subscription)
    tenant = tenant or checked_tenant(known.tenant_id, "The Azure CLI's profile")
    return Aim(replace(site, subscription=known.id) if site is not None else None, tenant, known.id)


def named_subscription(options: AzureOptions, environ: Mapping[str, str]) -> str | None:
    return options.subscription or environ.get("AZURE_SUBSCRIPTION_ID") or None


def ask_ahead(options: AzureOptions, environ: Mapping[str, str] = os.environ) -> None:
    """Have az or azd give the command's tokens, if it is by one of them that it will sign in.

    A mistake in the options is told later, and in full.
    """
    try:
        questions = _questions(options, environ) if not has_own_site(options.cloud) else []
    except (S2SError, OSError):
        questions = []
    tools.start(questions, environ)


def _names_api_file(options: AzureOptions) -> bool:
    """Whether `--api` names a file: it is read, and may be refused, before anything is asked."""
    api: str | None = getattr(options, "api", None)
    return api is not None and not {*"./\\"}.isdisjoint(api)


def _questions(options: AzureOptions, environ: Mapping[str, str]) -> list[tools.TokenQuestion]:
    services = () if _names_api_file(options) else options.signs_in_to
    method = choice.choose(options.auth, environ) if services else Method.AUTO
    if method not in {Method.CLI, Method.AZD}:
        return []
    site = None
    if options.app_service:
        subscription = named_subscription(options, environ)
        site = site_target(options.app_service, options.resource_group, subscription, options.slot)
    aim = aim_of(options, environ, site)
    tenant, subscription = aim.tenant or "", None
    if method is Method.AZD:
        cloud = BY_NAME.get(options.cloud.lower())
        scopes = (cloud.arm_scope, cloud.graph_scope) if cloud is not None else None
    else:
        scopes = choice.cli_scopes(options.cloud, environ)
        account = choice.cli_account(environ, aim.subscription, aim.tenant)
        tenant, subscription = tenant if account.takes_a_tenant else "", account.subscription
        # az writes its cache each time that an application asks: the second question follows the
        # first.
        services = services if account.is_person else services[:1]
    if scopes is None:
        return []
    by_service = dict(zip(("arm", "graph"), scopes, strict=True))
    return [
        tools.TokenQuestion(method, by_service[service], tenant, subscription)
        for service in services
    ]
