"""Microsoft's own applications in every tenant, with the ids that they have everywhere.

Source: graph: permissions-reference (ids of app roles); entra: verify-first-party-apps-sign-in (appIds);
entra: identity/role-based-access-control/permissions-reference (role template ids).
"""

from __future__ import annotations

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
ARM_APP_ID = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
KEY_VAULT_APP_ID = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
AZURE_CLI_APP_ID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
AZURE_POWERSHELL_APP_ID = "1950a258-227b-4e31-a9cf-717495945fc2"
MICROSOFT_TENANT_ID = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

NAMES = {
    GRAPH_APP_ID: "Microsoft Graph",
    ARM_APP_ID: "Windows Azure Service Management API",
    KEY_VAULT_APP_ID: "Azure Key Vault",
    AZURE_CLI_APP_ID: "Microsoft Azure CLI",
    AZURE_POWERSHELL_APP_ID: "Microsoft Azure PowerShell",
}

URIS = {
    GRAPH_APP_ID: ("https://graph.microsoft.com", "https://graph.microsoft.com/"),
    ARM_APP_ID: (
        "https://management.azure.com",
        "https://management.azure.com/",
        "https://management.core.windows.net",
        "https://management.core.windows.net/",
    ),
    KEY_VAULT_APP_ID: ("https://vault.azure.net",),
}

PUBLIC_CLIENTS = frozenset({AZURE_CLI_APP_ID, AZURE_POWERSHELL_APP_ID})
"""First-party clients that people sign in with; consented to in advance, for everybody."""

PUBLIC_CLIENT_SCOPES = {
    GRAPH_APP_ID: (
        "Application.ReadWrite.All AppRoleAssignment.ReadWrite.All AuditLog.Read.All "
        "DelegatedPermissionGrant.ReadWrite.All Directory.AccessAsUser.All Group.ReadWrite.All "
        "User.Read.All User.ReadWrite.All email openid profile"
    ),
    ARM_APP_ID: "user_impersonation",
    KEY_VAULT_APP_ID: "user_impersonation",
}

GRAPH_ROLES = {
    "Application.ReadWrite.All": "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "Application.ReadWrite.OwnedBy": "18a4783c-866b-4cc7-a460-3d5e5662c884",
    "AppRoleAssignment.ReadWrite.All": "06b708a9-e830-4db3-a914-8e69da51d44f",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "Directory.ReadWrite.All": "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
    "Organization.Read.All": "498476ce-e0fe-48b0-b801-37ba7e2685c6",
    "Organization.ReadWrite.All": "292d869f-3427-49a8-9dab-8c70152b74e9",
    "Policy.Read.All": "246dd0d5-5bd0-4def-940b-0421030a5b68",
    "Policy.ReadWrite.ApplicationConfiguration": "be74164b-cff1-491c-8741-e671cb536e13",
    "RoleManagement.Read.Directory": "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
    # Its real id is not known here; ids of app roles are always looked up by value.
    "AppRegistration.Create": "0a9c4a54-6b0f-4d3e-9d55-000000000001",
}

DIRECTORY_ROLES = {
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Cloud Application Administrator": "158c047a-c907-4556-b7ef-446551a6b5f7",
    "Application Developer": "cf1c38e5-3621-4004-a7cb-879624dced7c",
    "Directory Readers": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "Directory Synchronization Accounts": "d29b2b05-8046-44ba-8758-1e26182fcf32",
    "Directory Writers": "9360feb5-f418-4baa-8175-e2a00bac4301",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "Hybrid Identity Administrator": "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
    "Identity Governance Administrator": "45d8d3c5-c802-45c6-b32a-1d70b5e1e86e",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
}
