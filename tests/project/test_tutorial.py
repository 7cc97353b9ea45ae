"""docs/tutorial.md, command by command: what is printed is what it says."""

import doctest
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from sqlearn import cli

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def steps(block: str):
    """Commands of a console block, and what each should print."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def run(command: str) -> str:
    """What a command prints, on both streams; ``printf ... |`` is its standard input."""
    given, pipe, command = command.rpartition(" | ")
    text = shlex.split(given)[1].replace("\\n", "\n") if pipe else None
    program, *arguments = shlex.split(command)
    assert program == "sqlearn"
    result = CliRunner().invoke(cli.sqlearn, arguments, input=text)
    trouble = f"Error: {result.exception}\n" if isinstance(result.exception, ValueError) else ""
    assert trouble or result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output + trouble


def test_the_tutorial(tmp_path, monkeypatch):
    for name in ("sqlearn", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    compared = 0
    for block in BLOCK.finditer(PAGE.read_text("utf-8")):
        if block[1] == "python":
            exec(compile(block[2], PAGE.name, "exec"), {})
            continue
        for command, expected in steps(block[2]):
            printed = run(command)
            if not doctest.OutputChecker().check_output(expected, printed, OPTIONS):
                pytest.fail(f"$ {command}\nshould print\n{expected}\nbut prints\n{printed}")
            compared += 1
    assert compared >= 12
