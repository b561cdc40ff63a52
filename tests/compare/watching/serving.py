"""A process as `Warm` runs it, which does what it is told: answers, ends, crashes, or does not answer."""

import json
import os
import signal
import sys
import time


def serve() -> None:
    while True:
        print(json.dumps("ready"), flush=True)
        what, *rest = json.loads(sys.stdin.readline() or os._exit(0))
        if what == "exit":
            os._exit(int(rest[0]))
        if what == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "loop":
            time.sleep(600)
        print(json.dumps((0, f"{what} by {os.getpid()}", "")), flush=True)
