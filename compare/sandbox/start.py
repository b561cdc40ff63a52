"""What a confined process begins with: the last of its limits, then the runner.

    python -I -S start.py PROCESSES FILE [ADAPTER]
"""

import resource
import sys

if __name__ == "__main__":
    most, *files = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NPROC, (int(most), int(most)))
    sys.path.insert(0, "/lockstep/packages")
    sys.argv[1:] = files
    from compare.sandbox.runner import main

    main(*files)
