"""What a confined process begins with: the last of what holds it, by itself and for good, then the runner.

    python -I -S start.py HOLD FILE [ADAPTER]
    python -I -S start.py HOLD --script FILE ARGUMENTS

HOLD is JSON: `packages`, the folder of this package; `processes`, how many there may be; and without bubblewrap, `landlock`, where it may
read and write.
"""

import json
import resource
import runpy
import sys

if __name__ == "__main__":
    hold, *files = sys.argv[1:]
    told = json.loads(hold)
    sys.path.insert(0, told["packages"])
    from compare.sandbox import seccomp

    alone = told.get("landlock")
    if alone is None:
        resource.setrlimit(resource.RLIMIT_NPROC, (told["processes"], told["processes"]))
    else:
        from compare.sandbox import landlock

        landlock.drop_capabilities()
        landlock.die_with(alone["parent"])
        landlock.restrict(alone["readable"], alone["writable"], alone["folders"])
    seccomp.apply(threads=alone is None)
    if files[0] == "--script":
        sys.argv = files[1:]
        runpy.run_path(files[1], run_name="__main__")
    else:
        sys.argv[1:] = files
        from compare.sandbox.runner import main

        main(*files)
