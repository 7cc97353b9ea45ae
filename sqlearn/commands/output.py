"""What commands write: to standard output, or to a new file that is there whole or not at all."""

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import click

_NO_LINKS = errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES


@contextmanager
def new_file(path: str | None) -> Iterator[TextIO]:
    """A file to write, under another name until all is written.

    Parameters
    ----------
    path : str or None
        The file to make; standard output for None and "-". Pipes and devices are written as they are.

    Raises
    ------
    click.ClickException
        When there is a file of this name, or it cannot be written.
    """
    if path in (None, "-"):
        yield sys.stdout
        sys.stdout.flush()
        return
    assert path is not None
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path):
            with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
                yield file
            return
        if os.path.lexists(path):
            raise _exists(path)
        folder, name = os.path.split(path)
        part = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(4)}.part")
        try:
            with open(part, "x", encoding="utf-8", errors="backslashreplace") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _name(part, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) and "null byte" not in str(error):
            raise
        reason = getattr(error, "strerror", None) or error
        raise click.ClickException(f"{path} cannot be written: {reason}. Nothing is left of it.") from error


def _name(part: str, path: str) -> None:
    """Give a file its name, if no other has it."""
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            raise _exists(path) from error
        os.rename(part, path)


def _exists(path: str) -> click.ClickException:
    return click.ClickException(
        f"There is a file {path} already, and it is left as it is. Choose another name, or delete it first."
    )


def drop_output() -> None:
    """What waits to be written to a standard output that takes nothing would fail again when Python ends."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
