"""Why a removal keeps a registration, although the access of its clients goes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from mct_s2s.model.desired import Removal
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.belief import another_site, has_foreign_credential, is_known_here
from mct_s2s.planning.changes import AnyChange, RevokeAppRole
from mct_s2s.planning.clients import has_unique_name_below, names_client
from mct_s2s.planning.content import client_content, service_content
from mct_s2s.planning.service_facts import is_created_for_this_site, other_users


class KeptBecause(Enum):
    """The rule by which a registration stays."""

    ASKED = auto()
    """`--keep-registration` says so."""
    OTHER_SITE = auto()
    """Another App Service's: by its note or its `uniqueName`."""
    ADOPTED = auto()
    """It was there before mct-s2s used it."""
    ROLE_HELD = auto()
    """Others go on holding an app role of it."""
    USED_ELSEWHERE = auto()
    """A tag of it names other App Services that use it."""
    CONTENT = auto()
    """It has properties that mct-s2s never sets, so someone else may rely on it."""
    OTHER_APIS = auto()
    """It requests permissions of other APIs, too."""
    UNKNOWN_API = auto()
    """It requests permissions, and this App Service's API is gone, so they cannot be compared."""


@dataclass(frozen=True)
class Kept:
    because: KeptBecause
    names: tuple[str, ...] = ()
    """Clients, App Services or properties: what the reason is about."""


def reason_to_keep_service(  # noqa: PLR0911  # one rule, one return
    service: Application, removal: Removal, observed: ObservedState, steps: Sequence[AnyChange]
) -> Kept | None:
    """Find the first rule that keeps the service application; `None`: it is deleted.

    `steps` are those before it, which revoke the roles of clients.
    """
    if removal.keep_registration:
        return Kept(KeptBecause.ASKED)
    # `--delete-adopted` is no word about another App Service's clients.
    if another_site(service, observed) is not None:
        return Kept(KeptBecause.OTHER_SITE)
    if not is_created_for_this_site(observed) and not removal.delete_adopted:
        return Kept(KeptBecause.ADOPTED)
    if holders := _remaining_holders(observed, steps):
        return Kept(KeptBecause.ROLE_HELD, tuple(holders))
    if users := other_users(service, observed):
        return Kept(KeptBecause.USED_ELSEWHERE, users)
    if removal.delete_adopted:
        return None
    # Someone who once owned another team's registration could have named it like ours.
    content = [*service_content(service, observed)]
    custody = observed.custody_of(service)
    if service.credentials or (custody is not None and custody.credentials):
        content.append("credentials")
    return Kept(KeptBecause.CONTENT, tuple(content)) if content else None


def reason_to_keep_client(
    application: Application, removal: Removal, observed: ObservedState
) -> Kept | None:
    """Find the first rule that keeps a client's registration; `None`: it is deleted."""
    if removal.keep_registration:
        return Kept(KeptBecause.ASKED)
    if removal.delete_adopted:
        return None
    if not has_unique_name_below(application, observed.trust.unique_name):
        return Kept(KeptBecause.ADOPTED)
    # Its tags name key vaults: those secrets are deleted or named by steps of their own.
    content = [
        name for name in client_content(application, observed, removal.service) if name != "tags"
    ]
    # Someone who once owned another team's client could have named it like ours: its owners may be
    # gone, and what signs in as it shows.
    is_named = names_client(removal.clients, application.client_id)
    is_sure = is_named or is_known_here(application, observed)
    if not is_sure and has_foreign_credential(application, observed):
        content.append("credentials")
    if "requiredResourceAccess" in content:
        is_api_gone = observed.trust.service is None
        return Kept(KeptBecause.UNKNOWN_API if is_api_gone else KeptBecause.OTHER_APIS)
    return Kept(KeptBecause.CONTENT, tuple(content)) if content else None


def _remaining_holders(observed: ObservedState, steps: Sequence[AnyChange]) -> list[str]:
    """Quoted names of those that hold a role of the service application after the steps."""
    revoked = {step.assignment for step in steps if isinstance(step, RevokeAppRole)}
    names = {
        f"'{assignment.principal_name or assignment.principal_id}'"
        for assignment in observed.trust.assignments
        if assignment.id not in revoked
    }
    return sorted(names)


_DETAILS = {
    KeptBecause.ASKED: "kept: --keep-registration",
    KeptBecause.OTHER_SITE: "kept: it was created for another App Service",
    KeptBecause.ADOPTED: "kept: mct-s2s did not create it",
    KeptBecause.ROLE_HELD: "kept: its app role is held by {names}",
    KeptBecause.USED_ELSEWHERE: "kept: {users} it",
    KeptBecause.CONTENT: "kept: it has settings that mct-s2s does not make ({names})",
    KeptBecause.OTHER_APIS: "kept: it also requests other APIs",
    KeptBecause.UNKNOWN_API: "kept: it requests an API that may not be {api}",
}
_DELETED_IF_ADOPTED = frozenset({
    KeptBecause.ADOPTED,
    KeptBecause.CONTENT,
    KeptBecause.OTHER_APIS,
    KeptBecause.UNKNOWN_API,
})  # fmt: skip
"""Reasons that `--delete-adopted` overrules."""


def describe_kept(kept: Kept, removal: Removal, observed: ObservedState) -> str:
    """The reason as a step's detail: `kept: …`."""
    detail = _DETAILS[kept.because].format(
        users=describe_use(kept.names),
        names=", ".join(kept.names),
        api=observed.api.called,
    )
    # What a trust file no longer names is removed by a command that has no such option.
    if kept.because in _DELETED_IF_ADOPTED and not removal.is_pruning:
        return f"{detail} (to delete it, add --delete-adopted)"
    return detail


def describe_use(sites: Iterable[str]) -> str:
    """`contosolearn uses`, or `contosolearn and contosotest use`."""
    names = [*sites]
    return f"{' and '.join(names)} {'uses' if len(names) == 1 else 'use'}"
