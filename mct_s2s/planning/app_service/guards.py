"""Refusals: a right command with a target that must not be touched."""

from __future__ import annotations

from mct_s2s.errors import Refused
from mct_s2s.model.azure_resources import AppService, Site
from mct_s2s.model.commands import command, option
from mct_s2s.model.desired import GivenValues
from mct_s2s.model.directory_objects import Tenant
from mct_s2s.model.ids import same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import TENANT_ID


def refuse_function_app(site: Site) -> None:
    """The document's warning: the App Service with `-fa-` in its name must not be selected.

    Raises:
        Refused: the site is a function app by kind, or by the name that an MCT deployment gives it.
    """
    if not site.is_function_app:
        return
    website = site.website or site.name.casefold()
    raise Refused(
        "function-app",
        f"'{site.name}' is the function app of an MCT deployment, not its App Service (kind '{site.kind}').",
        remedy=f"Use the App Service that has the website's name: {option('--app-service', website)}",
    )


def refuse_other_tenant(tenant: Tenant, app_service: AppService) -> None:
    """The document's note: the service application must be created in the tenant of the MCT instance.

    Raises:
        Refused: signed in to another tenant than the one the App Service's subscription trusts.
    """
    if same_id(tenant.id, app_service.tenant_id):
        return
    raise Refused(
        "other-tenant",
        f"You are signed in to the tenant '{tenant.name}' ({tenant.id}), but the App Service "
        f"'{app_service.site.name}' belongs to the tenant '{app_service.tenant_id}'. Nothing was changed.",
        remedy=f"Sign in to the App Service's tenant: add {option('--tenant', app_service.tenant_id)}",
    )


def refuse_foreign_values(given: GivenValues, app_service: AppService) -> None:
    """Values that someone wrote down, perhaps for another App Service, or an attacker for this one.

    Raises:
        Refused: a tenant id that is not the subscription's, or a handoff that names another App Service.
    """
    site = app_service.site
    if given.app_service is not None and given.app_service.casefold() != site.label.casefold():
        name, _, slot = given.app_service.partition("/")
        there = command("--app-service", name, *(["--slot", slot] if slot else []))
        raise Refused(
            "handoff-of-another-site",
            f"The handoff file is for '{given.app_service}', not for '{site.label}'. Nothing was changed.",
            remedy="Use it for that App Service:",
            command=f"mct-s2s configure-appservice --from FILE {there}",
        )
    tenant_id = given.value(TENANT_ID)
    if tenant_id is not None and not same_id(tenant_id, app_service.tenant_id):
        raise Refused(
            "other-tenant",
            f"The values are for the tenant '{tenant_id}', but the App Service '{site.label}' belongs to the "
            f"tenant '{app_service.tenant_id}': they would give access to clients of the other tenant. Nothing "
            "was changed.",
            remedy="Use values from a service application in the App Service's own tenant.",
        )


def check(observed: ObservedState) -> None:
    """Both refusals, for whatever was looked at."""
    if observed.app_service is None:
        return
    refuse_function_app(observed.app_service.site)
    if observed.tenant is not None:
        refuse_other_tenant(observed.tenant, observed.app_service)
