"""What Graph is asked to do. A refusal is judged by the operation, and worded with its text."""

from __future__ import annotations

from enum import StrEnum


class GraphOperation(StrEnum):
    """One member for each kind of request; its value is a verb phrase that completes "refused to …"."""

    READ = "read the directory"
    READ_RIGHTS = "check your permissions"
    CREATE_APPLICATION = "create the app registration"
    NAME_APPLICATION = "name the app registration"
    ADD_OWNER = "become an owner of the app registration"
    CHANGE_APPLICATION = "update the app registration"
    DELETE_APPLICATION = "delete the app registration"
    RESTORE = "restore the app registration"
    PURGE_APPLICATION = "purge the app registration"
    CREATE_PRINCIPAL = "create the service principal"
    ADD_SECRET = "create the secret"  # noqa: S105  # a phrase, not a secret
    REMOVE_SECRET = "remove the secret"  # noqa: S105
    ADD_CERTIFICATE = "add the certificate"
    ADD_FEDERATED_CREDENTIAL = "add the federated credential"
    REMOVE_CREDENTIALS = "remove the restored credentials"
    CONSENT = "grant admin consent"
    REVOKE = "revoke the admin consent"
