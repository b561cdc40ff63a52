"""Two inputs, two cells and an output, in scalars, until they are one where the inputs differ."""

import math
import random

random.seed(2)
a0, a1 = [random.uniform(-1, 1) for _ in range(2)], [random.uniform(-1, 1) for _ in range(2)]
offset = [random.uniform(-1, 1), random.uniform(-1, 1)]
b = [random.uniform(-1, 1), random.uniform(-1, 1)]
rows = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]


def squashed(z):
    return 1 / (1 + math.exp(-z))


for epoch in range(4000):
    total = 0
    for x, wanted in rows:
        first = squashed(a0[0] * x[0] + a0[1] * x[1] + offset[0])
        second = squashed(a1[0] * x[0] + a1[1] * x[1] + offset[1])
        answer = squashed(b[0] * first + b[1] * second)
        error = answer - wanted
        total += error**2
        at_answer = error * answer * (1 - answer)
        at_first = at_answer * b[0] * first * (1 - first)
        at_second = at_answer * b[1] * (1 - second) * (1 - second)
        b[0] -= 0.7 * at_answer * first
        b[1] -= 0.7 * at_answer * second
        offset[0] -= 0.7 * at_first
        offset[1] -= 0.7 * at_second
        for i in range(2):
            a0[i] -= 0.7 * at_first * x[i]
            a1[i] -= 0.7 * at_second * x[i]
    if epoch % 1000 == 0:
        print(epoch, total)
