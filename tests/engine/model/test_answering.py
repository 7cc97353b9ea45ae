"""What learners answer, and what scikit-learn asks of estimators."""

import copy
import inspect
import pickle
import pydoc
import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.callback import ProgressBar
from sklearn.linear_model import RANSACRegressor
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB as SklearnGaussianNB
from sklearn.utils.estimator_checks import check_param_validation

from laws import assert_same, unchanged
from learners import LEARNERS, over, over_each, over_kinds
from refusals import NOT_NUMERIC, raises
from sqlearn import BusyError, ParameterError, UnsupportedError, verify
from sqlearn.cluster import KMeans
from sqlearn.compose import FixedFeatures, TableModel, TextModel
from sqlearn.compose.composed import Composed
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
from sqlearn.linear_model import Lasso, LogisticRegression, PoissonRegressor, Ridge
from sqlearn.naive_bayes import CategoricalNB, GaussianNB
from sqlearn.pipeline import Pipeline
from sqlearn.preprocessing import StandardScaler
from updates import prepared

pytestmark = pytest.mark.filterwarnings("ignore")

# public names of scikit-learn's classes that act on the learner itself: none of them asks the fitted estimator;
# param is what a loop in the body of scikit-learn's RidgeClassifierCV left behind: a str
ON_ITSELF = {
    "estimators_samples_", "feature_importances_", "get_metadata_routing", "get_params", "n_iter_", "param", "path",
    "set_callbacks", "set_output", "set_params", "sparse_coef_",
}  # fmt: skip
VERBS = {"fit", "partial_fit", "forget", "relabel", "without", "merge"}


def sample():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    return X, (X[:, 0] > 0).astype(int), X @ [1.0, 2.0, 0.0, 0.0]


def written_here(cls, name):
    """Whether a name of a class is defined by this package."""
    return next(base for base in cls.__mro__ if name in vars(base)).__module__.startswith("sqlearn.")


@over_each(LEARNERS)
def test_no_method_is_inherited_unanswered(learner):
    """One that a later scikit-learn adds is looked at before it is inherited."""
    for name in dir(type(learner)._sklearn_class):
        if not name.startswith("_") and name not in ON_ITSELF and not name.endswith("_request"):
            assert written_here(type(learner), name), name


@over_each(LEARNERS)
def test_what_is_answered_has_the_signature_of_scikit_learns(learner):
    theirs = type(learner)._sklearn_class
    for name in dir(theirs):
        if name.startswith("_") or name in ON_ITSELF | VERBS or name.endswith("_request") or name == "fit_transform":
            continue
        if isinstance(getattr(theirs, name), property):
            assert isinstance(getattr(type(learner), name), property), name
            continue
        ours, known = (inspect.signature(getattr(cls, name)).parameters for cls in (type(learner), theirs))
        if isinstance(learner, Composed):  # whose steps take no metadata but weights, which fit takes for all of them
            if name == "fit_predict":  # takes them as fit does
                continue
            ours, known = (
                {each: parameter for each, parameter in found.items() if parameter.kind != parameter.VAR_KEYWORD}
                for found in (ours, known)
            )
        assert [*ours] == [*known], name
        assert [parameter.default for parameter in ours.values()] == [p.default for p in known.values()], name


@over_each(LEARNERS)
def test_what_is_answered_is_not_an_estimator(learner):
    model, records, _ = prepared(learner)
    asked = [name for name in dir(type(model)._sklearn_class) if not name.startswith("_") and hasattr(model, name)]
    own = {"fit_transform", "fit_predict", "sparsify", "densify", "encode"}
    for name in {*asked} - ON_ITSELF - VERBS - own:
        if not callable(getattr(model, name)) or name.endswith("_request"):
            continue
        if name.startswith("staged_"):
            with pytest.raises(UnsupportedError, match="all leaves together"):
                getattr(model, name)(records.X)
            continue
        if name == "get_feature_names_out" and isinstance(model, Pipeline):  # whose last step has predictions alone
            with pytest.raises(AttributeError, match=r"call pipeline\[:-1\]"):
                model.get_feature_names_out()
            continue
        needed = inspect.signature(getattr(model, name)).parameters
        given = [records.X] if "X" in needed else []
        if name in ("score", "cost_complexity_pruning_path"):
            given = [records.X, records.y]
        if name == "inverse_transform":
            given = [model.transform(records.X)]
        if name == "error_norm":
            given = [model.covariance_]
        answer = getattr(model, name)(*given)
        for part in answer if isinstance(answer, tuple) else (answer,):
            assert not isinstance(part, BaseEstimator), name


@over_each(LEARNERS)
def test_declarations_and_signatures_agree(learner):
    of_any = isinstance(learner, FixedFeatures | TableModel | Composed)  # of learners of any kind
    cls, takes_classes = type(learner), learner._target == "label" or of_any
    takes_weights = learner._takes_weights or of_any or isinstance(learner, TextModel)
    for verb in ("fit", "partial_fit", "forget", "relabel", "without"):
        assert ("sample_weight" in inspect.signature(getattr(cls, verb)).parameters) == takes_weights, verb
    if not hasattr(learner, "score_func"):  # which decides what the target is
        assert ("classes" in inspect.signature(cls.partial_fit).parameters) == takes_classes


@over_each(LEARNERS)
def test_help_shows_every_method(learner):
    """Sections for what it takes and returns; an example for each verb."""
    page = pydoc.plain(pydoc.render_doc(type(learner)))
    for name in {*VERBS, "digest", "to_sklearn", *dir(type(learner)._sklearn_class)}:
        method = getattr(type(learner), name, None)
        if name.startswith("_") or name in ON_ITSELF or name.endswith("_request") or not inspect.isfunction(method):
            continue
        doc, parameters = inspect.getdoc(method), [*inspect.signature(method).parameters.values()][1:]
        assert f" {name}(self" in page, name
        assert "\nReturns\n-------\n" in doc, name
        assert not parameters or "\nParameters\n----------\n" in doc, name
        for parameter in parameters:
            assert re.search(rf"^\**{parameter.name}\b|, {parameter.name}\b", doc, re.MULTILINE), (name, parameter.name)
        if name in VERBS | {"digest", "to_sklearn"}:
            assert "\nExamples\n--------\n>>> " in doc, name
            assert name == "without" or "\nRaises\n------\n" in doc, name


@over([LogisticRegression(), StandardScaler()])
def test_callbacks(learner):
    X, y, _ = sample()
    assert learner.set_callbacks(ProgressBar()) is learner
    learner.fit(X, y)
    assert learner.set_callbacks(ProgressBar()) is learner
    with unchanged(learner):
        assert learner.set_callbacks() is learner


def test_a_search_with_a_progress_bar():
    X, y, _ = sample()
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).set_callbacks(ProgressBar()).fit(X, y)
    assert type(search.best_estimator_) is LogisticRegression


@over_each(LEARNERS)
def test_metadata_routing(learner):
    learner.get_metadata_routing()
    with sklearn.config_context(enable_metadata_routing=True):
        learner.get_metadata_routing()


def test_metadata_is_routed():
    X, _, y = sample()
    weights = np.arange(60.0)
    with sklearn.config_context(enable_metadata_routing=True):
        for learner in (Lasso(), Ridge(), TableModel(Ridge())):
            assert len(cross_validate(learner, X, y, cv=2)["test_score"]) == 2
        ridge = Ridge().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        params = {"sample_weight": weights}
        found = cross_validate(ridge, X, y, cv=2, params=params, return_estimator=True)["estimator"]
    for model, rows in zip(found, (slice(30, 60), slice(0, 30)), strict=True):
        assert_same(model, Ridge().fit(X[rows], y[rows], weights[rows]))


def test_a_random_state_that_has_no_effect_is_accepted():
    X, labels, y = sample()
    assert type(RANSACRegressor(Ridge(), min_samples=9).fit(X, y).estimator_) is Ridge
    models = [Ridge(random_state=np.random.RandomState(seed)).fit(X, y) for seed in range(2)]
    assert models[0].digest() == models[1].digest() == pickle.loads(pickle.dumps(models[0])).digest()
    assert verify(models[0].forget(X[0], y[0]), X[1:], y[1:])
    assert Lasso(random_state=np.random.RandomState(0)).fit(X, y).n_records_ == 60
    for learner in (Lasso(selection="random"), KMeans(2), LogisticRegression(), TableModel(LogisticRegression())):
        name = "learner__random_state" if isinstance(learner, TableModel) else "random_state"
        with pytest.raises(ParameterError, match="Pass an int"):
            learner.set_params(**{name: np.random.RandomState(0)}).fit(X, labels)


def part_of(model, path):
    """A part of a model by the names that lead to it."""
    for name in path:
        model = (model.named_steps if hasattr(model, "named_steps") else model.named_transformers_)[name]
    return model


@over_kinds(LEARNERS)
def test_fitted_attributes_are_listed(learner):
    model, _, _ = prepared(learner)
    public = {name for name in model.fitted_attributes() if not name.startswith("_")}
    of_parts = {name for name in public if "__" in name} if isinstance(model, Composed) else set()
    assert public - of_parts <= set(dir(model))
    for name in of_parts:  # those of a step are the step's own
        *path, attribute = name.split("__")
        assert attribute in dir(part_of(model, path)), name
    unfitted = type(learner)(**learner.get_params(deep=False))
    assert not {name for name in dir(unfitted) if name in public and hasattr(unfitted, name)}  # or a property
    page = model._repr_html_()
    for name in public - of_parts:
        assert name in page


# -------------------------------------------------------------------------------------------------- nothing to write to


def arrays(value):
    if isinstance(value, np.ndarray):
        yield value
        yield from arrays(value.tolist() if value.dtype == object else [])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from arrays(item)


@over_kinds(LEARNERS)
def test_read_outs_cannot_be_written_to(learner):
    model, records, _ = prepared(learner)
    with unchanged(model):
        for name, value in model.fitted_attributes().items():
            for array in arrays(value):
                assert not array.flags.writeable, name
            if not name.startswith("_"):
                with pytest.raises(AttributeError, match="to_sklearn"):
                    setattr(model, name, value)
        with pytest.raises(AttributeError, match="to_sklearn"):
            model.n_features_in_ = 3
        twin = model.to_sklearn()
        for name, value in vars(twin).items():
            for array in arrays(value):
                assert array.flags.writeable or not name.endswith("_"), name
                if array.size and array.dtype.kind == "f":
                    array.fill(7.0)
    copied = copy.deepcopy(model)
    for name in ("predict", "transform", "predict_proba", "decision_function", "score_samples"):
        if hasattr(model, name):
            answers = [getattr(each, name)(records.X) for each in (model, copied)]
            assert np.array_equal(*(each.toarray() if sp.issparse(each) else each for each in answers)), name


def test_an_unfitted_model_takes_no_attributes_either():
    model = GaussianNB()
    with pytest.raises(AttributeError, match="computed from the records held"):
        model.theta_ = 3


class Described(GaussianNB):
    """A subclass with a fitted attribute that follows from the records, and one that is no matter of them."""

    @property
    def spread_(self):
        return float(self.var_.sum())

    def fit(self, X, y=None, sample_weight=None):
        self.source = "survey"
        return super().fit(X, y, sample_weight)


class Remembering(GaussianNB):
    """A subclass whose fitted attribute would outlive the records that it came from."""

    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.largest_ = np.max(X)
        return self


def test_attributes_of_a_subclass():
    X, y, _ = sample()
    model = Described().fit(X, y)
    with pytest.raises(AttributeError, match="would stay when they are forgotten"):
        Remembering().fit(X, y)
    assert model.forget(X[:9], y[:9]).spread_ == Described().fit(X[9:], y[9:]).spread_
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert copied.source == "survey" and copied.spread_ == model.spread_
        assert_same(copied, model)
    assert not hasattr(clone(model), "source") and not hasattr(clone(model), "spread_")
    assert "spread_" in dir(model)


def test_names_of_features_are_not_the_users_to_change():
    import pandas as pd

    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 5.0]})
    model = GaussianNB().fit(frame, [0, 1, 1])
    with unchanged(model), pytest.raises(ValueError, match="read-only"):
        model.feature_names_in_[0] = "z"


# ----------------------------------------------------------------------------------------------- what waits for a fit


def test_verify_tells_which_parameters_wait():
    X, _, y = sample()
    model = Ridge().fit(X, y)
    assert verify(model, X, y).pending == ()
    model.set_params(alpha=5.0, tol=1e-3)
    found = verify(model.forget(X[0], y[0]), X[1:], y[1:])
    assert found and found.pending == ("alpha", "tol")
    assert "alpha, tol as of the last fit" in str(found)
    assert verify(model.fit(X, y), X, y).pending == ()
    different = verify(model.set_params(alpha=7.0), X[1:], y[1:])
    assert not different and different.pending == ("alpha",) and "alpha" in str(different)


def test_parameters_that_wait_inside_a_table_model():
    table, y = {"a": [1.0, 2.0, 4.0, 3.0], "b": ["x", "y", "x", "x"]}, [1.0, 2.0, 3.0, 4.0]
    model = TableModel(Ridge(), columns={"b": "category"}).fit(table, y)
    assert model.pending_params() == []
    assert model.set_params(learner__alpha=3.0).pending_params() == ["learner__alpha"]
    assert model.set_params(columns={"b": "drop"}).pending_params() == ["columns", "learner__alpha"]


# ------------------------------------------------------------------------------------------------------------ without


def test_a_without_context_serves_once():
    X, y, _ = sample()
    model = GaussianNB().fit(X, y)
    context = model.without(X[:5], y[:5])
    with unchanged(model):
        with context:
            with pytest.raises(BusyError, match="entered before"):
                context.__enter__()
            assert model.n_records_ == 55
        with pytest.raises(BusyError, match=r"call model.without\(\.\.\.\) again"):
            context.__enter__()


def test_rows_that_change_inside_without_come_back_as_they_were():
    X, y, _ = sample()
    for learner in (GaussianNB(), Ridge(), LogisticRegression()):
        model, mine = learner.fit(X, y), X.copy()
        with unchanged(model), model.without(mine[:9], y[:9]):
            mine[:] = 0.0


@over([Ridge(), KMeans(), GaussianNB()])
def test_every_parameter_is_validated(learner):
    check_param_validation(type(learner).__name__, learner)


class Narrow(GaussianNB):
    """A subclass whose constructor takes less."""

    def __init__(self, smooth=1e-9):
        super().__init__(var_smoothing=smooth, key="secret")
        self.smooth = smooth


class Careless(GaussianNB):
    """One that does not call its base's."""

    def __init__(self, smooth=1e-9):
        self.smooth = smooth


def test_a_subclass_with_a_narrower_constructor():
    X, y, _ = sample()
    model, peer = Narrow(1e-3).fit(X, y), GaussianNB(var_smoothing=1e-3, key="secret").fit(X, y)
    for learner in (model, pickle.loads(pickle.dumps(model)), copy.deepcopy(model), clone(model).partial_fit(X, y)):
        assert (learner.predict_proba(X) == peer.predict_proba(X)).all()
        assert learner.fitted_params() == {"smooth": 1e-3} and not learner.pending_params()
        assert learner.digest() == model.digest()
    assert verify(model.forget(X[0], y[0]), X[1:], y[1:])
    assert (model._state.key_state == peer._state.key_state).all()
    with pytest.raises(ParameterError, match="Careless derives from GaussianNB, and neither takes its parameter"):
        Careless().fit(X, y)


def test_a_model_is_kept_when_it_cannot_transform_what_it_was_fitted_to():
    """`fit` reads text that is numbers, and scikit-learn's `transform` refuses it."""
    x, y = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 5.0], [3.0, 3.0]]), [0, 1, 0, 1]
    model = LinearDiscriminantAnalysis().fit(x, y)
    digest = model.digest()
    for learner in (model, LinearDiscriminantAnalysis()):
        with pytest.raises(ValueError):
            learner.fit_transform((x + 1.0).astype(str), y)
    assert model.digest() == digest
    assert not hasattr(learner, "classes_")


def test_labels_of_the_type_of_variable_strings_are_scored():
    labels = np.array(["a", "b", "b"], np.dtypes.StringDType())
    model = GaussianNB().fit([[0.0], [1.0], [3.0]], labels)
    assert model.score([[0.0], [3.0]], labels[:2]) == 1.0


@pytest.mark.parametrize("make", [np.float16, np.float32, lambda value: np.array([value], np.float16)])
@pytest.mark.parametrize(
    ("learner", "name"),
    [
        (LogisticRegression(), "C"),
        (PoissonRegressor(), "alpha"),
        (Ridge(), "alpha"),
        (TableModel(LogisticRegression()), "learner__C"),
        (TableModel(Ridge()), "learner__alpha"),
        (GaussianNB(), "var_smoothing"),
    ],
)
def test_numbers_of_any_type_are_parameters(learner, name, make):
    """Kernels take no float16, and raised what numba raises."""
    X, labels, values = sample()
    y = np.abs(values) if "alpha" in name else labels
    value = make(2.0)
    if np.ndim(value) and not isinstance(learner, Ridge):
        pytest.skip("one number only")
    model = clone(learner).set_params(**{name: value}).fit(X, y)
    assert_same(model, clone(learner).set_params(**{name: np.array([2.0]) if np.ndim(value) else 2.0}).fit(X, y))
    assert model.get_params()[name] is value and not model.pending_params()


@pytest.mark.parametrize("learner", [LogisticRegression(), Ridge(), TableModel(LogisticRegression())])
def test_booleans_of_numpy_are_parameters(learner):
    X, y, _ = sample()
    name = "fit_intercept" if "fit_intercept" in learner.get_params() else "learner__fit_intercept"
    for value in (True, False):
        model = clone(learner).set_params(**{name: np.bool_(value)}).fit(X, y)
        assert_same(model, clone(learner).set_params(**{name: value}).fit(X, y))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_joint_log_proba"])
def test_text_where_scikit_learn_reads_whole_numbers(method):
    """It said "invalid literal for int() with base 10", without the row."""
    model = CategoricalNB().fit([[0, 1], [1, 0], [1, 1]], ["a", "b", "b"])
    for rows, column in ((np.array([["0.0", "1"]]), 0), (pd.DataFrame({"a": ["0.0"], "b": ["1"]}), "a")):
        with raises(
            NOT_NUMERIC, match=f"{method} holds text.*'0.0' in row 0 .counted from 0., column {column!r}"
        ) as caught:
            getattr(model, method)(rows)
        assert (caught.value.row, caught.value.column, caught.value.value) == (0, column, "0.0")


@pytest.mark.parametrize("operation", ["int('x')", "numpy.zeros(3).reshape(2, 2)", "None < 1", "{}[1]", "1 // 0"])
def test_what_an_operation_of_scikit_learn_raises_is_explained(operation, monkeypatch):
    """A text that nobody wrote for the caller stays in the cause."""
    names = {"__name__": "sklearn.planted"}
    exec(f"import numpy\ndef predict(self, X):\n    return {operation}", names)
    X, y, _ = sample()
    model = GaussianNB().fit(X, y)
    monkeypatch.setattr(SklearnGaussianNB, "predict", names["predict"])
    with pytest.raises(
        ParameterError, match=r"predict of GaussianNB does not take these arguments: X=array\(\[\["
    ) as caught:
        model.predict(X)
    assert type(caught.value.__cause__) in (ValueError, TypeError, KeyError, ZeroDivisionError)
    exec("def predict(self, X):\n    raise ValueError('Whoever wrote this meant the caller.')", names)
    monkeypatch.setattr(SklearnGaussianNB, "predict", names["predict"])
    with pytest.raises(ValueError, match="meant the caller") as caught:
        model.predict(X)
    assert type(caught.value) is ValueError
