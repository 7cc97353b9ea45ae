"""The recipes for other engines: short, told as they are, and reported as not run where their engine cannot run."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from sqlearn.naive_bayes import GaussianNB

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "recipes"
RECIPES = sorted(FOLDER.glob("with_*.py"))


@pytest.fixture(scope="module")
def run_all():
    spec = importlib.util.spec_from_file_location("run_all", FOLDER / "run_all.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_has_at_most_25_lines(recipe):
    assert len(recipe.read_text("utf-8").splitlines()) <= 25


def test_the_page_tells_the_digest_of_one_process(run_all):
    """The output of `make recipes` in docs/scale.md; the engines themselves run there."""
    table = pd.concat(run_all.frames())
    model = GaussianNB(ledger=False).fit(table.drop(columns="y"), table["y"])
    told = (ROOT / "docs" / "scale.md").read_text("utf-8")
    for name in ["one process", *(recipe.stem for recipe in RECIPES)]:
        assert f"\n{name:<14} {model.n_records_:,} rows, digest {model.digest()}\n" in told


def test_spark_is_not_run_without_java(run_all, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert "Java" in run_all.missing("with_spark")
    assert run_all.missing("with_ray") is None
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert run_all.missing("with_spark") is None
