"""The only package that imports the SDKs of Azure.

Their exceptions become those of `mct_s2s.errors`.
"""

import sys

# What httpx looks for and goes on without: a command line of its own, which is 4 MB wherever click
# and rich are installed, and whether another event loop than asyncio runs, at every step of every
# request.
for _unused in ("httpx._main", "sniffio"):
    sys.modules.setdefault(_unused, None)  # type: ignore[arg-type]  # "cannot be imported"
