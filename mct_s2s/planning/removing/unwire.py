"""Undoing `--wire`, and what a key vault holds for a client that is removed: nothing is left behind unmentioned.

Only settings that still are as they were written are taken out: what someone has changed since is theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from mct_s2s.model.azure_resources import WiredApp
from mct_s2s.model.commands import command, webapp_command
from mct_s2s.model.desired import Removal
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ClientId, place_in_tag, wire_tag
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.app_service.site import describe
from mct_s2s.planning.app_service.wire import CLIENT_SECRET, WRITTEN, secret_read_by, written_by_us
from mct_s2s.planning.changes import AlreadyRight, AnyChange, DeleteStoredSecret, SettingsSpec, WireApp
from mct_s2s.planning.plan import Left, ManualStep
from mct_s2s.planning.removing.removal_targets import RemovalTargets

ABOUT = "key vault secret"


def unwire_key(app: WiredApp) -> str:
    """The key of the step that takes our settings out of an app."""
    return f"unwire:{app.site.resource}".lower()


@dataclass(frozen=True)
class Unwiring:
    """The apps that were wired for clients which are removed.

    Attributes:
        observed: the apps, and whose API they call.
        targets: who is removed.
        kept: appIds, in lower case, of registrations that stay: apps go on signing in as them, elsewhere.
        everything: whether the whole trust is removed, and so what any app calls it by.
    """

    observed: ObservedState
    targets: RemovalTargets
    kept: frozenset[str]
    everything: bool

    def steps(self) -> Iterator[WireApp]:
        """One write for each app that still has our settings."""
        for app in self.observed.wired_before:
            undo = self._undo(app)
            if undo:
                names = tuple(sorted(undo))
                yield WireApp(
                    key=unwire_key(app),
                    name=app.site.label,
                    detail=f"without {describe(app.settings, names)}",
                    site=app.site,
                    spec=SettingsSpec(undo=undo, tidy=False),
                    changed=names,
                )

    def forgotten_tags(self) -> Iterator[tuple[str, str]]:
        """Tags of apps that are left with nothing to call by, each with the key of the step that must be done first."""
        for app in self.observed.wired_before:
            calling, _ = written_by_us(app, (), self.observed, is_caller=True)
            if not set(calling) - set(self._undo(app)):
                yield wire_tag(str(app.site.resource)), unwire_key(app)

    def unread(self) -> Iterator[ManualStep]:
        """Apps whose settings cannot be looked at: someone else has to."""
        for resource in self.observed.wired_unread:
            yield ManualStep(
                Left.UNWIRE,
                f"Could not read the settings of '{resource.name}', which --wire has set up. If it still signs in "
                "as a client that is removed, someone else must remove them.",
                resource=resource,
                command=delete_settings_command(resource, WRITTEN),
            )

    def notes(self) -> Iterator[str]:
        """What was changed since."""
        for app in self.observed.wired_before:
            left = {CLIENT_SECRET.casefold()} & {name.casefold() for name in app.settings}
            undo = {name.casefold() for name in self._undo(app)}
            if left and undo and self._signs_in_as_removed(app) and not left & undo:
                yield f"'{app.site.label}' keeps its setting {CLIENT_SECRET}: it was changed since mct-s2s wrote it."

    def _undo(self, app: WiredApp) -> dict[str, str]:
        principal = app.identity_resource.principal_id if app.identity_resource is not None else None
        callers = {identity.id.casefold() for identity in self.targets.identities}
        is_caller = self.everything or (principal is not None and principal.casefold() in callers)
        calling, signing = written_by_us(app, self._removed, self.observed, is_caller=is_caller)
        return {**calling, **(signing if self._signs_in_as_removed(app) else {})}

    def _signs_in_as_removed(self, app: WiredApp) -> bool:
        return bool(written_by_us(app, self._removed - self.kept, self.observed, is_caller=False)[1])

    @property
    def _removed(self) -> set[str]:
        return {client.client_id.casefold() for client in self.targets.clients}


def delete_settings_command(resource: ResourceId, names: Iterable[str]) -> str:
    """What a person types to take settings out of an app."""
    return webapp_command("config appsettings delete", resource, "--setting-names", *names)


def stored_secrets(
    application: Application, observed: ObservedState, key: str, *, delete: bool, after: Collection[str]
) -> Iterator[AnyChange]:
    """What key vaults hold for a client whose registration goes: deleted, or named.

    Args:
        application: the registration.
        observed: the observed state, with the apps that read a vault.
        key: the client's.
        delete: whether it is deleted.
        after: what has to be done first: no app reads it any more.
    """
    for place in _places(application, observed):
        if delete:
            yield DeleteStoredSecret(
                key=f"{key}:stored:{place}",
                name=place,
                detail="recoverable during the vault's retention period",
                place=place,
                client_id=ClientId(application.client_id),
                after=tuple(after),
            )
        else:
            yield AlreadyRight(
                key=f"{key}:stored:{place}",
                resource=ABOUT,
                name=place,
                detail="kept",
                id=place,
            )


def kept_secret_notes(steps: Iterable[AnyChange], removal: Removal) -> Iterator[tuple[str, str]]:
    """What is left in key vaults, each with the command that deletes it."""
    for step in steps:
        if isinstance(step, AlreadyRight) and step.resource == ABOUT:
            vault, _, name = step.name.partition("/")
            delete = command("az", "keyvault", "secret", "delete", "--vault-name", vault, "--name", name)
            way = "run:" if removal.is_pruning else "add --delete-secrets, or run:"
            yield f"The key vault keeps the secret '{step.name}'. To delete it, {way}", delete


def _places(application: Application, observed: ObservedState) -> list[str]:
    tagged = [place_in_tag(tag) for tag in application.tags]
    read = [secret_read_by(app, application.client_id) for app in observed.wired_before]
    return list(dict.fromkeys(place for place in (*tagged, *read) if place is not None))
