"""What all tests share: Hypothesis without deadlines, since a first call may import or compile, and BLAS and torch on one thread."""

import os

from hypothesis import settings

# Small products on several threads wait for one another, the longer the busier the machine is. Read when NumPy and torch are loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

pytest_plugins = ["pytester"]

settings.register_profile("default", deadline=None, max_examples=60)
settings.load_profile("default")
