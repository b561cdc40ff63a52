"""Workers of a cluster: dask.distributed carries the parcels to them and the answers back, encrypted unless all is on this machine.

Whoever can connect to a scheduler can run code on its workers, which decide on grades; so a scheduler on another machine must use TLS,
with the certificates of dask's configuration.
"""

import atexit
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib import import_module
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from ..sandbox.protections import check_protections
from ..sandbox.temporary import own_folder, run_folder
from ..support.errors import CompareError, MissingExtraError, ProblemError
from .parcel import fault, opened_settings
from .run import Died, Key
from .worker import work

CONNECT, PATIENCE = 5.0, 60.0      # seconds for the scheduler to answer, and to wait for a first worker
_AHEAD = 2      # parcels under way for each thread of the cluster, so that no thread waits for the network
_LOGGERS = ("distributed", "distributed.client", "distributed.core", "distributed.comm", "tornado.application", "asyncio")


class ClusterError(CompareError):
    """A cluster cannot be reached, was lost, or has no workers; the message says why."""


@contextmanager
def cluster(address: str) -> Iterator["Cluster"]:
    """Connect to the scheduler at tls://HOST:PORT, or tcp:// on this machine; raises ProblemError, MissingExtraError, ClusterError."""
    scheme, place = checked_address(address)
    try:
        dask: Any = import_module("dask")
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError:
        raise MissingExtraError("cluster", "distributed") from None
    with _quiet(), dask.config.set({"distributed.admin.large-graph-warning-threshold": "100MB"}):
        security = _security(distributed) if scheme == "tls" else None
        try:
            client = distributed.Client(f"{scheme}://{place}", timeout=CONNECT, security=security, set_as_default=False)
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            why = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            raise ClusterError(f"the scheduler at {scheme}://{place} cannot be reached ({why}); expected a dask scheduler there") from None
        try:
            with client.as_current():
                yield Cluster(client, distributed)
        finally:
            client.close(timeout=CONNECT)


class Cluster:
    """The workers of a connected scheduler."""

    def __init__(self, client: Any, distributed: Any) -> None:
        self._client, self._distributed = client, distributed

    def __call__(self, parcels: Iterator[tuple[Key, bytes]]) -> Iterator[tuple[Key, bytes | Died]]:
        """Yield the answer to each parcel as it arrives; if a worker dies, dask retries as often as its scheduler allows."""
        under_way: dict[Any, Key] = {}
        more = True
        while True:
            while more and len(under_way) < _AHEAD * max(1, sum(self._reached(self._client.nthreads).values())):
                each = next(parcels, None)
                more = each is not None
                if each is not None:
                    under_way[self._reached(self._client.submit, confined_work, each[1], pure=False)] = each[0]
            if not under_way:
                return
            for future in self._done(list(under_way)):
                yield under_way.pop(future), self._answer(future)

    def _done(self, futures: list[Any]) -> list[Any]:
        """Wait until at least one of the futures is done, and return those that are."""
        while True:
            try:
                return list(self._distributed.wait(futures, timeout=PATIENCE, return_when="FIRST_COMPLETED").done)
            except TimeoutError:
                if not self._reached(self._client.nthreads):
                    raise ClusterError(f"the scheduler has had no workers for {PATIENCE:g} s; start some, and run it again") from None
            except Exception as error:
                raise _lost(error) from None

    def _answer(self, future: Any) -> bytes | Died:
        if future.status == "error" and isinstance(error := future.exception(), self._distributed.scheduler.KilledWorker):
            return Died(error.allowed_failures + 1)
        answer: bytes = self._reached(future.result)
        return answer

    def _reached(self, ask: Callable[..., Any], *args: Any, **options: Any) -> Any:
        try:
            return ask(*args, **options)
        except Exception as error:
            raise _lost(error) from None


def confined_work(parcel: bytes) -> bytes:
    """On a worker of a cluster, check that code can be confined, then work; any error becomes the answer."""
    try:
        _enter_run_folder()
        settings = opened_settings(parcel)
        if settings["confined"]:
            _checked_protections(settings["confinement"])
        return work(parcel)
    except Exception as error:
        return fault(f"{type(error).__name__}: {error}")


def checked_address(address: str) -> tuple[str, str]:
    """Return the scheme and HOST:PORT of a scheduler; raises ProblemError unless it is encrypted or on this machine."""
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    expected = "expected tls://HOST:PORT, or tcp://127.0.0.1:PORT on this machine"
    if not host or port is None or parts.scheme not in ("tcp", "tls") or parts.username or parts.path.strip("/") or parts.query:
        raise ProblemError(f"--scheduler {address} is no address of a scheduler; {expected}")
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if parts.scheme == "tcp" and not _is_loopback(host):
        why = "is neither encrypted nor on this machine: whoever is on the way could read attempts, change grades and run code"
        raise ProblemError(f"--scheduler {address} {why}; expected tls://{place}, with certificates in dask's configuration")
    return parts.scheme, place


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _security(distributed: Any) -> Any:
    """Return the TLS settings of dask's configuration; raises ProblemError if they are missing or invalid."""
    try:
        security = distributed.Security(require_encryption=True)
        context = security.get_connection_args("client").get("ssl_context")
    except (OSError, ssl.SSLError, ValueError, TypeError) as error:
        raise ProblemError(f"dask's certificates cannot be used: {error}; expected those of distributed.comm.tls") from None
    if context is None:
        names = "distributed.comm.tls.ca-file, .client.cert and .client.key"
        raise ProblemError(f"tls:// takes certificates, and dask's configuration has none; expected {names} there")
    return security


def _lost(error: Exception) -> CompareError:
    why = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    return ClusterError(f"the cluster was lost ({why}); what is finished is kept: run the same command again to go on")


_checked_protections = cache(check_protections)      # once for each worker process
_folders, _one_at_a_time = ExitStack(), threading.Lock()


def _enter_run_folder() -> None:
    """Make this worker's temporary folders in one that a later run removes if this worker is killed."""
    with _one_at_a_time:
        if own_folder() is None:
            _folders.enter_context(run_folder())
            atexit.register(_folders.close)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence dask's log of lost connections, which are raised as errors."""
    levels = {logger: logger.level for logger in map(logging.getLogger, _LOGGERS)}
    try:
        for logger in levels:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
