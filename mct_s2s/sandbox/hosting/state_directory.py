"""The directory that a sandbox keeps its things in: world, keys, certificates, administrator, ports, lock.

world.json           the kept world               administrator.json   its secret, made once
signing-key.pem      what tokens are signed with  ports.json           the ports used last time
ca.pem, server.pem   see `certificates`           lock, running.json   who serves it now, and where
real-names-*.pem     the same for Azure's names
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mct_s2s.sandbox.entra.tokens import SigningKey
from mct_s2s.sandbox.world.seed import ADMINISTRATOR_ID, SUBSCRIPTION_ID, TENANT_ID, seed
from mct_s2s.sandbox.world.world import World, make_folder, replace_file


def default_directory() -> Path:
    """`MCT_S2S_SANDBOX_DIR`, or a directory among the user's data."""
    named = os.environ.get("MCT_S2S_SANDBOX_DIR")
    if named:
        return Path(named)
    import platformdirs  # noqa: PLC0415 - most uses name their directory

    return platformdirs.user_data_path("mct-s2s") / "sandbox"


class Served(NamedTuple):
    """How a directory is being served: at which port, and whether under Azure's own names."""

    port: int
    real_names: bool


class State:
    """One state directory. What is not there yet is made on first need."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or default_directory()
        make_folder(self.directory)
        self.world_file = self.directory / "world.json"

    def administrator(self) -> dict[str, str]:
        """Ids and secret of the service principal that may do everything."""
        path = self.directory / "administrator.json"
        found = self._read(path)
        if found is None:
            found = {
                "tenantId": TENANT_ID,
                "clientId": ADMINISTRATOR_ID,
                "clientSecret": secrets.token_urlsafe(30),
                "subscriptionId": SUBSCRIPTION_ID,
            }
            self._write(path, found)
        return dict(found)

    def world(self) -> World:
        """The kept world, or a new one of the seed, with the keys of this directory.

        Raises:
            ValueError: the kept world is of another version; `reset` helps.
        """
        secret = self.administrator()["clientSecret"]
        if self.world_file.exists():
            world = World.load(self.world_file)
            world.directory.set_seed_secret(ADMINISTRATOR_ID, secret)
        else:
            world = seed(secret)
            world.path = self.world_file
        world.directory.tokens.signing_key = self._signing_key()
        return world

    def adopt(self, path: Path) -> None:
        """Keep a copy of another world from now on.

        Raises:
            OSError: it cannot be read.
            ValueError: the file holds no world, or one without the sandbox's administrator.
        """
        world = World.load(path)
        if not world.directory.applications.latest_by("appId", ADMINISTRATOR_ID):
            raise ValueError(
                f"Invalid state file '{path}': it does not contain the administrator's application {ADMINISTRATOR_ID}."
            )
        world.save(self.world_file)

    def served(self) -> Served | None:
        """How the process that serves this directory at the moment does it, if there is one."""
        found = self._read(self.directory / "running.json")
        return Served(int(found["port"]), bool(found.get("realNames"))) if found else None

    def begin_serving(self, served: Served) -> None:
        """Tell others how this process serves the directory."""
        self._write(
            self.directory / "running.json",
            {"pid": os.getpid(), "port": served.port, "realNames": served.real_names},
        )

    def end_serving(self) -> None:
        """Nobody serves it any more."""
        (self.directory / "running.json").unlink(missing_ok=True)

    def reset(self) -> None:
        """Forget the world, so that the next one is of the seed; keys, certificates and administrator stay."""
        self.world_file.unlink(missing_ok=True)

    def ports(self) -> dict[str, int]:
        """The ports used last time, by name: `arm`, `graph`, and the resource ids of sites."""
        return dict(self._read(self.directory / "ports.json") or {})

    def remember_ports(self, ports: Mapping[str, int]) -> None:
        """Keep the ports for next time, so that addresses written down stay true."""
        if dict(ports) != self.ports():
            self._write(self.directory / "ports.json", dict(ports))

    def _signing_key(self) -> SigningKey:
        path = self.directory / "signing-key.pem"
        if path.exists():
            return SigningKey(path.read_bytes())
        key = SigningKey()
        replace_file(path, key.pem())
        return key

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return found

    @staticmethod
    def _write(path: Path, content: Mapping[str, Any]) -> None:
        replace_file(path, json.dumps(content, indent=1).encode("utf-8"))
