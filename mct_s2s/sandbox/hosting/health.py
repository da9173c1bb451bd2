"""The health check of a container: `python -m mct_s2s.sandbox.hosting.health`, where there is no
shell and no curl.
"""

import http.client
import json
import sys

from mct_s2s.sandbox.core.files import Mistake
from mct_s2s.sandbox.hosting.environment import answer_of
from mct_s2s.sandbox.hosting.state_directory import StateDirectory

SECONDS = 5.0
"""A sandbox that is ready answers within milliseconds."""


def problem() -> str | None:
    try:
        folder = StateDirectory()
        served = folder.served()
        if served is None:
            return "No sandbox is running."
        status = json.loads(answer_of(folder, served, "health", seconds=SECONDS))["status"]
    except Mistake as error:
        return str(error)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        return f"The sandbox does not answer: {error}"
    return None if status == "ready" else f"The sandbox is {status}."


if __name__ == "__main__":
    sys.exit(problem())
