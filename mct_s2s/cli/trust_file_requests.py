"""A trust file becomes a request for each of its sites, or a list of all its mistakes.

An entry becomes options of `setup`, so that the same code checks every value.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mct_s2s.azure.clouds import check_name, is_on_this_machine
from mct_s2s.cli.binding import option_words, typed_options
from mct_s2s.cli.commands.setup import SetupOptions, setup_request
from mct_s2s.cli.file_keys import with_keys
from mct_s2s.cli.file_site import FileSite
from mct_s2s.cli.options import AzureOptions, ChangingOptions
from mct_s2s.cli.options_to_request import with_client
from mct_s2s.engine.request import Request
from mct_s2s.errors import UsageError, about, contradiction
from mct_s2s.inputs.target import caller_resource, checked_tenant, site_target
from mct_s2s.inputs.user_files import parse_toml, read_text
from mct_s2s.model.azure_resources import origin, same_origin
from mct_s2s.model.client_credentials import CredentialSpec, NewCredential
from mct_s2s.model.commands import command
from mct_s2s.model.desired import ClientSpec
from mct_s2s.model.forms import choices_of, expected
from mct_s2s.model.ids import is_guid
from mct_s2s.model.observed import SiteOfFile
from mct_s2s.model.toml import Table, toml_key, toml_value
from mct_s2s.model.trust_file import ClientEntry, IdentityEntry, Profile, SiteEntry, TrustFile
from mct_s2s.plain_text import few_of
from mct_s2s.planning.clients import did_you_mean

MALFORMED = "trust-file-malformed"
UNREADABLE = "trust-file-unreadable"
MOST_LISTED = 20
_MOST_NAMED = 5
"""Sites that a command names: more fill a screen."""
_LONGEST = 600
"""Characters of a listed mistake: keys and values are of any length."""
_LONGEST_KEY = 120
_TABLES: dict[str, type[BaseModel]] = {
    "profiles": Profile,
    "sites": SiteEntry,
    "clients": ClientEntry,
    "managed-identities": IdentityEntry,
}
_OF_A_SITE = frozenset({"app_service", "resource_group", "slot", "client"})
"""Variables of the environment name one App Service; the file names its own."""
_OF_A_KIND = frozenset(
    {
        "credential",
        "certificate",
        "github",
        "federated-issuer",
        "federated-subject",
        "federated-audience",
    }
)
"""Keys of a client that only make sense together."""
_SIGN_IN = ("subscription", "tenant", "cloud", "auth")
_DEEPEST = 5
"""Parts of the longest `Location`."""
_LONGEST_NUMBER = 64
"""Bits of a number that is quoted: Python refuses to write very long ones."""
_UNNAMED = "unnamed"
"""In place of an App Service's name that is wrong."""
Location = tuple[str | int, ...]
"""`("sites", "learn", "clients", 0, "name")`."""


class TrustFileMistake(UsageError):
    page = "trust-files.md"

    def __init__(
        self, file: Path | None, code: str, message: str, *, remedy: str, items: Iterable[str] = ()
    ) -> None:
        super().__init__(code, message, remedy=remedy, items=items)
        self.file = str(file or "")


OF_ONE_SITE = ("app_service", "resource_group", "slot", "service_app")
"""Options that cannot be typed beside a file."""


def read_sites(options: Any, *unfit: str) -> tuple[FileSite, ...]:
    """Read a trust file; the command's `options` count where it says nothing.

    `unfit`: options that cannot be typed beside a file, as `OF_ONE_SITE`.

    Raises UsageError.
    """
    typed = typed_options()
    for field in (*OF_ONE_SITE, *unfit):
        if field in typed:
            name = "--all" if field == "all_sites" else f"--{field.replace('_', '-')}"
            # It may have been typed without its option.
            what = "the client's name" if field == "client" else name
            headline = (
                f"{what[0].upper()}{what[1:]} cannot be combined with --file, which names the App "
                "Services and their clients."
            )
            raise contradiction(
                headline, f"Remove {what}. To choose sites of the file, add --only SITE."
            )
    if str(options.file) == "-":
        raise UsageError(
            UNREADABLE,
            "'-' is no file, nor standard input: the commands that are printed name the file.",
            remedy="Write it to a file, and name that.",
        )
    text = read_text(options.file, UNREADABLE, "Name a trust file, as 'export' writes it.")
    try:
        document = parse_toml(text)
    except (ValueError, RecursionError) as error:
        # Not TOML, or a number that Python refuses to read
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise TrustFileMistake(
            options.file,
            MALFORMED,
            f"'{options.file}' is not TOML: {why}.",
            remedy="Texts stand in quotes, a site begins with [sites.NAME], a client with "
            "[[sites.NAME.clients]].",
        ) from error
    return sites_in(document, options, typed)


def file_words(options: Any) -> list[str]:
    """The words of a command about the same sites: `-f trust.toml --only learn`."""
    sign_in = {name: value for name in _SIGN_IN if (value := getattr(options, name))}
    only = [word for site in options.only for word in ("--only", site)]
    return ["-f", str(options.file), *only, *option_words(AzureOptions, sign_in)]


def set_up_command(options: Any, keys: Sequence[str | None]) -> str:
    """The command that sets up these sites of the file: by name, where they are few."""
    named = [key for key in keys if key is not None]
    if 0 < len(named) <= _MOST_NAMED:
        options = replace(options, only=named)
    return command("mct-s2s", "apply", *file_words(options))


def check_only(options: Any) -> None:
    """Raise UsageError: sites of a trust file are chosen, and no file is named."""
    if options.only:
        raise UsageError(
            "usage",
            "--only names sites of a trust file.",
            remedy="Add --file FILE, or remove --only.",
        )


def sites_in(
    document: dict[str, Any], options: Any, typed: Collection[str] = ()
) -> tuple[FileSite, ...]:
    """The document loses what is wrong in it."""
    names = _client_names(document)
    reader = _Reader(options, frozenset(typed), _locations(document), names)
    file = reader.tables(document)
    for key, entry in file.sites.items():
        reader.read_site(file, key, entry)
    reader.check_unused_profiles(file)
    reader.compare_sites()
    reader.compare_clients()
    reader.check()
    return tuple(_with_credentials(reader.sites))


def _with_credentials(sites: Sequence[FileSite]) -> Iterator[FileSite]:
    """Each site with what its clients are to sign in with, by this site or another one."""
    specs_by_id = defaultdict[str, list[ClientSpec]](list)
    for site in sites:
        for spec in site.request.setup.clients:
            if is_guid(spec.name):
                specs_by_id[spec.name.casefold()].append(spec)
    for site in sites:
        credentials = dict[str, tuple[CredentialSpec, ...]]()
        for client in site.request.setup.clients:
            specs = [spec.credential for spec in specs_by_id.get(client.name.casefold(), [client])]
            # Where one of them leaves it to others, any credential may be right.
            named = [spec for spec in specs if spec is not None]
            credentials[client.name] = tuple(named) if len(named) == len(specs) else ()
        file = replace(site.file, credentials=credentials)
        yield replace(site, request=replace(site.request, file=file))


def chosen(sites: Sequence[FileSite], options: Any) -> tuple[FileSite, ...]:
    """The sites that --only chooses, or all, in the file's order. Raises UsageError."""
    known = [site.key for site in sites]
    for key in options.only:
        if key not in known:
            raise UsageError(
                "site-unknown",
                f"'{options.file}' names no site '{key[:130]}'.",
                remedy=did_you_mean(key, known, f"Use one of {few_of(known)}."),
            )
    return tuple(site for site in sites if not options.only or site.key in options.only)


def path_text(*location: str | int) -> str:
    """`sites.learn.clients[2]`, counted from 0."""
    parts = (
        part if isinstance(part, int) or len(part) <= _LONGEST_KEY else f"{part[:_LONGEST_KEY]}…"
        for part in location
    )
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{toml_key(part)}" for part in parts
    ).removeprefix(".")


class _Reader:
    """Collects all mistakes, in the file's order: a person corrects them at once."""

    def __init__(
        self,
        options: AzureOptions,
        typed: frozenset[str],
        locations: Iterator[Location],
        names: Mapping[Location, str],
    ) -> None:
        self._names = names
        self.sites: list[FileSite] = []
        self._order = {location: number for number, location in enumerate(locations)}
        self._path = getattr(options, "file", None)
        self._sign_in = {name: getattr(options, name) for name in _SIGN_IN}
        self._typed = typed
        shared = {field.name for field in fields(options)} & {
            field.name for field in fields(SetupOptions)
        } - _OF_A_SITE
        if not isinstance(options, ChangingOptions):
            shared -= {"output"}  # formats that `setup` does not have
        self._shared = {name: getattr(options, name) for name in shared}
        self._mistakes: dict[tuple[Location, str, str, str], None] = {}
        """Where, what, the remedy and the code; what is wrong in a profile is found at each site
        that uses it.
        """
        self._wrong: set[Location] = set()
        self._unknown_app_services: set[str] = set()
        """Sites whose App Service or slot is wrong."""

    def _add(self, location: Location, what: str, remedy: str, code: str = MALFORMED) -> None:
        self._mistakes[location, what.removesuffix("."), remedy, code] = None
        self._wrong |= {location[:length] for length in range(len(location) + 1)}

    def check(self) -> None:
        ordered = sorted(self._mistakes, key=lambda mistake: self._place(mistake[0]))
        mistakes = [(self._place_text(location), *rest) for location, *rest in ordered]
        if len(mistakes) == 1:
            ((where, what, remedy, code),) = mistakes
            message = f"'{self._path}'{where and f', {where}'}: {what}."
            raise TrustFileMistake(self._path, code, message, remedy=remedy)
        if mistakes:
            listed = [
                f"{where}: {what}. {remedy}" for where, what, remedy, _ in mistakes[:MOST_LISTED]
            ]
            listed = [
                line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…" for line in listed
            ]
            listed += (
                [f"and {len(mistakes) - MOST_LISTED} more"] if len(mistakes) > MOST_LISTED else []
            )
            raise TrustFileMistake(
                self._path,
                MALFORMED,
                f"'{self._path}' has {len(mistakes)} mistakes.",
                remedy="Correct the file, then run the same command again. Nothing was changed.",
                items=listed,
            )

    def _place_text(self, location: Location) -> str:
        """`sites.learn.clients[2].github ('Import')`: no one counts clients to find one."""
        name = self._names.get(location[:4], "")
        is_wrong_itself = location[4:] == ("name",)
        return path_text(*location) + (f" ('{name}')" if name and not is_wrong_itself else "")

    def _place(self, location: Location) -> int:
        """Where it stands in the file; of what is missing, where its table stands."""
        while location not in self._order and location:
            location = location[:-1]
        return self._order.get(location, 0)

    def tables(self, document: dict[str, Any]) -> TrustFile:
        try:
            return TrustFile.model_validate(document)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        for mistake in errors:
            self._add_error(mistake["type"], mistake["loc"], mistake)
        wrong = {
            mistake["loc"][:-1] if mistake["loc"][-1] == "[key]" else mistake["loc"]
            for mistake in errors
        }
        for location in sorted(wrong, key=len, reverse=True):
            _leave_out(document, location)
        try:
            return TrustFile.model_validate(document)
        except ValidationError:
            self.check()
            raise

    def _add_error(self, kind: str, location: Location, wrong: Mapping[str, Any]) -> None:
        above, last = location[:-1], location[-1]
        names = [part for part in above if isinstance(part, str)]
        model = _TABLES[names[-1] if len(names) > 2 else names[0]] if names else TrustFile
        known = [field.alias or name for name, field in model.model_fields.items()]
        what, remedy = _wrong_value(kind, str(last), wrong)
        names_app_service = len(location) == 3 and last in {"app-service", "slot"}
        if names_app_service and wrong["input"] != "":
            self._unknown_app_services.add(str(location[1]))
        match kind:
            case "extra_forbidden":
                what, remedy = "unknown key", f"Known here: {', '.join(known)}."
                if len(self._mistakes) < MOST_LISTED and len(str(last)) <= _LONGEST_KEY:
                    remedy = did_you_mean(str(last), known, remedy)
            case "missing" | "too_short" if location == ("sites",):
                location = ()
                what = "it names no site"
                remedy = "Add a table such as [sites.contosolearn]."
            case "missing":
                location = above
                what = f"'{last}' is missing"
                remedy = f'Add {last} = "…".'
            case "string_pattern_mismatch" | "string_too_long" if last == "[key]":
                location = above
                what = f"the name has to be 1 to {_LONGEST_KEY} printable characters"
                remedy = f"Choose another one: [{above[0]}.NAME]"
            case "list_type" | "dict_type" | "model_type":
                table = (
                    f"[{location[0]}.NAME]"
                    if len(location) < 3
                    else f"[[{path_text(*location[:3])}]]"
                )
                what, remedy = "a table is expected here", f"Begin it with {table}"
        self._add(location, what, remedy)

    def read_site(self, file: TrustFile, key: str, entry: SiteEntry) -> None:
        """Read a site, again without each wrong key, to find the mistakes of all keys."""
        here: Location = ("sites", key)
        profile = self._profile(file, here, entry)
        values: dict[str, Any] = {"app_service": entry.app_service or key}
        if (*here, "app-service") in self._wrong:
            values = {"app_service": _UNNAMED}
        while True:
            try:
                self.sites.append(self._site(key, entry, profile, values["app_service"]))
            except UsageError as error:
                self._note(error, {("profiles", entry.profile or ""): profile, here: entry})
                field = error.key.replace("-", "_")
                if field in {"app_service", "slot"}:
                    self._unknown_app_services.add(key)
                if field == "app_service" and values["app_service"] != _UNNAMED:
                    values = {"app_service": _UNNAMED}
                elif field in profile.model_fields_set | entry.model_fields_set:
                    profile, entry = profile.without({error.key}), entry.without({error.key})
                else:
                    return
            else:
                return

    def check_unused_profiles(self, file: TrustFile) -> None:
        """Check the profiles that no site names: a site may have mistyped the name."""
        used = {entry.profile for entry in file.sites.values()}
        for name, profile in file.profiles.items():
            if name in used:
                continue
            checks: tuple[Callable[[], object], ...] = (
                partial(checked_tenant, profile.tenant, "--tenant"),
                partial(check_name, profile.cloud or "public"),
            )
            for check in checks:
                try:
                    check()
                except UsageError as error:
                    self._note(error, {("profiles", name): profile})

    def _site(self, key: str, entry: SiteEntry, profile: Profile, app_service: str) -> FileSite:
        values = {**profile.options, **entry.options, "app_service": app_service}
        values["no_consent"] = any(client.no_consent for client in entry.clients)
        options = SetupOptions(**{**self._shared, **values})
        checked_tenant(options.tenant, "--tenant")
        check_name(options.cloud)
        self._check_address(options.cloud)
        target = site_target(
            options.app_service, options.resource_group, options.subscription, options.slot
        )
        names = tuple(client.name.strip() for client in entry.clients)
        lifetimes = {
            client.name.strip(): client.secret_lifetime
            for client in entry.clients
            if client.secret_lifetime is not None
        }
        of_file = SiteOfFile(self._where(key), names, lifetimes)
        request = setup_request(options, (), of_file)
        for place, client in _entries(key, entry):
            request = self._read_entry(request, options, place, client)
        return FileSite(
            key=key, entry=entry, profile=profile, target=target, options=options, request=request
        )

    def _read_entry(
        self,
        request: Request,
        options: SetupOptions,
        place: Location,
        entry: ClientEntry | IdentityEntry,
    ) -> Request:
        """Read an entry, again without each wrong key, to find the mistakes of all keys."""
        while True:
            try:
                return _with_entry(request, options, entry)
            except UsageError as error:
                self._note(error, {place: entry})
                is_set = error.key.replace("-", "_") in entry.model_fields_set
                if not is_set or error.key in {"name", "resource"}:
                    return request
                # What belongs to a credential's kind is wrong together.
                entry = entry.without(_OF_A_KIND if error.key in _OF_A_KIND else {error.key})

    def _where(self, key: str) -> str:
        """As `requests.where`, of the file's site."""
        shared = option_words(
            AzureOptions, {name: value for name, value in self._sign_in.items() if value}
        )
        return command("-f", str(self._path), "--only", key, *shared)

    def _profile(self, file: TrustFile, site: Location, entry: SiteEntry) -> Profile:
        called = entry.profile or ""
        profile = file.profiles.get(called, Profile())
        if called and called not in file.profiles:
            known = ", ".join(map(toml_key, file.profiles)) or "none"
            remedy = f"Add [profiles.{toml_key(called)}]. Known: {known}."
            self._add((*site, "profile"), f"there is no profile '{called}'", remedy)
        for name, value in profile.options.items():
            if name in self._typed and self._shared.get(name) != value:
                key = name.replace("_", "-")
                what = f"--{key} was typed, and the profile says something else"
                self._add(("profiles", called, key), what, f"Remove --{key}, or this line.")
        return profile

    def _note(self, error: UsageError, tables: Mapping[Location, Table]) -> None:
        *_, location = tables
        message, remedy = error.message, error.remedy
        for place, table in tables.items():
            if error.key.replace("-", "_") in table.model_fields_set:
                location = (*place, error.key)
                message, remedy = (
                    with_keys(text, type(table), error.key) for text in (message, remedy)
                )
        self._add(location, message, remedy, error.code)

    @about("cloud")
    def _check_address(self, cloud: str) -> None:
        """Refuse an address that the file alone names: a secret would be sent there."""
        confirmed = str(self._shared["cloud"])
        if origin(cloud) and not is_on_this_machine(cloud) and not same_origin(cloud, confirmed):
            raise UsageError(
                "cloud-not-confirmed",
                f"Invalid --cloud '{cloud[:130]}': only this file names that address, and you "
                "would sign in there.",
                remedy="If it is right, confirm it outside the file: set MCT_S2S_CLOUD to the same "
                "address.",
            )

    def compare_sites(self) -> None:
        by_name: dict[tuple[str, str], list[FileSite]] = defaultdict(list)
        for site in self.sites:
            if site.key in self._unknown_app_services:
                continue
            twins = by_name[site.target.name.casefold(), (site.target.slot or "").casefold()]
            other = next((twin for twin in twins if _may_be_same(site, twin)), None)
            if other is not None:
                what = (
                    f"the App Service '{site.target.label}' is that of "
                    f"{path_text('sites', other.key)} already"
                )
                remedy = (
                    "Remove one of the two, or say the resource-group of both if they are "
                    "different ones."
                )
                self._add(("sites", site.key), what, remedy)
            twins.append(site)

    def compare_clients(self) -> None:
        taken: dict[tuple[str, ...], Location] = {}
        for site in self.sites:
            for here, client in _entries(site.key, site.entry):
                name = client.name if isinstance(client, ClientEntry) else client.resource
                first = taken.setdefault(
                    (site.key, type(client).__name__, name.strip().casefold()), here
                )
                if first != here:
                    self._add(
                        here, f"'{name}' is {path_text(*first)} already", "Remove one of the two."
                    )
                label = site.target.label
                if site.key in self._unknown_app_services:
                    label = site.key
                place = site.request.places.destination(label, name.strip())
                if (
                    place is None
                    or getattr(client, "secret_to", None) is None
                    or (*here, "secret-to") in self._wrong
                ):
                    continue
                first = taken.setdefault(("", *place), here)
                if first != here:
                    what = f"the secret of {path_text(*first)} goes there, too"
                    self._add(
                        (*here, "secret-to"),
                        what,
                        "Give each client its own place.",
                        "secret-place-shared",
                    )


def _client_names(document: Mapping[str, Any]) -> dict[Location, str]:
    """The names of a file's clients, by their places; whatever else the file may hold there."""
    sites = document.get("sites")
    return {
        ("sites", key, "clients", number): client["name"]
        for key, site in (sites.items() if isinstance(sites, dict) else ())
        if isinstance(site, dict) and isinstance(site.get("clients"), list)
        for number, client in enumerate(site["clients"])
        if isinstance(client, dict)
        and isinstance(client.get("name"), str)
        and len(client["name"]) <= _LONGEST_KEY
    }


def _locations(value: Any, here: Location = (), deepest: int = _DEEPEST) -> Iterator[Location]:
    """The places of a file, in its order."""
    yield here
    if len(here) < deepest:
        parts = enumerate(value) if isinstance(value, list) else ()
        for key, part in value.items() if isinstance(value, dict) else parts:
            yield from _locations(part, (*here, key), deepest)


def _wrong_value(kind: str, key: str, wrong: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong with a key's value, and what is right; `kind`: pydantic's type of error."""
    value = wrong["input"]
    what, remedy = f"invalid value {_quoted(value)}", ""
    match kind:
        case "string_type":
            what, remedy = f"{_quoted(value)} is not a text", "Write it in quotes."
        case "bool_type":
            what = f"{_quoted(value)} is neither true nor false"
            remedy = "Write true or false, without quotes."
        case "enum" | "literal_error":
            choices = choices_of(wrong)
            nearest = did_you_mean(str(value)[:_LONGEST_KEY], choices)
            allowed = f"Use one of {', '.join(choices)}."
            remedy = " ".join(filter(None, (allowed, nearest)))
        case "string_pattern_mismatch" if not value.strip():
            what, remedy = "it is empty", "Write a value, or remove the line."
        case "string_pattern_mismatch" if key == "secret-to":
            why = ": it prints a secret for one reader, and a file may be applied unattended"
            what += why if value == "show" else ""
            remedy = "Use file:PATH, keyvault:VAULT[/NAME] or exec:COMMAND."
        case "string_pattern_mismatch" if key == "client-id":
            remedy = "Use the appId of the application that signs in."
        case "string_pattern_mismatch":  # pydantic quotes the pattern
            what, remedy = "it has a control character", "Use printable characters."
        case _:
            what = expected(wrong)
    return what, remedy


def _quoted(value: Any) -> str:
    """A value that is not of the kind that is expected, as the file may have it."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a table"
    if isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:
        return "a number"
    if isinstance(value, bool):
        return toml_value(value)
    return f"'{value[:_LONGEST_KEY]}'" if isinstance(value, str) else str(value)


def _leave_out(document: dict[str, Any], location: Location) -> None:
    """Take what is wrong out of the document.

    An element of a list stays, so that the others keep their index, and gets a name where its own
    is wrong or missing: its other keys may be wrong, too.
    """
    match location:
        case ("sites", str(site), ("clients" | "managed-identities") as name, int(index), *keys):
            required = "name" if name == "clients" else "resource"
            elements = document["sites"][site][name]
            if not keys:
                elements[index] = {}
            if not keys or keys[0] == required:
                elements[index][required] = f"element-{index}"
            else:
                elements[index].pop(keys[0], None)
        case _:
            node: Any = document
            for key in location[:-1]:
                node = node[key]
            node.pop(location[-1], None)


def _entries(key: str, site: SiteEntry) -> Iterator[tuple[Location, ClientEntry | IdentityEntry]]:
    yield from (
        (("sites", key, "clients", index), client) for index, client in enumerate(site.clients)
    )
    yield from (
        (("sites", key, "managed-identities", index), identity)
        for index, identity in enumerate(site.managed_identities)
    )


def _with_entry(
    request: Request, options: SetupOptions, entry: ClientEntry | IdentityEntry
) -> Request:
    """Add a client or a managed identity of the file to its site's request. Raises UsageError."""
    if isinstance(entry, IdentityEntry):
        return replace(request, identities=(*request.identities, caller_resource(entry.resource)))
    values: dict[str, Any] = dict(entry.options)
    if entry.certificate is not None:
        values["certificate"] = Path(entry.certificate)
    client_options = SetupOptions(**{**vars(options), "no_consent": False, **values})
    request = with_client(request, client_options, entry.name)
    *others, client = request.setup.clients
    if entry.secret_to is None or not isinstance(client.credential, NewCredential):
        return request
    kept = replace(client, credential=replace(client.credential, is_kept=True))
    return replace(request, desired=replace(request.setup, clients=(*others, kept)))


def _may_be_same(site: FileSite, other: FileSite) -> bool:
    pairs = [
        (site.target.group, other.target.group),
        (site.target.subscription, other.target.subscription),
    ]
    pairs += [
        (getattr(site.profile, key), getattr(other.profile, key))
        for key in ("cloud", "tenant", "subscription")
    ]
    return all(
        not mine or not theirs or mine.casefold() == theirs.casefold() for mine, theirs in pairs
    )
