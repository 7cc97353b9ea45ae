"""Any history, in any order: after every step a model has the bytes and attributes of a refit on what it should hold.

For a long search::

    HISTORY_EXAMPLES=2000 HISTORY_STEPS=40 pytest --hypothesis-profile=default tests/learners/test_history.py
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from history import history_of
from learners import EVERYWHERE, LEARNERS, MULTILABEL, over_each

EXAMPLES = int(os.environ.get("HISTORY_EXAMPLES", 50 if EVERYWHERE else 2))
STEPS = int(os.environ.get("HISTORY_STEPS", 12))


@pytest.mark.filterwarnings("ignore")
@over_each(LEARNERS + MULTILABEL)
def test_history(learner):
    run_state_machine_as_test(
        history_of(learner),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
