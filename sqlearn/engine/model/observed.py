"""scikit-learn's callbacks, called at the beginning and at the end of a fit, which is one task to them."""

from contextlib import contextmanager

from sklearn.callback import CallbackSupportMixin

from sqlearn.engine.sklearn_private import callback_context, callback_management_context


@contextmanager
def observed(estimator, X, y, sample_weight):
    """Learn in here: what `set_callbacks` gave the estimator, or an estimator around it, hears of it."""
    told = vars(estimator).keys() & {"_skl_callbacks", "_parent_callback_ctx"}
    if not told or not isinstance(estimator, CallbackSupportMixin):
        yield
        return
    with callback_management_context(estimator):
        context = callback_context(estimator)
        given = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        context.call_on_fit_task_begin(estimator=estimator, **given)
        yield
        context.call_on_fit_task_end(estimator=estimator, **given, reconstruction_attributes={})
