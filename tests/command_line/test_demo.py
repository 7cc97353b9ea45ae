"""The command line and the demonstration: what it claims is measured, so it is enough that no claim fails."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import sqlearn
from sqlearn import cli, demo
from sqlearn.datasets import load_titanic
from sqlearn.errors import NotLearnedError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told() -> list[tuple[str, str]]:
    return list(demo.story())


def run(*arguments, **settings):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "sqlearn", *arguments], capture_output=True, text=True, env=environment, **settings
    )


def test_every_proof_holds(told):
    proofs = [line for kind, line in told if kind == "proof"]
    assert not [line for kind, line in told if kind == "trouble"]
    assert sum("equals its refit" in line for line in proofs) == 5
    assert sum("has not changed" in line for line in proofs) == 1
    assert sum("876 rows" in line for line in proofs) == 4


def test_every_step_is_told(told):
    text = "\n".join(line for _, line in told)
    assert "891 people, 342 of them survived, 177 ages are missing" in text
    assert "Forget the 15 passengers with fare 0" in text
    assert "Relabel 4 passengers" in text
    assert "NotLearnedError" in text
    assert max(map(len, text.splitlines())) <= 80
    assert text.isascii()  # whatever the terminal's encoding


def test_float_subtraction_goes_wrong_and_exact_sums_do_not(told):
    outcomes = {line[:49].strip(): line[49:].split() for _, line in told if line.endswith("%") or "s -= x, s2" in line}
    never, exact = outcomes["fitted without the typo"], outcomes["sqlearn's GaussianNB, forget"]
    assert never == exact
    assert float(outcomes["float sums: s -= x, s2 -= x**2"][0]) < 0
    assert float(outcomes["scikit-learn's GaussianNB, sample_weight=-1"][0]) > 1e6 * float(never[0])


def test_forgetting_one_row_is_faster_than_a_refit(told):
    ratios = [float(ratio) for _, line in told for ratio in re.findall(r"[mu]s +(\d+) x ", line)]
    assert len(ratios) == 4
    assert min(ratios) > 1


def test_the_demo_says_when_a_proof_fails(monkeypatch):
    monkeypatch.setattr(demo, "story", lambda: iter([("title", "a"), ("trouble", "   NOT  b")]))
    result = CliRunner().invoke(cli.sqlearn, ["demo"])
    assert (result.exit_code, result.output) == (1, "a\n   NOT  b\n")


def test_the_demo_as_a_command(told, monkeypatch):
    monkeypatch.setattr(demo, "story", lambda: iter(told))
    result = CliRunner().invoke(cli.sqlearn, ["demo"])
    assert result.exit_code == 0, result.output
    assert all(line in result.output for _, line in told)
    assert "\x1b" not in result.output  # colour is for terminals


@pytest.mark.parametrize("kind", ["proof", "trouble", "title"])
def test_colour(monkeypatch, kind):
    monkeypatch.setattr(demo, "story", lambda: iter([(kind, "a line")]))
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" in CliRunner().invoke(cli.sqlearn, ["demo"], color=True).output
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in CliRunner().invoke(cli.sqlearn, ["demo"], color=True).output


def test_version_and_help():
    assert run("--version").stdout == f"sqlearn, version {sqlearn.__version__}\n"
    for arguments in (["--help"], ["-h"], ["demo", "--help"]):
        result = run(*arguments)
        assert result.returncode == 0
        assert result.stdout.startswith("Usage: sqlearn")


def test_a_wrong_call_has_its_own_exit_code(capsys):
    assert cli.main(["nothing"]) == 2
    assert "No such command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (NotLearnedError("Row 3 is not held."), 1, "Error: Row 3 is not held.\n"),
    ],
)
def test_what_goes_wrong_is_one_line(monkeypatch, capsys, error, code, message):
    def story():
        yield "text", "a line"
        raise error

    monkeypatch.setattr(demo, "story", story)
    assert cli.main(["demo"]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err.lstrip()) == ("a line\n", message)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_on_the_running_command():
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "sqlearn", "demo"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=600)
    assert process.returncode == 130
    assert error.split() == ["Interrupted."]


def test_the_table():
    titanic = load_titanic()
    assert titanic.data.shape == (891, 10)
    assert titanic.target.tolist().count(1) == 342
    column = dict(zip(titanic.feature_names, titanic.data.T, strict=True))
    assert sum(column["fare"] == 0) == 15
    assert np.isnan(column["age"].astype(float)).sum() == 177
    assert [sum(value is None for value in column[name]) for name in ("cabin", "embarked", "sex")] == [687, 2, 0]
    assert {type(value) for value in column["fare"]} == {float}
