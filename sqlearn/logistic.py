"""dev file"""
import numpy as np
from sklearn import linear_model as peers
from sklearn import svm as svm_peers

from sqlearn.engine.estimator import ExactEstimator, Weighted, WeightedClassifier
from sqlearn.engine.read_out import label_array
from sqlearn.engine.rounds import Rounds
from sqlearn.engine.smooth_problem import Smooth, OneVsRest
from sqlearn.engine.smooth import LOGISTIC, MULTINOMIAL, POISSON, SQUARED_HINGE
from sqlearn.errors import ReadOutError


def unscaled(theta, scale, intercept):
    coef = theta[int(intercept):] * scale.factor
    offset = theta[0] - (coef * scale.mean).sum() if intercept else 0.0
    return coef, offset


class Adaptive(ExactEstimator):
    def _new_statistic(self, params, n_features, n_targets):
        return Rounds(n_features, n_targets, lambda slots: self._problem(params, n_features, slots), params.get("random_state") or 0)

    @property
    def last_forget_(self):
        return self._fitted_state().statistic.last

    def _end(self, state):
        trace = state.statistic.trace
        if trace is None:
            raise ReadOutError("nothing to read")
        return trace


class LogisticRegression(Adaptive, WeightedClassifier, peers.LogisticRegression):
    _peer = peers.LogisticRegression

    def __init__(self, *, C=1.0, l1_ratio=0.0, fit_intercept=True, class_weight=None, random_state=None, solver="lbfgs", max_iter=100, tol=1e-4, dual=False, intercept_scaling=1, verbose=0, warm_start=False, n_jobs=None, key=None):
        self.C, self.l1_ratio, self.fit_intercept, self.class_weight, self.random_state = C, l1_ratio, fit_intercept, class_weight, random_state
        self.solver, self.max_iter, self.tol, self.dual, self.intercept_scaling = solver, max_iter, tol, dual, intercept_scaling
        self.verbose, self.warm_start, self.n_jobs, self.key = verbose, warm_start, n_jobs, key

    def _problem(self, params, n_features, slots):
        n_classes = len(slots)
        if n_classes < 2:
            return None
        heads = 1 if n_classes == 2 else n_classes
        intercept = params["fit_intercept"]

        def penalty(scale):
            one = np.append(np.zeros(int(intercept)), scale.weight / params["C"] * scale.factor**2)
            out = np.diag(np.tile(one, heads))
            if heads > 1:  # all heads may move alike at no cost in likelihood: hold their sum, 0 at the minimum, fast
                out += np.kron(np.ones((heads, heads)), np.eye(len(one))) * 2.0**scale.octave
            return out

        return Smooth(LOGISTIC if heads == 1 else MULTINOMIAL, n_features, heads, intercept, penalty, params["random_state"] or 0, np.arange(float(n_classes)), np.ones(n_classes))

    def _read_out(self, state):
        trace = self._end(state)
        K=len(state.labels())
        heads=[trace.end] if K==2 else np.split(trace.end, K)
        both = [unscaled(t, trace.scale, state.params["fit_intercept"]) for t in heads]
        return {"classes_": label_array(state), "coef_": np.array([b[0] for b in both]), "intercept_": np.array([b[1] for b in both]), "n_iter_": np.array([1 + len(trace.rounds)], np.int32)}


class PoissonRegressor(Adaptive, Weighted, peers.PoissonRegressor):
    _peer = peers.PoissonRegressor
    _target = "value"

    def __init__(self, *, alpha=1.0, fit_intercept=True, solver="lbfgs", max_iter=100, tol=1e-4, warm_start=False, verbose=0, key=None):
        self.alpha, self.fit_intercept, self.solver, self.max_iter, self.tol, self.warm_start, self.verbose, self.key = alpha, fit_intercept, solver, max_iter, tol, warm_start, verbose, key

    def _problem(self, params, n_features, slots):
        def penalty(scale):
            return np.diag(np.append(np.zeros(int(params["fit_intercept"])), scale.weight * scale.total * params["alpha"] * scale.factor**2))

        return Smooth(POISSON, n_features, 1, params["fit_intercept"], penalty, 0)

    def _read_out(self, state):
        trace = self._end(state)
        coef, offset = unscaled(trace.end, trace.scale, state.params["fit_intercept"])
        return {"coef_": coef, "intercept_": offset, "n_iter_": 1 + len(trace.rounds)}


class LinearSVC(Adaptive, WeightedClassifier, svm_peers.LinearSVC):
    _peer = svm_peers.LinearSVC

    def __init__(self, penalty="l2", loss="squared_hinge", *, dual="auto", tol=1e-4, C=1.0, multi_class="ovr", fit_intercept=True, intercept_scaling=1, class_weight=None, verbose=0, random_state=None, max_iter=1000, key=None):
        self.penalty, self.loss, self.dual, self.tol, self.C, self.multi_class = penalty, loss, dual, tol, C, multi_class
        self.fit_intercept, self.intercept_scaling, self.class_weight, self.verbose, self.random_state, self.max_iter, self.key = fit_intercept, intercept_scaling, class_weight, verbose, random_state, max_iter, key

    def _problem(self, params, n_features, slots):
        n_classes = len(slots)
        if n_classes < 2:
            return None
        intercept = params["fit_intercept"]

        def penalty(scale):
            out = np.diag(np.append(np.zeros(int(intercept)), scale.weight / params["C"] * scale.factor**2))
            if intercept:  # the intercept theta_0 - sum_j theta_j factor_j mean_j is penalised too
                b = np.append(1.0, -scale.factor * scale.mean)
                out += scale.weight / params["C"] / params["intercept_scaling"] ** 2 * b[:, None] * b
            return out

        targets = [np.array([-1.0, 1.0])] if n_classes == 2 else [np.where(np.arange(n_classes) == k, 1.0, -1.0) for k in range(n_classes)]
        problems = [Smooth(SQUARED_HINGE, n_features, 1, intercept, penalty, 0, t, np.ones(n_classes)) for t in targets]
        return problems[0] if n_classes == 2 else OneVsRest(problems)

    def _read_out(self, state):
        trace = self._end(state)
        K=len(state.labels())
        heads=[trace.end] if K==2 else np.split(trace.end, K)
        both = [unscaled(t, trace.scale, state.params["fit_intercept"]) for t in heads]
        return {"classes_": label_array(state), "coef_": np.array([b[0] for b in both]), "intercept_": np.array([b[1] for b in both]), "n_iter_": 1 + len(trace.rounds)}
