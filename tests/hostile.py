"""Attempts that mean harm: each a wrong network that tries to pass, to hang, to break out or to break what it runs on.

`HOSTILE` has their texts by name. `{canary}` is a folder that none may change or read, `{port}` a port of this machine, `{pid}` the process
that grades, `{socket}` a Unix socket.
"""

WRONG = '''
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def train_step(params, x, y, lr):
    w1, w2 = params["0.weight"], params["2.weight"]
    h = sigmoid(x @ w1.T)
    output = sigmoid(h @ w2.T)
    d2 = (output - y) / len(x) * output * (1 - output)
    d1 = d2 @ w2
    attack()
    return {"0.weight": w1 - lr * d1.T @ x, "2.weight": w2 - lr * d2.T @ h}
'''

_ATTACKS = {
    "endless_loop": "while True: pass",
    "sleep": "import time; time.sleep(10000)",
    "fork_bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "daemon": """import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(100):
            try: os.close(fd)
            except OSError: pass
        while True:
            try: open("{canary}/daemon", "w").write("alive")
            except OSError: pass
            time.sleep(0.1)
    os._exit(0)""",
    "thread": "import threading, time; threading.Thread(target=lambda: time.sleep(10000)).start()",
    "memory_bomb": "x = []\nwhile True: x.append(bytearray(1 << 26))",
    "shm_fill": """
with open("/dev/shm/fill", "wb") as file:
    while True: file.write(bytes(1 << 20))""",
    "disk_fill": """
for n in range(10000):
    with open(f"/tmp/fill{n}", "wb") as file:
        file.write(bytes(1 << 20))""",
    "folder_fill": """import os
for n in range(10000):
    with open(f"{os.environ['HOME']}/fill{n}", "wb") as file:
        file.write(bytes(1 << 20))""",
    "folder_of_many": """import os
for n in range(1_000_000):
    open(f"{os.environ['HOME']}/f{n}", "w").close()""",
    "hidden_fill": """import os
held = []
while True:
    held.append(open(os.environ["HOME"] + "/hidden", "wb"))
    os.unlink(os.environ["HOME"] + "/hidden")
    held[-1].write(bytes(1 << 23))""",
    "million_files": """
for n in range(1_000_000):
    open(f"/tmp/f{n}", "w").close()""",
    "endless_output": "while True: print('x' * 10000)",
    "endless_raw_output": """import os
while True:
    for fd in range(3, 20):
        try: os.write(fd, b"x" * 65536)
        except OSError: pass
    os.write(2, b"x" * 65536)""",
    "network": "import socket; socket.create_connection(('127.0.0.1', {port}), 2).sendall(b'out')",
    "unix_socket": "import socket; s = socket.socket(socket.AF_UNIX); s.connect('{socket}'); s.sendall(b'out')",
    "abstract_socket": "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0{canary}'); s.sendall(b'out')",
    "write_outside": """
import os
for place in ("{canary}", "/", "/usr", "/etc", "/root", "/home", "/var/tmp", "/attempt", "/lockstep", os.path.dirname(__file__)):
    try: open(place + "/written-by-an-attempt", "w").write("x")
    except OSError: pass""",
    "read_outside": "secret = open('{canary}/secret').read()",
    "read_shadow": "secret = open('/etc/shadow').read()",
    "read_tests": "import glob; secret = open((glob.glob('/work/**/judge.py') + glob.glob('/root/.ssh/*') + ['/nothing'])[0]).read()",
    "symlink": "import os; os.symlink('{canary}/secret', '/tmp/link'); open('/tmp/link').read()",
    "parents_memory": "open('/proc/{pid}/mem', 'rb').read(1)",
    "proc": "import os; names = [n for n in os.listdir('/proc') if n.isdigit()]; assert len(names) > 5; open('/proc/1/environ').read()",
    "ptrace": """import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(16, {pid}, 0, 0) == 0""",
    "kill_parent": """import os, signal
os.kill({pid}, signal.SIGKILL)""",
    "kill_all": """import os, signal
os.kill(-1, signal.SIGKILL)""",
    "parents_limits": """import resource
resource.prlimit({pid}, resource.RLIMIT_NOFILE, (0, 0))""",
    "parents_priority": "import os; os.setpriority(os.PRIO_PROCESS, {pid}, 19)",
    "parents_signals": """import fcntl, os, signal
reader, writer = os.pipe()
fcntl.fcntl(reader, fcntl.F_SETOWN, {pid})
fcntl.fcntl(reader, fcntl.F_SETSIG, signal.SIGKILL)
fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC)
os.write(writer, b"x")""",
    "lease": """import fcntl, os
held = [fcntl.fcntl(os.open(np.__file__, os.O_RDONLY), 1024, fcntl.F_RDLCK)]""",
    "lock": """import fcntl, os
fcntl.flock(os.open(np.__file__, os.O_RDONLY), fcntl.LOCK_EX)""",
    "lock_of_a_process": """import fcntl, os
fcntl.lockf(os.open(np.__file__, os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)""",
    "watched_folder": """import fcntl, os
fcntl.fcntl(os.open(os.path.dirname(np.__file__), os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_ACCESS)""",
    "burst": """import os
for n in range(24):
    descriptor = os.open(f"{os.environ['HOME']}/burst{n}", os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(descriptor, 0, 60 << 20)
    os.close(descriptor)
raise ValueError("24 files of 60 MiB")""",
    "change_outside": """import os
os.chmod("{canary}/secret", 0o777)""",
    "truncate_outside": "import os; os.truncate('{canary}/secret', 0)",
    "truncate_by_opening": "import os; os.open('{canary}/secret', 3 | os.O_TRUNC)",
    "program": "import subprocess; subprocess.run(['/bin/true'])",
    "replaced": "import os; os.execv('/bin/sleep', ['sleep', '10000'])",
    "outliving": """import ctypes
assert ctypes.CDLL(None).prctl(1, 0) == 0""",
    "kill_group": """import os, signal
os.killpg(os.getpgid(0), signal.SIGKILL)""",
    "stop_itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "ignore_sigterm": "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(10000)",
    "os_exit": "import os; os._exit(0)",
    "sys_exit": "import sys; sys.exit(0)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "deep_recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()",
    "new_namespace": "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "forged_stdout": """import sys
print('{"verdict": "equivalent", "score": 1.0}')
sys.__stdout__.write('{"verdict": "equivalent"}'); sys.__stdout__.flush()""",
    "forged_frame": """import os, struct
frame = b"BPCF" + struct.pack("<HH16sQQ", 1, 17 | 0x80, bytes(16), 0, 4) + bytes(4)
for fd in range(3, 20):
    try: os.write(fd, frame)
    except OSError: pass""",
    "partial_frame": """import os, time
for fd in range(3, 20):
    try: os.write(fd, b"BPCF" + bytes(9))
    except OSError: pass
time.sleep(10000)""",
    "oversized_frame": """import os, struct
for fd in range(3, 20):
    try: os.write(fd, b"BPCF" + struct.pack("<HH16sQQ", 1, 145, bytes(16), 0, 1 << 60))
    except OSError: pass""",
    "patched_numpy": """
np.array_equal = np.allclose = lambda *a, **k: True
np.abs = lambda *a, **k: np.zeros(1)
np.ndarray.__eq__ = None""",
    "patched_builtins": """import builtins
builtins.abs = builtins.max = lambda *a, **k: 0
builtins.all = builtins.isinstance = lambda *a: True""",
    "peeking": """import gc, sys
frame, found = sys._getframe(), []
while frame:
    found += [v for v in frame.f_locals.values() if type(v).__name__ in ("TorchRef", "Comparison", "Run", "Problem")]
    frame = frame.f_back
found += [o for o in gc.get_objects() if type(o).__name__ in ("TorchRef", "Comparison", "Run", "Tensor")]
assert found""",
    "reference": "import compare.sides.manual, torch",
    "reference_rules": "from compare.diagnosis import formulas",
    "atexit": """import atexit, os
atexit.register(lambda: os.write(1, b'equivalent'))""",
    "settrace": """import sys
def tracer(frame, event, arg):
    for name in frame.f_locals: frame.f_locals[name] = None
    return tracer
sys.settrace(tracer); sys.setprofile(tracer)""",
    "finalizer": """
class Last:
    def __del__(self):
        while True: pass
keep = Last()""",
}

_ANSWERS = {
    "nan": "    return {name: array * np.nan for name, array in params.items()}",
    "subclass": """
    class Equal(np.ndarray):
        def __eq__(self, other): return np.ones(self.shape, bool)
        def __sub__(self, other): return np.zeros(self.shape)
        def __array_ufunc__(self, *args, **kwargs): return np.zeros(self.shape)
        def __array_function__(self, *args, **kwargs): return True
        def __abs__(self): return np.zeros(self.shape)
    return {name: array.view(Equal) for name, array in params.items()}""",
    "always_equal": """
    class Anything:
        def __eq__(self, other): return True
        def __array__(self, *args, **kwargs): raise SystemExit(0)
        def __reduce__(self): return (__import__("os").system, ("touch {canary}/unpickled",))
    return {name: Anything() for name in params}""",
    "other_answers": "    return {name: array - lr * np.random.default_rng().normal(size=array.shape) for name, array in params.items()}",
    "hard_coded": "    return {name: np.full(array.shape, 0.125) for name, array in params.items()}",
    "unchanged": "    return params",
    "zero_gradients": "    return {name: array * 1.0 for name, array in params.items()}",
    "none": "    return None",
    "huge": "    return {name: np.zeros((1 << 14, 1 << 14)) for name in params}",
    "nested": "    x = []\n    for _ in range(100000): x = [x]\n    return x",
}

def _attacking(text: str) -> str:
    body = "\n".join(f"    {line}" for line in text.strip("\n").split("\n"))
    return f"def attack():\n{body}\n{WRONG}"


_AT_IMPORT = ("endless_loop", "fork_bomb", "os_exit", "sys_exit", "memory_bomb", "forged_frame", "segfault")
_LINGERING = """import os, time
os._exit = lambda code: time.sleep(10000)
raise ValueError
"""
HOSTILE = {
    "lingering_at_import": _LINGERING,
    **{name: _attacking(text) for name, text in _ATTACKS.items()},
    **{f"{name}_at_import": f"{_ATTACKS[name]}\n" for name in _AT_IMPORT},
    **{f"answers_{name}": f"import numpy as np\n\n\ndef train_step(params, x, y, lr):\n{body}\n" for name, body in _ANSWERS.items()},
}
FOLDERS = {
    "fake_numpy": {"attempt.py": "def attack(): pass\n" + WRONG, "numpy.py": "raise SystemExit(0)"},
    "sitecustomize": {"attempt.py": "def attack(): pass\n" + WRONG, "sitecustomize.py": "import os; os._exit(0)"},
    "fake_compare": {"attempt.py": "def attack(): pass\n" + WRONG, "compare.py": "raise SystemExit(0)", "struct.py": "raise SystemExit(0)"},
}
