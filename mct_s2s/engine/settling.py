"""What may look different seconds later, so that a plan does not rest on it yet.

Each rule below says for how many seconds `flow.prepare` looks again; a dry run looks once.

* A registration that is minutes old, and not believed: another administrator's run may have created
  it, and not yet have written the settings that make it believed.
* A registration that is not found, or that has doubtful content: a replica may be behind.
* A secret that has not arrived: another machine may be delivering it.
"""

from datetime import datetime

from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import NotThere
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.desired import Removal
from mct_s2s.planning.belief import Doubted, client_trust
from mct_s2s.planning.changes import RemoveCredential
from mct_s2s.planning.clients import clients_called, is_allowed
from mct_s2s.planning.not_ours import NotOurs
from mct_s2s.waits import ANOTHER_RUN_SHOWS_SECONDS, SECRET_ARRIVES_WITHIN


def refusal_settles_within(refusal: NotOurs | NotThere, now: datetime) -> float:
    """Seconds, from the first look, in which the refusal may pass; 0: it will not."""
    if isinstance(refusal, NotThere):
        may_settle = refusal.may_appear
    else:
        is_young = refusal.created is not None and now - refusal.created < YOUNG
        may_settle = is_young or refusal.may_be_gone
    return ANOTHER_RUN_SHOWS_SECONDS if may_settle else 0.0


def plan_settles_within(outcome: Outcome) -> float:
    """Seconds, from the first look, in which another look may give another plan; 0: it will not."""
    if _removes_arriving_secret(outcome):
        return SECRET_ARRIVES_WITHIN.total_seconds()
    if _keeps_client_without_consent(outcome):
        return ANOTHER_RUN_SHOWS_SECONDS
    return 0.0


def _removes_arriving_secret(outcome: Outcome) -> bool:
    """Whether the plan removes a secret that a run on another machine may be delivering now."""
    before = outcome.before
    removed = {
        change.key_id for change in outcome.plan.changes if isinstance(change, RemoveCredential)
    }
    for client in before.trust.clients:
        # A run on this machine that has begun it is over, or holds the lock: after it, the plan is
        # made again.
        if client.application.object_id in before.unfinished:
            continue
        undelivered = removed & client.application.undelivered
        for credential in client.application.credentials:
            if credential.key_id not in undelivered or credential.begins is None:
                continue
            if before.now - credential.begins < SECRET_ARRIVES_WITHIN:
                return True
    return False


def _keeps_client_without_consent(outcome: Outcome) -> bool:
    """Whether a removal leaves a client alone for a reason that may be a replica's that is behind.

    The consent of one that was set up seconds ago may be missing; without it, its credentials may
    be anyone's.
    """
    observed = outcome.before
    desired = outcome.request.desired
    service = desired.service
    if not isinstance(desired, Removal) or service is None:
        return False
    named = {client for name in desired.names for client in clients_called(name, observed)}
    for client in observed.trust.clients:
        is_removed = desired.everything or client in named
        if not is_removed or not is_allowed(client, observed):
            continue
        decision = client_trust(client, observed, service, desired.names)
        # Owners do not depend on a consent: one with other owners stays doubted.
        if isinstance(decision, Doubted) and decision.is_about_its_content and not decision.owners:
            return True
    return False
