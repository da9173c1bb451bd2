"""The directory where a sandbox is saved: state, keys, certificates, administrator, ports, lock.

world.json           the saved state              administrator.json   its secret, made once
signing-key.pem      what tokens are signed with  ports.json           the ports used last time
ca.pem, server.pem   see `certificates`           lock, running.json   who serves it now, and where
real-names-*.pem     the same for Azure's names

Each certificate authority is created once, used for one certificate, and its private key discarded:
who trusts `ca.pem` trusts this one certificate and no later one. Azure's own names have another
authority, so that who trusts the usual one does not accept the sandbox as Azure. Neither is ever
installed where a system or a browser would trust it.
"""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import trustme
from cryptography import x509
from filelock import FileLock, Timeout

from mct_s2s.sandbox.core.addresses import CERTIFIED, HOST, ports_from
from mct_s2s.sandbox.core.files import Mistake, make_folder, replace_file
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.entra.sessions import SigningKey
from mct_s2s.sandbox.state.seed import ADMINISTRATOR_ID, SUBSCRIPTION_ID, TENANT_ID, seed
from mct_s2s.sandbox.state.state import SandboxState

LIFETIME = timedelta(days=730)
RENEW_BEFORE = timedelta(days=30)
_OWN_NAMES = (HOST, f"*.vault.{HOST}", f"*.azurefd.{HOST}")
"""In the usual certificate: this machine's, those of vaults and of Azure Front Doors."""


def certificates(state_dir: Path, *, for_real_names: bool = False) -> tuple[Path, Path]:
    """Return the files of the authority's certificate and of the server's key and chain; create
    them if necessary.

    The second file is of mode 0600.
    """
    prefix, names = ("real-names-", CERTIFIED) if for_real_names else ("", _OWN_NAMES)
    authority, server = state_dir / f"{prefix}ca.pem", state_dir / f"{prefix}server.pem"
    now = datetime.now(UTC)
    if not (authority.exists() and server.exists() and _is_good(server, names, now)):
        ca = trustme.CA(path_length=0, organization_name="mct-s2s sandbox authority")
        issued = ca.issue_cert(
            *names, "127.0.0.1", "::1", common_name=HOST, not_after=now + LIFETIME
        )
        replace_file(server, issued.private_key_and_cert_chain_pem.bytes())
        replace_file(authority, ca.cert_pem.bytes())
        authority.chmod(0o644)
    return authority, server


def _is_good(path: Path, names: Sequence[str], now: datetime) -> bool:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    certified = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    is_complete = set(names) <= set(certified.get_values_for_type(x509.DNSName))
    return is_complete and certificate.not_valid_after_utc - RENEW_BEFORE > now


FOLDER_VARIABLE = "MCT_S2S_SANDBOX_DIR"


def default_directory() -> Path:
    """`MCT_S2S_SANDBOX_DIR`, or a directory among the user's data; absolute, as other programs get
    paths in it.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).absolute()
    import platformdirs  # noqa: PLC0415 - most uses name their directory

    return platformdirs.user_data_path("mct-s2s") / "sandbox"


class Served(NamedTuple):
    """How a directory is being served: at which port, and whether under Azure's own names."""

    port: int
    real_names: bool

    @property
    def origin(self) -> str:
        return f"https://{HOST}:{self.port}"


class StateDirectory:
    """One state directory. Missing files are created on first need."""

    def __init__(self, directory: Path | None = None) -> None:
        self.path = directory or default_directory()
        make_folder(self.path)
        self.state_file = self.path / "world.json"

    def lock(self) -> FileLock:
        """Return the lock of the process that uses the directory; the system releases it when that
        process dies.
        """
        return FileLock(self.path / "lock", mode=0o600, thread_local=False)

    @contextlib.contextmanager
    def exclusive(self, seconds: float) -> Iterator[None]:
        """Hold the lock. Raises TimeoutError: another process held it for so many seconds."""
        lock = self.lock()
        try:
            lock.acquire(timeout=seconds)
        except Timeout as error:
            raise TimeoutError(
                f"Another sandbox uses {self.path}. Wait for its command, or stop it."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def administrator(self) -> dict[str, str]:
        path = self.path / "administrator.json"
        administrator = self._read(path)
        if administrator is None:
            administrator = {
                "tenantId": TENANT_ID,
                "clientId": ADMINISTRATOR_ID,
                "clientSecret": secrets.token_urlsafe(30),
                "subscriptionId": SUBSCRIPTION_ID,
            }
            self._write(path, administrator)
        return dict(administrator)

    def tenant_and_subscription(self) -> tuple[str, str]:
        """Those of the saved state, which may be another sandbox's; before there is one, the
        seed's.
        """
        administrator = self.administrator()
        tenant, subscription = administrator["tenantId"], administrator["subscriptionId"]
        # A state that cannot be read is told by who serves it.
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            saved = self._read(self.state_file) or {}
            tenant = str(saved["directory"]["tenant"]["tenantId"])
            subscriptions = saved["resources"]["subscriptions"]
            if subscription not in subscriptions:
                subscription = next(iter(subscriptions), subscription)
        return tenant, subscription

    def state(self) -> SandboxState:
        """Return the saved state, or a new one of the seed, with the keys of this directory."""
        secret = self.administrator()["clientSecret"]
        if self.state_file.exists():
            state = self.load_saved()
            seeding.set_secret(state.directory, ADMINISTRATOR_ID, secret)
        else:
            state = seed(secret)
            state.path = self.state_file
        state.directory.signing_key = self._signing_key()
        return state

    def load_saved(self) -> SandboxState:
        """Read the saved state, without the keys of this directory.

        Raises Mistake: the file is damaged, or another version's.
        """
        try:
            return SandboxState.load(self.state_file)
        except (ValueError, RecursionError) as error:
            raise Mistake(
                f"The sandbox's state '{self.state_file}' can't be read: {error}",
                "To replace it by a new one:",
                "mct-s2s sandbox reset",
            ) from error

    def adopt(self, path: Path) -> None:
        """Save a copy of another state in place of the present one."""
        try:
            state = SandboxState.load(path)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            written = "Use a file that this one wrote:", "mct-s2s sandbox save FILE"
            raise Mistake(f"'{path}' is not a state of the sandbox.", *written) from error
        if not state.directory.applications.latest_by("appId", ADMINISTRATOR_ID):
            raise ValueError(
                f"Invalid state file '{path}': it does not contain the administrator's application "
                f"{ADMINISTRATOR_ID}."
            )
        state.save(self.state_file)

    def served(self) -> Served | None:
        lock = self.lock()
        # Who may not write here cannot ask the lock, and believes the file
        with contextlib.suppress(Timeout, OSError):
            lock.acquire(blocking=False)
            lock.release()
            return None  # a process that was killed leaves its file behind
        running = self._read(self.path / "running.json")
        return Served(int(running["port"]), bool(running.get("realNames"))) if running else None

    @contextlib.contextmanager
    def serving(self, served: Served) -> Iterator[None]:
        path = self.path / "running.json"
        try:
            self._write(
                path, {"pid": os.getpid(), "port": served.port, "realNames": served.real_names}
            )
            yield
        finally:
            self.forget_server()

    def forget_server(self) -> None:
        """Delete what `serving` wrote, also what a killed process left.

        Only for the holder of the lock.
        """
        (self.path / "running.json").unlink(missing_ok=True)

    def reset(self) -> None:
        self.state_file.unlink(missing_ok=True)

    def ports(self) -> dict[str, int]:
        """Return the ports used last time, by name: `arm`, `graph`, and the resource ids of
        sites.
        """
        return dict(self._read(self.path / "ports.json") or {})

    def ports_at(self, port: int, names: Sequence[str]) -> dict[str, int]:
        """The ports used last time where `port` was the first of them: saved addresses stay
        valid.
        """
        known = self.ports()
        if known.get("arm") != port:
            return ports_from(port, names)
        kept = {name: known[name] for name in names if name in known}
        new = [name for name in names if name not in known]
        return {**kept, **ports_from(max(known.values()) + 1, new)}

    def remember_ports(self, ports: Mapping[str, int]) -> None:
        if dict(ports) != self.ports():
            self._write(self.path / "ports.json", dict(ports))

    def _signing_key(self) -> SigningKey:
        path = self.path / "signing-key.pem"
        if path.exists():
            return SigningKey(path.read_bytes())
        key = SigningKey()
        replace_file(path, key.pem())
        return key

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return content

    @staticmethod
    def _write(path: Path, content: Mapping[str, Any]) -> None:
        replace_file(path, json.dumps(content, indent=1).encode("utf-8"))
