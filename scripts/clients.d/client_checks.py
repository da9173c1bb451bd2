"""What scripts/clients compares and calls: `client_checks.py CHECK ARGUMENT…` ends with 0, or says
what is wrong.

Everything but the MCT API and the sandbox's log is seen through files that the Azure CLI wrote.
"""

import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from azure.identity import AzureCliCredential, ClientSecretCredential, ManagedIdentityCredential

OURS = {f"ServiceAuth{name}" for name in ("Enabled", "Audience", "TenantName", "TenantId", "Role")}
OURS |= {"ServiceObjectIds", "ServiceApplicationIds"}
RESTARTING = 503

Wrong = list[str]
"""What a check found wrong, in words."""


def load(path: str | Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def compare(what: str, actual: object, wanted: object) -> Wrong:
    """The two have to be equal."""
    return [] if actual == wanted else [f"{what} is {actual!r}, not {wanted!r}"]


# The sandbox's own routes


def sandbox(method: str, path: str, body: bytes | None = None) -> Any:
    """Ask the sandbox about itself."""
    origin = os.environ.get("SANDBOX") or os.environ["MCT_S2S_CLOUD"]
    request = urllib.request.Request(f"{origin}/_sandbox/{path}", body, method=method)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(
        request, context=ssl.create_default_context(), timeout=60
    ) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def keep_state(path: str) -> None:
    Path(path).write_text(json.dumps(sandbox("GET", "world")), encoding="utf-8")


def restore_state(path: str) -> None:
    sandbox("PUT", "world", Path(path).read_bytes())


def forget_requests() -> None:
    sandbox("DELETE", "requests")


def no_writes() -> Wrong:
    """Since then something was asked, and nothing written: sign-in and the listing of settings are
    POSTs that read.
    """
    rows = [
        row for row in sandbox("GET", "requests")["value"] if row["service"] in {"graph", "arm"}
    ]
    reads = [
        r
        for r in rows
        if r["method"] in {"GET", "HEAD"} or r["path"].endswith("/config/appsettings/list")
    ]
    writes = [f"{row['method']} {row['path']} {row['status']}" for row in rows if row not in reads]
    return writes if reads else ["nothing was asked: this is no proof"]


def no_leaks() -> Wrong:
    """No secret that the sandbox handed out came to where it has no business."""
    return [str(leak) for leak in sandbox("GET", "leaks")["value"]]


# Calls of the MCT API


def call_mct(token: str) -> int:
    """The status that the MCT API answers with, once it has restarted."""
    request = urllib.request.Request(f"{os.environ['MCT_S2S_URL']}/api/v1/organization")
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("ClientType", "Service")
    until, status = time.monotonic() + 20, RESTARTING
    while status == RESTARTING and time.monotonic() < until:
        try:
            with urllib.request.urlopen(
                request, context=ssl.create_default_context(), timeout=20
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            status = error.code
        time.sleep(0.1)
    return status


def by_secret(client_id: str, secret: str, audience: str) -> str:
    """A token by a client's secret.

    Microsoft does not know the sandbox's login host, and is not asked about it.
    """
    credential = ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"], client_id, secret, disable_instance_discovery=True
    )
    return credential.get_token(f"{audience}/.default").token


def credential_in(path: str) -> tuple[str, str]:
    """Client id and secret, from what `az ad app credential reset` or `m365` printed, or `mct-s2s`
    saved.
    """
    text = Path(path).read_text(encoding="utf-8")
    if text.startswith("{"):
        printed = json.loads(text)
        return printed["appId"], printed["password"] if "password" in printed else printed[
            "secrets"
        ][0]["value"]
    pairs = (
        line.partition("=")
        for line in text.splitlines()
        if "=" in line and not line.startswith("#")
    )
    saved = {name: value.strip("'\"") for name, _, value in pairs}
    return saved["AZURE_CLIENT_ID"], saved["AZURE_CLIENT_SECRET"]


def call(path: str, audience: str) -> Wrong:
    """The credential in the file opens the MCT API; the tenant's administrator, who is on no list,
    does not.
    """
    token = by_secret(*credential_in(path), audience)
    stranger = by_secret(os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"], audience)
    return [
        *compare("the client's roles", claims(token).get("roles"), ["S2SAppRole"]),
        *compare("the answer to the client", call_mct(token), 200),
        *compare("the answer to a stranger", call_mct(stranger), 401),
    ]


def call_as_identity(resource: str, audience: str) -> Wrong:
    """Code inside the function app, with nothing but its managed identity."""
    inside = sandbox("GET", f"identity-environment?resource={resource}")
    outside = dict.fromkeys(("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"), "")
    with patch.dict(os.environ, outside | inside):
        token = ManagedIdentityCredential().get_token(f"{audience}/.default").token
    return compare("the answer", call_mct(token), 200)


def claims(token: str) -> dict[str, Any]:
    """What a token says, unchecked: the service checks it."""
    part = token.split(".")[1]
    content: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return content


def az_credential(graph: str, arm: str, client_id: str) -> Wrong:
    """azure-identity, through the sign-in of the Azure CLI."""
    credential = AzureCliCredential(process_timeout=60)
    wrong: Wrong = []
    for audience in (graph, arm):
        token_claims = claims(credential.get_token(f"{audience}/.default").token)
        wrong += compare("aud", str(token_claims["aud"]).rstrip("/"), audience)
        wrong += compare(
            "the caller", token_claims.get("appid") or token_claims.get("azp"), client_id
        )
    return wrong


# Documents of mct-s2s


def status(path: str, api: str, client: str, identity: str) -> Wrong:
    """`mct-s2s status -o json` sees a healthy trust with these members."""
    document = load(path)
    members = {
        (row["kind"], row.get("appId") or row.get("principalId"), row["allowed"])
        for row in document["clients"]
    }
    consented = [row["consented"] for row in document["clients"] if row["kind"] == "application"]
    return [
        *compare("healthy", document["healthy"], True),
        *compare("findings", document["findings"], []),
        *compare("the service application", document["serviceApplication"]["appId"], api),
        *compare(
            "the clients",
            members,
            {("application", client, True), ("managedIdentity", identity, True)},
        ),
        *compare("consented", consented, [True]),
    ]


def finds_client(path: str, name: str) -> Wrong:
    """`mct-s2s status` sees the client of that file, made by somebody else, as one that may
    call.
    """
    app_id, _ = credential_in(path)
    (client,) = [row for row in mct_s2s("status")["clients"] if row.get("appId") == app_id]
    return [
        *compare("its name", client["displayName"], name),
        *compare("allowed", client["allowed"], True),
        *compare("consented", client["consented"], True),
    ]


def adds_client(path: str) -> Wrong:
    """`mct-s2s add-client` takes the client of that file as it is, and puts it on the allow
    list.
    """
    app_id, _ = credential_in(path)
    result = mct_s2s("add-client", app_id, "-y")
    done = {row["resource"]: row["action"] for row in result["changes"] if row["action"] != "none"}
    wanted = {"application settings": "update", "App Service": "update"}
    return [*compare("changes", done, wanted), *compare("credentials", made(result), [])]


def made(result: Any) -> list[Any]:
    return [credential for credential in result["credentials"] if credential["created"]]


def mct_s2s(*words: str) -> Any:
    """The document that the program prints."""
    done = subprocess.run(
        ["mct-s2s", *words, "-o", "json"], stdout=subprocess.PIPE, check=True, timeout=300
    )
    return json.loads(done.stdout)


def unchanged(path: str) -> Wrong:
    """A result document in which nothing was done."""
    document = load(path)
    done = [row for row in document["changes"] if row["action"] != "none"]
    return [*compare("changes", done, []), *compare("credentials", made(document), [])]


# What the Azure CLI read


def foreign_settings(before: str, after: str) -> Wrong:
    """All settings but our seven are the same: name, value and stickiness.

    Values may be secrets: names are shown.
    """
    then, now = (
        {
            row["name"]: (row["value"], row["slotSetting"])
            for row in load(path)
            if row["name"] not in OURS
        }
        for path in (before, after)
    )
    names = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    return [
        *compare("settings that differ", names, []),
        *compare("foreign settings", bool(then), True),
    ]


def only_identity(before: str, after: str) -> Wrong:
    """A site that differs in its identity alone, and has it now."""
    then, now = load(before), load(after)
    differ = {name for name in then.keys() | now.keys() if then.get(name) != now.get(name)}
    return compare("what differs", sorted(differ - {"lastModifiedTimeUtc"}), ["identity"])


def read_back(folder: str, tenant: str, domain: str) -> Wrong:
    """The files that the Azure CLI wrote into the folder describe one right trust, the one that was
    reported.
    """
    names = (
        "api",
        "api-principal",
        "client-app",
        "client-principal",
        "assignments",
        "identity",
        "status",
    )
    api, principal, client, caller, granted, identity, reported = (
        load(Path(folder, f"{name}.json")) for name in names
    )
    settings = {row["name"]: row["value"] for row in load(Path(folder, "settings-ours"))}
    (role,) = api["appRoles"]
    members = {row["kind"]: row for row in reported["clients"]}
    wanted_settings = {
        "ServiceAuthEnabled": "true",
        "ServiceAuthAudience": f"api://{api['appId']}",
        "ServiceAuthTenantName": domain,
        "ServiceAuthTenantId": tenant,
        "ServiceObjectIds": identity["principalId"],
        "ServiceApplicationIds": client["appId"],
        "ServiceAuthRole": "S2SAppRole",
    }
    shown = ("value", "allowedMemberTypes", "isEnabled")
    return [
        *compare(
            "settings", {name: settings.get(name) for name in wanted_settings}, wanted_settings
        ),
        *compare("audience", api["signInAudience"], "AzureADMyOrg"),
        *compare("URIs", api["identifierUris"], [f"api://{api['appId']}"]),
        *compare("token version", api["api"]["requestedAccessTokenVersion"] in {None, 1}, True),
        *compare(
            "role", tuple(role[name] for name in shown), ("S2SAppRole", ["Application"], True)
        ),
        *compare(
            "the principal's roles", [row["id"] for row in principal["appRoles"]], [role["id"]]
        ),
        *compare("the client's name", client["displayName"], "S2S client"),
        *compare(
            "permissions",
            client["requiredResourceAccess"],
            [
                {
                    "resourceAppId": api["appId"],
                    "resourceAccess": [{"id": role["id"], "type": "Role"}],
                }
            ],
        ),
        *compare("secrets", [_one_year(row) for row in client["passwordCredentials"]], [True]),
        *compare(
            "consents",
            [(row["principalId"], row["resourceId"], row["appRoleId"]) for row in granted["value"]],
            [(caller["id"], principal["id"], role["id"])],
        ),
        *compare("identity", identity["type"], "SystemAssigned"),
        *compare("reported service", reported["serviceApplication"]["objectId"], api["id"]),
        *compare(
            "reported service principal",
            reported["serviceApplication"]["servicePrincipalId"],
            principal["id"],
        ),
        *compare("reported client", members["application"]["objectId"], client["id"]),
        *compare(
            "reported client's principal",
            members["application"]["servicePrincipalId"],
            caller["id"],
        ),
        *compare(
            "reported identity", members["managedIdentity"]["principalId"], identity["principalId"]
        ),
        *compare("healthy", reported["healthy"], True),
    ]


def m365_read_back(folder: str, client: str) -> Wrong:
    """What the CLI for Microsoft 365 read of the trust that `mct-s2s` reported."""
    names = ("api", "roles", "api-principal", "consents", "status")
    api, roles, principal, consents, reported = (
        load(Path(folder, f"{name}.json")) for name in names
    )
    (member,) = [row for row in reported["clients"] if row.get("appId") == client]
    return [
        *compare("service", api["id"], reported["serviceApplication"]["objectId"]),
        *compare(
            "service principal",
            principal["id"],
            reported["serviceApplication"]["servicePrincipalId"],
        ),
        *compare("roles", [row["value"] for row in roles], ["S2SAppRole"]),
        *compare(
            "consents",
            [(row["roleName"], row["resourceId"]) for row in consents],
            [("S2SAppRole", principal["id"])],
        ),
        *compare("consented", member["consented"], True),
    ]


def _one_year(row: dict[str, Any]) -> bool:
    began, ends = (datetime.fromisoformat(row[name]) for name in ("startDateTime", "endDateTime"))
    return (
        timedelta(days=360) < ends - began < timedelta(days=370) and row.get("secretText") is None
    )


def printed_options(path: str) -> Wrong:
    """Which options of commands that `mct-s2s` prints the Azure CLI does not have, by its
    own help.
    """
    listed: dict[str, list[str]] = load(Path(path))
    wrong = []
    for verb, options in listed.items():
        done = subprocess.run(
            ["az", *verb.split(), "--help"], capture_output=True, text=True, check=False
        )
        known = set(re.findall(r"(?<=\s)--?[a-z][\w-]*", done.stdout))
        wrong += [f"az {verb} has no {option}" for option in options if option not in known]
    return wrong


def secrets(*paths: str) -> None:
    """Print the secrets of these files and the administrator's, one a line, for `grep -f`."""
    for secret in [os.environ["AZURE_CLIENT_SECRET"], *(credential_in(path)[1] for path in paths)]:
        print(secret)


def main() -> int:
    """Exit code: 0 if the check holds."""
    check: Callable[..., Wrong | None] = globals()[sys.argv[1].replace("-", "_")]
    wrong = check(*sys.argv[2:]) or []
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
