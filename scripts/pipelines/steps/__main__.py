"""`python -I scripts/pipelines/steps STEP`: by its folder, so that nothing is imported from where it is called."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[3]))  # this checkout's mct_s2s, where none is installed
    from pipeline_steps.main import main

    sys.exit(main(sys.argv[1:]))
