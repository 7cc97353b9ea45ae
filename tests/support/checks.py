"""scikit-learn's own checks of estimators."""

import re
from collections import defaultdict

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from learners import EVERYWHERE


def thinned_checks(estimators, every, expected_failed_checks=None):
    """Run a test for scikit-learn's checks of these estimators; in CI each check for one of so many neighbours.

    Which ones differs from check to check, so each estimator meets as large a part of the checks. What checks look at
    is code that estimators share for the most part. `make thorough` takes all.
    """
    found = parametrize_with_checks(estimators, expected_failed_checks=expected_failed_checks)
    names, cases = found.args

    def name(part):  # without addresses: the processes of one test run must agree on names
        return re.sub(r"at0x\w+", "", found.kwargs["ids"](part))

    by_check = defaultdict(list)
    for case in cases:
        check = getattr(case, "values", case)[1]
        by_check[re.sub(r"at 0x\w+", "", repr(check.func)), repr(check.keywords)].append(case)
    taken = [
        case
        for turn, met in enumerate(by_check.values())
        for case in (met if EVERYWHERE else met[turn % min(every, len(met)) :: every])
    ]
    return pytest.mark.parametrize(names, taken, ids=name)
