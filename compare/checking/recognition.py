"""Check a file whose shape was recognised: by the reading of its loss that makes it right, or else by that which explains it best."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..problem.from_dict import declared_problem
from ..support.arrays import Batch
from ..support.errors import CompareError, ProblemError
from ..userfile.computing import parsed
from ..userfile.conventions import CHOICES, Convention
from ..userfile.interface import Recognised
from ..userfile.shapes.unused_rate import unused_rate
from .decay import with_penalty
from .examination import Examination
from .momentum import MOMENTUM, with_momentum
from .named_decay import named_decay
from .own_loss import SQUARES, beside_the_step, in_words, is_of_own, own_losses, stated_by
from .own_penalty import STRENGTH, constant_penalty
from .readings import Reading, evidence, readings
from .result import Check, with_caveat
from .unrun import lines_run, others_like, said_of, trainers_unrun

_STEPS = 10      # of training with another activation
_MOST = 6      # readings that are examined where none is right
_SECONDS = 40.0      # of processor time, after which no other reading is begun


def check_recognised(
    attempt: Recognised, given: Mapping[str, Any], seed: int, steps: int, data: Batch | None = None, keep: bool = False
) -> Check:
    """Return the check of the file, of what it is with each other activation that it may be made with, and of its other networks."""
    check = _checked(attempt, given, seed, steps, data, keep)
    if check.verdict != "equivalent" or data is not None:
        return check
    lines: set[int] = set()
    everything = {"penalty": str(STRENGTH), "momentum": str(MOMENTUM)}
    for each in (attempt, attempt.with_options(everything)):
        lines |= lines_run(each, check.problem)
    check = _with_activations(attempt, given, check, seed, lines)
    if check.verdict == "equivalent":
        check = _with_others(attempt, given, check, seed, lines)
    if check.verdict != "equivalent":
        return check
    trainers = trainers_unrun(attempt.text, lines)
    check = with_caveat(check, f"{' and '.join(trainers[:2])} did not run, and may train in another way") if trainers else check
    unused = unused_rate(parsed(attempt.text))
    check = with_caveat(check, unused) if unused else check
    return replace(check, notes=(*check.notes, *said_of(attempt.text, lines)))


def _with_others(attempt: Recognised, given: Mapping[str, Any], check: Check, seed: int, lines: set[int]) -> Check:
    """Return the check, or that of another class or function like the one checked, with which the file differs; collect the lines run."""
    compared = lines_run(attempt, check.problem, with_losses=False)
    for what, name in others_like(attempt.text, compared) if not attempt.options else ():
        try:
            other = attempt.with_options({what: name})
            same = {"reduction": check.problem.reduction} if what == "step" else {}      # a twin of what is checked
            tested = _checked(other, {**same, **given}, seed, _STEPS)
        except CompareError:      # it is no network
            continue
        if tested.verdict == "different" or (tested.verdict == "not a proof" and what == "step"):
            return replace(tested, notes=(*tested.notes, f"{', '.join(attempt.found)} agrees, and {name} does not"))
        if tested.verdict == "equivalent":
            lines |= lines_run(other, tested.problem)
            check = replace(check, notes=(*check.notes, f"{name} agrees, too"))
    return check


def _with_activations(attempt: Recognised, given: Mapping[str, Any], check: Check, seed: int, lines: set[int]) -> Check:
    """Return the check, or that with the first activation with which the file differs; and a note of what was done.

    The lines that run are added to `lines`.
    """
    agreed, seen = [], {check.problem.activations}
    same = {"loss": check.problem.loss, "reduction": check.problem.reduction}
    for name in attempt.activations():
        other = attempt.with_options({"activation": name})
        try:
            tested = _checked(other, {**same, **given}, seed, _STEPS)
        except CompareError:      # it is no activation of the file's
            continue
        if tested.verdict in ("different", "not a proof"):      # which another name for one that agrees is not
            return replace(tested, notes=(*tested.notes, f"it agrees as it is made by default, and not with the activation {name!r}"))
        if tested.verdict == "equivalent" and tested.problem.activations not in seen:
            seen.add(tested.problem.activations)
            agreed.append(name)
            lines |= lines_run(other, tested.problem)
    said = f"it agrees with the activation {' and '.join(map(repr, agreed))}, too"
    return replace(check, notes=(*check.notes, *([said] if agreed else [])))


def _checked(
    attempt: Recognised, given: Mapping[str, Any], seed: int, steps: int, data: Batch | None = None, keep: bool = False
) -> Check:
    """Return the check by the best reading; raises ProblemError where two kinds of loss fit, of which the file says neither."""
    found = readings(attempt, {**attempt.problem, **given})
    if not found:
        raise ProblemError(f"{attempt.name}: no loss goes with what it computes; expected one of --loss and --activation that do")

    own = own_losses(attempt, found[0].problem)
    found = stated_by(own, found, attempt.texts)

    def examined(reading: Reading, keep: bool = keep, with_pairs: bool = True) -> Check:
        problem = declared_problem(reading.problem)
        return Examination(attempt, problem, seed, steps, data, keep, is_lenient=True, with_pairs=with_pairs).result()

    right = [each for each in found if each.is_right]
    stated = [each for each in found if each.is_stated] or found
    if right and right[0].is_stated:
        beside = beside_the_step(own, right[0], found)
        if beside is not None:
            attempt = attempt.with_options({"without_loss": "yes"})
        check = examined(right[0])
        if check.verdict in ("equivalent", "unstable formula"):
            check = with_penalty(attempt, right[0].problem, check, seed)
        if check.verdict in ("equivalent", "unstable formula"):
            check = with_momentum(attempt, right[0].problem, check, seed)
        if check.verdict in ("equivalent", "unstable formula") and beside is not None:
            said, is_loss = beside
            check = with_caveat(check, said) if is_loss else replace(check, notes=(*check.notes, said))
        return _said(check, attempt, right[0])
    penalized = None if right else _with_constant_penalty(attempt, found, examined)
    if penalized is not None:
        return penalized
    if right and not any(evidence(attempt.texts)):
        one, two = right[0].problem["loss"], stated[0].problem["loss"]
        said = f"its step is right for {one}, and wrong for {two}, whose error has a factor f′"
        raise ProblemError(f"{attempt.name} does not say which loss it has: {said}; expected --loss {one} or --loss {two}")
    best = _likeliest(stated) if own or any(evidence(attempt.texts)) else _of_each_kind(found)
    checks: list[tuple[Check, Reading]] = []
    until = time.process_time() + _SECONDS
    for each in best:      # two mistakes explain it less well than one by another reading
        if checks and time.process_time() > until:
            break
        checks.append((examined(each, keep=False, with_pairs=not any(_is_settled(one) for one, _ in checks)), each))
    order = sorted(
        checks,
        key=lambda each: (each[0].verdict != "equivalent", not each[0].diagnosis, len(each[0].diagnosis), not is_of_own(own, each[1])),
    )
    check, reading = order[0]
    decay = named_decay(check, attempt.texts)
    if decay is not None and constant_penalty(attempt, found[0].problem) is None:
        decayed = examined(replace(reading, problem={**reading.problem, **decay}))
        if decayed.verdict == "equivalent":
            said = f"its step has a weight decay of {decay['weight_decay']:.4g}, which the file names, and no loss of its own has"
            return _said(replace(decayed, notes=(*decayed.notes, said)), attempt, reading)
    check = examined(reading) if keep else check
    others = [other for other, _ in order[1:] if other.diagnosis and len(other.diagnosis) == len(check.diagnosis)]
    return _said(replace(check, notes=(*check.notes, *_also(check, others))), attempt, reading)


def _likeliest(found: Sequence[Reading]) -> list[Reading]:
    """Return those of the readings that make most steps right."""
    most = max((each.agreeing for each in found), default=0)
    return [each for each in found if each.agreeing == most][:_MOST]


def _of_each_kind(found: Sequence[Reading]) -> list[Reading]:
    """Return the likeliest readings of squared errors and of cross-entropy, for a file that says of neither."""
    kinds = [[each for each in found if (each.problem["loss"] in SQUARES) is is_of_squares] for is_of_squares in (True, False)]
    return sorted([each for kind in kinds for each in _likeliest(kind)], key=lambda each: -each.agreeing)


def _is_settled(check: Check) -> bool:
    """Return whether the file is right, or one mistake explains it."""
    return check.verdict == "equivalent" or len(check.diagnosis) == 1


def _with_constant_penalty(attempt: Recognised, found: Sequence[Reading], examined: Callable[[Reading], Check]) -> Check | None:
    """Return the check of a file whose step has the constant regularisation that its own loss has; None where it has not."""
    own = constant_penalty(attempt, found[0].problem)
    reading = next((each for each in found if own and (each.problem["loss"], each.problem["reduction"]) == own.beside), None)
    if own is None or reading is None or own.is_per_record:
        return None
    check = examined(replace(reading, problem={**reading.problem, "weight_decay": own.factor, "decay": own.decay}))
    said = f"its step has the regularisation that its own loss, {own.name}, has: {own.in_numbers}"
    return _said(replace(check, notes=(*check.notes, said)), attempt, reading) if check.verdict == "equivalent" else None


def _also(check: Check, others: Sequence[Check]) -> list[str]:
    """Say what would explain the difference if the loss were meant otherwise."""
    own = {found.causes[0].sentence for found in check.diagnosis}
    said: dict[str, str] = {}
    for other in others:
        sentences = "; ".join(found.causes[0].sentence for found in other.diagnosis)
        if not own & {found.causes[0].sentence for found in other.diagnosis}:
            said.setdefault(sentences, f"if its loss is meant as {in_words(other.problem.loss, other.problem.reduction)}: {sentences}")
    return list(said.values())


def _said(check: Check, attempt: Recognised, reading: Reading) -> Check:
    """Add what was recognised to the check, in place of the layout of the adapter's own arrays."""
    own = Convention(**{name: value for name, value in attempt.conventions.items() if name in CHOICES}).said()
    problem = reading.problem
    loss, reduction = problem["loss"], problem["reduction"]
    said = [*attempt.found, f"its step is that of {in_words(loss, reduction)}, as --loss {loss} --reduction {reduction}"]
    if attempt.conventions.get("batch") == 1:
        said.append("it changes the weights after each record: each step has one")
    if attempt.conventions.get("lr") == "fixed":
        said.append(f"it has a learning rate of its own: {problem.get('lr', 1):g} beside that loss")
    if check.verdict == "unstable formula":      # its gradients are right, and people's softmax and sigmoid often have no stable form
        check = replace(
            check, verdict="equivalent", reason=None, notes=(*check.notes, f"right, and unstable for large numbers: {check.reason}")
        )
    return replace(check, printed="", conventions=(*said, *(each for each in check.conventions if each not in own)))
