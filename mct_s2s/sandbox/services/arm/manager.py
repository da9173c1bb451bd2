"""Resource Manager's own operations: tenants, subscriptions, groups, providers, lists of resources.

A caller with a role on one resource sees its subscription in the list, and may not read it:
docs/azure-contract.md, section 4.5. Source: ARM: subscriptions - list/get; resource groups -
list/get/create-or-update; providers - list/get; resources - list.
"""

import re
from collections.abc import Iterable
from typing import Any

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.resources import generic, providers
from mct_s2s.sandbox.services.arm.any_resource import show
from mct_s2s.sandbox.services.arm.call import ArmCall, ArmOperation

_CLAUSE = re.compile(
    r"\(?\s*(resourceType|name|resourceGroup|location|tagName|tagValue)\s+(eq|ne)\s+'((?:[^']|'')*)'\s*\)?"
    r"|\(?\s*substringof\('((?:[^']|'')*)',\s*(name|resourceGroup)\)\s*\)?",
    re.IGNORECASE,
)


def _list_tenants(call: ArmCall) -> Answer:
    home = call.state.directory.tenant
    tenant = {
        "id": f"/tenants/{home.tenant_id}",
        "tenantId": home.tenant_id,
        "countryCode": home.organization()["countryLetterCode"],
        "displayName": home.display_name,
        "domains": list(home.domains),
        "tenantCategory": "Home",
        "defaultDomain": home.default_domain,
        "tenantType": "AAD",
    }
    return _page([tenant])


def _list_subscriptions(call: ArmCall) -> Answer:
    sees, principal = call.resources.access.sees, call.caller.object_id
    subscriptions = call.resources.subscriptions.values()
    visible = [_shown(call, one) for one in subscriptions if sees(principal, one["id"])]
    return Answer(body={"value": visible, "count": {"type": "Total", "value": len(visible)}})


def _get_subscription(call: ArmCall) -> Answer:
    return Answer(body=_shown(call, call.resources.subscription(call.params["subscription"])))


def _shown(call: ArmCall, subscription: dict[str, Any]) -> dict[str, Any]:
    """Source: Azure/azure-cli#11013."""
    own, trusted = call.state.directory.tenant, call.state.directory.subscription_tenant
    managing = [{"tenantId": own.tenant_id}] if trusted is not own else []
    return {**subscription, "tenantId": trusted.tenant_id, "managedByTenants": managing}


def _list_locations(call: ArmCall) -> Answer:
    base = f"/subscriptions/{call.params['subscription']}/locations/"
    compact = {name: name.replace(" ", "").lower() for name in providers.LOCATIONS}
    return _page(
        {
            "id": base + short,
            "name": short,
            "displayName": name,
            "regionalDisplayName": name,
            "type": "Region",
        }
        for name, short in compact.items()
    )


def _list_groups(call: ArmCall) -> Answer:
    prefix = f"/subscriptions/{call.params['subscription']}/".lower()
    sees, principal = call.resources.access.sees, call.caller.object_id
    groups = call.resources.groups.items()
    return _page(g for key, g in groups if key.startswith(prefix) and sees(principal, g["id"]))


def _get_group(call: ArmCall) -> Answer:
    group = call.resources.group(call.params["subscription"], call.params["group"])
    return Answer(204) if call.method == "HEAD" else Answer(body=group)


def _put_group(call: ArmCall) -> Answer:
    group, is_new = generic.put_group(
        call.resources, call.params["subscription"], call.params["group"], call.body
    )
    return Answer(201 if is_new else 200, group)


def _list_resources(call: ArmCall) -> Answer:
    scope = call.path.rsplit("/", 1)[0]
    if "group" in call.params:
        call.resources.group(call.params["subscription"], call.params["group"])
    resources = _filtered(call.resources.under(scope), call.query.get("$filter"))
    allows, principal = call.resources.access.allows, call.caller.object_id
    readable = [r for r in resources if allows(principal, f"{r['type']}/read", r["id"])]
    brief = ("id", "name", "type", "location", "tags", "kind", "sku", "identity", "managedBy")
    shown = [{k: v for k, v in show(call, r).items() if k in brief} for r in readable]
    top = call.query.get("$top")
    return _page(shown[: int(top)] if top and top.isdigit() else shown)


def _filtered(resources: Iterable[dict[str, Any]], text: str | None) -> list[dict[str, Any]]:
    if not text:
        return list(resources)
    joints = {"and": all, "or": any}
    for joint, combine in joints.items():
        parts = re.split(rf"\s+{joint}\s+", text.strip(), flags=re.IGNORECASE)
        clauses = [_CLAUSE.fullmatch(part) for part in parts]
        if all(clauses):
            tests = [clause.groups() for clause in clauses if clause]
            return [r for r in resources if combine(_holds(r, *test) for test in tests)]
    raise arm_error(
        400,
        "InvalidFilterInQueryString",
        f"Invalid $filter '{text}' specified in the query string.",
    )


def _holds(
    body: dict[str, Any],
    member: str | None,
    operator: str | None,
    value: str | None,
    part: str | None,
    of: str | None,
) -> bool:
    values = {
        "resourcetype": body["type"],
        "name": body["name"],
        "resourcegroup": body["id"].split("/")[4],
        "location": body["location"].replace(" ", ""),
    }
    if part is not None and of is not None:
        return _plain(part) in values[of.lower()].lower()
    assert member is not None  # one of the two forms has matched
    wanted = _plain(value or "")
    tags = {name.lower(): str(text).lower() for name, text in (body.get("tags") or {}).items()}
    if member.lower() in {"tagname", "tagvalue"}:
        same = wanted in (tags if member.lower() == "tagname" else tags.values())
    else:
        same = values[member.lower()].lower() == wanted
    return same if operator is not None and operator.lower() == "eq" else not same


def _plain(text: str) -> str:
    return text.replace("''", "'").lower()


def _list_providers(call: ArmCall) -> Answer:
    accepted = call.resources.api_versions
    return _page(
        providers.describe(n, accepted, call.params["subscription"]) for n in providers.namespaces()
    )


def _get_provider(call: ArmCall) -> Answer:
    accepted = call.resources.api_versions
    return Answer(
        body=providers.describe(
            call.params["namespace"], accepted, call.params.get("subscription", "")
        )
    )


def _page(values: Iterable[Any]) -> Answer:
    return Answer(body={"value": list(values)})


def _row(
    method: str, path: str, action: str, kind: str, run: Any, page: str, fidelity: str = "usual"
) -> ArmOperation:
    return ArmOperation(
        method, path, run, f"ARM: {page}", fidelity, action, f"Microsoft.Resources/{kind}"
    )


_S = "/subscriptions/{subscription}"
_GROUPS, _GROUP = _S + "/resourceGroups", _S + "/resourceGroups/{group}"
_PROVIDERS, _PROVIDER = _S + "/providers", _S + "/providers/{namespace}"
_R = "Microsoft.Resources/subscriptions/"
_ROWS: tuple[tuple[Any, ...], ...] = (
    ("GET", "/tenants", "", "tenants", _list_tenants, "tenants - list"),
    (
        "GET",
        "/subscriptions",
        "",
        "subscriptions",
        _list_subscriptions,
        "subscriptions - list",
        "full",
    ),
    ("GET", _S, _R + "read", "subscriptions", _get_subscription, "subscriptions - get", "full"),
    (
        "GET",
        _S + "/locations",
        _R + "locations/read",
        "subscriptions",
        _list_locations,
        "list locations",
    ),
    ("GET", _GROUPS, "", "resourceGroups", _list_groups, "resource groups - list"),
    (
        "GET",
        _GROUP,
        _R + "resourceGroups/read",
        "resourceGroups",
        _get_group,
        "resource groups - get",
        "full",
    ),
    (
        "PUT",
        _GROUP,
        _R + "resourceGroups/write",
        "resourceGroups",
        _put_group,
        "resource groups - create or update",
    ),
    (
        "GET",
        _S + "/resources",
        _R + "resources/read",
        "resources",
        _list_resources,
        "resources - list",
    ),
    (
        "GET",
        _GROUP + "/resources",
        "",
        "resources",
        _list_resources,
        "resources - list by resource group",
    ),
    ("GET", _PROVIDERS, _R + "providers/read", "providers", _list_providers, "providers - list"),
    ("GET", _PROVIDER, _R + "providers/read", "providers", _get_provider, "providers - get"),
    (
        "GET",
        "/providers/{namespace}",
        "",
        "providers",
        _get_provider,
        "providers - get at tenant scope",
    ),
    (
        "POST",
        _PROVIDER + "/register",
        "{namespace}/register/action",
        "providers",
        _get_provider,
        "register",
    ),
)
OPERATIONS = tuple(_row(*row) for row in _ROWS)
