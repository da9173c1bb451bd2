"""Errors and sentences about registrations that are doubted, or adopted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mct_s2s.errors import Instruction, Refused
from mct_s2s.model.commands import az_command, option
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ClientId, site_in_note
from mct_s2s.model.observed import ObservedState
from mct_s2s.plain_text import counted
from mct_s2s.planning.belief import Doubt, Doubted, Reason
from mct_s2s.planning.service_facts import SERVICE, SERVICE_OPTION, is_in_settings

SERVICE_NOT_OURS = "service-application-not-ours"


@dataclass(frozen=True)
class Adoptable:
    """A registration that a person may agree to use in place of this App Service's own."""

    client_id: ClientId
    whose: str
    """A sentence: what names it, and whose it is."""


class NotOurs(Refused):
    """A registration that is not believed would have been written to."""

    page = "SECURITY.md#who-may-be-believed"
    created: datetime | None = None
    """When the registration was created: another administrator's run may not be over yet."""
    may_be_gone = False
    """Whether a replica may show it as it was before it was deleted.

    Only its name speaks for it, and no one owns it.
    """
    adoptable: Adoptable | None = None
    """The service application that --service-app would name."""
    is_told_by_settings = False
    """Whether the settings, which could not be read, say what the App Service's own is.

    Anyone can register its name: what has no more than that is not offered.
    """
    is_created_meanwhile = False
    """Whether someone else registered it while this run was creating it.

    Perhaps another administrator's run.
    """


def why_doubted(doubted: Doubted) -> str:
    """The reasons as the rest of a sentence: `it is owned by ada@contoso.com, and …`."""
    reasons = list(map(_reason_text, doubted.reasons))
    if doubted.owners and not doubted.has(Doubt.OWNED):
        reasons.append(f"it is owned by {', '.join(doubted.owner_names)}")
    return ", and ".join(reasons)


_REASONS = {
    Doubt.OTHER_SITE: "it was created for another App Service, {names}",
    Doubt.UNKNOWN_SITE: (
        "{names} has the same name, and nothing says for which of them it was created"
    ),
    Doubt.ONLY_SET: "mct-s2s did not set it up for this App Service, and only its settings name it",
    Doubt.OTHER_SERVICE: "its service application is not this App Service's",
    Doubt.OTHER_TENANT: "its app registration is not in this tenant",
    Doubt.NOT_BELOW: "mct-s2s did not create it for this App Service",
    Doubt.OWNED: "it is owned by {names}",
    Doubt.CREDENTIALS: "it has {counted} that this machine did not create",
    Doubt.CONTENT: "it has settings that mct-s2s does not make ({names})",
    Doubt.ASSIGNED: "its app roles are assigned to {names}",
    Doubt.UNREAD: "it is not known who owns it",
}


def _reason_text(reason: Reason) -> str:
    return _REASONS[reason.doubt].format(
        names=", ".join(reason.names), counted=_counted_nouns(reason.names)
    )


def _counted_nouns(nouns: Iterable[str]) -> str:
    """Nouns with their numbers: `2 secrets and 1 federated credential`."""
    return " and ".join(counted(count, noun) for noun, count in Counter(nouns).items())


HOLDERS_SHOWN = 5
"""Role holders that are named; the portal shows all."""


def adoption(application: Application, observed: ObservedState, about: str) -> str:
    """The note that a registration is adopted, with who owns it and what signs in as it."""
    custody = observed.custody_of(application)
    if custody is None:
        return (
            f"adopt {about} '{application.display_name}' (appId {application.client_id}); its "
            "owners are not known."
        )
    owners = ", ".join(dict.fromkeys(name for _, name in custody.owners)) or "no one"
    credentials = _counted_nouns(credential.kind.noun for credential in custody.credentials)
    signs_in = f"; {credentials} can sign in as it" if credentials else ""
    holders = _role_holders(observed) if about == SERVICE else ()
    assigned = f"; its app roles are assigned to {', '.join(holders)}" if holders else ""
    return (
        f"adopt {about} '{application.display_name}' (appId {application.client_id}), owned by "
        f"{owners}{signs_in}{assigned}."
    )


def _role_holders(observed: ObservedState) -> tuple[str, ...]:
    """The names of those to whom roles of the API are assigned, some of many."""
    names = dict.fromkeys(
        f"'{assignment.principal_name or assignment.principal_id}'"
        for assignment in observed.trust.assignments
    )
    few = tuple(names)[:HOLDERS_SHOWN]
    more = len(names) - len(few)
    return (*few, f"{more} more") if more else few


def service_not_ours(
    application: Application, observed: ObservedState, doubted: Doubted
) -> NotOurs:
    """The error about a service application that is doubted."""
    refused = _service_refusal(application, observed, doubted)
    refused.is_told_by_settings = observed.settings_unread
    return refused


def _service_refusal(
    application: Application, observed: ObservedState, doubted: Doubted
) -> NotOurs:
    client_id, trust, is_set = (
        application.client_id,
        observed.trust,
        is_in_settings(application, observed),
    )
    if (
        not is_set
        and application.unique_name == trust.unique_name
        and not site_in_note(application.notes)
        and not doubted.has(Doubt.OTHER_SITE)
    ):
        is_deleted = application.deleted is not None
        return not_ours(application, doubted, SERVICE, observed.graph if is_deleted else "")
    by = f"{observed.api.names_service} names" if is_set else "The service application is"
    adopting = f"Run the same command with {option(SERVICE_OPTION, client_id)} if it is right"
    if doubted.has(Doubt.UNKNOWN_SITE):
        adopting = (
            f"If it was created for {observed.subject}, run the same command with "
            f"{option(SERVICE_OPTION, client_id)} (setup notes it, so that this is asked once)"
        )
    is_not = "may not be" if doubted.has(Doubt.UNKNOWN_SITE) else "is not"
    whose = (
        f"{by} '{application.display_name}' (appId {client_id}), which {is_not} this App Service's "
        f"own: {why_doubted(doubted)}."
    )
    refused = NotOurs(
        SERVICE_NOT_OURS,
        whose,
        says_unchanged=True,
        remedy=f"{adopting}. In a trust file, use the key service-app."
        if observed.file is None
        else f"{adopting}.",
    )
    # Only what the settings name is offered for adoption: anyone can register under our name.
    refused.adoptable = Adoptable(client_id, whose) if is_set else None
    refused.created = application.created
    refused.may_be_gone = not is_set and not doubted.has(Doubt.OTHER_SITE) and not doubted.owners
    return refused


def not_ours(
    application: Application,
    doubted: Doubted,
    kind: str,
    graph: str = "",
    *,
    done: str = "",
) -> NotOurs:
    """The error about a registration that is doubted.

    `graph`: the address that restores a deleted one. `done`: what the run has done
    to it, or nothing.
    """
    is_service = kind == SERVICE
    client_id = application.client_id
    since = f", registered on {application.created:%Y-%m-%d}" if application.created else ""
    named = f"'{application.display_name}' (appId {client_id}{since})"
    why = why_doubted(doubted)
    adopt = f"run the same command with {option(SERVICE_OPTION, client_id)}"
    if not is_service:
        setup = option("--client", client_id)
        adopt = f"use its appId {client_id} instead of its name (setup: {setup})"
    if not is_service and not doubted.is_about_its_content:
        return NotOurs(
            "registration-not-ours",
            " ".join(
                filter(None, (f"{named} is not changed on the word of its name: {why}.", done))
            ),
            says_unchanged=not done,
            remedy=f"If it is the right one, {adopt}.",
        )
    may_be_foreign = (
        f"{named} has the name of this registration, but mct-s2s may not have created it: {why}."
    )
    harm = "Someone else may be able to sign in as it."
    if is_service:
        harm = "It may give access to others."
    otherwise = "ask its owner, or use another name"
    if not doubted.owners:
        otherwise = "find out who uses it, and delete it only if you know that it serves no one"
    remedy, restore = f"If it is the right one, {adopt}. If not, {otherwise}.", ""
    if graph:
        owner = f"If it is not the right one, {otherwise}. " if doubted.owners else ""
        restore = restoring(application, graph)
        remedy = f"{owner}If it is the right one, {adopt}, after restoring it by:"
    refusal = NotOurs(
        "registration-not-ours",
        " ".join(filter(None, (f"{may_be_foreign} {harm}", done))),
        says_unchanged=not done,
        remedy=remedy,
        command=restore,
    )
    # Who once owned another team's registration may have given it this name. No one can see all
    # that relies on it.
    if graph and not doubted.owners:
        what = (
            "Or, if it is not, and you know that it serves no one, purge it and run the same "
            "command again:"
        )
        refusal.ways_out = (Instruction(what, _purging(application, graph)),)
    refusal.created = application.created
    refusal.may_be_gone = not doubted.owners
    return refusal


def _purging(deleted: Application, graph: str) -> str:
    """The command that purges a deleted registration."""
    url = f"{graph}/v1.0/directory/deletedItems/{deleted.object_id}"
    return az_command("rest", "--method", "DELETE", "--url", url)


def restoring(deleted: Application, graph: str) -> str:
    """The command that restores a deleted registration."""
    url = f"{graph}/v1.0/directory/deletedItems/{deleted.object_id}/restore"
    return az_command("rest", "--method", "POST", "--url", url)
