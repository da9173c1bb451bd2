"""Azure resource ids and the names of sites."""

import re
from dataclasses import dataclass

from mct_s2s.errors import UsageError, malformed

SITES = "microsoft.web/sites"
SLOTS = "microsoft.web/sites/slots"
LOGIC_APPS = "microsoft.logic/workflows"
CONTAINER_APPS = "microsoft.app/containerapps"
VIRTUAL_MACHINES = "microsoft.compute/virtualmachines"
SCALE_SETS = "microsoft.compute/virtualmachinescalesets"
USER_ASSIGNED_IDENTITIES = "microsoft.managedidentity/userassignedidentities"

_ID = re.compile(
    r"/*subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/([^/]+)((?:/[^/]+/[^/]+)+)/*",
    re.IGNORECASE | re.ASCII,
)
_SITE_PATH = re.compile(
    r".*/providers/Microsoft\.Web/sites/[^/]+(?:/slots/[^/]+)?(?=/|$)", re.IGNORECASE
)
_NOT_IN_NAMES = frozenset('<>%&:\\?*#|"')
"""Characters that no type of resource has in its names.

Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
"""


def is_group_name(text: str) -> bool:
    """Whether a text can be the name of a resource group.

    Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
    """
    return (
        len(text) <= 90
        and not text.endswith(".")
        and all(character.isalnum() or character in "-_.()" for character in text)
    )


def _is_segment(text: str) -> bool:
    """Whether a part of an id stays one, and the same one, in the path of a URL."""
    return (
        text.strip(". ") != ""
        and text == text.strip()
        and text.isprintable()
        and not _NOT_IN_NAMES & set(text)
    )


@dataclass(frozen=True)
class ResourceId:
    """`/subscriptions/<s>/resourceGroups/<g>/providers/<namespace>/<type>/<name>[/<type>/<name>…]`."""

    subscription_id: str
    resource_group: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "ResourceId":
        """Read a resource id, in any case. Raises UsageError."""
        match = _ID.fullmatch(text.strip())
        if (
            match is None
            or not is_group_name(match[2])
            or not all(map(_is_segment, match[0].strip("/").split("/")))
        ):
            remedy = (
                "Copy it from the portal's Properties page or from az resource show --query id: "
            )
            remedy += (
                "/subscriptions/<id>/resourceGroups/<group>/providers/<namespace>/<type>/<name>."
            )
            raise malformed("malformed-resource-id", "resource ID", text, remedy)
        _, *pairs = match[4].split("/")
        return cls(match[1], match[2], match[3], tuple(pairs[0::2]), tuple(pairs[1::2]))

    @classmethod
    def in_path(cls, path: str) -> "ResourceId | None":
        """The resource that a request is about, by its path; `None` where it is about none.

        What belongs to a site or a slot, such as its settings, is the site.
        """
        at_site = _SITE_PATH.match(path)
        try:
            return cls.parse(at_site[0] if at_site else path)
        except UsageError:
            return None

    @classmethod
    def site(
        cls, subscription_id: str, resource_group: str, name: str, slot: str | None = None
    ) -> "ResourceId":
        types, names = (("sites",), (name,)) if slot is None else (("sites", "slots"), (name, slot))
        return cls(subscription_id, resource_group, "Microsoft.Web", types, names)

    @property
    def type(self) -> str:
        """The type in lower case: `microsoft.web/sites`."""
        return "/".join((self.namespace, *self.types)).lower()

    @property
    def name(self) -> str:
        return "/".join(self.names)

    @property
    def is_site(self) -> bool:
        return self.type in {SITES, SLOTS}

    @property
    def slot(self) -> str | None:
        return self.names[1] if self.type == SLOTS else None

    @property
    def group(self) -> str:
        """The path of its resource group."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"

    def __str__(self) -> str:
        pairs = "/".join(
            f"{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True)
        )
        return f"{self.group}/providers/{self.namespace}/{pairs}"


def site_title(key: str | None, label: str) -> str:
    """`learn (contosolearn)`, or the label alone where the trust file calls the site so."""
    return label if key in {None, label} else f"{key} ({label})"


@dataclass(frozen=True)
class SiteTarget:
    name: str
    group: str | None = None
    subscription: str | None = None
    """An id or a name."""
    slot: str | None = None

    @classmethod
    def of(cls, resource: ResourceId) -> "SiteTarget":
        return cls(
            resource.names[0], resource.resource_group, resource.subscription_id, resource.slot
        )

    @property
    def label(self) -> str:
        """The name with its slot: `contosolearn`, or `contosolearn/staging`."""
        return f"{self.name}/{self.slot}" if self.slot else self.name
