"""Start a confined process: apply the last restrictions irreversibly, then run the runner or a script.

    python -I -S start.py OPTIONS FILE [ADAPTER]
    python -I -S start.py OPTIONS --script FILE ARGUMENTS

OPTIONS is JSON: `packages`, the folder of this package; `runner`, a module with `main`, or null; with bubblewrap `processes`, the limit on
their number; without it `landlock`, the arguments of `landlock.restrict` and the `parent` process.
"""

import json
import resource
import runpy
import sys

if __name__ == "__main__":
    options, *files = json.loads(sys.argv[1]), *sys.argv[2:]
    sys.path.insert(0, options["packages"])
    from compare.sandbox import seccomp

    alone = options.get("landlock")
    if alone is None:
        resource.setrlimit(resource.RLIMIT_NPROC, (options["processes"], options["processes"]))
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
        import importlib

        importlib.import_module(options.get("runner") or "compare.sandbox.runner").main(*files)
