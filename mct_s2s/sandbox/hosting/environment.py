"""How other processes of this user reach a sandbox that is served: their environment, and its
control routes.
"""

import os
import shlex
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mct_s2s.sandbox.core.addresses import CERTIFIED, HOST, PORT, RealNames
from mct_s2s.sandbox.core.files import Mistake
from mct_s2s.sandbox.hosting import state_directory
from mct_s2s.sandbox.hosting.state_directory import (
    FOLDER_VARIABLE,
    Served,
    StateDirectory,
    default_directory,
)
from mct_s2s.sandbox.state.seed import APP_SERVICE, RESOURCE_GROUP, SITE

_TRUST = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Who reads them: requests and az, OpenSSL and Go, curl, Node.js. curl heeds its own variable
before OpenSSL's.
"""
_PAST_PROXIES = ("NO_PROXY", "no_proxy")
"""Programs differ in which of them counts."""


def exports(
    port: int, *, real_names: bool = False, state_dir: Path | None = None
) -> dict[str, str]:
    """Return the environment variables; also before the sandbox on that port has started.

    Under Azure's own names, clients need neither `--cloud` nor an authority, whatever the port.
    """
    folder = StateDirectory(state_dir)
    authority, _ = state_directory.certificates(folder.path, for_real_names=real_names)
    administrator, origin = folder.administrator(), f"https://{HOST}:{port}"
    tenant, subscription = folder.tenant_and_subscription()
    site = (
        f"https://{RealNames(PORT, ()).of_site(SITE)}"
        if real_names
        else f"https://{HOST}:{_site(port, folder)}"
    )
    return {
        "MCT_S2S_CLOUD": "public" if real_names else origin,
        **dict.fromkeys(_TRUST, str(authority)),
        **_past_proxies(os.environ, CERTIFIED if real_names else ()),
        **({} if real_names else {"AZURE_AUTHORITY_HOST": origin}),
        "AZURE_TENANT_ID": tenant,
        "AZURE_CLIENT_ID": administrator["clientId"],
        "AZURE_CLIENT_SECRET": administrator["clientSecret"],
        "AZURE_SUBSCRIPTION_ID": subscription,
        "MCT_S2S_APP_SERVICE": APP_SERVICE,
        "MCT_S2S_RESOURCE_GROUP": RESOURCE_GROUP,
        "MCT_S2S_URL": site,
    }


def _past_proxies(environ: Mapping[str, str], more_hosts: Iterable[str]) -> dict[str, str]:
    """Return the variables by which a client asks this machine without a proxy, which would
    look for the sandbox on its own one; hosts that they have already are kept.
    """
    hosts = (HOST, "127.0.0.1", f".{HOST}", *(host.removeprefix("*") for host in more_hosts))
    given = {name: environ.get(name, "") for name in _PAST_PROXIES}
    any_given = next(filter(None, given.values()), "")
    return {
        name: ",".join(
            dict.fromkeys([*filter(None, map(str.strip, (own or any_given).split(","))), *hosts])
        )
        for name, own in given.items()
    }


def export_lines(exported: Mapping[str, str]) -> Iterator[str]:
    """Yield what a shell reads to have these variables."""
    for name, value in exported.items():
        yield f"export {name}={shlex.quote(value)}"


def connecting() -> str:
    """Return what to type in another terminal, so that clients there use the sandbox of this
    environment.
    """
    return f'eval "$({in_its_folder("mct-s2s sandbox env")})"'


def in_its_folder(command: str) -> str:
    """Return a command as it is typed in another terminal, for the sandbox of this environment."""
    if not os.environ.get(FOLDER_VARIABLE):
        return command
    return f"{FOLDER_VARIABLE}={shlex.quote(str(default_directory()))} {command}"


def _site(port: int, folder: StateDirectory) -> int:
    known = folder.ports()
    return known.get(SITE.lower(), port + 2) if known.get("arm") == port else port + 2


def answer_of(
    folder: StateDirectory, served: Served, route: str, *, seconds: float = 60, method: str = "GET"
) -> bytes:
    """Return what a control route such as `health` answers.

    No proxy of the environment is asked.

    Raises Mistake: nothing answers there.
    """
    authority, _ = state_directory.certificates(folder.path, for_real_names=served.real_names)
    trusted = ssl.create_default_context(cafile=authority)
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=trusted), urllib.request.ProxyHandler({})
    )
    address = f"https://{HOST}:{served.port}/_sandbox/{route}"
    asked = urllib.request.Request(address, data=b"" if method == "POST" else None, method=method)
    try:
        with opener.open(asked, timeout=seconds) as answer:
            content: bytes = answer.read()
    except urllib.error.HTTPError:
        raise
    except urllib.error.URLError as error:
        raise Mistake(
            f"The sandbox at {served.origin} does not answer: it is starting or stopping.",
            "Run the same command again in a moment.",
        ) from error
    return content
