"""`python -I -m mct_s2s.pipeline_steps STEP`, where mct-s2s is installed.

A review needs Python alone: `python -I FOLDER STEP`, by this folder of a checkout. Nothing is
imported from where either is called.
"""

import sys
from pathlib import Path

if not __package__:
    # By its folder, which stands first in the path then: our `requests` would be taken for another.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from mct_s2s.pipeline_steps.main import program

if __name__ == "__main__":
    sys.exit(program())
