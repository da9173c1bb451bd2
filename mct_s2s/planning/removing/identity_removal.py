"""Managed identities of clients that are removed: switched off only where nothing else is known to rely on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mct_s2s.model.azure_resources import IdentityUse
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import AlreadyRight, AnyChange, DisableIdentity


def identity_key(principal_id: str | None) -> str:
    """The key of the step that is about an identity."""
    return f"identity:{principal_id}"


def switched_off_or_kept(identity: ServicePrincipal, observed: ObservedState) -> AnyChange:
    """The step for one identity: it is switched off only if it is there for this trust alone."""
    use = next((u for u in observed.identity_uses if same_id(u.identity_resource.principal_id, identity.id)), None)
    is_client = _is_client(identity, observed)
    key, name = identity_key(identity.id), identity.display_name
    if use is not None and use.others == () and is_client:
        return DisableIdentity(key=key, name=name, detail="system-assigned", identity_resource=use.identity_resource)
    detail = _why_left_on(use, is_client=is_client)
    return AlreadyRight(key=key, resource="managed identity", name=name, detail=detail, id=identity.id)


def _is_client(identity: ServicePrincipal, observed: ObservedState) -> bool:
    """Whether the App Service itself says that the identity is its client, or did before this removal began.

    The tag alone does not: anyone who can write to the registration can name any resource in it.
    """
    site = observed.app_service
    listed = site is not None and site.allowed_object_ids.holds(identity.id)
    return listed or identity.id.casefold() in observed.departing


def _why_left_on(use: IdentityUse | None, *, is_client: bool) -> str:
    if use is None:
        return "kept: mct-s2s did not enable it"
    if not is_client:
        return "kept: it is not on this App Service's allow list"
    if use.others is None:
        return "kept: could not read what else uses it"
    return f"kept: it is also used elsewhere ({', '.join(use.others[:3])})"


def switching_off_note(steps: Iterable[AnyChange]) -> Iterator[str]:
    """What the person who confirms the plan must know about identities that are switched off."""
    off = [str(step.identity_resource.resource) for step in steps if isinstance(step, DisableIdentity)]
    if off:
        yield (
            f"Disables the system-assigned identity of {', '.join(off)}. Its roles in other subscriptions cannot "
            "be checked: if it is used there, cancel."
        )
