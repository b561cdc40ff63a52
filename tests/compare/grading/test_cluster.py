"""Grading by the workers of a cluster: the same results as on this machine, whoever dies; and nothing unencrypted leaves it."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from compare.cli.main import main
from compare.grading import cluster
from compare.grading.cluster import checked_address, confined_work
from compare.sandbox.temporary import own_folder
from compare.support.errors import ProblemError
from tests.compare.grading.killers import RIGHT, folder_of

ROOT = Path(__file__).parents[3]
needed = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="distributed is not installed here")
confined = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed here")
QUICK = ("--seed", "3", "--steps", "0", "--unsafe-no-sandbox", "--no-reports")
RESULTS = ("results.jsonl", "grades.csv", "index.html")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@contextmanager
def started(root: Path, *words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of dask's programs, in a session of its own that ends with it; what it logs goes into a file."""
    told = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_TEMPORARY_DIRECTORY": str(root), **environment}
    with open(root / f"{words[0]}.log", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *words, "--no-dashboard"], cwd=ROOT, env=told, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def running(
    root: Path, workers: int = 1, scheme: str = "tcp", options: tuple[str, ...] = ()
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler, its address, and workers of one thread each that are started again where they die."""
    port = free_port()
    address = f"{scheme}://127.0.0.1:{port}"
    deaths = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with ExitStack() as stack:
        words = ("distributed.cli.dask_scheduler", "--host", f"{scheme}://127.0.0.1", "--port", str(port), *options)
        scheduler = stack.enter_context(started(root, *words, **deaths))
        for _ in range(workers):
            stack.enter_context(started(root, "distributed.cli.dask_worker", address, "--nthreads", "1", *options))
        yield address, scheduler


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("cluster")) as (address, _):
        yield address


def grade(attempts: Path, out: Path, *options: str) -> int:
    return main(["grade", str(attempts), "--out", str(out), *options])


def lines(out: Path) -> dict[str, dict[str, object]]:
    return {line["attempt"]: line for line in map(json.loads, (out / "results.jsonl").read_text().splitlines())}


def contents(out: Path) -> dict[str, bytes]:
    return {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()}


@pytest.mark.slow
@needed
@confined
def test_the_results_are_those_of_this_machine(address: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With an adapter, which travels too: without it nothing could run, here or there."""
    attempts = tmp_path / "attempts"
    (attempts / "folder").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "lesson_wrong_missing_slope.py", attempts)
    shutil.copy(ROOT / "examples" / "lesson_right.py", attempts / "folder" / "main.py")
    (attempts / "folder" / "beside.py").write_text("x = 1\n")
    (attempts / "broken.zip").write_bytes(b"no archive")
    os.mkfifo(attempts / "pipe.py")
    options = ("--steps", "1", "--adapter", "lesson")
    assert grade(attempts, tmp_path / "there", "--seed", "3", "--scheduler", address, *options) == 0
    said = capfd.readouterr()
    assert said.err == ""
    assert grade(attempts, tmp_path / "here", "--seed", "3", "--jobs", "1", *options) == 0
    there, here = contents(tmp_path / "there"), contents(tmp_path / "here")
    assert there == here
    assert {*RESULTS} < {*there}
    assert sum(name.startswith("reports/") for name in there) == 2
    assert {name: line["verdict"] for name, line in lines(tmp_path / "there").items()} == {
        "broken.zip": "could not run",
        "folder": "equivalent",
        "lesson_wrong_missing_slope.py": "different",
        "pipe.py": "could not run",
    }


@pytest.mark.slow
@needed
def test_a_worker_that_is_killed_costs_no_attempt_and_one_that_kills_three_is_told(address: str, tmp_path: Path) -> None:
    attempts = folder_of(tmp_path, once=True, always=True)
    assert grade(attempts, tmp_path / "out", *QUICK, "--scheduler", address) == 0
    assert (tmp_path / "killed").exists()
    found = lines(tmp_path / "out")
    assert {name: line["verdict"] for name, line in found.items()} == {
        "always.py": "could not run",
        "once.py": "equivalent",
        "right0.py": "equivalent",
        "right1.py": "equivalent",
    }
    assert found["always.py"]["reason"] == "the worker that checked it died 3 times"


@pytest.mark.slow
@needed
def test_a_scheduler_lost_in_mid_run_is_one_error_and_what_is_finished_is_kept(tmp_path: Path) -> None:
    attempts = folder_of(tmp_path, right=2)
    (attempts / "slow.py").write_text("import time\ntime.sleep(600)\n" + RIGHT)
    words = ["grade", str(attempts), "--out", str(tmp_path / "out"), *QUICK]
    path = tmp_path / "out" / "results.jsonl"
    with running(tmp_path) as (address, scheduler):
        options = {"cwd": ROOT, "stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        process = subprocess.Popen([sys.executable, "-m", "compare", *words, "--scheduler", address], **options)  # type: ignore[call-overload]
        for _ in range(600):
            if path.exists() and path.read_bytes().count(b"\n") >= 2:
                break
            time.sleep(0.1)
        scheduler.kill()
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    assert said == ""
    assert len(errors.splitlines()) == 1
    assert "the cluster was lost" in errors
    assert set(lines(tmp_path / "out")) == {"right0.py", "right1.py"}


@needed
def test_a_scheduler_that_is_not_there_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "CONNECT", 0.5)
    assert grade(folder_of(tmp_path), tmp_path / "out", *QUICK, "--scheduler", f"127.0.0.1:{free_port()}") == 2
    said = capfd.readouterr().err
    assert "cannot be reached" in said
    assert len(said.splitlines()) == 1


@pytest.mark.slow
@needed
def test_a_scheduler_without_workers_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    with running(tmp_path, workers=0) as (address, _):
        monkeypatch.setattr(cluster, "CONNECT", 60.0)
        assert grade(folder_of(tmp_path), tmp_path / "out", *QUICK, "--scheduler", address) == 2
    assert "has had no workers for 0.5 s" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("127.0.0.1:8786", ("tcp", "127.0.0.1:8786")),
        ("tcp://localhost:8786", ("tcp", "localhost:8786")),
        ("tcp://[::1]:8786", ("tcp", "[::1]:8786")),
        ("tls://grader.example.org:8786", ("tls", "grader.example.org:8786")),
    ],
)
def test_an_address_that_is_encrypted_or_here_is_taken(given: str, expected: tuple[str, str]) -> None:
    assert checked_address(given) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("tcp://10.0.0.1:8786", "expected tls://10.0.0.1:8786"),
        ("localhost.example.org:8786", "expected tls://localhost.example.org:8786"),
        ("tcp://0.0.0.0:8786", "neither encrypted nor on this machine"),
        ("tcp://127.0.0.1@example.org:8786", "no address"),
        ("tcp://127.0.0.1", "no address"),
        ("tcp://127.0.0.1:many", "no address"),
        ("ws://127.0.0.1:8786", "no address"),
        ("", "no address"),
    ],
)
def test_an_address_elsewhere_takes_tls(given: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProblemError, match="--scheduler"):
        checked_address(given)
    assert grade(folder_of(tmp_path), tmp_path / "out", *QUICK, "--scheduler", given or " ") == 2
    assert said in capsys.readouterr().err


def test_a_worker_makes_its_folders_where_a_later_run_removes_them() -> None:
    assert own_folder() is None
    assert b"Error" in confined_work(b"")
    assert own_folder() is not None
    cluster._folders.close()
    assert own_folder() is None


@needed
def test_tls_takes_certificates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import dask

    attempts = folder_of(tmp_path)
    assert grade(attempts, tmp_path / "out", *QUICK, "--scheduler", "tls://127.0.0.1:8786") == 2
    assert "dask's configuration has none; expected distributed.comm.tls.ca-file" in capsys.readouterr().err
    none = str(tmp_path / "none.pem")
    with dask.config.set({f"distributed.comm.tls.{name}": none for name in ("ca-file", "client.cert", "client.key")}):
        assert grade(attempts, tmp_path / "out", *QUICK, "--scheduler", "tls://127.0.0.1:8786") == 2
    assert "cannot be used" in capsys.readouterr().err


@pytest.mark.slow
@needed
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes the certificate, is not installed here")
def test_by_tls_with_the_certificates_of_dasks_configuration_and_not_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import dask

    names = ("cert.pem", "key.pem")
    certificate, key = (str(tmp_path / name) for name in names)
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-out", certificate, "-keyout", key]
    subprocess.run(words, check=True, capture_output=True)
    attempts = folder_of(tmp_path, right=1)
    told = {"ca-file": certificate, "client.cert": certificate, "client.key": key}
    options = ("--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key)
    with running(tmp_path, scheme="tls", options=options) as (address, _):
        with dask.config.set({f"distributed.comm.tls.{name}": value for name, value in told.items()}):
            assert grade(attempts, tmp_path / "out", *QUICK, "--scheduler", address) == 0, capsys.readouterr().err
        assert lines(tmp_path / "out")["right0.py"]["verdict"] == "equivalent"
        assert grade(attempts, tmp_path / "other", *QUICK, "--scheduler", address.replace("tls", "tcp")) == 2
    assert "cannot be reached" in capsys.readouterr().err


@pytest.mark.slow
@needed
def test_an_interrupt_ends_it_without_a_word_from_dask(address: str, tmp_path: Path) -> None:
    attempts = folder_of(tmp_path, right=1)
    (attempts / "slow.py").write_text("import time\ntime.sleep(8)\n" + RIGHT)
    path = tmp_path / "out" / "results.jsonl"
    words = [sys.executable, "-m", "compare", "grade", str(attempts), "--out", str(tmp_path / "out"), *QUICK, "--scheduler", address]
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),      # which a test run in the background inherits as ignored
    )
    for _ in range(600):
        if path.exists() and path.read_bytes():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert errors == "backprop-compare: interrupted: 1 of 2 attempts are graded; the same command goes on with the rest\n"
    assert set(lines(tmp_path / "out")) == {"right0.py"}


def test_without_the_extra_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setitem(sys.modules, "dask", None)
    assert grade(folder_of(tmp_path), tmp_path / "out", *QUICK, "--scheduler", "127.0.0.1:8786") == 2
    assert "pip install 'backprop-compare[cluster]'" in capsys.readouterr().err


def test_jobs_are_the_clusters_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(folder_of(tmp_path), tmp_path / "out", *QUICK, "--scheduler", "127.0.0.1:8786", "--jobs", "2") == 2
    assert "--jobs 2 is given with --scheduler" in capsys.readouterr().err
