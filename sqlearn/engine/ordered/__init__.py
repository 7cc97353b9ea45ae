"""Order statistics: ordered multisets of each feature's values, of which records come and go.

May import: kernels, identity, sums, errors.
"""

from sqlearn.engine.ordered.moments import OrderedMoments
from sqlearn.engine.ordered.statistic import Ordered
from sqlearn.engine.ordered.view import OrderView
