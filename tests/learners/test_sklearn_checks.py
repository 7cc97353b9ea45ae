"""scikit-learn's own checks of estimators, on every learner."""

import re

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from learners import LEARNERS


def expected_failures(estimator):
    """Checks that an estimator cannot pass, with the reason."""
    if type(estimator).__name__ in ("Ridge", "RidgeClassifier"):
        # it has max_iter, and n_iter_ is None: as scikit-learn's own, of which it expects the same failure
        return {"check_non_transformer_estimators_n_iter": "Its solution is direct, without iterations."}
    if type(estimator).__name__ == "CategoricalNB":
        # it passes numbers between 0 and 1 as categories; scikit-learn's cuts them all off to 0, here they are refused
        return {"check_sample_weight_equivalence_on_dense_data": "Its records are no integers, which are refused."}
    if type(estimator).__name__ == "LogisticRegression" and not estimator.fit_intercept:  # scikit-learn's own fails too
        return {
            "check_class_weight_classifiers": "Without an intercept, weights of classes do not turn all predictions."
        }
    return {}


CHECKS = parametrize_with_checks(LEARNERS, expected_failed_checks=expected_failures)


def name(part):
    """scikit-learn's name without addresses: the processes of one test run must agree on names."""
    return re.sub(r"at0x\w+", "", CHECKS.kwargs["ids"](part))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(*CHECKS.args, ids=name)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
