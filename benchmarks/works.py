"""All works, in the order in which they run."""

from benchmarks import by_hand, classifier, cold_start, grading, growth, lesson, lockstep, many_records, modules

WORKS = (
    *lesson.WORKS,
    *classifier.WORKS,
    *many_records.WORKS,
    *lockstep.WORKS,
    *modules.WORKS,
    *growth.WORKS,
    *by_hand.WORKS,
    *cold_start.WORKS,
    *grading.WORKS,
)
KEYS = tuple(sorted({work.key for work in WORKS}, key=lambda key: int(key[1:])))
