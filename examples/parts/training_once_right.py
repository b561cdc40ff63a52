"""One record, two hidden units and two outputs, forward and back by numbers, and each weight after one step."""

import math


def squashed(z):
    return 1 / (1 + math.exp(-z))


x1, x2 = 0.2, 0.6
t1, t2 = 0.1, 0.9
w1, w2, w3, w4 = 0.3, -0.1, 0.2, 0.5
w5, w6, w7, w8 = 0.4, 0.7, -0.6, 0.1
b1, b2 = 0.25, 0.5
rate = 0.5

# forward
h1 = squashed(w1 * x1 + w2 * x2 + b1)
h2 = squashed(w3 * x1 + w4 * x2 + b1)
o1 = squashed(w5 * h1 + w6 * h2 + b2)
o2 = squashed(w7 * h1 + w8 * h2 + b2)
total_error = (t1 - o1) ** 2 / 2 + (t2 - o2) ** 2 / 2

# back
d_o1 = (o1 - t1) * o1 * (1 - o1)
d_o2 = (o2 - t2) * o2 * (1 - o2)
d_h1 = (d_o1 * w5 + d_o2 * w7) * h1 * (1 - h1)
d_h2 = (d_o1 * w6 + d_o2 * w8) * h2 * (1 - h2)

w5_new = w5 - rate * d_o1 * h1
w6_new = w6 - rate * d_o1 * h2
w7_new = w7 - rate * d_o2 * h1
w8_new = w8 - rate * d_o2 * h2
b2_new = b2 - rate * (d_o1 + d_o2)
w1_new = w1 - rate * d_h1 * x1
w2_new = w2 - rate * d_h1 * x2
w3_new = w3 - rate * d_h2 * x1
w4_new = w4 - rate * d_h2 * x2
b1_new = b1 - rate * (d_h1 + d_h2)

print("error", total_error)
print("after one step", w1_new, w2_new, w3_new, w4_new, w5_new, w6_new, w7_new, w8_new, b1_new, b2_new)
