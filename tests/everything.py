"""All that may be in a folder, graded in one command: examples, planted mistakes, every attempt that means harm, honest ones.

    python -m tests.everything

It is graded whole; killed half-way and begun again; and by the workers of a dask cluster on this machine. The three results are the same.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import islice, product
from pathlib import Path

from compare.userfile.shapes import NAMES
from tests.compare.grading.test_cluster import running
from tests.compare.grading.test_hostile import UNPROVED, WRONG_ANSWERS
from tests.hostile import FOLDERS, HOSTILE
from tests.mistakes.networks import NETWORKS, Network
from tests.mistakes.plant import Plant
from tests.mistakes.plants import plants
from tests.mistakes.trainer import STYLES, source

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PLANTED, HONEST = 40, 30
OPTIONS = ("--seed", "1", "--steps", "3", "--timeout", "10", "--no-reports")


def main() -> int:
    """Grade it in all three ways, and print what came of it; 1 where anything is not as it should be."""
    with tempfile.TemporaryDirectory(prefix="everything-") as made:
        root = Path(made)
        canary, attempts = root / "canary", root / "attempts"
        canary.mkdir()
        attempts.mkdir()
        (canary / "secret").write_text("secret")
        expected = filled(attempts, canary)
        results, seconds = [], []
        for way in (whole, killed_and_begun_again, on_a_cluster):
            started = time.monotonic()
            way(attempts, root / way.__name__)
            seconds.append(time.monotonic() - started)
            results.append((root / way.__name__ / "results.jsonl").read_text())
        lines = {line["attempt"]: line for line in map(json.loads, results[0].splitlines())}
        wrong = [name for name, verdict in expected.items() if lines[name]["verdict"] != verdict]
        misnamed = [name for name, names in planted_names().items() if not names & {*lines[name]["mistakes"]}]
        touched = [path.name for path in canary.iterdir() if path.name != "secret" or path.read_text() != "secret"]
    verdicts = Counter(line["verdict"] for line in lines.values())
    running_on = left_running()
    print(f"{len(lines)} attempts: {', '.join(f'{number} {verdict}' for verdict, number in verdicts.most_common())}")
    for what, found in (
        ("with another verdict than is right", [f"{name}: {lines[name]['verdict']}: {lines[name]['reason']}" for name in wrong]),
        (f"of {PLANTED} planted mistakes not named", misnamed),
        ("processes left running", running_on),
        ("files outside touched", touched),
    ):
        print(f"{len(found)} {what}")
        print("".join(f"  {each}\n" for each in found), end="")
    for name, took, result in zip(("whole", "killed half-way, begun again", "on a dask cluster"), seconds, results, strict=True):
        print(f"{name:30} {took:6.0f} s  {'the same results' if result == results[0] else 'OTHER RESULTS'}")
    return int(bool(wrong or misnamed or touched or running_on or len({*results}) > 1))


def filled(attempts: Path, canary: Path) -> dict[str, str]:
    """Put everything into the folder; the verdict that is right, by attempt."""
    expected: dict[str, str] = {}
    for file in sorted(EXAMPLES.glob("*_*.py")):
        shape = file.stem.partition("_right")[0].partition("_wrong")[0]
        folder = attempts / file.stem
        folder.mkdir()
        shutil.copy(file, folder / "attempt.py")
        if shape in NAMES:
            (folder / "adapter.py").write_text(f"from compare.userfile.shapes.{shape} import *\n", encoding="utf-8")
        expected[file.stem] = "different" if "wrong" in file.stem else "equivalent"
    for name, (network, plant) in planted().items():
        (attempts / name).write_text(plant.apply(source(network)))
        expected[name] = "different"
    for i, (style, network) in enumerate(islice(product(STYLES, NETWORKS), HONEST)):
        (attempts / f"honest-{i:02}.py").write_text(source(network, style))
        expected[f"honest-{i:02}.py"] = "equivalent"
    replaced = {"{canary}": str(canary), "{port}": "9", "{pid}": str(os.getpid()), "{socket}": str(canary / "socket")}
    for name, text in HOSTILE.items():
        for old, new in replaced.items():
            text = text.replace(old, new)
        (attempts / f"hostile-{name}.py").write_text(text)
        expected[f"hostile-{name}.py"] = verdict_of(name)
    for name, files in FOLDERS.items():
        (attempts / f"hostile-{name}").mkdir()
        for file, text in files.items():
            (attempts / f"hostile-{name}" / file).write_text(text)
        expected[f"hostile-{name}"] = verdict_of(name)
    return expected


def planted() -> dict[str, tuple[Network, Plant]]:
    """Forty kinds of mistakes, each in the first network that can have it, by the attempt's name."""
    first = {plant.id: (network, plant) for network in reversed(NETWORKS) for plant in reversed(list(plants(network)))}
    return {f"planted-{id}.py": each for id, each in sorted(first.items())[:PLANTED]}


def planted_names() -> dict[str, set[str]]:
    """What each may rightly be called."""
    return {attempt: {name.partition("(")[0] for name in plant.names} for attempt, (_, plant) in planted().items()}


def verdict_of(name: str) -> str:
    return "not a proof" if name in UNPROVED else "different" if name in WRONG_ANSWERS else "could not run"


def whole(attempts: Path, out: Path) -> None:
    subprocess.run(command(attempts, out), cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def killed_and_begun_again(attempts: Path, out: Path) -> None:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command(attempts, out), cwd=ROOT, start_new_session=True, **quiet)
    half, results = len(list(attempts.iterdir())) // 2, out / "results.jsonl"
    while process.poll() is None and (not results.exists() or results.read_text().count("\n") < half):
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    whole(attempts, out)


def on_a_cluster(attempts: Path, out: Path) -> None:
    logs = out.with_name("cluster")
    logs.mkdir()
    with running(logs, workers=2) as (address, _):
        subprocess.run([*command(attempts, out), "--scheduler", address], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def command(attempts: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "compare", "grade", str(attempts), "--out", str(out), *OPTIONS]


def left_running() -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if "start.py" in line and "<defunct>" not in line]


if __name__ == "__main__":
    sys.exit(main())
