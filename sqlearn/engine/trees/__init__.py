"""Trees that are functions of their records: forests that follow what comes and goes.

May import: kernels, arithmetic, sums, rounds, errors.
"""

from sqlearn.engine.trees.elsewhere import TreesElsewhere
from sqlearn.engine.trees.forest import Forest
from sqlearn.engine.trees.isolation import Isolating, Isolation, IsolationTree, SampleReport, depth_limit
from sqlearn.engine.trees.parameters import ForestReport, Growth
from sqlearn.engine.trees.reading import WALKED, leaves_of, ways_of
from sqlearn.engine.trees.tree import Description
