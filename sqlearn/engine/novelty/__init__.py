"""Which records are unlike the others, by random Fourier features: sums of them, and what scores records by them.

May import: kernels, arithmetic, identity, maps, sums, rounds, errors.
"""

from sqlearn.engine.novelty.detector import FourierDetector, as_pipeline, refuse_many
from sqlearn.engine.novelty.feature_sums import FeatureSums
from sqlearn.engine.novelty.half_space import automatic_gamma, boundary, one_class
