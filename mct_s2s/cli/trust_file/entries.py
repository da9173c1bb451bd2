"""The entries of a trust file as the options of `setup`, so that the same code checks every value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from mct_s2s.azure.clouds import check_name, is_https, is_on_this_machine, same_origin
from mct_s2s.cli.fleet.sites import FleetSite
from mct_s2s.cli.option_values import option_value
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.options.setup import SetupOptions
from mct_s2s.cli.requests import service_spec
from mct_s2s.cli.setting_up import Setup
from mct_s2s.cli.trust_file.meetings import check_places, check_sites
from mct_s2s.cli.trust_file.refusals import Said, Value, read_values
from mct_s2s.errors import UsageError
from mct_s2s.inputs.target import caller_resource, site_target, tenant
from mct_s2s.inputs.trust_file_mistakes import Mistakes
from mct_s2s.model.ids import is_guid
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.model.trust_file import ClientEntry, IdentityEntry, Profile, SiteEntry, TrustFile
from mct_s2s.planning.nearest import did_you_mean

CLIENT_ID = "client-id"
"""The key of a profile that is no option: who signs in, instead of `AZURE_CLIENT_ID`."""
SHOW = "show"
_OF_A_SITE = frozenset({"app_service", "resource_group", "slot"})
"""Variables of the environment name one App Service; the file names each of its own."""


@dataclass(frozen=True)
class SiteSetup:
    """What the file asks for at one App Service."""

    entry: SiteEntry
    target: SiteTarget
    setup: Setup
    """Its options are complete: a session is made of them."""

    @property
    def site(self) -> FleetSite:
        """How the App Service is reached."""
        return FleetSite(self.entry.key, self.target, self.setup.options, self.setup.needs, self.client_id)

    @property
    def client_id(self) -> str | None:
        """Who signs in, where the profile says it: instead of `AZURE_CLIENT_ID`."""
        return self.entry.profile.options.get(CLIENT_ID) if self.entry.profile is not None else None


def site_setups(
    file: TrustFile, options: AzureOptions, *, typed: Collection[str] = (), only: Collection[str] = ()
) -> tuple[SiteSetup, ...]:
    """The work at each site of the file.

    Args:
        file: the file.
        options: the command's. What they say of tenant, subscription, cloud and sign-in counts where no profile does;
            whatever else they share with `setup` counts for every site.
        typed: those of their fields that were typed, and not taken from a variable.
        only: keys of sites; none for all. The whole file is checked in any case.

    Raises:
        UsageError: unusable values, each told with its line and key; or a site that the file does not name.
    """
    reader = _Reader(file, options, frozenset(typed))
    found = [one for entry in file.sites if (one := reader.site(entry)) is not None]
    check_sites([(one.entry, one.target) for one in found], reader.mistakes)
    check_places([(one.entry, one.target, one.setup.places) for one in found], reader.mistakes)
    reader.mistakes.check()
    _check_only(file, only)
    return tuple(one for one in found if not only or one.entry.key in only)


def _check_only(file: TrustFile, only: Collection[str]) -> None:
    known = [entry.key for entry in file.sites]
    for key in only:
        if key not in known:
            raise UsageError(
                "site-unknown",
                f"'{file.path}' names no site '{key[:130]}'.",
                remedy=did_you_mean(key, known, f"Use one of {', '.join(known)}."),
            )


class _Reader:
    """Reads entry by entry; what it finds wrong is collected."""

    def __init__(self, file: TrustFile, options: AzureOptions, typed: frozenset[str]) -> None:
        self.mistakes = Mistakes(file.path)
        self._typed = typed
        shared = {one.name for one in fields(options)} & {one.name for one in fields(SetupOptions)} - _OF_A_SITE
        self._shared = {name: getattr(options, name) for name in shared}

    def site(self, entry: SiteEntry) -> SiteSetup | None:
        """The work at one site; `None` where something is wrong with the site itself."""
        said: Said = {key: (entry, value) for key, value in entry.options.items()}
        if entry.profile is not None:
            self._check_typed(entry.profile)
            said |= {key: (entry.profile, value) for key, value in entry.profile.options.items()}
        more = {
            "app_service": entry.app_service,
            "no_consent": any(one.options.get("no-consent") is True for one in entry.clients),
        }
        read = read_values(self.mistakes, entry, said, lambda values: self._site(values, more))
        if read is None:
            return None
        setup, target = read
        for client in entry.clients:
            setup = self._client(setup, client) or setup
        for identity in entry.identities:
            setup = self._identity(setup, identity) or setup
        return SiteSetup(entry, target, setup)

    def _check_typed(self, profile: Profile) -> None:
        for key, value in profile.options.items():
            name = key.replace("-", "_")
            if name in self._typed and self._shared.get(name) != value:
                what = f"--{key} was typed, and the profile says something else"
                self.mistakes.add(profile.lines.get(key, 0), profile.where(key), what, f"Remove --{key}, or this line.")

    def _site(self, values: Mapping[str, Value], more: Mapping[str, Any]) -> tuple[Setup, SiteTarget]:
        client_id = values.get(CLIENT_ID)
        if isinstance(client_id, str) and not is_guid(client_id):
            raise UsageError(
                "malformed-id", f"Invalid --{CLIENT_ID} '{client_id[:130]}'.", remedy="Use an appId, which is a GUID."
            )
        own = typed_values({key: value for key, value in values.items() if key != CLIENT_ID})
        options = SetupOptions(**{**self._shared, **more, **own})
        tenant(options.tenant, "--tenant")
        check_name(options.cloud)
        self._check_address(options.cloud)
        target = site_target(options.app_service, options.resource_group, options.subscription, options.slot)
        reference = options.service_management_reference
        service_spec(target, options.service_name, options.role, options.service_app, reference=reference)
        return Setup.of(options), target

    def _check_address(self, cloud: str) -> None:
        """Refuse an address that the file alone names: a secret or an assertion would be sent to its login service.

        Those of this machine are sandboxes.

        Raises:
            UsageError: as said.
        """
        confirmed = str(self._shared["cloud"])
        if is_https(cloud) and not is_on_this_machine(cloud) and not same_origin(cloud, confirmed):
            raise UsageError(
                "cloud-not-confirmed",
                f"Invalid --cloud '{cloud[:130]}': only this file names that address, and you would sign in there.",
                remedy="If it is right, confirm it outside the file: set MCT_S2S_CLOUD to the same address.",
            )

    def _client(self, setup: Setup, entry: ClientEntry) -> Setup | None:
        said: Said = {key: (entry, value) for key, value in entry.options.items()}
        return read_values(self.mistakes, entry, said, partial(_with_client, setup, entry.name), "name")

    def _identity(self, setup: Setup, entry: IdentityEntry) -> Setup | None:
        return read_values(self.mistakes, entry, {}, lambda _: _with_identity(setup, entry.resource), "resource")


def typed_values(values: Mapping[str, Value]) -> dict[str, Any]:
    """The values of keys as those of the options of `setup`, by the options' names.

    Raises:
        UsageError: a word that an option does not know.
    """
    names = {key.replace("-", "_"): value for key, value in values.items()}
    return {name: option_value(SetupOptions, name, value) for name, value in names.items()}


def _with_client(setup: Setup, name: str, values: Mapping[str, Value]) -> Setup:
    own = typed_values(values)
    options = replace(setup.options, **{"no_consent": False, **own})
    if options.secret_to == SHOW:
        raise UsageError(
            "secret-place-unfit",
            "Invalid --secret-to 'show': a file is for many clients, and for runs that no one watches.",
            remedy="Use file:PATH, keyvault:VAULT or exec:COMMAND.",
        )
    return setup.with_client(options, name)


def _with_identity(setup: Setup, text: str) -> Setup:
    return replace(setup, identities=(*setup.identities, caller_resource(text)))
