"""An App Service API behind an app role, as data.

Reader and JSON Schema of a description are made of this model.

A description names settings and says by one word what each holds. It has no values, templates,
hosts or commands, so its author decides nothing but where the program writes what it would write
anyway.
"""

from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from mct_s2s.model.site_settings import (
    NOT_SHOWN,
    AllowList,
    AppSettings,
    Holds,
    Setting,
    is_readable,
    same_name,
    spelling_in,
)
from mct_s2s.model.toml import Table

PLATFORM_PREFIXES = (
    "website", "azurewebjobs", "functions_", "scm_", "docker_", "appsetting_",
    "connectionstrings", "iis", "msi_", "identity_", "applicationinsights", "appinsights",
    "diagnostics_", "xdt_", "kudu", "deployment_", "weblogs", "aspnetcore_", "dotnet_",
    "coreclr_", "cor_", "complus_", "node_", "npm_", "python", "pip_", "java_", "jdk_", "_java",
    "catalina_", "jvm_", "php_", "perl", "ruby", "gem_", "ld_", "git_", "bash_", "ssl_",
    "openssl_", "curl_", "requests_", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "startup_", "pre_build", "post_build", "build_flags", "enable_oryx", "customconnstr_",
    "sqlconnstr_", "sqlazureconnstr_", "mysqlconnstr_", "postgresqlconnstr_", "redisconnstr_",
    "notificationhubconnstr_", "servicebusconnstr_", "eventhubconnstr_", "documentdbconnstr_",
    "apihubconnstr_", "container_", "spring_", "spring.", "logging_", "logging.", "otel_",
    "gunicorn_", "uvicorn_", "flask_", "django_", "rails_", "rack_", "webjobs_", "glibc_",
    "kestrel__", "microsoft_provider_",
)  # fmt: skip
"""Beginnings, in lower case, of settings that the platform or a runtime reads.

They decide which code runs.
"""
PLATFORM_NAMES = frozenset({
    "path", "pathext", "home", "shell", "port", "tmp", "temp", "tmpdir", "env", "ifs",
    "classpath", "prompt_command", "command", "project", "custom_build_command",
    "run_build_command", "urls",
})  # fmt: skip
FORBIDDEN_HEADER_PREFIXES = (
    "content-", "transfer-", "proxy-", "x-forwarded-", "x-original-", "x-method", "x-rewrite-",
    "x-http-", "x-arr-", "x-ms-", "x-appservice-", "x-azure-", "x-host", "x-site-", "x-waws-",
    "disguised-", "was-",
)  # fmt: skip
"""How headers begin that decide where a request goes, or who is believed to send it."""
FORBIDDEN_HEADERS = frozenset({
    "host", "authorization", "cookie", "connection", "upgrade", "te", "trailer", "via",
    "forwarded", "expect", "keep-alive", "max-forwards",
})  # fmt: skip


def _setting_name(name: str) -> str:
    if name.casefold().startswith(PLATFORM_PREFIXES) or name.casefold() in PLATFORM_NAMES:
        raise ValueError("this setting is App Service's or a runtime's own")
    return name


def _header_name(name: str) -> str:
    if (
        name.casefold().startswith(FORBIDDEN_HEADER_PREFIXES)
        or name.casefold() in FORBIDDEN_HEADERS
    ):
        raise ValueError("this header is not the API's own")
    return name


def _whole_number(number: object) -> object:
    # To Python, `true` equals 1, and 401.0 equals 401.
    if isinstance(number, bool | float):
        raise ValueError("a whole number is expected")
    return number


DEFAULT_API = "mct"
"""The API where nothing else is said."""
ApiName = Annotated[str, StringConstraints(pattern=r"^[\w.&()+-]+( [\w.&()+-]+)*$", max_length=40)]
RoleValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]
"""A name, and no address or file: it is written to a setting that a description chooses.

Entra ID allows more.
"""
Mark = Annotated[str, StringConstraints(pattern=r"^-[a-z0-9-]{1,18}-$")]
SettingName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,199}$"),
    AfterValidator(_setting_name),
]
"""Source: learn.microsoft.com/azure/app-service/configure-common."""
HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,59}$"), AfterValidator(_header_name)
]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,98}[!-~])?$")]
ProofPath = Annotated[
    str,
    StringConstraints(
        pattern=r"^/([A-Za-z0-9._~!$&'()*+,;=:@%?-][A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,198})?$"
    ),
]
Word = Annotated[Holds, Field(strict=False)]


class ProofCall(Table):
    """The GET that proves access. Redirects are not followed."""

    path: ProofPath = Field(description="Path to GET, with a query where it needs one.")
    headers: dict[HeaderName, HeaderValue] = Field(
        default={}, max_length=8, description="Headers of every call, beside the token."
    )
    refused_with: list[Annotated[Literal[401, 403], BeforeValidator(_whole_number)]] = Field(
        default=[401, 403],
        min_length=1,
        max_length=2,
        description="The API's own no: 401, 403 or both.",
    )


class Api(Table):
    """An App Service API behind an app role: what `--api FILE` reads, in TOML."""

    name: ApiName = Field(description="What people call it: the NAME API.")
    role: RoleValue = Field(description="App role of its clients, unless `--role` says another.")
    token_version: Annotated[Literal[1, 2] | None, BeforeValidator(_whole_number)] = Field(
        default=None,
        description="Version of the access tokens that it accepts: 1 (their audience is the "
        "Application ID URI) or 2 (the appId). Left out: both, and the registration stays as it "
        "is.",
    )
    function_app_mark: Mark | None = Field(
        default=None,
        description=(
            "What is in the name of the function app that a deployment has beside its web app."
        ),
    )
    settings: dict[SettingName, Word] = Field(
        default={},
        max_length=11,
        description="What each app setting holds. No other setting is read, shown or written.",
    )
    test: ProofCall = Field(description="The call that proves access.")
    _named_as: str = PrivateAttr(default="")
    _is_shipped: bool = PrivateAttr(default=False)

    @field_validator("settings")
    @classmethod
    def _fit_together(cls, settings: dict[str, Holds], info: ValidationInfo) -> dict[str, Holds]:
        words = list(settings.values())
        for number, (name, word) in enumerate(settings.items()):
            if word in words[:number]:
                raise ValueError(f"'{word}' stands twice")
            if any(same_name(name, other) for other in list(settings)[:number]):
                raise ValueError(f"'{name}' stands twice")
            if word in {Holds.AUDIENCE, Holds.AUTHORITY} and info.data.get("token_version") is None:
                raise ValueError(f"'{word}' depends on token-version, which is missing")
        if len([word for word in words if word.is_list]) == 1:
            raise ValueError("an API has both lists, application-ids and object-ids, or none")
        return settings

    @classmethod
    def shipped(cls, document: object, name: str) -> "Api":
        """A description of this program's own, whose settings are known to hold what it says."""
        api = cls.in_file(document, name)
        api._is_shipped = True  # noqa: SLF001  # its own
        return api

    @classmethod
    def in_file(cls, document: object, path: str) -> "Api":
        api = cls.model_validate(document)
        api._named_as = path  # noqa: SLF001  # its own
        return api

    @property
    def named_as(self) -> str:
        """What `--api` says to name it: a path, or a name where it is shipped."""
        return self._named_as

    @property
    def is_shipped(self) -> bool:
        return self._is_shipped

    def service_name(self, label: str) -> str:
        """The display name of a service application: `MCT service (contosolearn)`."""
        return f"{self.name} service ({label})"

    @property
    def called(self) -> str:
        """The API as a sentence names it: `the MCT API`."""
        return f"the {self.name}" if self.name.endswith(" API") else f"the {self.name} API"

    # Its settings

    @cached_property
    def rows(self) -> tuple[Setting, ...]:
        return tuple(Setting(name, holds) for name, holds in self.settings.items())

    @cached_property
    def lists(self) -> tuple[Setting, ...]:
        """The allow lists. Without any, an app role assignment is all that a caller needs."""
        return tuple(row for row in self.rows if row.holds.is_list)

    def setting(self, holds: Holds) -> Setting | None:
        return next((row for row in self.rows if row.holds is holds), None)

    def value(self, holds: Holds, settings: AppSettings) -> str | None:
        """The value of the setting that holds this; `None` where it is missing or null."""
        row = self.setting(holds)
        return row.value_in(settings) if row is not None else None

    def list_in(self, holds: Holds, settings: AppSettings) -> AllowList:
        return AllowList(self.value(holds, settings) or "")

    def name_of(self, holds: Holds) -> str:
        """The setting's name; of one that the API does not have, the word."""
        row = self.setting(holds)
        return row.name if row is not None else holds.value

    @property
    def is_default(self) -> bool:
        return self.is_shipped and self.named_as == DEFAULT_API

    def masked(self, settings: AppSettings, known: Iterable[str] = ()) -> AppSettings:
        """These settings without what may be a secret: what is neither readable nor `known`.

        The author of a description could name a secret's setting in it, to read or to overwrite
        that.
        """
        if self.is_shipped:
            return settings
        names = {text.casefold() for text in (self.role, *known) if text}
        masked = dict(settings)
        for row in self.rows:
            value = row.value_in(settings)
            if value is not None and not is_readable(value) and value.casefold() not in names:
                masked[spelling_in(settings, row.name)] = NOT_SHOWN
        return masked

    def hidden(self, settings: AppSettings) -> tuple[Setting, ...]:
        """The settings whose value was masked: they may be something else's."""
        return tuple(row for row in self.rows if row.value_in(settings) == NOT_SHOWN)

    def legible(self, settings: AppSettings) -> dict[str, str]:
        """The settings that are shown and not masked: what can be written elsewhere."""
        return {name: value for name, value in self.shown(settings).items() if value != NOT_SHOWN}

    def shown(self, settings: AppSettings) -> dict[str, str]:
        """The only ones ever shown, under our names: the others may be secret."""
        values = {row.name: row.value_in(settings) for row in self.rows}
        return {name: value for name, value in values.items() if value is not None}

    def is_begun(self, settings: AppSettings) -> bool:
        """Whether any setting is there but a switch that is off.

        That one alone says nothing: an App Service may come with it.
        """
        values = ((row, row.value_in(settings)) for row in self.rows)
        return any(
            value is not None
            and (row.holds is not Holds.SWITCH or value.strip().casefold() != "false")
            for row, value in values
        )

    @cached_property
    def names_service(self) -> Setting | None:
        """The setting that names the service application."""
        words = (Holds.URI, Holds.AUDIENCE, Holds.APP_ID)
        return next((row for word in words if (row := self.setting(word)) is not None), None)

    def service_in(self, settings: AppSettings) -> str:
        """The service application that the settings name, by its appId or URI; empty for none.

        Where the directory does not have it, it is masked, and equals none.
        """
        row = self.names_service
        value = ((row.value_in(settings) if row is not None else None) or "").strip()
        return value if value != NOT_SHOWN else ""

    def is_used_by(self, settings: AppSettings) -> bool:
        """Whether a site with these settings serves this API, as far as they show it."""
        if self.is_shipped and self.lists:
            return bool(self.shown(settings))
        telling = (*self.lists, *([self.names_service] if self.names_service is not None else []))
        return any(row.value_in(settings) for row in telling)

    def is_enabled(self, settings: AppSettings) -> bool:
        row = self.setting(Holds.SWITCH)
        return row is None or row.word.comparison.is_among(row.value_in(settings) or "", {"true"})

    @cached_property
    def always_required(self) -> frozenset[Setting]:
        """The settings that a site has to have, with or without clients."""
        of_clients = {Holds.ROLE} if self.lists else set[Holds]()
        return frozenset(
            row for row in self.rows if not row.holds.is_list and row.holds not in of_clients
        )

    def required(
        self, settings: AppSettings, named: Collection[Setting] = ()
    ) -> frozenset[Setting]:
        """The settings that a site has to have for the kinds of clients on its lists.

        `named`: lists that get an entry.
        """
        used = {row for row in self.lists if row in named or row.list_in(settings).ids}
        with_applications = any(row.holds is Holds.APPLICATION_IDS for row in used)
        role = {row for row in self.rows if row.holds is Holds.ROLE and with_applications}
        return self.always_required | used | role

    def need_no_directory(self, values: AppSettings) -> bool:
        """Whether these values are all that a site has to have."""
        needed = [row for row in self.always_required if row.holds is not Holds.SWITCH]
        return bool(needed) and all(row.name in values for row in needed)
