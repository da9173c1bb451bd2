"""The entries of a trust file as the options of `setup`, so that the same code checks every value."""

from __future__ import annotations

import types
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from mct_s2s.azure.clouds import check_name, is_https, is_on_this_machine, same_origin
from mct_s2s.cli.changing import Setup
from mct_s2s.cli.commands.setup import SetupOptions
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.requests import service_spec
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.errors import UsageError, about
from mct_s2s.inputs.target import caller_resource, site_target, tenant
from mct_s2s.inputs.trust_file import Mistakes, path_text
from mct_s2s.model.ids import is_guid
from mct_s2s.model.resource_id import SiteTarget
from mct_s2s.model.trust_file import ClientEntry, Profile, SiteEntry, Table, TrustFile, toml_key
from mct_s2s.planning.nearest import did_you_mean

_OF_A_SITE = frozenset({"app_service", "resource_group", "slot", "client"})
"""Variables of the environment name one App Service; the file names each of its own."""
_PROFILE_SAYS = ("cloud", "tenant", "subscription")
Read = TypeVar("Read")


@dataclass(frozen=True)
class SiteSetup:
    """What the file asks for at one App Service."""

    key: str
    """What the file calls it: in `--only`, in progress and in results."""
    entry: SiteEntry
    profile: Profile
    target: SiteTarget
    setup: Setup
    """Its options are complete: a session is made of them."""

    @property
    def sign_in(self) -> tuple[str | None, ...]:
        """What it shares a session by: where no tenant is given, it is the subscription's."""
        one = self.setup.options
        return one.cloud, one.tenant, one.subscription, one.auth.value, self.profile.client_id

    def request(self, session: Session) -> Request:
        """What the file asks for there."""
        request = self.setup.request(session)
        assert request.desired.service is not None  # noqa: S101  # each site of a file has one
        service = replace(request.desired.service, is_in_file=True)
        return replace(request, desired=replace(request.desired, service=service))


def site_setups(
    file: TrustFile,
    mistakes: Mistakes,
    options: AzureOptions,
    *,
    typed: Collection[str] = (),
    only: Collection[str] = (),
) -> tuple[SiteSetup, ...]:
    """The work at each site of the file.

    Args:
        options: the command's. What they say of tenant, subscription, cloud and sign-in counts where no profile does;
            whatever else they share with `setup` counts for every site.
        typed: those of their fields that were typed, and not taken from a variable.
        only: keys of sites; none for all. The whole file is checked in any case.
    """
    reader = _Reader(file, mistakes, options, frozenset(typed))
    found = [one for key, entry in file.sites.items() if (one := reader.site(key, entry)) is not None]
    _check_sites(found, mistakes)
    _check_clients(found, mistakes)
    mistakes.check()
    for key in only:
        if key not in file.sites:
            raise UsageError(
                "site-unknown",
                f"'{mistakes.path}' names no site '{key[:130]}'.",
                remedy=did_you_mean(key, file.sites, f"Use one of {', '.join(file.sites)}."),
            )
    return tuple(one for one in found if not only or one.key in only)


class _Reader:
    """Reads entry by entry; what it finds wrong is collected."""

    def __init__(self, file: TrustFile, mistakes: Mistakes, options: AzureOptions, typed: frozenset[str]) -> None:
        self._mistakes = mistakes
        self._profiles = file.profiles
        self._typed = typed
        shared = {one.name for one in fields(options)} & {one.name for one in fields(SetupOptions)} - _OF_A_SITE
        self._shared = {name: getattr(options, name) for name in shared}

    def site(self, key: str, entry: SiteEntry) -> SiteSetup | None:
        """The work at one site; `None` where something is wrong with the site itself."""
        path = path_text("sites", key)
        if self._mistakes.are_in(f"{path}.app-service"):
            return None
        profile = self._profile(path, entry)
        places = {f"profiles.{toml_key(entry.profile or '')}": profile, path: entry}
        more = {"app_service": key, "no_consent": any(one.no_consent for one in entry.clients)}
        read = self._read(path, places, lambda: self._site({**profile.options, **more, **_own(entry)}))
        if read is None:
            return None
        setup, target = read
        for index, client in enumerate(entry.clients):
            setup = self._element(f"{path}.clients[{index}]", client, partial(_with_client, setup, client)) or setup
        for index, one in enumerate(entry.managed_identities):
            more_of = partial(_with_identity, setup, one.resource)
            setup = self._element(f"{path}.managed-identities[{index}]", one, more_of) or setup
        return SiteSetup(key, entry, profile, target, setup)

    def _profile(self, path: str, entry: SiteEntry) -> Profile:
        profile = self._profiles.get(entry.profile or "")
        if profile is None:
            if entry.profile is not None:
                known = ", ".join(map(toml_key, self._profiles)) or "none"
                what, remedy = f"there is no profile '{entry.profile}'", f"Add [profiles.{toml_key(entry.profile)}]."
                self._mistakes.add(f"{path}.profile", what, f"{remedy} Known: {known}.")
            return Profile()
        for name, value in profile.options.items():
            if name in self._typed and self._shared.get(name) != value:
                option = f"--{name.replace('_', '-')}"
                what, remedy = (
                    f"{option} was typed, and the profile says something else",
                    f"Remove {option}, or this line.",
                )
                self._mistakes.add(path_text("profiles", entry.profile or "", name.replace("_", "-")), what, remedy)
        return profile

    def _element(self, path: str, table: Table, read: Callable[[], Read]) -> Read | None:
        return None if self._mistakes.are_in(path) else self._read(path, {path: table}, read)

    def _read(self, path: str, tables: Mapping[str, Table], read: Callable[[], Read]) -> Read | None:
        """What is read; `None` where it is refused: a mistake in one of the tables, which are given by path."""
        try:
            return read()
        except UsageError as error:
            places = {name.replace("_", "-"): place for place, table in tables.items() for name in table.options}
            where = f"{places[error.key]}.{error.key}" if error.key in places else path
            self._mistakes.add(where, error.message, error.remedy, error.code)
            return None

    def _site(self, values: Mapping[str, Any]) -> tuple[Setup, SiteTarget]:
        client_id = values.get("client_id")
        if client_id is not None and not is_guid(client_id):
            with about("client-id"):
                raise UsageError(
                    "malformed-id", f"Invalid client-id '{client_id[:130]}'.", remedy="Use an appId, which is a GUID."
                )
        own = _typed({name: value for name, value in values.items() if name != "client_id"})
        options = SetupOptions(**{**self._shared, **own})
        tenant(options.tenant, "--tenant")
        check_name(options.cloud)
        self._check_address(options.cloud)
        target = site_target(options.app_service, options.resource_group, options.subscription, options.slot)
        reference = options.service_management_reference
        service_spec(target, options.service_name, options.role, options.service_app, reference=reference)
        return Setup.of(options, options.client), target

    @about("cloud")
    def _check_address(self, cloud: str) -> None:
        """Refuse an address that the file alone names: a secret or an assertion would be sent to its login service.

        Those of this machine are sandboxes.
        """
        confirmed = str(self._shared["cloud"])
        if is_https(cloud) and not is_on_this_machine(cloud) and not same_origin(cloud, confirmed):
            raise UsageError(
                "cloud-not-confirmed",
                f"Invalid --cloud '{cloud[:130]}': only this file names that address, and you would sign in there.",
                remedy="If it is right, confirm it outside the file: set MCT_S2S_CLOUD to the same address.",
            )


def _own(table: Table) -> dict[str, Any]:
    """What a table says that is an option's."""
    left_out = {"profile", "clients", "managed_identities", "name"}
    return {name: value for name, value in table.options.items() if name not in left_out}


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as those of the options of `setup`."""
    return {name: option_value(SetupOptions, name, value) for name, value in values.items()}


def _with_client(setup: Setup, client: ClientEntry) -> Setup:
    options = replace(setup.options, **{"no_consent": False, **_typed(_own(client))})
    if options.secret_to == "show":  # noqa: S105  # a place
        with about("secret-to"):
            raise UsageError(
                "secret-place-unfit",
                "Invalid --secret-to 'show': a file is for many clients, and for runs that no one watches.",
                remedy="Use file:PATH, keyvault:VAULT or exec:COMMAND.",
            )
    return setup.with_client(options, client.name)


def _with_identity(setup: Setup, text: str) -> Setup:
    return replace(setup, identities=(*setup.identities, caller_resource(text)))


def _check_sites(sites: Sequence[SiteSetup], mistakes: Mistakes) -> None:
    """Find entries that are, or may be, the same App Service: each would undo what the other one says."""
    by_name: dict[tuple[str, str], list[SiteSetup]] = defaultdict(list)
    for site in sites:
        path = path_text("sites", site.key)
        if mistakes.are_in(path):
            continue
        namesakes = by_name[site.target.name.casefold(), (site.target.slot or "").casefold()]
        other = next((one for one in namesakes if _may_be_same(site, one)), None)
        if other is not None:
            there = path_text("sites", other.key)
            remedy = "Remove one of the two, or say the resource-group of both if they are different ones."
            mistakes.add(path, f"the App Service '{site.target.label}' is that of {there} already", remedy)
        namesakes.append(site)


def _may_be_same(one: SiteSetup, other: SiteSetup) -> bool:
    """Whether nothing that both say tells them apart; the name, which both have, may not be unique."""
    pairs = [(one.target.group, other.target.group), (one.target.subscription, other.target.subscription)]
    pairs += [(getattr(one.profile, key), getattr(other.profile, key)) for key in _PROFILE_SAYS]
    return all(not mine or not theirs or mine.casefold() == theirs.casefold() for mine, theirs in pairs)


def _check_clients(sites: Sequence[SiteSetup], mistakes: Mistakes) -> None:
    """Find clients of one name, and those whose secrets would go to the same place, each over the other's."""
    taken: dict[tuple[str, ...], str] = {}
    for site in sites:
        for kind, names in (
            ("clients", [one.name for one in site.entry.clients]),
            ("managed-identities", [one.resource for one in site.entry.managed_identities]),
        ):
            for index, name in enumerate(names):
                path = path_text("sites", site.key, kind, index)
                first = taken.setdefault((site.key, kind, name.strip().casefold()), path)
                if first != path:
                    mistakes.add(path, f"'{name}' is {first} already", "Remove one of the two.")
        for index, client in enumerate(site.entry.clients):
            path = path_text("sites", site.key, "clients", index)
            place = site.setup.places.destination(site.target.label, client.name.strip())
            if place is None or client.secret_to is None or mistakes.are_in(path):
                continue
            first = taken.setdefault(("", *place), path)
            if first != path:
                what = f"the secret of {first} goes there, too"
                remedy = "Give each client a place of its own."
                mistakes.add(f"{path}.secret-to", what, remedy, "secret-place-shared")


YES, NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})


def option_value(options: type, name: str, given: str | bool) -> Any:
    """The value of an option.

    Args:
        given: the text; `yes` and `no` for one that is on or off.
    """
    wanted = get_type_hints(options)[name]
    kinds = get_args(wanted) if get_origin(wanted) in {Union, types.UnionType} else (wanted,)
    if isinstance(given, bool):
        return given
    if bool in kinds:
        return _one_of(name, given.casefold(), ("yes", "no"), YES | NO) in YES
    for kind in kinds:
        if issubclass(kind, Enum):
            words = [member.value for member in kind]
            return kind(_one_of(name, given, words, frozenset(words)))
    return Path(given) if Path in kinds else given


def _one_of(name: str, given: str, shown: list[str] | tuple[str, ...], known: frozenset[str]) -> str:
    if given in known:
        return given
    raise UsageError(
        "usage",
        f"Invalid --{name.replace('_', '-')} '{given[:130]}'.",
        remedy=f"Use {', '.join(shown[:-1])} or {shown[-1]}. Nothing was changed.",
    )
