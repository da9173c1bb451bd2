"""What is reported of a command at one App Service, before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from mct_s2s.errors import Instruction, S2SError
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.plain_text import counted
from mct_s2s.planning.changes import AnyChange
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reports.verification import Verification
from mct_s2s.render.diagnostics import told_once

FEW_SITES = 5
"""Of more than these, what is the same at most of them is counted, not told."""
LEFT_ALONE = "with clients left alone"
NOT_SET_UP = "not set up"


@dataclass(frozen=True)
class SavedCredential:
    client: str
    client_id: str
    expires: datetime | None
    """`None` for federated credentials, which do not expire."""
    saved_to: SecretPlace | None
    """`None` if there was nothing to save: a given certificate, a federated credential."""
    secret: str | None = None
    kind: CredentialKind = CredentialKind.SECRET
    created: bool = True
    removal: str | None = None
    """The command that removes it, where it reached no one and this run could not."""


@dataclass(frozen=True)
class TakenBack:
    """A credential that reached no one, and was removed again."""

    client: str
    kind: CredentialKind = CredentialKind.SECRET

    def __str__(self) -> str:
        return f"{self.kind.noun} of {self.client}"


@dataclass(frozen=True)
class ClientResult:
    name: str
    id: str = ""
    """The appId of a client application, the object ID of a managed identity."""
    is_identity: bool = False
    credential: SavedCredential | None = None
    can_call: bool | None = None
    """`None` where it was not tested."""
    is_secret_elsewhere: bool = False
    """Whether the place that was named for its secret does not hold it."""
    tagged_vault: SecretPlace | None = None
    """The key vault that may hold it then, by a tag of its registration."""


@dataclass(frozen=True)
class SiteReport:
    title: str
    """Of several sites, that one error keeps from being planned: all of theirs."""
    plan: Plan | None = None
    """`None` where it could not be made."""
    about: Sequence[str] = ()
    unchanged_text: str = ""
    """What is said of an empty plan, if not that the App Service is up to date."""
    done: Sequence[AnyChange] = ()
    in_doubt: Sequence[AnyChange] = ()
    """Cut off on the way."""
    not_done: Sequence[AnyChange] = ()
    """Not begun, or refused."""
    credentials: Sequence[SavedCredential] = ()
    taken_back: Sequence[TakenBack] = ()
    manual_steps: Sequence[Instruction] = ()
    verification: Verification | None = None
    left_valid: Sequence[Instruction] = ()
    """What a rotation has left of the old credentials, and how that is removed."""
    test: str = ""
    """The command that tests its clients, where this run was to and has not done so."""
    error: S2SError | None = None
    places: Mapping[str, SecretPlace] = field(default_factory=dict)
    """Where the credentials of clients go, as `--secret-to` takes it, by their names."""
    notes: Sequence[Instruction] = ()
    """What is said of this run, beside its plan."""
    new_folders: Sequence[Instruction] = ()
    """Which folders are made for credentials: said once for all sites."""
    is_of_file: bool = False
    """Whether a trust file names it, whose reader reviews where secrets go."""
    has_unread_settings: bool = False
    """Whether its plan cannot say what would change there."""
    is_not_set_up: bool = False
    """Whether a rotation found nothing there to rotate: it is not up to date, either."""
    is_over: bool = False
    """Whether nothing more is done there by this run."""
    count: int = 1
    """How many sites it is about."""

    @property
    def needs_reading(self) -> bool:
        """Whether its plan says more than that there is nothing to do."""
        return not self.has_nothing_to_do or bool(
            self.plan is not None and (self.plan.statements or self.plan.manual_steps)
        )

    @property
    def has_reached_no_one(self) -> bool:
        """Whether it made something secret that did not arrive."""
        return bool(self.taken_back) or any(credential.removal for credential in self.credentials)

    @property
    def has_nothing_to_do(self) -> bool:
        return (
            self.plan is not None
            and not self.plan.changes
            and not self.plan.missing_rights
            and not self.plan.blocked
        )

    @property
    def left_alone_text(self) -> str:
        """`2 clients left alone`; empty where there are none."""
        count = len(self.plan.left_alone) if self.plan is not None else 0
        return f"{counted(count, 'client')} left alone" if count else ""

    @property
    def is_up_to_date(self) -> bool:
        return self.has_nothing_to_do and not self.left_alone_text

    @property
    def has_clients_left_alone(self) -> bool:
        return self.has_nothing_to_do and bool(self.left_alone_text)


def failing_together(sites: Sequence[SiteReport]) -> list[SiteReport]:
    """The same, but for sites that the same error keeps from being planned: they are one."""
    failed = told_once(
        (site.title, site.error) for site in sites if site.plan is None and site.error is not None
    )
    together = {titles[0]: titles for titles, _ in failed if len(titles) > 1}
    others = {title for titles in together.values() for title in titles[1:]}
    return [
        replace(site, title=", ".join(together[site.title]), count=len(together[site.title]))
        if site.title in together
        else site
        for site in sites
        if site.title not in others
    ]
