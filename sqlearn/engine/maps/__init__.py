"""Functions of one row alone, with the same bits in every batch; the package's own, on every machine as well. Walks
over objects, which tell whether they are the same.

May import: kernels, arithmetic, identity, sums, errors.
"""

from sqlearn.engine.maps.fixed_map import FixedMap, Image
from sqlearn.engine.maps.fourier import draw_fourier, fourier_row, map_fourier, scale_of, score_fourier, weighed
from sqlearn.engine.maps.one_mapped import OneMapped
from sqlearn.engine.maps.same_model import first_difference
