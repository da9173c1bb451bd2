"""What the login service says to a client of the MCT API, in the user's words, and which of it passes by itself.

Source: learn.microsoft.com/entra/identity-platform/reference-error-codes. The numbers are diagnostics, so every
refusal without a row keeps the service's own words.
"""

from __future__ import annotations

import re

from mct_s2s.azure.services import first_line
from mct_s2s.azure.sign_in.login_refusals import explained_at
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import branch_of
from mct_s2s.model.commands import command

_FEDERATED = frozenset({"70021", "70025", "700211", "700212", "700213", "7000226", "7002138"})
"""Said with 401 since 2024, by what does not fit; the first one, with 400, before that.

Source: docs/azure-contract.md, section 2.3.
"""
PROPAGATING = _FEDERATED | {"7000215", "7000222", "700016", "7000229", "500011", "501051", "700027"}
"""Said also about a credential, a client, a service application or an assignment that was made minutes ago."""

_EXPLAINED = {
    "7000215": (
        "the client secret is invalid: it was replaced, or it is the secret's ID instead of its value",
        "credential",
    ),
    "7000222": ("the client secret has expired", "credential"),
    "700027": ("the certificate does not belong to the client", "credential"),
    "700024": ("the token that it presents has expired, or is not valid yet", "assertion"),
    "700023": ("the token that it presents was made for another tenant or cloud", "tenant"),
    "50013": ("the token that it presents is not signed by its issuer", "federated"),
    "70021": ("no federated credential of the client matches the issuer, subject and audience presented", "federated"),
    "70025": ("the client has no federated credential", "federated"),
    "7000226": ("the client has no federated credential", "federated"),
    "700211": ("no federated credential of the client has the token's issuer", "federated"),
    "700212": ("no federated credential of the client has the token's audience", "federated"),
    "700213": ("no federated credential of the client has the token's subject", "federated"),
    "7002138": ("the client's federated credential has the token's subject in another case", "federated"),
    "700016": ("the client does not exist in the tenant: it was deleted, or it belongs to another tenant", "client"),
    "7000229": ("the client has no service principal in the tenant", "client"),
    "7000112": ("the client is disabled in Entra ID", "enable"),
    "500011": ("no service application in the tenant has that Application ID URI", "service"),
    "500014": ("the service application is disabled in Entra ID", "enable-service"),
    "501051": ("the service application requires assignment, and the client is not assigned", "client"),
    "90002": ("the tenant does not exist in this cloud", "tenant"),
    "90038": ("the tenant belongs to another national cloud", "tenant"),
    "1002012": ("it cannot ask for that scope", "scope"),
    "70011": ("it cannot ask for that scope", "scope"),
    "53003": ("a Conditional Access policy for workload identities blocks it", "policy"),
}

_PRESENTED = re.compile(r"presented assertion (?:issuer|audience|subject) '([^'\r\n]{1,600})'")
"""What of a foreign token does not fit, in Entra's words."""
_REMEDIES = {
    "credential": "Create a new credential for the client: mct-s2s rotate-secret {client}",
    "federated": "Compare it with the client's federated credentials: az ad app federated-credential list --id "
    "{client}; then add the missing one: mct-s2s add-client {client} --credential federated "
    "--federated-issuer ISSUER --federated-subject SUBJECT",
    "github": "If that is your repository, let its workflows sign in: mct-s2s add-client {client} --credential "
    "federated --github {github}",
    "client": "Add the client again: mct-s2s add-client {client}",
    "enable": "Enable it again: az ad app update --id {client} --set isDisabled=false; az ad sp update --id "
    "{client} --set accountEnabled=true",
    "enable-service": "Enable it again: az ad sp update --id {resource} --set accountEnabled=true",
    "assertion": "A workflow's or platform's token lasts minutes: get a new one and use it at once. Check this "
    "machine's clock, too.",
    "scope": "Use the scope that mct-s2s status shows.",
    "service": "Update the service application: mct-s2s setup",
    "tenant": "Check AZURE_TENANT_ID in the credentials and --cloud.",
    "policy": "Run it from a location that the policy allows, or ask its owner for an exemption.",
}


def token_refused(error: Exception, client_id: str, scope: str) -> ServiceError:
    """The refusal of a client's token; `service_code` is the number after AADSTS, empty where there is none."""
    code = match.group(1) if (match := re.search(r"AADSTS(\d+)", str(error))) else ""
    said, kind = _EXPLAINED.get(code, (first_line(error), ""))
    of_github: str | None = None
    if code in _FEDERATED and (presented := _PRESENTED.search(str(error))):
        said = f"{said}, '{presented[1]}'"
        of_github = branch_of(presented[1]) if code == "700213" else None
        kind = "github" if of_github is not None else kind
    # What is not known is not the credential's fault: a new one would only stop the client for longer.
    remedy = _REMEDIES.get(kind) or (explained_at(code) if code else "Check the client's credential and tenant ID.")
    return ServiceError(
        "token-refused",
        f"Entra ID refused to issue a token: {said}{f' (AADSTS{code})' if kind else ''}.",
        remedy=remedy.format(
            client=command(client_id),
            github=command(of_github or ""),
            resource=command(scope.removesuffix("/.default")),
        ),
        status=int(getattr(getattr(error, "response", None), "status_code", 0) or 0) or 401,
        service_code=code,
        service_message=first_line(error),
    )


def other_authority(named: str, login: str) -> ServiceError:
    """A credential that is not sent: its own login host is another than the cloud's."""
    return ServiceError(
        "token-refused",
        f"The client's credential is for {named}, but the login host of --cloud is {login}. It was not sent.",
        remedy="Check --cloud. If the login host is right, add this line to the credential: "
        f"AZURE_AUTHORITY_HOST={login}",
        status=401,
    )


def identity_refused(error: Exception) -> ServiceError:
    """The refusal of a managed identity's token.

    azure-identity words every one of them as a missing configuration, so the endpoint's own words are kept.
    """
    said = re.search(r"AADSTS(\d+)", str(error))
    return ServiceError(
        "identity-token-refused",
        f"Could not get a token for the managed identity: {first_line(error)}",
        remedy="Run it inside an Azure resource with a managed identity. For a user-assigned identity, set "
        "AZURE_CLIENT_ID to its client ID.",
        status=401,
        service_code=said.group(1) if said else "",
        service_message=first_line(error),
    )
