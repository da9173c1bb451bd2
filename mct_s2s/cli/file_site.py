"""One App Service of a trust file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mct_s2s.cli.options import ChangingOptions
from mct_s2s.engine.observe.sites import AmbiguousSite, SiteNotFound
from mct_s2s.engine.request import Request
from mct_s2s.errors import S2SError
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.observed import SiteOfFile
from mct_s2s.model.resource_id import SiteTarget, site_title
from mct_s2s.model.toml import toml_key, toml_value
from mct_s2s.planning.reviewed import digest_of

if TYPE_CHECKING:
    from mct_s2s.model.trust_file import Profile, SiteEntry


@dataclass(frozen=True, kw_only=True)
class FileSite:
    """What a trust file says about one App Service, and the request that comes of it."""

    key: str
    """What the file calls it."""
    entry: "SiteEntry"
    profile: "Profile"
    target: SiteTarget
    options: ChangingOptions
    """Those of `setup`, as the file and the command line say them together."""
    request: Request

    @property
    def file_digest(self) -> str:
        """A digest of every key that the file says about this site.

        No key is left out: some of them decide who gets what only together with what is in Azure.
        Lifetimes and paths count as they are written, so that the digest is the same on every
        machine and every day.
        """
        api = self.request.api
        described = [] if api.is_shipped else [api.canonical]
        return digest_of([self.key, self.profile.canonical, self.entry.canonical, *described])

    @property
    def file(self) -> SiteOfFile:
        """What commands about this site say of the file."""
        assert self.request.file is not None  # it is of one
        return self.request.file

    @property
    def service(self) -> ServiceSpec:
        """The service application, as the file has it."""
        return self.request.setup.service or ServiceSpec()

    def name_keys(self, error: S2SError | None) -> None:
        """Name the file's keys that mend an error about this site, in place of options."""
        key = f"sites.{toml_key(self.key)}.resource-group"
        if isinstance(error, SiteNotFound) and error.other_group and self.entry.resource_group:
            error.advise(f"In the file, set {key} = {toml_value(error.other_group)}.")
        elif isinstance(error, AmbiguousSite):
            error.advise(
                f"In the file, set {key}, or use one of these resource IDs as app-service."
            )
        elif error is not None and "mct-s2s " not in error.advice:
            from mct_s2s.cli.file_keys import with_keys  # noqa: PLC0415  # an error alone needs it
            from mct_s2s.model.trust_file import ClientEntry, SiteEntry  # noqa: PLC0415

            advice = error.advice
            for table in (SiteEntry, ClientEntry):
                advice = with_keys(advice, table, where=" in the file")
            error.advise(advice, error.command)

    @property
    def client_names(self) -> tuple[str, ...]:
        return tuple(client.name.strip() for client in self.entry.clients)

    @property
    def profile_name(self) -> str:
        return self.entry.profile or ""

    @property
    def title(self) -> str:
        return site_title(self.key, self.target.label)

    @property
    def sign_in(self) -> tuple[str | None, ...]:
        """What decides who signs in where: sites that agree in it share a session."""
        options = self.options
        account = (options.cloud, options.tenant, options.subscription, options.auth.value)
        return (*account, self.profile.client_id)
