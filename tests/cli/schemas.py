"""The JSON documents of the contract, as JSON schemas: every key named, none beside them."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Schema = dict[str, Any]

GUID: Schema = {"type": "string", "pattern": r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}
TEXT: Schema = {"type": "string", "minLength": 1}
MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
FLAG: Schema = {"type": "boolean"}

FINDING_CODES = [
    "not-configured", "service-application-missing", "application-id-uri-missing", "app-role-missing",
    "app-role-disabled", "service-principal-missing", "client-not-consented", "client-not-allowed", "client-unknown",
    "setting-missing", "setting-mismatch", "setting-malformed", "tenant-mismatch", "token-version", "secret-expiring",
    "secret-expired", "no-credential", "no-clients", "app-service-stopped", "settings-not-sticky",
]  # fmt: skip
SETTINGS = [
    "ServiceAuthEnabled", "ServiceAuthAudience", "ServiceAuthTenantName", "ServiceAuthTenantId", "ServiceObjectIds",
    "ServiceApplicationIds", "ServiceAuthRole",
]  # fmt: skip


def closed(optional: dict[str, Schema] | None = None, /, **required: Schema) -> Schema:
    """An object with exactly these members."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def rows(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


CREDENTIAL = closed(
    kind={"enum": ["secret", "certificate", "federated"]}, keyId=GUID, name=or_null(TEXT), expires=or_null(MOMENT)
)
APPLICATION = closed(
    kind={"const": "application"},
    displayName=TEXT,
    appId=GUID,
    objectId=or_null(GUID),
    servicePrincipalId=or_null(GUID),
    consented=FLAG,
    allowed=FLAG,
    credentials=rows(CREDENTIAL),
)
MANAGED_IDENTITY = closed(
    kind={"const": "managedIdentity"}, displayName=TEXT, resourceId=or_null(TEXT), principalId=GUID, allowed=FLAG
)
APP_SERVICE = closed(
    id={"type": "string", "pattern": "^/subscriptions/"},
    name=TEXT,
    resourceGroup=TEXT,
    slot=or_null(TEXT),
    url={"type": "string", "pattern": "^https://"},
    state=TEXT,
    settings={
        "type": "object",
        "properties": {name: {"type": "string"} for name in SETTINGS},
        "additionalProperties": False,
    },
)
SERVICE_APPLICATION = closed(
    appId=GUID,
    objectId=GUID,
    servicePrincipalId=or_null(GUID),
    displayName=TEXT,
    applicationIdUri=or_null(TEXT),
    appRole=or_null(closed(id=GUID, value=TEXT, enabled=FLAG)),
)
FINDING = closed(
    code={"enum": FINDING_CODES},
    severity={"enum": ["error", "warning", "note"]},
    subject=TEXT,
    message=TEXT,
    remedy=TEXT,
)
STATUS = closed(
    schema={"const": "mct-s2s/status/v1"},
    healthy=FLAG,
    cloud=TEXT,
    tenant=or_null(closed(id=GUID, name=TEXT)),
    appService=or_null(APP_SERVICE),
    serviceApplication=or_null(SERVICE_APPLICATION),
    clients=rows({"anyOf": [APPLICATION, MANAGED_IDENTITY]}),
    findings=rows(FINDING),
)
VALUES: Schema = {
    "type": "object",
    "properties": dict.fromkeys(SETTINGS, or_null({"type": "string"})),
    "additionalProperties": False,
}
CHANGE = closed(
    {"before": VALUES, "after": VALUES},
    action={"enum": ["create", "update", "delete", "none"]},
    resource=TEXT,
    name=TEXT,
    id=or_null(TEXT),
    detail={"type": "string"},
    seconds={"type": "number", "minimum": 0},
)
SAVED = closed(
    {"secret": TEXT},
    client=TEXT,
    appId=or_null(GUID),
    kind={"enum": ["secret", "certificate", "federated"]},
    expires=or_null(MOMENT),
    savedTo=or_null({"type": "string", "pattern": "^(file:/|keyvault:|show$)"}),
)
LEFT = closed(
    what=TEXT,
    command=TEXT,
    link=or_null(TEXT),
    settings=or_null(
        {
            "type": "object",
            "properties": {name: {"type": "string"} for name in SETTINGS},
            "additionalProperties": False,
        }
    ),
    missing=rows(TEXT),
)
CHECK = closed(
    client=or_null(TEXT),
    kind={"enum": ["site", "application", "managedIdentity"]},
    check={"enum": ["configured", "running", "without-token", "wrong-header", "token", "audience", "tenant", "role",
                    "principal", "allowed", "assignment", "call"]},
    ok={"enum": [True, False, None]},
    message=TEXT,
    remedy=or_null(TEXT),
)  # fmt: skip
VERIFICATION = closed(
    schema={"const": "mct-s2s/verify/v1"}, proved=FLAG, url=or_null(TEXT), path=TEXT, checks=rows(CHECK)
)
RESULT = closed(
    schema={"const": "mct-s2s/result/v1"},
    dryRun=FLAG,
    changes=rows(CHANGE),
    credentials=rows(SAVED),
    leftToOthers=rows(LEFT),
    verification=or_null(VERIFICATION),
    status=STATUS,
)
STEP = closed(action={"enum": ["create", "update", "delete"]}, resource=TEXT, name=TEXT)
ERROR = closed(
    {"done": rows(STEP), "inDoubt": rows(STEP), "notDone": rows(STEP), "credentials": rows(SAVED)},
    schema={"const": "mct-s2s/error/v1"},
    error=closed(
        code={"type": "string", "pattern": "^[a-z][a-z0-9-]*$"}, message=TEXT, remedy=TEXT, requestId=or_null(TEXT)
    ),
)

DOCTOR = closed(
    schema={"const": "mct-s2s/doctor/v1"},
    ready=FLAG,
    caller=closed(
        kind={"enum": ["person", "servicePrincipal", None]},
        name=or_null(TEXT),
        id=or_null(GUID),
        appId=or_null(GUID),
        method=TEXT,
    ),
    tenant=or_null(closed(id=GUID, name=TEXT)),
    checks=rows(
        closed(
            code={"type": "string", "pattern": "^[a-z][a-z-]*$"},
            state={"enum": ["ok", "missing", "unknown"]},
            subject=TEXT,
            message=TEXT,
            remedy=or_null(TEXT),
        )
    ),
)

SCHEMAS = {
    "mct-s2s/doctor/v1": DOCTOR,
    "mct-s2s/status/v1": STATUS,
    "mct-s2s/result/v1": RESULT,
    "mct-s2s/verify/v1": VERIFICATION,
    "mct-s2s/error/v1": ERROR,
}


def check(document: Any) -> None:
    """Fail unless a document is one of the contract's."""
    schema = SCHEMAS[document["schema"]]
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(document)
