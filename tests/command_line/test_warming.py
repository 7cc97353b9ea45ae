"""``sqlearn warm-up``: what it compiles is kept, so here it finds nearly all compiled already."""

from sqlearn import cli


def test_models_are_used_as_users_do(capsys):
    assert cli.main(["warm-up", "gaussiannb", "KMeans", "GaussianNB"]) == 0
    assert capsys.readouterr().out == "Compiled for gaussiannb, KMeans, GaussianNB.\n"


def test_unknown_models_are_refused(capsys):
    assert cli.main(["warm-up", "GaussianNB", "Nope"]) == 2
    assert "MODEL: 'Nope' is not one of BayesianRidge, " in capsys.readouterr().err
