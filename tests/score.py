"""How well a check does: `python -m tests.score` plants mistakes in a plain-loop trainer, and limits in one of matrix products.

The mistakes are text edits of trainers that share nothing with the catalogue. Each is checked on fresh probes as a black box, by its new
weights alone, with its stages shown, and with its gradients alone; a limit as a black box, and with its outputs, loss and
gradients shown. Exit code 0 where every bar is met, else 1.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter
from zlib import crc32

from compare.checking.check import STEPS, check
from compare.checking.result import Check
from compare.diagnosis.probes import draw_probes
from compare.problem.from_dict import declared_problem
from tests.mistakes.held_out import held_out
from tests.mistakes.honest import variants
from tests.mistakes.limits import limits
from tests.mistakes.neighbours import neighbours
from tests.mistakes.networks import NETWORKS, Network
from tests.mistakes.outside import IN_THE_CATALOGUE, outside
from tests.mistakes.pairs import pairs
from tests.mistakes.plants import plants
from tests.mistakes.plants_updates import SOFT
from tests.mistakes.running import gap, trained
from tests.mistakes.trainer import STYLES, Style, source

WAYS = ("black box", "stages", "gradients")
BLACK_BOX = "\nglobals().pop('trace', None)\n"
TRACE, TOLD = ("def trace(params, x, y):", 'y, PROBLEM["lr"])'), ("def trace(params, x, y, lr):", "y, lr)")
GRADIENTS = """

of_all = trace


def gradients(params, x, y):
    seen = of_all(params, x, y)
    return {{name: {sign}seen[f"d{{'W' if name.endswith('weight') else 'b'}}{{int(name[0]) // 2 + 1}}"] for name in params}}


del trace
"""
RECEIVED = ("raw-error-back", "weights-left-out-back", "weights-untransposed", "updated-weights-back")      # named by who is sent the error
LARGE = Network((784, 256, 128, 10), ("sigmoid", "sigmoid", "sigmoid"))
LEAST_HONEST = 5000
UNSTABLE = "unstable formula"      # what honest textbook forms, (eᶻ − e⁻ᶻ)/(eᶻ + e⁻ᶻ), truly are for large z

Names = tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A text to be checked, and the truth: of each mistake in it, all that it may rightly be called; or the first wrong stage.

    `style` is that of its δ, and `showing` the text that is checked with more shown, where it is another.
    """

    kind: str
    network: Network
    text: str
    truth: tuple[Names, ...] = ()
    stage: str | None = None
    label: str = ""
    showing: str = ""
    style: Style = STYLES[0]


@dataclass(frozen=True)
class Outcome:
    """What a case was answered."""

    case: Case
    way: str
    verdict: str
    named: bool
    wrong: bool
    true: bool
    first: bool
    unique: bool
    right_stage: bool
    seconds: float
    said: str


def cases(every: int, honest: int, seed: int, only: str | None = None) -> Iterator[Case]:
    """Every `every`-th case of each kind, or of `only` that kind; of the honest variants as many as asked for."""
    for kind, found in CASES.items():
        if only in (None, kind):
            yield from list(found(seed))[::every]
    if only in (None, "honest"):
        texts = [iter(variants(network, -(-honest // len(NETWORKS)), seed)) for network in NETWORKS]
        for text, network in islice(((next(texts[i]), NETWORKS[i]) for i in cycle(range(len(NETWORKS)))), honest):
            yield Case("honest", network, text)


def _singles(seed: int) -> Iterator[Case]:
    """Each mistake in one style, as often in each."""
    for network in NETWORKS:
        of_style = {style: {(plant.name, plant.variant) for plant in plants(network, style)} for style in STYLES}
        for plant in plants(network):
            label = f"{plant.name} {plant.variant}"
            fitting = [style for style in STYLES if (plant.name, plant.variant) in of_style[style]]
            style = fitting[crc32(f"{network} {label}".encode()) % len(fitting)]
            yield Case("single", network, plant.apply(source(network, style)), (plant.names,), label=label, style=style)


def _pairs(seed: int) -> Iterator[Case]:
    for network in NETWORKS:
        for pair in pairs(network, 30, seed):
            names = pair.names
            yield Case("pair", network, pair.text, names, label=f"{names[0][0]} + {names[1][0]}")


def _outside(seed: int) -> Iterator[Case]:
    for network in NETWORKS:
        text = source(network)
        for other in outside(network):
            if other.name not in IN_THE_CATALOGUE:
                yield Case("outside", network, other.apply(text), stage=other.first, label=other.name)


def _limits(seed: int) -> Iterator[Case]:
    for limit in limits():
        yield Case("limit", limit.network, limit.text, label=limit.name, showing=limit.showing)


def _neighbours(seed: int) -> Iterator[Case]:
    for program in neighbours():
        yield Case("neighbour", program.network, program.text, label=program.name, showing=program.showing)
    for network in NETWORKS:
        for style in STYLES:
            yield Case("neighbour", network, source(network, style), label="the trainer", style=style)


def _held_out(seed: int) -> Iterator[Case]:
    for each in held_out():
        yield Case("held-out", each.network, each.text, (each.truth,) if each.truth else (), label=each.name, style=each.style)


CASES = {
    "single": _singles,
    "pair": _pairs,
    "outside": _outside,
    "held-out": _held_out,
    "limit": _limits,
    "neighbour": _neighbours,
}
KINDS = (*CASES, "honest")
ROWS = {"held-out": "held out", "neighbour": "honest neighbour"}
TRAINED = {"honest": 5, "limit": STEPS, "neighbour": STEPS}      # steps in lockstep after the probes


def ways_of(case: Case, number: int) -> tuple[str, ...]:
    """The ways in which the case is looked at."""
    if any("update-per-record" in names for names in case.truth):      # it has no gradients of a batch to show
        return WAYS[:2]
    of_kind = {"honest": WAYS[number % 2 :][:1], "held-out": ("stages",), "limit": WAYS[:2], "neighbour": WAYS[:2]}
    return of_kind.get(case.kind, WAYS)


def answered(case: Case, way: str, seed: int) -> Outcome:
    """Check the case's text as a file."""
    text = case.showing if way == "stages" and case.showing else case.text
    if way == "gradients":
        text += GRADIENTS.format(sign="-" if case.style.is_reversed else "")
    else:
        text = text.replace(TRACE[0], TOLD[0]).replace(TRACE[1], TOLD[1]) + (BLACK_BOX if way == "black box" else "")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "attempt.py"
        path.write_text(text, encoding="utf-8")
        started = perf_counter()
        result = check(path, problem=case.network.problem(), seed=seed, steps=TRAINED.get(case.kind, 0))
        seconds = perf_counter() - started
    classes = [[(cause.id, cause.layers) for cause in found.causes] for found in result.diagnosis]
    if case.truth and (result.reason or "").startswith(SOFT):      # it says as much as a name does
        classes = [[(SOFT, (0,))]]
    named = bool(classes)
    true = named and all(any(_is_any(names, causes) for causes in classes) for names in case.truth)
    wrong_name = any(not any(_is_any(names, causes) for names in case.truth) for causes in classes)
    first = named and all(any(_is_any(names, causes[:1]) for causes in classes) for names in case.truth)
    unique = named and all(len(causes) == 1 for causes in classes)
    wrong = [stage for stage in result.stages if stage.mark == "wrong"]
    right_stage = bool(wrong) and _by_trace(wrong[0].stage, wrong[0].layer) == case.stage
    verdict = result.verdict
    if verdict == "equivalent" and case.kind in ("single", "pair", "held-out") and not _changes_anything(case, seed):
        verdict = "changes nothing"
    return Outcome(case, way, verdict, named, wrong_name, true, first, unique, right_stage, seconds, _said(result))


def _is_any(names: Names, causes: Iterable[tuple[str, tuple[int, ...]]]) -> bool:
    """Whether one of the causes, each an id and layers, is called by one of the names."""
    for cause, its_layers in causes:
        for name in names:
            id, _, made_in = name.partition("(")
            layers = tuple(int(layer) - (id in RECEIVED) for layer in made_in.rstrip(")").split(",") if layer)
            if cause == id and (not layers or its_layers in ((0,), layers)):
                return True
    return False


def _changes_anything(case: Case, seed: int) -> bool:
    """Whether the mistake changes a weight on the probes, beyond what another order of summation would."""
    for probe in draw_probes(declared_problem(case.network.problem()), seed):
        runs = [trained(text, probe.parameters, list(probe.batches), probe.lrs) for text in (case.text, source(case.network, case.style))]
        if gap(*runs) > 1e-12:
            return True
    return False


def _by_trace(stage: str, layer: int) -> str:
    """A stage by the name that a trace gives it."""
    kind, _, what = stage.partition("_")
    if kind not in ("weight", "bias"):
        return f"{stage}{layer or ''}"
    return f"{ {'used': 'd', 'step': 'step_', 'velocity': 'v', 'after': ''}[what]}{'W' if kind == 'weight' else 'b'}{layer}"


def _said(result: Check) -> str:
    causes = " + ".join("/".join(f"{cause.id}{list(cause.layers)}" for cause in found.causes[:4]) for found in result.diagnosis)
    wrong = next((stage.name for stage in result.stages if stage.mark == "wrong"), "no stage")
    if result.verdict == "equivalent":
        return "equivalent"
    return f"{result.verdict}: {causes or result.reason or f'unknown, {wrong}'}"


@dataclass(frozen=True)
class Bar:
    """A rate that has to be met: of the outcomes of that kind, the share for which it holds."""

    kind: str
    name: str
    rate: float
    bar: float
    is_least: bool = True

    @property
    def is_met(self) -> bool:
        """Whether it is."""
        return self.rate >= self.bar if self.is_least else self.rate <= self.bar


def share(holds: Iterable[bool]) -> float:
    """Of how many in a hundred it holds; nan of none."""
    all_of_them = list(holds)
    return 100 * sum(all_of_them) / len(all_of_them) if all_of_them else float("nan")


def bars(outcomes: Sequence[Outcome], way: str) -> Iterator[Bar]:
    """The rates of one way of looking, beside their bars."""
    of = {kind: [o for o in outcomes if o.case.kind == kind and o.way == way and o.verdict != "changes nothing"] for kind in KINDS}

    yield Bar("single", "noticed", share(o.verdict != "equivalent" for o in of["single"]), 100)
    yield Bar("single", "truth among the named", share(o.true for o in of["single"]), 99.5)
    yield Bar("single", "named first", share(o.first for o in of["single"]), 98)
    yield Bar("single", "named alone", share(o.unique and o.true for o in of["single"]), 0)
    yield Bar("single", "wrong name", share(o.wrong for o in of["single"]), 0, is_least=False)
    yield Bar("single", "unknown", share(not o.named for o in of["single"]), 100, is_least=False)
    if way == "stages":
        for style in STYLES:
            mine, kind = [o for o in of["single"] if _is_single(o, style)], _of_style(style)
            yield Bar(kind, "truth among the named", share(o.true for o in mine), 99.5)
            yield Bar(kind, "wrong name", share(o.wrong for o in mine), 0, is_least=False)
            yield Bar(kind, "unknown", share(not o.named for o in mine), 100, is_least=False)
    yield Bar("pair", "noticed", share(o.verdict != "equivalent" for o in of["pair"]), 100)
    yield Bar("pair", "both named", share(o.true for o in of["pair"]), 85)
    yield Bar("pair", "wrong name", share(o.wrong for o in of["pair"]), 0, is_least=False)
    yield Bar("outside", "named", share(o.named for o in of["outside"]), 0, is_least=False)
    if way == "stages":
        yield Bar("outside", "right first stage", share(o.right_stage for o in of["outside"]), 99)
        yield Bar("held-out", "noticed", share(o.verdict != "equivalent" for o in of["held-out"]), 100)
        yield Bar("held-out", "truth among the named", share(o.true for o in of["held-out"] if o.case.truth), 0)
        yield Bar("held-out", "wrong name", share(o.wrong for o in of["held-out"]), 0, is_least=False)
    yield Bar("limit", "noticed", share(o.verdict != "equivalent" for o in of["limit"]), 100)
    yield Bar("limit", "named", share(o.named for o in of["limit"]), 100, is_least=False)
    yield Bar("neighbour", "false alarm", share(o.verdict != "equivalent" for o in of["neighbour"]), 0, is_least=False)
    yield Bar("honest", "unstable formula", share(o.verdict == UNSTABLE for o in of["honest"]), 100, is_least=False)
    yield Bar("honest", "false alarm", share(o.verdict not in ("equivalent", UNSTABLE) for o in of["honest"]), 0, is_least=False)


def _is_single(outcome: Outcome, style: Style) -> bool:
    return outcome.case.kind == "single" and outcome.case.style == style


def _of_style(style: Style) -> str:
    return f"single, δ of {style.name}"


def table(outcomes: Sequence[Outcome]) -> str:
    """The rates of the ways side by side."""
    columns = {way: list(bars(outcomes, way)) for way in WAYS}
    counts = {kind: len({o.case.text for o in outcomes if o.case.kind == kind}) for kind in KINDS}
    counts |= {_of_style(style): len({o.case.text for o in outcomes if _is_single(o, style)}) for style in STYLES}
    lines = [f"| mistakes | rate | bar | {' | '.join(WAYS)} |", "|---|---|---|" + "---|" * len(WAYS)]
    for bar in columns["stages"]:
        if not counts[bar.kind]:
            continue
        cells = [_cell(next((b for b in columns[way] if (b.kind, b.name) == (bar.kind, bar.name)), None)) for way in WAYS]
        bound = "" if bar.bar == (0 if bar.is_least else 100) else f"{'at least' if bar.is_least else 'at most'} {bar.bar:g}%"
        lines.append(f"| {ROWS.get(bar.kind, bar.kind)} ({counts[bar.kind]}) | {bar.name} | {bound} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(bar: Bar | None) -> str:
    return "" if bar is None or bar.rate != bar.rate else f"{bar.rate:.2f}%" + ("" if bar.is_met else " **missed**")


def _is_good(outcome: Outcome) -> bool:
    """Whether it is what is hoped for."""
    kind, verdict = outcome.case.kind, outcome.verdict
    if kind in ("honest", "neighbour"):
        return verdict == "equivalent" or (kind == "honest" and verdict == UNSTABLE)
    if kind == "limit":
        return verdict != "equivalent"
    if kind == "outside":
        return not outcome.named and (outcome.way != "stages" or outcome.right_stage)
    if kind == "held-out":
        return not outcome.wrong and verdict != "equivalent"
    return outcome.true and not outcome.wrong


def _run(job: tuple[Case, str, int]) -> Outcome:
    return answered(*job)


def _large(seed: int) -> float:
    """The median time to a diagnosis of a few mistakes in 784-256-128-10, in seconds."""
    path = Path(__file__).parent / "mistakes" / "large.py"
    text = path.read_text(encoding="utf-8")
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for i, (old, new) in enumerate(_EDITS):
            attempt = Path(folder) / "attempt.py"
            attempt.write_text(text.replace(old, new), encoding="utf-8")
            started = perf_counter()
            result = check(attempt, seed=seed + i, steps=0)
            seconds.append(perf_counter() - started)
            assert result.diagnosis, (old, new, result.verdict, result.reason)
    return statistics.median(seconds)


_EDITS = (
    ("delta = back * a[i] * (1 - a[i])", "delta = back"),
    ("/ len(x)", ""),
    ("lr * ", "lr * lr * "),
    ("back = delta @ w", "back = (delta @ w) * 0 + delta.sum(axis=1, keepdims=True)"),
    ("a[i - 1]", "a[i - 1] ** 2"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run with the command line's options; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.score", description="Planted mistakes: are they noticed, and rightly named?")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the probes (default 0)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every N-th mistake (default all)")
    parser.add_argument("--honest", type=int, default=LEAST_HONEST, metavar="N", help=f"honest variants (default {LEAST_HONEST})")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="processes (default one for each core)")
    parser.add_argument("--verbose", action="store_true", help="list what was not named, or named wrongly")
    parser.add_argument("--way", choices=WAYS, help="the way of looking to run alone")
    parser.add_argument("--only", choices=KINDS, help="the kind to run alone")
    options = parser.parse_args(argv)
    started = perf_counter()
    jobs = []
    for i, case in enumerate(cases(options.every, options.honest, options.seed, options.only)):
        jobs += [(case, way, options.seed + i) for way in ways_of(case, i) if options.way in (None, way)]
    with ProcessPoolExecutor(options.jobs) as pool:
        outcomes = []
        for outcome in pool.map(_run, jobs, chunksize=4):
            outcomes.append(outcome)
            if len(outcomes) % 100 == 0:
                print(f"{len(outcomes)} of {len(jobs)} checks, {perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    print(table(outcomes))
    if options.only is None:
        sample = [case for kind in ("single", "pair") for case in cases(97, 0, options.seed, kind)]
        small = [statistics.median(answered(case, way, options.seed).seconds for case in sample) for way in WAYS]
        print(f"| single, pair | median time to a diagnosis, one process | under 0.3 s | {' | '.join(f'{each:.2f} s' for each in small)} |")
        large = _large(options.seed)
        print(f"| single | median time to a diagnosis, 784-256-128-10 | under 3 s | {large:.2f} s | | |")
    if options.verbose:
        for o in outcomes:
            if not _is_good(o) and o.verdict != "changes nothing":
                of = o.case.network
                network = f"{of.sizes} {' '.join(of.activations)} {of.loss} {of.optimizer} {dict(of.options)}"
                style = f", δ of {o.case.style.name}" if o.case.kind in ("single", "held-out") else ""
                what = f"{o.case.label}{style} {o.case.stage or ''}"
                print(f"{o.case.kind}, {o.way}, {network}: {what} -> {o.said}")
    missed = [bar for way in WAYS for bar in bars(outcomes, way) if bar.rate == bar.rate and not bar.is_met]
    print(f"{len(jobs)} checks in {perf_counter() - started:.0f} s; {len(missed)} bars missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
