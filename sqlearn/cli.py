"""The command ``sqlearn``.

Exit codes: 0 for success, 1 when sqlearn refuses (one line says why), 2 for a wrong call, 130 for Ctrl-C.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from threading import Timer
from typing import Any, BinaryIO

import click

from sqlearn import __version__
from sqlearn.commands import COMMANDS
from sqlearn.commands.output import drop_output
from sqlearn.commands.usage import in_options
from sqlearn.errors import SqlearnError

__all__ = ["main"]

_OF_OUTPUT = errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EINVAL
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_LONGEST = 4000  # characters of an error's message
_PATIENCE = 4.0  # seconds until a word about the wait
_STYLES: dict[str, dict[str, Any]] = {"title": {"bold": True}, "proof": {"fg": "green"}, "trouble": {"fg": "red"}}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sqlearn")
@click.option(
    "--signing-key",
    metavar="FILE",
    envvar="SQLEARN_SIGNING_KEY",
    type=click.File("rb"),
    help="A file with a secret key of 16 bytes or more: signs new receipts, and checks signatures. A line break at its "
    "end is not part of the key.",
)
@click.pass_context
def sqlearn(context: click.Context, signing_key: BinaryIO | None) -> None:
    """Train models that can forget rows exactly, and keep them with their rows in one file, a store."""
    context.obj = _key(signing_key.read()) if signing_key else None
    if os.environ.get("NO_COLOR"):
        context.color = False


@sqlearn.command()
def demo() -> None:
    """Learn a real table, forget rows of it, prove each step."""
    from sqlearn.demo import story  # numba and scikit-learn are slow to import, and --help needs neither

    failed = False
    for kind, line in _with_patience(story()):
        click.secho(line, **_STYLES.get(kind, {}))
        failed |= kind == "trouble"
    if failed:
        raise click.exceptions.Exit(1)


for command in COMMANDS:
    sqlearn.add_command(command)


def _key(content: bytes) -> bytes:
    """A key as a file has it; an editor ends the last line."""
    return content[: -2 if content.endswith(b"\r\n") else -1] if content.endswith(b"\n") else content


def _with_patience(parts: Iterator[Any]) -> Iterator[Any]:
    """Yield the parts; if one takes long, say once what may take the time."""
    told: list[None] = []

    def tell():
        if not told:
            told.append(None)
            click.secho("   (the first run compiles code for this machine, and keeps it)", dim=True, err=True)

    while True:
        timer = Timer(_PATIENCE, tell)
        timer.daemon = True
        timer.start()
        try:
            part = next(parts)
        except StopIteration:
            return
        finally:
            timer.cancel()
        yield part


def _clipped(message: str) -> str:
    """A message without the middle, if it shows something long that it was given."""
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST // 2]} ... {message[-_LONGEST // 2 :]}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        What follows the program's name; taken from ``sys.argv`` by default.

    Returns
    -------
    int
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be no text
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if any("\0" in argument for argument in arguments):
            raise click.UsageError("An argument has a NUL character, which no name and no value has.")
        code = sqlearn.main(arguments, prog_name="sqlearn", standalone_mode=False) or 0
        sys.stdout.flush()
        return code
    except click.ClickException as error:
        long = len(error.format_message()) > _LONGEST
        (click.ClickException(_clipped(error.format_message())) if long else error).show()
        return error.exit_code
    except SqlearnError as error:
        click.echo(f"Error: {_clipped(in_options(str(error)))}", err=True)
        return 1
    except (click.Abort, KeyboardInterrupt) as error:  # with a note where a change was complete
        click.echo(" ".join(["Interrupted.", *getattr(error, "__notes__", [])]), err=True)
        return _INTERRUPTED
    except MemoryError as error:  # with a note where a transaction was rolled back
        click.echo(" ".join(["Error: The memory is exhausted.", *getattr(error, "__notes__", [])]), err=True)
        return 1
    except ValueError as error:  # that no call above this one has put into words of its own
        click.echo(f"Error: {_clipped(' '.join(str(error).split()))}", err=True)
        return 1
    except OSError as error:
        if error.errno in _OF_OUTPUT and error.filename is None:
            drop_output()
            if error.errno == errno.EPIPE:  # whoever read it wants no more
                return 1
            told = f"Standard output cannot be written: {error.strerror}."
        else:
            told = f"The operating system refused the request: {_clipped(str(error))}."
        click.echo(f"Error: {told}", err=True)
        return 1
