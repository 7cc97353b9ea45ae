"""Functions of one row alone, with the same bits on every machine and in every batch.

May import: kernels, arithmetic, errors.
"""

from sqlearn.engine.maps.fourier import draw_fourier, fourier_row, map_fourier, scale_of, score_fourier, weighed
