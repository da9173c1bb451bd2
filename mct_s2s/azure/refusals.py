"""What Graph, Resource Manager and Key Vault refuse: one row each, with how it is recognised and
what the user reads.

Sources: learn.microsoft.com/graph/errors;
learn.microsoft.com/azure/key-vault/general/rest-error-codes;
learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors;
docs/azure-contract.md.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from mct_s2s.azure.answers import LATER, Refusal, RemoteService, parse_retry_after
from mct_s2s.azure.retry import Sending
from mct_s2s.errors import (
    MissingRight,
    NoSuchObject,
    PermissionMissing,
    S2SError,
    ServiceError,
    SignInFailed,
    VaultPermissionMissing,
    WayOut,
)
from mct_s2s.planning.permissions.rights import (
    BIN_READERS,
    CONTRIBUTOR,
    LEAST_ROLES,
    OWNER,
    READER,
    READING,
    REGISTRAR,
    SITE_ROLE,
    Right,
)
from mct_s2s.planning.secret_policy import LIFETIME_FORBIDDEN
from mct_s2s.waits import GRAPH_BUSY_SECONDS, OPERATION_SECONDS


class GraphOperation(StrEnum):
    """A verb phrase that completes "refused to …". A refusal is judged by it, too."""

    READ = "read the directory"
    READ_BIN = "read the recycle bin"
    READ_RIGHTS = "check your permissions"
    CREATE_APPLICATION = "create the app registration"
    NAME_APPLICATION = "name the app registration"
    CHANGE_APPLICATION = "update the app registration"
    DELETE_APPLICATION = "delete the app registration"
    RESTORE = "restore the app registration"
    PURGE_APPLICATION = "purge the app registration"
    CREATE_PRINCIPAL = "create the service principal"
    ADD_SECRET = "create the secret"  # noqa: S105  # a phrase, not a secret
    ADD_CERTIFICATE = "add the certificate"
    ADD_FEDERATED_CREDENTIAL = "add the federated credential"
    REMOVE_CREDENTIAL = "remove the credential"
    CONSENT = "grant admin consent"
    REVOKE = "revoke the admin consent"


_CONSENTS = (GraphOperation.CONSENT, GraphOperation.REVOKE)
_PASSING = (429, *range(500, 600))
OFFICER = "Key Vault Secrets Officer"
SUBSCRIPTION = "the subscription"
DELETED, DISABLED = "ObjectIsDeletedButRecoverable", "SecretDisabled"

_MESSAGES: dict[type[S2SError], str] = {
    SignInFailed: "{service} refused the sign-in while trying to {step}.",
    PermissionMissing: "You can't {lacking}.",
    VaultPermissionMissing: "You can't {lacking}.",
    NoSuchObject: "Could not {step}.",
    ServiceError: "{service} refused to {step}.",
}


@dataclass(frozen=True)
class Row:
    """A refusal: how it is recognised, and what it becomes. The first row that fits counts."""

    service: str
    remedy: str
    kind: type[S2SError] = ServiceError
    words: tuple[str, ...] = ()
    """Patterns that are all found in the service's code and words. The remedy may name groups."""
    status: Collection[int] = ()
    """Any, where there is none."""
    at: Collection[str] = ()
    """The steps; any, where there is none."""
    code: str = ""
    message: str = ""
    command: str = ""
    lacking: str = "{step}"
    """What the caller can't do, as a verb phrase."""
    right: str = ""
    """The least right that is missing."""
    who: str = OWNER
    """Who can grant it."""
    way_out: WayOut | None = None
    """Who else can do what is refused."""
    permissions: tuple[str, ...] = ()
    """The permissions of Microsoft Graph that are missing, where the caller is an application."""
    role: str = ""
    """The least Azure role that is missing. The command that assigns it, at the scope of the
    refused request, is made by `ResourceManager.translate`.
    """
    contention: tuple[str, float] | None = None
    """What the user reads while another write goes on, and how many seconds it is waited for."""

    def match(self, refusal: Refusal, step: str) -> dict[str, str] | None:
        """Return what the patterns' groups found; `None` where the row does not fit."""
        if self.status and refusal.status not in self.status:
            return None
        if self.at and step not in self.at:
            return None
        text = f"{refusal.code}: {refusal.message}\n{refusal.body}"
        names: dict[str, str] = {}
        for pattern in self.words:
            match = re.search(pattern, text, re.IGNORECASE | re.DOTALL)
            if match is None:
                return None
            names |= match.groupdict()
        return names


def _denied(right: Right, *at: GraphOperation, of_others: bool = False) -> Row:
    permissions, role = right.least(of_others=of_others)
    return _denied_by_graph(permissions, role, *at)


def _denied_by_graph(needed: tuple[str, ...], role: str, *at: GraphOperation) -> Row:
    noun = "permission" if len(needed) == 1 else "permissions"
    permissions = " and ".join(needed)
    return Row(
        "Graph",
        f"Ask {REGISTRAR} for the role {role} (for a person) or the application {noun} "
        f"{permissions} (for a service principal), then run the same command again.",
        PermissionMissing,
        ("^(?!.*local tenant)",),
        (403,),
        at,
        right=f"{role} (for a person) or {permissions} (for a service principal)",
        permissions=needed,
        who=REGISTRAR,
        way_out=WayOut.REGISTRAR if GraphOperation.READ in at else None,
    )


def _denied_by_arm(role: str, where: str, action: str = "") -> Row:
    """`action`: a pattern for the one that Resource Manager says is missing.

    The right of a role on a resource is the role alone, as the step says which resource it is
    ("read the App Service NAME"). A subscription is in no step, so its right says that.
    """
    return Row(
        "ARM",
        f"Ask {OWNER} for the role {role} on {where}, wait a few minutes, then run the same "
        "command again.",
        PermissionMissing,
        (f"perform action '{action}",) if action else (),
        (403,),
        right=f"{role} on {where}" if where == SUBSCRIPTION else role,
        role=role,
    )


def _busy(written: str, *at: GraphOperation) -> Row:
    """Another write is in progress: 409, 503 or 400, for a minute and more.

    Source: docs/azure-contract.md, 3.1.
    """
    reason = f"Entra ID is still busy with another write to {written}"
    remedy = f"{reason}. Run the same command again in a few minutes to resume."
    words = ("^Directory_ConcurrencyViolation:|concurrent requests being made to the tenant",)
    return Row("Graph", remedy, words=words, at=at, contention=(reason, GRAPH_BUSY_SECONDS))


_BY_POLICY = (
    "The tenant's policy forbids this secret. Use a shorter --secret-lifetime, or no secret: "
    "--credential certificate, --credential federated, or mct-s2s add-client --managed-identity "
    "RESOURCE"
)
_NAME_KEPT = "A deleted registration may still use it. Run the same command again in a minute."
_REPORT = "Run the same command again. If it fails again, send the request id to {} support."

_REFUSED_NAME = (
    r"(?:appsetting with name '|app setting "
    r"\((?:site\.siteconfig\.appsettings\.)?)(?P<name>[^\n]+?)"
    r"(?:' is not allowed|\) [^\n]*is invalid)"
)
"""App Service's words, and those of the Flex Consumption plan: docs/azure-contract.md, section 4.3.
"""
_IN_PROGRESS = (
    "operation ?in ?progress|another operation .*in progress|conflict with a concurrent request"
    r'|"ExtendedCode": ?"?(?:59203|59205)\b'
)
"""App Service's, Container Apps' and Compute's: docs/azure-contract.md, section 4.1."""

ROWS = (
    Row("Graph", "Sign in again (az login), then run the same command again to resume.",
        SignInFailed, status=(401,)),
    _denied_by_graph(READING, "Directory Readers", GraphOperation.READ),
    _denied_by_graph(READING[:1], BIN_READERS, GraphOperation.READ_BIN),
    _denied(Right.CREATE_APPLICATION, GraphOperation.CREATE_APPLICATION),
    _denied(Right.CONSENT, *_CONSENTS),
    _denied(Right.CHANGE_APPLICATION, GraphOperation.RESTORE, of_others=True),
    _denied(Right.CHANGE_APPLICATION),
    _busy("the service application", *_CONSENTS),
    _busy("the same app registration"),
    Row("Graph", _BY_POLICY, words=("credential type not allowed",),
        at=(GraphOperation.ADD_SECRET,),
        code="secrets-forbidden"),
    Row("Graph", _BY_POLICY, words=("lifetime", "policy"), at=(GraphOperation.ADD_SECRET,),
        code=LIFETIME_FORBIDDEN),
    Row("Graph", _NAME_KEPT, words=("already exists", "uniquename"), status=(400,),
        code="name-taken"),
    Row("Graph",
        "Another registration has this URI, maybe a deleted registration. Remove it there (portal: "
        "Expose an API), or delete that one permanently, then run the same command again.",
        words=("already exists", "identifieruris"), status=(400,), code="uri-taken"),
    Row("Graph",
        "This tenant requires a service management reference on every app registration. Ask your "
        "organization's service or asset management for the ID, then run the same command again "
        "with --service-management-reference "
        "ID.", words=("servicemanagementreference",), code="management-reference-needed"),
    Row("Graph",
        "The tenant's policy does not let a registration with such an Application ID URI issue the "
        "v1 tokens that the MCT API needs. Use another service application (without --service-app, "
        "one of its own), or ask an administrator to exempt this one: "
        "https://aka.ms/identifier-uri-addition-error",
        words=("identifier uri", "policy")),
    Row("Graph",
        "The tenant's policy limits the lifetime of certificates. Use a shorter --secret-lifetime, "
        "a certificate that expires sooner (--certificate FILE), or --credential federated",
        words=("policy", "credential"), at=(GraphOperation.ADD_CERTIFICATE,)),
    Row("Graph",
        "Delete one that is no longer used in the portal (Certificates & secrets), then run the "
        "same command again.",
        words=("more than 20",), at=(GraphOperation.ADD_FEDERATED_CREDENTIAL,)),
    Row("Graph",
        "The tenant's policy does not allow this issuer. Ask an administrator of the tenant to "
        "allow it, or use --credential certificate", words=("not allowed",),
        at=(GraphOperation.ADD_FEDERATED_CREDENTIAL,)),
    Row("Graph", _BY_POLICY,
        words=("credential type not allowed|policy.*credential|credential.*policy",)),
    Row("Graph", _NAME_KEPT, words=("already exists",)),
    Row("Graph", LATER, status=_PASSING),
    Row("Graph", _REPORT.format("Microsoft")),

    Row("ARM", "Sign in to the tenant of the subscription: --tenant ID, or az login --tenant ID.",
        SignInFailed,
        status=(401,)),
    Row("ARM",
        "The App Service belongs to a managed application whose publisher denies changes. Send the "
        "values to the publisher: mct-s2s setup --no-app-service --handoff handoff.json",
        PermissionMissing, ("^DenyAssignmentAuthorizationFailed:",), (403,)),
    Row("ARM", "An Azure Policy forbids it. Ask the policy's owner for an exemption.",
        PermissionMissing, ("^RequestDisallowedByPolicy:",), (403,)),
    _denied_by_arm(READER, SUBSCRIPTION, r"Microsoft\.Resources/subscriptions/(?!resourceGroups/)"),
    *(_denied_by_arm(role, "the resource", re.escape(kind) + "/") for kind,
      role in LEAST_ROLES.items()),
    _denied_by_arm(CONTRIBUTOR, "the resource", r"(?!Microsoft\.Web/sites/)"),
    # Every other 403 of Resource Manager.
    _denied_by_arm(SITE_ROLE, "the resource"),
    # Said before the token is looked at, so that it tells nothing of rights.
    Row("ARM", "Check the subscription's ID and its cloud (--cloud).", NoSuchObject,
        ("^SubscriptionNotFound:",), (404,)),
    Row("ARM", "Check the name and the resource group.", NoSuchObject, status=(404,)),
    Row("ARM",
        "The name of the setting '{name}' blocks every write of settings. Rename it in the portal "
        "(Environment variables, Advanced edit) to letters, digits, periods and underscores (on "
        "Linux, two underscores for a colon), and change the code that reads it. Then run the same "
        "command again to resume.",
        words=(_REFUSED_NAME,), status=(400,), code="setting-name-refused"),
    Row("ARM", "Wait until the other operation has finished (the resource's Activity log shows "
        f"it). {LATER}",
        words=(_IN_PROGRESS,), status=(409, 429),
        contention=("waiting for Azure to finish another operation on it", OPERATION_SECONDS)),
    Row("ARM", "Ask the owner of the lock to remove it (az lock list), then run the same command "
        "again.",
        words=("^ScopeLocked:",), code="locked"),
    Row("ARM", "This cloud supports none of the API versions of this mct-s2s. Update it as you "
        "installed it",
        words=("^(?:NoRegisteredProviderFound|InvalidApiVersionParameter):",)),
    Row("ARM", LATER, status=_PASSING),
    Row("ARM", _REPORT.format("Azure")),

    Row("Vault", "Sign in to the key vault's tenant: --tenant ID, or az login --tenant ID.",
        SignInFailed,
        status=(401,)),
    Row("Vault", "Run it from a network that the key vault allows, or allow this one:",
        VaultPermissionMissing, ("^ForbiddenBy(?:Firewall|Connection):",), (403,),
        code="vault-network",
        message="{service} does not allow requests from this network.",
        command="az keyvault network-rule add --name {vault} --ip-address ADDRESS"),
    Row("Vault", "The key vault uses access policies. Ask its administrator to run:",
        VaultPermissionMissing, ("^AccessDenied:",), (403,),
        lacking="{step} in the key vault '{vault}'",
        command="az keyvault set-policy --name {vault} --object-id {you} --secret-permissions get "
            "list set recover",
        right="an access policy for secrets", who="an Owner of the key vault"),
    Row("Vault",
        "Run the same command again a few minutes after an Owner or User Access Administrator of "
        f"the key vault has assigned you the role {OFFICER}. They run:",
        VaultPermissionMissing, (f"^(?!{DISABLED}:)",), (403,),
        lacking="{step} in the key vault '{vault}'",
        command="{grant}", right=OFFICER, who="an Owner of the key vault"),
    Row("Vault", "Check the name.", NoSuchObject, status=(404,)),
    Row("Vault", LATER, status=(409, *_PASSING)),
    Row("Vault", "Run the same command again with --verbose and report its output."),
)  # fmt: skip


def error_of_refusal(
    service: RemoteService,
    refusal: Refusal,
    step: str,
    assignment: Callable[[str], str] = lambda _: "",
    granting: Callable[[Collection[str]], str] = lambda _: "",
    **names: str,
) -> S2SError:
    """Make the error that the user reads of a refusal.

    `step`: a verb phrase, `restart the App Service`. `names`: what remedies and commands name.
    `assignment`, `granting`: give the command that assigns an Azure role, or permissions of Graph;
    or an empty text.
    """
    row, found_names = _find_row(service, refusal, step)
    names |= {"service": service.name, "step": step, **found_names}
    codes: dict[type[S2SError], str] = {
        SignInFailed: service.sign_in,
        PermissionMissing: "permission-missing",
        VaultPermissionMissing: "permission-missing",
        NoSuchObject: "not-found",
        ServiceError: service.refused,
    }
    lacking = row.lacking.format(**names)
    names["lacking"] = lacking
    code = row.code or codes[row.kind]
    message = (row.message or _MESSAGES[row.kind]).format(**names)
    command = row.command.format(**names)
    if row.role:
        command = assignment(row.role)
    elif row.permissions:
        command = granting(row.permissions)
    missing: list[MissingRight] = []
    if row.right:
        missing.append(MissingRight(lacking, row.right, row.who, command, row.way_out))
    remedy = row.remedy.format(**names)
    if (row.role or row.permissions) and command:
        remedy = f"{remedy} They run:"
    if row.kind is not ServiceError:
        return row.kind(
            code,
            message,
            remedy=remedy,
            command=command,
            answer=refusal.summary,
            request_id=refusal.request_id,
            missing=missing,
        )
    return ServiceError(
        code,
        message,
        remedy=remedy,
        command=command,
        answer=refusal.summary,
        request_id=refusal.request_id,
        missing=missing,
        status=refusal.status,
        service_code=refusal.code,
        service_message=refusal.message,
        retry_after=parse_retry_after(refusal.headers.get("retry-after")),
        contention=row.contention,
    )


def _find_row(service: RemoteService, refusal: Refusal, step: str) -> tuple[Row, dict[str, str]]:
    for row in ROWS:
        names = row.match(refusal, step) if row.service == service.label else None
        if names is not None:
            return row, names
    raise AssertionError(service)  # the last row of each service fits any refusal


_NOT_REPLICATED = re.compile(
    "does not exist or one of its queried reference-property objects are not present"
    "|does not reference a valid application object"
    "|not a valid reference update"
    "|service principal being created must in the local tenant"
    "|values of identifieruris property must use a verified domain"
    "|permission being assigned was not found on application"
    "|unable to read the company information from the directory",
    re.IGNORECASE,
)
"""Graph's words, which terraform-provider-azuread and the Azure CLI wait out."""
_ASSIGNED = re.compile(
    "permission being assigned already exists|entitlementgrant entry already exists", re.IGNORECASE
)
"""Graph uses both texts. Source: msgraph-sdk-dotnet#968."""


_NO_ASSIGNMENT = "entitlementgrant being updated or deleted is not found"


def is_lag(error: ServiceError) -> bool:
    """Whether Graph answers so about an object until all of its replicas know it: 404, mostly."""
    if error.status == 404:
        return True
    return error.status in {400, 403} and _NOT_REPLICATED.search(error.service_message) is not None


UNTIL_KNOWN = Sending(lag=is_lag)
"""Waits until a replica knows what this run has created, restored or seen."""


def already_there(error: ServiceError) -> bool:
    """Whether the object exists: 409, and for assignments 400."""
    message = error.service_message
    if error.status == 409:
        return "already" in message.casefold()
    return error.status == 400 and _ASSIGNED.search(message) is not None


def already_gone(error: ServiceError) -> bool:
    """Whether the object does not exist: 404, and for assignments 400."""
    if error.status == 404:
        return True
    return error.status == 400 and _NO_ASSIGNMENT in error.service_message.casefold()
