"""A program that reads the lesson's records and trains both backends on them; it compares nothing and prints nothing."""

import pandas  # noqa: F401 - its import is part of what is timed
import torch

import data
import manual
import torch_ref
from compare.problem.lesson import EPOCHS

admissions = data.load_admissions()
x, y = admissions.features.to_numpy(), admissions.targets.to_numpy()[:, None]
manual.train(manual.Network((6, 2, 1)), x, y, lr=0.005, epochs=EPOCHS)
torch_ref.train(torch_ref.Network((6, 2, 1)), torch.tensor(x), torch.tensor(y), lr=0.005, epochs=EPOCHS)
