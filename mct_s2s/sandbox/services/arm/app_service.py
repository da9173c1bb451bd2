"""App Service: slots, application settings, sticky names, restart.

The site itself is a resource like others.

Source: app-service: web-apps/list-slots, /list-application-settings, /update-application-settings,
/list-slot-configuration-names, /update-slot-configuration-names, /restart.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.resources import generic, sites, vault_references
from mct_s2s.sandbox.resources.sites import SiteState, app_service_error
from mct_s2s.sandbox.services.arm.any_resource import show
from mct_s2s.sandbox.services.arm.call import ArmCall, ArmOperation


def _site(call: ArmCall) -> tuple[dict[str, Any], SiteState]:
    return call.resources.get(call.resource_id), call.resources.sites[call.resource_id.key]


def _config(body: dict[str, Any], name: str, properties: Any) -> Answer:
    kind = body["type"] + "/config"
    shown = {
        "id": f"{body['id']}/config/{name}",
        "name": name,
        "type": kind,
        "location": body["location"],
    }
    return Answer(body={**shown, "properties": properties})


def _list_slots(call: ArmCall) -> Answer:
    body, _ = _site(call)
    slots = call.resources.under(body["id"], of_type="Microsoft.Web/sites/slots")
    return Answer(
        body={"value": [show(call, slot, listed=True) for slot in slots], "nextLink": None}
    )


def _list_config(name: str, attribute: str, call: ArmCall) -> Answer:
    body, site_state = _site(call)
    return _config(body, name, dict(getattr(site_state, attribute)))


def _put_settings(call: ArmCall) -> Answer:
    """Replace the application settings as a whole; the site recycles.

    On the Flex Consumption plan the answer is 202 with a Location to poll.
    """
    body, site_state = _site(call)
    generic.check_members(call.body)
    site_state.replace_settings(
        call.body.get("properties"),
        call.resources.clock.timestamp(),
        call.resources.restart_seconds,
        strict=call.state.directory.variations.strict_setting_names,
    )
    vault_references.environment(call.resources, body, site_state)  # resolved at this moment
    if call.state.directory.variations.settings_accept_202:
        name = generic.add_done(call.resources, call.resource_id)
        site_state.busy_until = generic.operation_named(call.resources, name)["ready"]
        return Answer(202, None, _again(call, f"{body['id']}/operationresults/{name}"))
    return replace(_list_config(*_SETTINGS, call), headers={"ETag": site_state.etag})


def _get_settings_result(call: ArmCall) -> Answer:
    _site(call)
    operation = generic.operation_named(call.resources, call.params["operation"])
    if call.resources.clock.timestamp() < operation["ready"]:
        return Answer(202, None, _again(call, call.path))
    return _list_config(*_SETTINGS, call)


def _again(call: ArmCall, path: str) -> dict[str, str]:
    return {"Location": f"{call.addresses.arm}{path}?{call.version}", "Retry-After": "1"}


def _swap_slots(call: ArmCall) -> Answer:
    body, site_state = _site(call)
    wanted = call.body.get("targetSlot")
    production = call.resource_id.parent or call.resource_id
    key = production.key if wanted == "production" else f"{production.key}/slots/{wanted}".lower()
    other = call.resources.sites.get(key)
    if not isinstance(wanted, str) or other is None or other is site_state:
        raise app_service_error(
            404, "NotFound", f"Cannot find the slot '{wanted}' of '{body['name']}' to swap with."
        )
    sticky = call.resources.sites[production.key].sticky["appSettingNames"] or []
    site_state.swap_with(
        other, sticky, call.resources.clock.timestamp(), call.resources.restart_seconds
    )
    return Answer(200)


def _put_connection_strings(call: ArmCall) -> Answer:
    _, site_state = _site(call)
    generic.check_members(call.body)
    properties, now = call.body.get("properties"), call.resources.clock.timestamp()
    site_state.replace_connection_strings(properties, now, call.resources.restart_seconds)
    return replace(_list_config(*_STRINGS, call), headers={"ETag": site_state.etag})


def _list_storage_accounts(call: ArmCall) -> Answer:
    shown = _config(_site(call)[0], "azurestorageaccounts", {}).body
    return Answer(body={**shown, "id": shown["id"].replace("azurestorageaccounts", "appsettings")})


def _get_sticky(call: ArmCall) -> Answer:
    body, site_state = _production(call)
    # Shown as if it were the site itself, without an id: docs/azure-contract.md, section 4.2.
    shown = {"id": None, "name": body["name"], "type": body["type"], "location": body["location"]}
    return Answer(body={**shown, "properties": site_state.shown_sticky()})


def _put_sticky(call: ArmCall) -> Answer:
    _, site_state = _production(call)
    generic.check_members(call.body)
    site_state.replace_sticky(call.body.get("properties"))
    return _get_sticky(call)


def _production(call: ArmCall) -> tuple[dict[str, Any], SiteState]:
    body, site_state = _site(call)
    if call.resource_id.parent is not None:
        raise app_service_error(404, "NotFound", f"No route registered for '{call.path}'.")
    return body, site_state


def _get_web_config(call: ArmCall) -> Answer:
    body, _ = _site(call)
    return Answer(body={**_config(body, "web", sites.web_config(body)).body, "name": body["name"]})


def _publish_profile(call: ArmCall) -> Answer:
    body, _ = _site(call)
    name, user = body["name"].replace("/", "-"), "$" + body["name"].replace("/", "__")
    host, deployment = (
        call.addresses.of_site(body["id"]),
        call.addresses.of_deployment(body["id"]),
    )
    shared = f'userName="{user}" userPWD="sandbox" destinationAppUrl="https://{host}"'
    profiles = (
        f'<publishProfile profileName="{name} - Web Deploy" publishMethod="MSDeploy" '
        f'publishUrl="{deployment if ":" in deployment else f"{deployment}:443"}" '
        f'msdeploySite="{name}" {shared} />'
        f'<publishProfile profileName="{name} - FTP" publishMethod="FTP" '
        f'publishUrl="ftps://{host.partition(":")[0]}/site/wwwroot" {shared} />'
    )
    return Answer(body=f"<publishData>{profiles}</publishData>", media_type="application/xml")


async def _restart(call: ArmCall) -> Answer:
    _, site_state = _site(call)
    seconds = call.resources.restart_seconds
    site_state.restarts += 1
    site_state.start_over(call.resources.clock.timestamp(), seconds)
    if call.query.get("synchronous", "").lower() == "true":
        await call.resources.clock.sleep(seconds)
    return Answer(200)


def _set_state(running: str, call: ArmCall) -> Answer:
    body, _ = _site(call)
    body["properties"]["state"] = running
    return Answer(200)


def _row(
    method: str, tail: str, verb: str, run: Any, page: str, fidelity: str = "usual"
) -> ArmOperation:
    action = verb if verb.startswith("Microsoft.") else f"{{type}}/{verb}"
    return ArmOperation(
        method,
        f"{{site}}/{tail}",
        run,
        f"app-service: {page}",
        fidelity,
        action,
        "Microsoft.Web/sites",
    )


_SETTINGS, _STRINGS = ("appsettings", "settings"), ("connectionstrings", "connection_strings")
_R, _W, _LIST = "config/read", "config/write", "config/list/action"
_ROWS: tuple[tuple[Any, ...], ...] = (
    ("GET", "slots", "Microsoft.Web/sites/slots/read", _list_slots, "list slots"),
    (
        "POST",
        "config/appsettings/list",
        _LIST,
        partial(_list_config, *_SETTINGS),
        "list application settings",
        "full",
    ),
    ("PUT", "config/appsettings", _W, _put_settings, "update application settings", "full"),
    (
        "GET",
        "operationresults/{operation}",
        "operationresults/read",
        _get_settings_result,
        "update application settings, Flex Consumption",
    ),
    ("POST", "slotsswap", "slotsswap/action", _swap_slots, "swap slot"),
    (
        "POST",
        "config/connectionstrings/list",
        _LIST,
        partial(_list_config, *_STRINGS),
        "list connection strings",
    ),
    ("PUT", "config/connectionstrings", _W, _put_connection_strings, "update connection strings"),
    (
        "POST",
        "config/azurestorageaccounts/list",
        _LIST,
        _list_storage_accounts,
        "list azure storage accounts",
        "stub",
    ),
    ("GET", "config/slotConfigNames", _R, _get_sticky, "list slot configuration names", "full"),
    ("PUT", "config/slotConfigNames", _W, _put_sticky, "update slot configuration names", "full"),
    ("GET", "config/web", _R, _get_web_config, "get configuration", "stub"),
    (
        "POST",
        "publishxml",
        "publishxml/action",
        _publish_profile,
        "list publishing profile xml with secrets",
        "stub",
    ),
    ("POST", "restart", "restart/action", _restart, "restart", "full"),
    ("POST", "start", "start/action", partial(_set_state, "Running"), "start"),
    ("POST", "stop", "stop/action", partial(_set_state, "Stopped"), "stop"),
)
OPERATIONS = tuple(_row(*row) for row in _ROWS)
