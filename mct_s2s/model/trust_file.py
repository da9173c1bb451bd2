"""A trust file: which sites there are to be, with their clients.

Reader and JSON Schema are made of these models.
"""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from mct_s2s.model.client_sign_in import CredentialType, Method
from mct_s2s.model.toml import Table

_LINE = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$"
"""Something that is seen, and no control character."""
Line = Annotated[str, StringConstraints(pattern=_LINE)]
Guid = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
]
Place = Annotated[str, StringConstraints(pattern=r"^(file|keyvault|exec):[^\x00-\x1f\x7f-\x9f]+$")]
Name = Annotated[str, StringConstraints(pattern=_LINE, max_length=120)]


def _key(description: str) -> Any:
    return Field(default=None, description=description)


class Profile(Table):
    """How a tenant is reached. What it does not say, options and environment variables say."""

    tenant: Line | None = _key("Tenant ID or domain, as `--tenant`.")
    subscription: Line | None = _key("Subscription ID or name, as `--subscription`.")
    cloud: Line | None = _key(
        "Cloud, as `--cloud`. An https URL has to be confirmed by `MCT_S2S_CLOUD`."
    )
    auth: Annotated[Method, Field(strict=False)] | None = _key("Sign-in method, as `--auth`.")
    client_id: Guid | None = _key(
        "Who signs in, instead of `AZURE_CLIENT_ID`: an appId. It is no secret."
    )


class ClientEntry(Table):
    """A client application."""

    name: Line = Field(description="Display name, or the appId of a registration to adopt.")
    credential: CredentialType | None = _key("Credential type. Default: `secret`.")
    secret_lifetime: Line | None = _key(
        "Lifetime: `1y` (default), `2y`, `180d`, `never`, or a date in quotes."
    )
    auto_lifetime: bool | None = _key("Shorten the lifetime to what the tenant allows.")
    secret_to: Place | None = _key(
        "`file:PATH`, `keyvault:VAULT[/NAME]` or `exec:COMMAND`; paths are relative to the current "
        "folder. Default: a file in your data folder."
    )
    certificate: Line | None = _key("PEM file with a certificate. Default: a key pair is created.")
    github: Line | None = _key("GitHub Actions workflows on a branch, as `OWNER/REPO[:branch]`.")
    federated_issuer: Line | None = _key("Issuer URL (iss).")
    federated_subject: Line | None = _key("Subject (sub).")
    federated_audience: Line | None = _key("Audience (aud). Default: the cloud's token exchange.")
    no_consent: bool | None = _key("Let someone else grant admin consent.")
    service_management_reference: Line | None = _key(
        "Service ID for its app registration. Default: the site's."
    )


class IdentityEntry(Table):
    """A managed identity."""

    resource: Line = Field(description="Resource ID, or the name of a web or function app.")


class SiteEntry(Table):
    """An MCT App Service.

    NAME is what the file calls it: in `--only`, in progress and in results.
    """

    profile: Line | None = _key("Profile of its tenant: the NAME of a table `[profiles.NAME]`.")
    app_service: Line | None = _key("Name or resource ID of the App Service. Default: NAME.")
    resource_group: Line | None = _key("Its resource group. Needed if the name is not unique.")
    slot: Line | None = _key("Deployment slot. Default: production.")
    service_name: Line | None = _key(
        "Display name of the service application. Default: `MCT service (APP_SERVICE)`."
    )
    role: Line | None = _key("App role value. Default: `S2SAppRole` for MCT.")
    api: Line | None = _key(
        "API that it serves, as `--api`: `mct` (default), or a file, relative to the current "
        "folder."
    )
    service_app: Line | None = _key("The service application: its appId or Application ID URI.")
    service_management_reference: Line | None = _key(
        "Service ID for app registrations, if the tenant requires one."
    )
    url: Line | None = _key(
        "The API's URL, such as Azure Front Door's. Default: the App Service's."
    )
    clients: list[ClientEntry] = Field(default=[], description="Client applications.")
    managed_identities: list[IdentityEntry] = Field(
        default=[], description="Resources that are clients."
    )


class TrustFile(Table):
    """A trust file, in TOML: what `export` writes and `apply` reads."""

    profiles: dict[Name, Profile] = Field(default={}, description="How tenants are reached.")
    sites: dict[Name, SiteEntry] = Field(min_length=1, description="MCT App Services.")
