"""What may look different seconds later, so that a plan does not rest on it yet.

A registration that is minutes old may be another administrator's, whose run is not over. A replica
of the directory may show an object as it was before it was deleted, and not yet show one that the
App Service's settings name. A secret may be on its way from another machine. Nothing but another
look tells, so that a command looks again for a while; a dry run does not, as it changes nothing.
"""

from datetime import datetime, timedelta

from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import NotThere
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.desired import Removal
from mct_s2s.planning.belief import Doubted, client_trust
from mct_s2s.planning.changes import RemoveCredential
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.planning.ownership import clients_called, is_allowed

ANOTHER_RUN_SECONDS = 10.0
"""Another run that has just created the same registrations takes some 3 s, and some 10 s with
replicas that lag.
"""
ARRIVES_WITHIN = timedelta(minutes=1)
"""A secret that is older and has not arrived at its place will not."""


def refusal_settles_within(refused: NotOurs | NotThere, now: datetime) -> float:
    """For how many seconds, from the first look, what a look refuses may still become allowed; 0:
    it will not.
    """
    if isinstance(refused, NotThere):
        may_pass = refused.may_appear
    else:
        is_young = refused.created is not None and now - refused.created < YOUNG
        may_pass = is_young or refused.may_be_gone
    return ANOTHER_RUN_SECONDS if may_pass else 0.0


def plan_settles_within(outcome: Outcome) -> float:
    """For how many seconds, from the first look, the next look may still give another plan; 0: it
    will not.

    Such a plan takes for lost, or for someone else's, what another look may show otherwise.
    """
    if _removes_arriving_secret(outcome):
        return ARRIVES_WITHIN.total_seconds()
    if _keeps_client_without_consent(outcome):
        return ANOTHER_RUN_SECONDS
    return 0.0


def _removes_arriving_secret(outcome: Outcome) -> bool:
    """Whether the plan removes a secret that a run on another machine may be delivering at this
    moment.
    """
    before = outcome.before
    removed = {
        change.key_id for change in outcome.plan.changes if isinstance(change, RemoveCredential)
    }
    return any(
        credential.key_id in removed & client.application.undelivered
        and credential.begins is not None
        and before.now - credential.begins < ARRIVES_WITHIN
        for client in before.trust.clients
        # What a run on this machine has begun is known to be over.
        if client.application.object_id not in before.unfinished
        for credential in client.application.credentials
    )


def _keeps_client_without_consent(outcome: Outcome) -> bool:
    """Whether a removal leaves a client alone for a reason that a replica may not have heard of
    yet.

    The consent of one that was set up seconds ago may be missing; without it, its credentials may
    be anyone's.
    """
    observed, desired, service = (
        outcome.before,
        outcome.request.desired,
        outcome.request.desired.service,
    )
    if not isinstance(desired, Removal) or service is None:
        return False
    named = {client for name in desired.names for client in clients_called(name, observed)}
    removed = [client for client in observed.trust.clients if desired.everything or client in named]
    decisions = [
        client_trust(client, observed, service, desired.names)
        for client in removed
        if is_allowed(client, observed)
    ]
    doubted = [decision for decision in decisions if isinstance(decision, Doubted)]
    return any(decision.is_about_its_content and not decision.owners for decision in doubted)
