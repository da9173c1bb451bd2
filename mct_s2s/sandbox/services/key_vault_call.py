"""One request to a key vault, unpacked; and what an operation is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mct_s2s.sandbox.core.encoding import json_of
from mct_s2s.sandbox.resources import vaults
from mct_s2s.sandbox.resources.vaults import VaultState
from mct_s2s.sandbox.state.state import SandboxState

Body = dict[str, Any]


@dataclass(frozen=True)
class VaultCall:
    """A request with its vault and its operation's parameters. `origin` is the vault's address, without a slash."""

    state: SandboxState
    origin: str
    vault: Body
    params: Mapping[str, str]
    query: Mapping[str, str]
    raw_body: bytes = field(repr=False)

    @property
    def vault_state(self) -> VaultState:
        return self.state.resources.vaults[self.vault["id"].lower()]

    @property
    def now(self) -> float:
        return self.state.clock.timestamp()

    @property
    def name(self) -> str:
        return self.params["name"]

    @cached_property
    def body(self) -> Body:
        """Return the JSON object that was sent."""
        try:
            sent = json_of(self.raw_body)
        except ValueError as error:
            raise vaults.bad_parameter("Property  has invalid value\r\n") from error
        if not isinstance(sent, dict):
            raise vaults.bad_parameter("Property  has invalid value\r\n")
        return sent


Handler = Callable[[VaultCall], Any]


@dataclass(frozen=True)
class VaultOperation:
    """An operation of the sandbox's vaults.

    Attributes:
        method: HTTP method.
        template: the path; `{name}` is a secret's name, `{version}` a version or nothing for the latest.
        action: the required data action, below `Microsoft.KeyVault/vaults/secrets/`.
        run: calls the vault's rules; returns the JSON body, None for an empty answer.
        source: the page of the reference that it follows.
        fidelity: how much of the real operation there is: `full`, `usual` or `stub`.
    """

    method: str
    template: str
    action: str
    run: Handler
    source: str
    fidelity: str = "usual"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The template as a pattern; clients may add a slash after the name, and leave the version out."""
        shaped = re.escape(self.template).replace(r"/\{version\}", r"(?:/(?P<version>[^/]*))?")
        return re.compile(shaped.replace(r"\{name\}", r"(?P<name>[^/]+)") + "/?", re.IGNORECASE)
