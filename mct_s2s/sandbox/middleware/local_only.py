"""Who may call the control routes, which need no token: programs on this machine, but no web page in its browser.

A page may send requests anywhere, also to a name of its own that resolves to the loopback (DNS rebinding); the
browser's `Host` or `Origin` header shows it.
"""

from __future__ import annotations

import re

from mct_s2s.sandbox.core.addresses import HOST
from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.observability.exchange import Scope

PREFIX = "/_sandbox"
_OWN = re.compile(rf"(?:{HOST}|127\.0\.0\.1|\[::1\])(?::[0-9]{{1,5}})?", re.IGNORECASE)


def check(scope: Scope) -> None:
    """Refuse a request for a control route under another name, or from a web page."""
    if not scope["path"].lower().startswith(PREFIX):
        return
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if not hosts or not all(_OWN.fullmatch(host) for host in hosts):
        raise arm_error(421, "MisdirectedRequest", f"Use the host name in https://{HOST} for the control routes.")
    if any(name == b"origin" for name, _ in scope["headers"]):
        raise arm_error(403, "OriginForbidden", "The control routes refuse requests from web pages.")
