"""The HTML representation of a learner leads nobody to scikit-learn's pages, or to any that may not be there."""

import re

from sklearn.base import clone

from learners import LEARNERS, over_each
from records import tame

CODE = re.compile(r"<(style|script)\b.*?</\1>", re.DOTALL)  # there are links in its comments


@over_each(LEARNERS)
def test_no_links(learner):
    model = clone(learner)
    for fitted in (False, True):
        if fitted:
            model.fit(**tame(model).given)
        page = CODE.sub("", model._repr_html_())
        assert type(learner).__name__ in page
        assert "scikit-learn.org" not in page
        assert "href=" not in page


def test_a_site_may_set_a_relative_link(monkeypatch):
    model = clone(LEARNERS[0])
    monkeypatch.setattr(type(model), "_doc_link_template", "../reference/{estimator_module}.{estimator_name}.html")
    assert 'href="../reference/sqlearn.naive_bayes.gaussian.GaussianNB.html"' in model._repr_html_()
