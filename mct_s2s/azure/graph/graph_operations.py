"""What Graph is asked to do. A refusal is judged by the operation, and worded with its text."""

from __future__ import annotations

from enum import StrEnum


class GraphOperation(StrEnum):
    """One member for each kind of request; its value is a verb phrase that completes "refused to …"."""

    READ = "read the directory"
    READ_RIGHTS = "find out what you may do"
    CREATE_APPLICATION = "create the registration"
    NAME_APPLICATION = "give the registration its name"
    ADD_OWNER = "become an owner of the registration"
    CHANGE_APPLICATION = "change the registration"
    DELETE_APPLICATION = "delete the registration"
    RESTORE = "restore the registration"
    PURGE_APPLICATION = "purge the registration"
    CREATE_PRINCIPAL = "create the service principal"
    ADD_SECRET = "make the secret"  # noqa: S105  # a phrase, not a secret
    REMOVE_SECRET = "remove the secret"  # noqa: S105
    ADD_CERTIFICATE = "add the certificate"
    ADD_FEDERATED_CREDENTIAL = "add the federated credential"
    REMOVE_CREDENTIALS = "remove the credentials that came back"
    CONSENT = "grant admin consent"
    REVOKE = "revoke the admin consent"
