"""What holds for all tests."""

from sqlearn.engine.kernels import Postponed

# which kernel does a piece of work must not depend on which tests ran before; tests of what is postponed say so
Postponed.all_at_once = True
