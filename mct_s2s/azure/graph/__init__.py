"""Microsoft Graph v1.0 through msgraph-sdk: requests built by its request builders, answers read as JSON."""

import sys

# The SDK's transport has a command line of its own, and imports it wherever click and rich are installed, as they are
# beside the sandbox: 4 MB, and a twentieth of a run. Where it cannot be imported, httpx goes on without it.
_COMMAND_LINE = "httpx._main"
if _COMMAND_LINE not in sys.modules:
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment]  # "cannot be imported"
    import httpx  # noqa: F401

    del sys.modules[_COMMAND_LINE]
