"""Identifiers, each with a type of its own.

To mix up object ids and appIds is the classic error.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import NewType
from uuid import UUID, uuid5

TenantId = NewType("TenantId", str)
ClientId = NewType("ClientId", str)
"""`appId`: in tokens, and on the clients' allow list."""
ApplicationObjectId = NewType("ApplicationObjectId", str)
"""`id` of an application, used in Graph paths only."""
PrincipalId = NewType("PrincipalId", str)
"""`id` of a service principal: `oid` in tokens, and on the identities' allow list."""
AppRoleId = NewType("AppRoleId", str)
KeyId = NewType("KeyId", str)
ApplicationIdUri = NewType("ApplicationIdUri", str)

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_SITE_NOTE = "Made by mct-s2s for "
_SITE = re.compile(
    r"/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/providers/Microsoft\.Web"
    r"/sites/[^/\s]+(?:/slots/[^/\s]+)?",
    re.IGNORECASE,
)
LONGEST_NAME = 120
"""Characters of a registration's display name.

Source: learn.microsoft.com/entra/identity-platform/supported-accounts-validation.
"""
LONGEST_BASE = 75
"""Characters of a service application's `uniqueName`.

Those of its clients stay within 120. Graph documents no limit.
"""
LONGEST_TAG = 256
"""Source: learn.microsoft.com/graph/api/resources/application, property `tags`."""
_ROLE_NAMESPACE = UUID("5b0a1b9e-5d0c-4d6a-9f2e-6a3c0c7f2d11")
_CERTIFICATE_NAMESPACE = UUID("1c9d5c0e-7d0b-4a51-8a6f-0c2f5a1b7e43")


class Tag(StrEnum):
    """Beginnings of the tags by which a registration remembers something.

    Its owner can write them, too.
    """

    TRUST = "mct-s2s:"
    """On a client: the `uniqueName` of its service application, by which all clients are found."""
    NAME = "mct-s2s:name:"
    """The `uniqueName` that it has or is about to get, for where that itself cannot be read."""
    ADOPTED = "mct-s2s:adopted:"
    """On a service application that was there before this site used it: it is not deleted."""
    VAULT = "mct-s2s:vault:"
    """On a client: the key vault secret, `VAULT/NAME`, that holds its secret."""
    ATTEMPT = "mct-s2s:attempt:"
    """On a client: a secret that was begun, until it arrives.

    For every place but the default file of this machine.
    """
    API = "mct-s2s:api:"
    """On an App Service's own service application: the name of its API, as `api_in_tag` writes it.

    Without one: MCT.
    """
    USED = "mct-s2s:used-by:"
    """On a service application: another App Service that uses it, by its `uniqueName`."""
    SITE = "mct-s2s:site:"
    """`SUBSCRIPTION/GROUP` of the App Service that it was created for or adopted by.

    Several of one name may be in a tenant. People write over the note of a service application.
    """

    def of(self, value: str) -> str:
        return f"{self}{value}"

    def values(self, tags: Iterable[str]) -> list[str]:
        """The values that tags of this kind have, without those that we would never write."""
        values = (tag.removeprefix(self) for tag in tags if tag.startswith(self))
        return [value for value in values if _TAGGED.get(self, _ANYTHING).fullmatch(value)]


_TAGGED = {
    Tag.TRUST: re.compile(r"[^:]+"),
    Tag.VAULT: re.compile(r"[0-9A-Za-z-]+/[0-9A-Za-z-]+"),
    Tag.USED: re.compile(r"mct-s2s-[0-9a-z_-]+"),
    Tag.SITE: re.compile(r"[^/\s]+/[^/\s]+"),
    Tag.API: re.compile(r"(?=.{1,120}$)[\w.&()+-]+(%20[\w.&()+-]+)*"),
}
_ANYTHING = re.compile(r".*", re.DOTALL)


def api_in_tag(name: str) -> str:
    """The name of an API as `Tag.API` has it: no tag has a blank, and no API's name a `%`.

    Source: learn.microsoft.com/entra/identity-platform/supported-accounts-validation.
    """
    return name.replace(" ", "%20")


def is_guid(text: str) -> bool:
    """Whether a text is a GUID in the form that Entra prints; braces and URNs are none."""
    return _GUID.fullmatch(text) is not None


def same_id(identifier: str | None, other: str | None) -> bool:
    """Whether two ids are the same: Entra compares GUIDs without case."""
    return (
        identifier is not None and other is not None and identifier.casefold() == other.casefold()
    )


def api_uri(client_id: str) -> ApplicationIdUri:
    """The default Application ID URI, which every tenant policy accepts.

    Source: learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions.
    """
    return ApplicationIdUri(f"api://{client_id}")


def client_id_in(uri: str) -> ClientId | None:
    """The appId in `api://<appId>`, or a bare one; `None` for another URI."""
    candidate = uri.removeprefix("api://")
    return ClientId(candidate.lower()) if is_guid(candidate) else None


def _slug(text: str, longest: int) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:longest].strip("-")


def _digest(text: str) -> str:
    # A directory may hold half a character
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:10]


def service_unique_name(site: str, slot: str | None = None) -> str:
    """The `uniqueName` of an App Service's own service application.

    No App Service's name has an underscore, so the slot `a/staging` and the site `a-staging` never
    meet: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    (Microsoft.Web).
    """
    name, slot = f"mct-s2s-{site.lower()}", (slot or "").lower()
    if len(name) + len(slot) > LONGEST_BASE:
        slot = _digest(slot)[:7]
    return f"{name}_{slot}" if slot else name


def site_in_unique_name(unique_name: str) -> str | None:
    """The App Service, `NAME` or `NAME/SLOT`, whose service application is called so."""
    name = unique_name.removeprefix("mct-s2s-")
    return name.replace("_", "/", 1) if name != unique_name and "." not in name else None


def named_unique_name(name: str) -> str:
    """The `uniqueName` of a service application that belongs to no App Service yet."""
    return f"mct-s2s_{file_stem(name)}"


def client_unique_name(service_unique_name: str, client_name: str) -> str:
    """The `uniqueName` of a client, below that of its service application.

    An App Service's name has no dot, so no service application is called the same.
    """
    return f"{service_unique_name}.{file_stem(client_name)}"


def client_base(unique_name: str) -> str | None:
    """The service application that a client of that name was created for, by the `uniqueName`."""
    base, dot, _ = unique_name.partition(".")
    return base if dot and site_in_unique_name(base) is not None else None


def site_note(resource_id: str) -> str:
    """The note of a service application, which names its App Service. `Tag.SITE` says the same.

    A creation that meets an existing registration replaces all of its tags, and no note.
    """
    return f"{_SITE_NOTE}{resource_id}"


def site_in_note(notes: str | None) -> str | None:
    """The resource id in such a note; `None` where it is no note of ours, or goes on after the id.

    Anyone may write notes: nothing but an id is taken from them.
    """
    if not notes or not notes.startswith(_SITE_NOTE):
        return None
    site = notes.removeprefix(_SITE_NOTE).strip()
    return site if _SITE.fullmatch(site) else None


def site_group(subscription_id: str, resource_group: str) -> str:
    """An App Service's subscription and group, as `Tag.SITE` has them.

    Its `uniqueName` says its name.
    """
    return f"{subscription_id}/{resource_group}".lower()


def file_stem(client_name: str) -> str:
    """A client's name, safe in a file name and a URL.

    Names that look alike stay different.
    """
    exact = unicodedata.normalize("NFC", client_name)
    plain = unicodedata.normalize("NFKD", exact).encode("ascii", "ignore").decode()
    return f"{_slug(plain.lower(), 32) or 'client'}-{_digest(exact)}"


def secret_name(label: str, client: str) -> str:
    """The name of a client's key vault secret, which people can read.

    App Services and clients whose names look alike have different ones.
    """
    where, who = label.lower(), file_stem(client)
    exact = _digest(f"{where}\0{who}")
    return f"mct-s2s-{_slug(where, 60)}-{who.rpartition('-')[0]}-{exact}"


def certificate_key_id(thumbprint: str) -> KeyId:
    """The key id of a certificate: the same at each attempt, so that none is registered twice."""
    return KeyId(str(uuid5(_CERTIFICATE_NAMESPACE, thumbprint.upper())))


def federated_name(issuer: str, subject: str) -> str:
    """The name of a federated credential, by issuer and subject: 3 to 120 characters.

    Source: learn.microsoft.com/graph/api/application-post-federatedidentitycredentials.
    """
    digest = _digest(f"{issuer}\n{subject}")
    return f"mct-s2s-{_slug(subject, 60) or 'subject'}-{digest}"


def new_app_role_id(tenant_id: str, application: str, role: str) -> AppRoleId:
    """The id of an app role that this tool creates, the same in each run.

    A random one would do harm: of two runs at once, the second would replace the first one's
    enabled role, which Graph refuses.
    """
    name = f"{tenant_id.lower()}/{application.lower()}/{role}"
    # Settings and roles may hold half a character
    text = name.encode(errors="backslashreplace").decode()
    return AppRoleId(str(uuid5(_ROLE_NAMESPACE, text)))
