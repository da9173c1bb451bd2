"""The sandbox as a process of its own: serves until it is interrupted; and what `sandbox serve` and
`hosts` print.

Neither holds a secret, as it ends up in logs.
"""

import contextlib
import errno
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mct_s2s.sandbox.core.addresses import (
    ARM_HOST,
    FRONT_DOORS,
    GRAPH_HOST,
    LOGIN_HOSTS,
    PORT,
    SITES,
    VAULTS,
    Addresses,
    label_of_site,
)
from mct_s2s.sandbox.core.files import Mistake, replace_file
from mct_s2s.sandbox.entra.tenant.variations import TENANTS
from mct_s2s.sandbox.hosting import listening, startup, state_directory
from mct_s2s.sandbox.hosting.environment import answer_of, connecting
from mct_s2s.sandbox.hosting.state_directory import Served, StateDirectory
from mct_s2s.sandbox.observability.faults import Faults
from mct_s2s.sandbox.resources.store import Resources
from mct_s2s.sandbox.services.hosted_app import HostedApp
from mct_s2s.sandbox.services.page import PATH
from mct_s2s.sandbox.state.seed import seed

MARK = "# mct-s2s sandbox"
"""Ends each line, so that they can be removed again."""

_LOOPBACK = ("127.0.0.1", "::1")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def names(resources: Resources) -> Iterator[str]:
    yield from (*LOGIN_HOSTS, GRAPH_HOST, ARM_HOST)
    sites = [
        (label_of_site(site), domain)
        for site in resources.sites
        for domain in (SITES, f"scm.{SITES}", FRONT_DOORS)
    ]
    vaults = [
        (str(resources.resources[vault]["name"]).lower(), VAULTS) for vault in resources.vaults
    ]
    # A state may come from somebody else's file: nothing but a name becomes a line.
    yield from dict.fromkeys(
        f"{label}.{domain}" for label, domain in (*sites, *vaults) if _LABEL.fullmatch(label)
    )


def hosts_lines(resources: Resources) -> Iterator[str]:
    for name in names(resources):
        yield from (f"{address} {name} {MARK}" for address in _LOOPBACK)


CLOUD_NAME = "mct-sandbox"


def banner(addresses: Addresses, listen: str = "") -> Iterator[str]:
    real = addresses.shared_port is not None
    yield f"Sandbox ready: {addresses.arm}"
    if listen:
        yield f"It listens on {listen}: whoever can reach these ports controls it."
    yield ""
    if real:
        yield from _hosts_file(addresses)
    yield "Look inside (your browser warns of the certificate, which was made here):"
    yield f"  {addresses.origin}{PATH}"
    yield "Connect any client, as the sandbox's administrator, in a shell of its own:"
    yield f"  {connecting()}"
    yield "Then, for the Azure CLI:"
    if real:
        yield '  export AZURE_CONFIG_DIR="$(mktemp -d)"    # separate from your real Azure sign-ins'
    else:
        yield "  export AZURE_CORE_INSTANCE_DISCOVERY=false"
        yield f"  az cloud register --name {CLOUD_NAME} --endpoint-resource-manager {addresses.arm}"
        yield f"  az cloud set --name {CLOUD_NAME}"
    yield (
        '  az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" '
        "--tenant "
        '"$AZURE_TENANT_ID"'
    )
    yield ""
    yield f"Graph    {addresses.graph}"
    for site_id in addresses.sites:
        where = f"https://{addresses.of_site(site_id)}"
        yield f"Site     {where}  {'/'.join(site_id.split('/')[4:5] + site_id.split('/')[8::2])}"
    yield f"Control  {addresses.origin}/_sandbox/health"


def _hosts_file(addresses: Addresses) -> Iterator[str]:
    yield (
        "Azure's host names must resolve to this machine. Until you undo it, nothing here can "
        "reach the real Azure:"
    )
    yield "  mct-s2s sandbox hosts | sudo tee -a /etc/hosts"
    yield f"  sudo sed -i.bak '/{MARK}$/d' /etc/hosts    # to undo it"
    if addresses.shared_port != PORT:
        yield (
            f"Clients use port {PORT}: forward it to {addresses.shared_port}, or serve on that "
            "port."
        )
    yield ""


def serve(
    port: int,
    *,
    real_names: bool = False,
    state_dir: Path | None = None,
    announce: Callable[[str], None],
    state_file: Path | None = None,
    faults_file: Path | None = None,
    listen: str = "",
    tenant: str = "",
    commands: Mapping[str, str] | None = None,
) -> None:
    """Serve the state of a directory until interrupted.

    Args:
        port: Resource Manager and sign-in; Graph takes the next one, then the sites in their order.
        real_names: answer under Azure's own names instead, all at that one port.
        state_file: a state that replaces the saved one; the file itself stays as it is.
        commands: by the name of a web app, the program that answers there.
        listen: an IP address of this machine instead of the loopback. Whoever reaches it controls
            the sandbox.
    """
    folder = StateDirectory(state_dir)
    rules = _rules(faults_file) if faults_file else []
    with folder.exclusive(seconds=2):
        if state_file is not None:
            folder.adopt(state_file)
        state = folder.state()
        if tenant:
            state.directory.variations = TENANTS[tenant]
        authority, _ = state_directory.certificates(folder.path, for_real_names=real_names)
        apps = {
            startup.app_id(name): HostedApp(name, command, authority)
            for name, command in (commands or {}).items()
        }
        startup.add_apps(state, apps)
        ports = {"all": port} if real_names else folder.ports_at(port, startup.names_of(state))
        opened = listening.open_exactly(ports, listen)
        server, addresses, observability = startup.prepare(
            folder, state, opened, listen, real_names=real_names, apps=apps
        )
        observability.faults.replace(rules)

        def ready() -> None:
            for line in banner(addresses, listen):
                announce(line)

        server.started_up = ready
        with folder.serving(Served(port, real_names)), contextlib.suppress(KeyboardInterrupt):
            server.run(startup.all_of(opened))


def _rules(faults_file: Path) -> Any:
    remedy = "Use a list of rules, as docs/sandbox.md has."
    try:
        rules = json.loads(faults_file.read_text(encoding="utf-8"))
    except ValueError as error:
        at = (
            f" (line {error.lineno}, column {error.colno})"
            if isinstance(error, json.JSONDecodeError)
            else ""
        )
        raise Mistake(f"'{faults_file}' is not JSON{at}.", remedy) from error
    try:
        Faults().replace(rules)
    except ValueError as error:
        raise Mistake(f"Cannot use '{faults_file}': {error}", remedy) from error
    return rules


def save(path: Path, state_dir: Path | None = None) -> None:
    """Write the state to a file for `serve --world`: the one that is being served, or the saved
    one.
    """
    if not path.absolute().parent.is_dir():
        raise Mistake(
            f"The folder '{path.absolute().parent}' does not exist.",
            "Create it, or use another one.",
        )
    folder = StateDirectory(state_dir)
    served = folder.served()
    if served is None:
        state = folder.load_saved() if folder.state_file.exists() else folder.state()
        content = state.to_dict()
    else:
        content = json.loads(answer_of(folder, served, "world"))
    try:
        replace_file(path, json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8"))
    except OSError as error:
        # About the file that the user named: the sandbox's own folder is fine.
        raise Mistake(
            f"Cannot write '{path}': {error.strerror}.",
            "Free some space, or choose another file."
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else "Choose another file.",
        ) from error


def reset(state_dir: Path | None = None) -> None:
    """Reset the saved state to the seed, also while it is being served.

    Raises TimeoutError: a command uses it.
    """
    folder = StateDirectory(state_dir)
    served = folder.served()
    if served is not None:
        answer_of(folder, served, "reset", method="POST")
        return
    with folder.exclusive(seconds=3):
        folder.reset()


def hosts(state_dir: Path | None = None) -> list[str]:
    """Return the lines of the hosts file for the saved state, or for the seed where none is
    saved.
    """
    folder = StateDirectory(state_dir)
    state = folder.load_saved() if folder.state_file.exists() else seed("")
    return list(hosts_lines(state.resources))
