"""What a confined process begins with: the last of its limits and the filter on its system calls, then the runner.

    python -I -S start.py PROCESSES FILE [ADAPTER]
    python -I -S start.py PROCESSES --script FILE ARGUMENTS
"""

import resource
import runpy
import sys

if __name__ == "__main__":
    most, *files = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NPROC, (int(most), int(most)))
    sys.path.insert(0, "/lockstep/site-packages")
    from compare.sandbox import seccomp

    seccomp.apply()
    if files[0] == "--script":
        sys.argv = files[1:]
        runpy.run_path(files[1], run_name="__main__")
    else:
        sys.argv[1:] = files
        from compare.sandbox.runner import main

        main(*files)
