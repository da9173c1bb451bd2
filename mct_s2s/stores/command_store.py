"""Where a client secret goes: to a program, on its standard input."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mct_s2s.key_pairs import make_key_pair
from mct_s2s.model.client_credentials import Certificate
from mct_s2s.model.ids import ClientId
from mct_s2s.model.secret_form import SecretForm
from mct_s2s.ports.secret_stores import KeySpec, NewSecret, SecretRecord
from mct_s2s.stores.given_away import GivenAway
from mct_s2s.stores.handing_over import check_program, credential_in, hand_over


@dataclass
class CommandStore(GivenAway):
    """A program that stores one client's secret somewhere.

    Attributes:
        words: the program and its arguments.
        label: how the result names it, as `--secret-to` takes it: `exec:gh`, `github:OWNER/REPO`.
        form: what it reads.
    """

    words: tuple[str, ...] = field(repr=False)
    label: str
    form: SecretForm

    async def check(self, client_id: ClientId | None) -> None:
        """Make sure that the program is there.

        Raises:
            UsageError: it is not.
        """
        del client_id
        check_program(self.words)

    async def deliver(self, record: SecretRecord, secret: NewSecret) -> None:
        """Have the program store it.

        Raises:
            NotTaken: it failed.
        """
        facts = {
            "MCT_CLIENT_NAME": record.client_name,
            "MCT_CLIENT_ID": record.client_id,
            "MCT_TENANT_ID": record.tenant_id,
            "MCT_SCOPE": record.scope,
            "MCT_URL": record.url,
            "MCT_EXPIRES": f"{secret.expires:%Y-%m-%dT%H:%M:%SZ}",
        }
        await hand_over(self.words, credential_in(self.form, record, secret.value), facts)
        self.last = record.with_secret(secret)


@dataclass
class CommandKeyStore(CommandStore):
    """The same for a private key, which is handed over before its certificate is registered.

    Attributes:
        client: the client's name.
    """

    client: str = ""

    async def key_pair(self, wanted: KeySpec) -> Certificate:
        """A new one: nothing is known of any other.

        Raises:
            NotTaken: the program failed. No certificate was registered.
        """
        pem, certificate = await asyncio.to_thread(make_key_pair, wanted.name, wanted.starts, wanted.expires)
        facts = {"MCT_CLIENT_NAME": self.client, "MCT_EXPIRES": f"{wanted.expires:%Y-%m-%dT%H:%M:%SZ}"}
        await hand_over(self.words, pem, facts)
        return certificate

    async def deliver_certificate(self, record: SecretRecord, certificate: Certificate) -> None:
        """It has been handed over."""
