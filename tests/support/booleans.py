"""A table with booleans, some of them missing."""

import numpy as np

RNG = np.random.default_rng(5)


N = 80


CONSENT = RNG.random(N) < 0.4


GAP = [None if i % 7 == 0 else bool(v) for i, v in enumerate(RNG.random(N) < 0.5)]


AGE = RNG.normal(40, 12, N).round(1)


LIVED = RNG.random(N) < 0.5
