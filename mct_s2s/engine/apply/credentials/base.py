"""What the operations on credentials share while one plan is applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from mct_s2s.engine.apply.context import ApplyContext
from mct_s2s.model.client_sign_in import ClientSignIn, PresentedCredential
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ClientId, KeyId
from mct_s2s.model.secret_stores import SecretRecord, SecretStore
from mct_s2s.planning.changes import AddCredential, Part, Ref
from mct_s2s.planning.plan import Results

TOKENS = 16
"""Asked for at once to test a credential: of three replicas, one that does not know it is missed once in 600 times."""
Done: TypeAlias = tuple[str | None, str]
"""The id of what was made or touched, and a word on what came of it."""


@dataclass(frozen=True)
class Work:
    """One plan at work: where it is applied, and what its changes have yielded so far."""

    context: ApplyContext
    created: Mapping[str, Application]
    """The applications that this run has created, by the key of the change."""
    delivered: dict[str, tuple[float, KeyId]] = field(default_factory=dict)
    """When each client's credential arrived at its store, in seconds of the clock, and which it is."""

    @property
    def results(self) -> Results:
        """The ids that changes have yielded."""
        return self.context.outcome.results

    async def made_elsewhere(self, change: AddCredential, store: SecretStore) -> Done | None:
        """The credential that another run has made at this moment, or this client's store got minutes ago."""
        if isinstance(change.object_id, Ref) and (others := self.created[change.object_id.key].credentials):
            return others[0].key_id, "created by another run at the same time"
        note, client_id = await store.note(), self.results.resolve(change.client_id)
        if note.is_fresh(client_id, self.context.now, change.kind) and note.delivered != change.instead_of:
            return note.delivered, f"created minutes ago, saved to {store.label}"
        return None

    def record(self, change: AddCredential) -> SecretRecord:
        """What the client's store writes down beside the credential."""
        assert self.context.tenant is not None  # noqa: S101  # credentials are only made where the directory was read
        return SecretRecord(
            tenant_id=self.context.tenant.id,
            client_id=self.results.resolve(change.client_id),
            client_name=change.name,
            credential_name=change.credential_name,
            scope=f"{self.results.uri(change.audience)}/.default",
            url=self.context.site_url,
            authority_host=self.context.azure.authority_host,
        )

    async def test(
        self, client_id: ClientId, credential: PresentedCredential, scope: str, authority: str | None
    ) -> None:
        """Have a credential give tokens at every replica."""
        tenant, tokens = self.context.tenant, self.context.session.tokens
        assert tenant is not None and tokens is not None  # noqa: S101, PT018  # given to every plan that tests any
        sign_in = ClientSignIn(tenant.id, client_id, credential, authority)
        await tokens.token(sign_in, scope, is_new=True, role=None, at_once=TOKENS)

    def registered(self, change: AddCredential, key_id: KeyId, detail: str = "") -> Done:
        """Keep the id of a credential that was made."""
        self.results.record(change.key, Part.KEY_ID, key_id)
        return key_id, detail
