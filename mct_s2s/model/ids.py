"""The identifiers of Entra ID, each with a type of its own.

One application has two object ids and a client id, and the App Service's two allow lists take different ones:
managed identities are allowed by object id, client applications by client id. Mixing them up is the classic slip,
so the type checker keeps them apart.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import NewType
from uuid import UUID, uuid5

TenantId = NewType("TenantId", str)
ClientId = NewType("ClientId", str)
"""`appId`: what an application is called in tokens and on the clients' allow list."""
ApplicationObjectId = NewType("ApplicationObjectId", str)
"""`id` of an application, used in Graph paths only."""
PrincipalId = NewType("PrincipalId", str)
"""`id` of a service principal; what tokens call `oid`, and what is on the identities' allow list."""
AppRoleId = NewType("AppRoleId", str)
KeyId = NewType("KeyId", str)
ApplicationIdUri = NewType("ApplicationIdUri", str)

DEFAULT_ROLE = "S2SAppRole"

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_SITE_NOTE = "Made by mct-s2s for "
LONGEST_BASE = 75
"""Of a service application's `uniqueName`, whose slot is digested beyond: those of its clients are no longer than 120,
as other names in Entra ID. What Graph takes at most is not documented."""
LONGEST_TAG = 256
"""Source: learn.microsoft.com/graph/api/resources/application, property `tags`."""
_ROLE_NAMESPACE = UUID("5b0a1b9e-5d0c-4d6a-9f2e-6a3c0c7f2d11")
_CERTIFICATE_NAMESPACE = UUID("1c9d5c0e-7d0b-4a51-8a6f-0c2f5a1b7e43")


class Tag(StrEnum):
    """What a registration remembers, as tags that begin with these words; its owner can write them, too."""

    TRUST = "mct-s2s:"
    """Of a client: the `uniqueName` of the service application that it is made for. So all of them are found again."""
    NAME = "mct-s2s:name:"
    """The `uniqueName` that it has or is about to get, for where that itself cannot be read."""
    IDENTITY = "mct-s2s:identity:"
    """Of a service application: an Azure resource whose managed identity is switched on for its sake.

    It is written before the identity is there, so that a run which is cut off leaves no identity without it.
    """
    ADOPTED = "mct-s2s:adopted:"
    """Of a site's service application that was there before it became that: it is not deleted."""
    VAULT = "mct-s2s:vault:"
    """Of a client: the key vault secret, `VAULT/NAME`, that holds its secret."""

    def of(self, value: str) -> str:
        return f"{self}{value}"

    def values(self, tags: Iterable[str]) -> list[str]:
        """What such tags say; one that we would never write says nothing."""
        found = (tag.removeprefix(self) for tag in tags if tag.startswith(self))
        return [value for value in found if _TAGGED.get(self, _ANYTHING).fullmatch(value)]


_TAGGED = {Tag.TRUST: re.compile(r"[^:]+"), Tag.VAULT: re.compile(r"[0-9A-Za-z-]+/[0-9A-Za-z-]+")}
_ANYTHING = re.compile(r".*", re.DOTALL)


def is_guid(text: str) -> bool:
    """Whether `text` is a GUID in the form that Entra prints; braces and URNs are not."""
    return _GUID.fullmatch(text) is not None


def same_id(one: str | None, other: str | None) -> bool:
    """Whether two GUIDs are the same: Entra compares them without case."""
    return one is not None and other is not None and one.casefold() == other.casefold()


def api_uri(client_id: str) -> ApplicationIdUri:
    """The Application ID URI that every tenant policy accepts: `api://<appId>`.

    Source: learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions.
    """
    return ApplicationIdUri(f"api://{client_id}")


def client_id_in(uri: str) -> ClientId | None:
    """The appId that an audience names: `api://<appId>`, or the bare appId that v2 tokens carry."""
    candidate = uri.removeprefix("api://")
    return ClientId(candidate.lower()) if is_guid(candidate) else None


def service_unique_name(site: str, slot: str | None = None) -> str:
    """The `uniqueName` of an App Service's service application: two runs can never make two.

    No App Service's name can hold an underscore: the slot `a/staging` and the site `a-staging` never meet.
    Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules (Microsoft.Web).
    """
    name, slot = f"mct-s2s-{site.lower()}", (slot or "").lower()
    if len(name) + len(slot) > LONGEST_BASE:
        slot = hashlib.sha256(slot.encode()).hexdigest()[:7]
    return f"{name}_{slot}" if slot else name


def site_in_unique_name(unique_name: str) -> str | None:
    """The App Service, `NAME` or `NAME/SLOT`, whose service application has that `uniqueName`."""
    name = unique_name.removeprefix("mct-s2s-")
    return name.replace("_", "/", 1) if name != unique_name and "." not in name else None


def named_unique_name(name: str) -> str:
    """The `uniqueName` of a service application that belongs to no App Service yet, only to a name."""
    return f"mct-s2s_{file_stem(name)}"


def client_unique_name(service_unique_name: str, client_name: str) -> str:
    """The `uniqueName` of a client application.

    It is readable, and ends in a digest of the exact name, so that names that look alike never meet. The dot
    cannot occur in an App Service's name: no service application is ever called the same.
    """
    return f"{service_unique_name}.{file_stem(client_name)}"


def site_note(resource_id: str) -> str:
    """The service application's note of the App Service that it was made for: names can meet, resource ids cannot.

    It is no tag: a creation that meets a registration which exists already would replace all of its tags.
    """
    return f"{_SITE_NOTE}{resource_id}"


def site_in_note(notes: str | None) -> str | None:
    """The resource id that a `site_note` holds; `None` for any other note."""
    return notes.removeprefix(_SITE_NOTE).strip() if notes and notes.startswith(_SITE_NOTE) else None


def file_stem(client_name: str) -> str:
    """A client's name as a short word that is safe in a file name and a URL, different for different names."""
    exact = unicodedata.normalize("NFC", client_name)
    plain = unicodedata.normalize("NFKD", exact).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:32].strip("-") or "client"
    digest = hashlib.sha256(exact.encode(errors="surrogatepass")).hexdigest()  # a directory may hold half a character
    return f"{slug}-{digest[:10]}"


def secret_name(label: str, client: str) -> str:
    """The name that a client's secret gets by itself: readable, and different for different App Services and clients.

    The last part is a digest of both names as they are, so that names that look alike never meet.
    """
    where = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:60].strip("-")
    who = file_stem(client).rpartition("-")[0]
    names = f"{label.lower()}\0{file_stem(client)}"
    exact = hashlib.sha256(names.encode(errors="surrogatepass")).hexdigest()[:10]
    return f"mct-s2s-{where}-{who}-{exact}"


def certificate_key_id(thumbprint: str) -> KeyId:
    """The `keyId` that a certificate is registered under: the same at each attempt, so that none is there twice."""
    return KeyId(str(uuid5(_CERTIFICATE_NAMESPACE, thumbprint.upper())))


def federated_name(issuer: str, subject: str) -> str:
    """The name of a federated credential: readable, the same at each attempt, different for each issuer and subject.

    Source for the form (3 to 120 letters, digits, `-` and `_`): learn.microsoft.com/graph/api/
    application-post-federatedidentitycredentials.
    """
    slug = re.sub(r"[^A-Za-z0-9]+", "-", subject).strip("-")[:60].strip("-") or "subject"
    digest = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:10]
    return f"mct-s2s-{slug}-{digest}"


def new_app_role_id(tenant_id: str, application: str, role: str) -> AppRoleId:
    """The id for a new app role: fresh for each tenant, application and value, the same for each attempt.

    Two runs that add the role at the same moment add the same one; a random id would make the second run try to
    replace the first one's enabled role, which Graph refuses.
    """
    return AppRoleId(str(uuid5(_ROLE_NAMESPACE, f"{tenant_id.lower()}/{application.lower()}/{role}")))
