"""Training a whole network, by hand and by PyTorch: `--network`, and `record --network`."""

from argparse import Namespace
from typing import Any

from ..problem.networks import NETWORKS
from ..support.output import Writing, write_file
from . import arguments
from .common import CheckInterrupt, again, check_report
from .traces import record_run

_OPTIONS = ("data", "split_seed", "seed", "epochs", "batch_size", "optimizer", "lr", "dtype")


def train(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Train the network on both sides, and report."""
    from ..lockstep.network_training import train_network
    from ..lockstep.result import hardly_moved
    from ..report.console import progress_bar
    from ..report.deltas import FIRST_STEPS
    from ..sides.devices import checked_device

    check_report(options)

    def keep(steps: int) -> set[int]:
        return set() if options.json or options.quiet else {*range(1, min(FIRST_STEPS, steps) + 1), steps}

    with progress_bar(1, check_interrupt, loading="PyTorch") as progress:
        device = checked_device(options.device)
        how = {"every": options.every, "mode": options.mode, "keep": keep, "progress": progress}
        training = train_network(options.network, **_asked(options), **how, device=device)
    if options.report:
        from ..report.network_page import network_page

        write_file(options.report, network_page(training, device, again(options)))
    comparison = training.comparison
    is_proof = comparison.verdict != "equivalent" or not comparison.unmoved
    with Writing():
        if options.json:
            from ..report.networks import network_json

            print(network_json(training, device, {name: getattr(options, name) for name in ("data", "split_seed", "batch_size")}))
        elif options.quiet:
            print(comparison.explanation(method=False) if is_proof else f"not a proof: {hardly_moved(comparison.unmoved)}")
        else:
            from ..report.networks import print_network

            print_network(training, device, again(options), options.report, verbose=options.verbose)
    return comparison.verdict if is_proof else "not a proof"


def record(options: Namespace, check_interrupt: CheckInterrupt) -> str:
    """Train one side of the network, and record the run as a trace."""
    from ..sides.networks import network_sides

    asked = _asked(options)
    records = NETWORKS[options.network].read(asked.pop("data"), asked.pop("split_seed"))
    by_hand, problem = network_sides(options.network, records, **asked)
    side = by_hand if options.side == "manual" else "torch_ref"
    return record_run(options, problem, len(problem.batches), side, check_interrupt)


def _asked(options: Namespace) -> dict[str, Any]:
    """Return what the options say of the network's training."""
    chosen = {name: getattr(options, name) for name in _OPTIONS}
    return {**chosen, "optimizer_options": arguments.optimizer_options(options)}
