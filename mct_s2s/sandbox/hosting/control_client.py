"""How another process of the same user asks a sandbox that is being served: by its control routes."""

from __future__ import annotations

import ssl
import urllib.request

from mct_s2s.sandbox.core.addresses import HOST
from mct_s2s.sandbox.hosting import certificates
from mct_s2s.sandbox.hosting.state_directory import Served, StateDirectory


def answer_of(folder: StateDirectory, served: Served, route: str, *, seconds: float = 60) -> bytes:
    """Return what a control route such as `health` answers. No proxy of the environment is asked.

    Raises:
        OSError: it does not answer in so many seconds, or with an error.
    """
    authority, _ = certificates.ensure(folder.path, for_real_names=served.real_names)
    trusted = ssl.create_default_context(cafile=authority)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusted), urllib.request.ProxyHandler({}))
    with opener.open(f"https://{HOST}:{served.port}/_sandbox/{route}", timeout=seconds) as answer:
        content: bytes = answer.read()
    return content
