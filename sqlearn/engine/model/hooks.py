"""What a learner declares of itself, and adds to the work that is common to all."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sqlearn.engine.model.answering import Answering
from sqlearn.engine.model.fits import levels_held, records_like
from sqlearn.engine.model.state import State
from sqlearn.engine.sklearn_private import param_names
from sqlearn.engine.sums import Block, Statistic
from sqlearn.engine.validation import (
    Batch,
    Features,
    Layout,
    Responses,
    Spec,
    check_features,
    check_responses,
    comparable,
    validate,
)
from sqlearn.errors import ParameterError


class Hooks(Answering):
    """What a learner declares, and what it may add; everything has a default but the statistic.

    Attributes
    ----------
    _statistic : type
        A :class:`~sqlearn.engine.sums.statistic.Statistic`.
    _takes_weights : bool
        Whether a record may carry a weight.
    _target : {None, "label", "value"}
        What a record carries beside its features.
    _sparse_form : bool
        Whether records are CSR rows inside.
    _keeps_records : bool
        Whether the records themselves are kept, to be looked at again.
    _not_copied : frozenset of str
        Parameters that are taken as they are, for the learner itself to copy.
    """

    _statistic: type[Statistic]
    _takes_weights: bool = False
    _keeps_records: bool = False
    _not_copied: frozenset[str] = frozenset()
    _doc_link_module, _doc_link_template = "sqlearn", ""  # HTML does not link to scikit-learn's pages

    # the next five are a property where they depend on parameters, and a plain attribute elsewhere

    @property
    def takes_tables(self) -> bool:
        """Whether rows may be tables of numbers and categories, as a dictionary of columns among others."""
        return False

    @property
    def takes_categories(self) -> bool:
        """Whether rows may hold categories, in arrays of objects."""
        return False

    @property
    def takes_documents(self) -> bool:
        """Whether rows are texts, one for each."""
        return False

    @property
    def _target(self) -> str | None:
        return None

    @property
    def _sparse_form(self) -> bool:
        return False

    # ------------------------------------------------------------------ without each of some records

    def _read_out_without_each(self, state: State, block: Block) -> Iterator[dict[str, Any]] | None:
        """The fitted attributes without each of these records in turn, to the bit; None where nothing is quicker.

        Each record is held, and is not the last of its class that has a weight.
        """
        return None

    def _answers_without_each(self, name: str, state: State, block: Block, rows: list[Any]) -> Iterator[Any] | None:
        """What the method `name` answers at each of these records without it; None where attributes are needed.

        `rows` has the features of each as the user gave them, as one row. Not asked of subclasses, which may answer
        otherwise.
        """
        return None

    # ------------------------------------------------------------------ records

    def _validated(self, params: dict, X, y, sample_weight, layout: Layout | None, *, single: bool):
        """Canonical records and their layout, see :func:`~sqlearn.engine.validation.validate.validate`."""
        return validate(self._spec(params), X, y, sample_weight, layout, single=single)

    def _spec(self, params: dict) -> Spec:
        """What a learner of these parameters takes."""
        learner = type(self)(**{name: params[name] for name in param_names(type(self))})
        tags = learner.__sklearn_tags__()
        return Spec(
            type(self).__name__,
            learner._target,
            sparse=tags.input_tags.sparse,
            allow_nan=tags.input_tags.allow_nan,
            multi_output=tags.target_tags.multi_output,
            sparse_form=learner._sparse_form,
            features=learner._features,
            responses=learner._responses,
            check=learner._check_batch,
        )

    def _understood(self, X, y):
        """Validated features of a call that asks; responses, if there are any, are validated too."""
        state = self._fitted_state()
        spec, layout = self._spec(state.params), comparable(state.layout, X)
        features, _ = spec.features(spec, X, layout)
        self._check_known(features.codes, features.levels)
        if y is not None and spec.target is not None:
            spec.responses(spec, y, features.x, layout, first=False)
        return features.x

    def _check_known(self, codes, levels):
        """Refuse categories for which the model has no prediction."""

    def _features(self, spec: Spec, X, layout: Layout | None) -> tuple[Features, Layout]:
        """Validated features, and the layout that has them: for None, what these rows fix.

        ``self`` is a learner without a state, with the parameters in force; so it is in the next two methods.
        """
        return check_features(spec, X, layout)

    def _responses(self, spec: Spec, y, x, layout: Layout, *, first: bool) -> tuple[Responses, Layout]:
        """Validated labels or targets, and the layout that has them: with what they fix, if they are the `first`."""
        return check_responses(spec, y, x, layout, first=first)

    def _check_batch(self, batch: Batch) -> None:
        """Refuse records that the learner does not take, now or later."""

    def _in_force(self, params: dict, layout: Layout) -> tuple[dict, Layout]:
        """The parameters, with what the first records have fixed of them, and the rest of the layout."""
        return params, layout

    def _has_labels(self, params: dict, layout: Layout) -> bool:
        """Whether the statistic has a row for each label held, and not one in all."""
        return self._target == "label"

    def _new_statistic(self, params: dict, n_features: int, n_targets: int) -> Statistic:
        """The empty statistic for records of this shape under these parameters."""
        return self._statistic(n_features, n_targets)

    def _check_parts(self) -> None:
        """Refuse parts of which it is known, before there is a record, that they do not forget together."""

    def _check_supported_params(self, params: dict) -> None:
        """Refuse parameters that are not supported, such as those for which the state is no function of the records."""
        if params.get("warm_start"):
            raise ParameterError(
                "warm_start=True makes a model depend on its history, which could not be forgotten. Leave it False."
            )
        if isinstance(params.get("random_state"), np.random.RandomState) and self._draws(params):
            raise ParameterError(
                f"{type(self).__name__} draws random numbers, and a RandomState changes with every use, so a refit "
                "would differ. Pass an int as random_state (None is a constant here)."
            )

    def _draws(self, params: dict) -> bool:
        """Whether anything depends on random numbers; elsewhere `random_state` is accepted and has no effect."""
        return False

    def _check_fit(self, batch: Batch) -> None:
        """Raise where scikit-learn's ``fit`` refuses records before it learns them; updates may leave such records."""

    def _check_fit_of(self, state: State) -> None:
        """Raise as :meth:`_check_fit` of the records of this state, which are not at hand: others have learned them."""
        self._check_fit(records_like(state, state.statistic.n_features, levels_held(state)))

    def _check_merged(self, merged: State) -> None:
        """Raise MergeError where the records of two models together are some that an update refuses."""

    def _check_learned(self, state: State) -> None:
        """Raise or warn where scikit-learn's ``fit`` does so after it has learned the records."""
