"""Functions of one row alone, with the same bits on every machine and in every batch.

May import: kernels, arithmetic, errors.
"""

from sqlearn.engine.maps.fourier import draw_fourier, map_fourier, scale_of
