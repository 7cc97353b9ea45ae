"""How a damaged store is refused."""

import os

from sqlearn.errors import StoreCorruptError


def damaged(path: str | os.PathLike[str] | None, how: str, *, anew: bool = False) -> StoreCorruptError:
    """The error of a store whose parts are not as they were written.

    `path` is None where a part does not know its file; `anew` says that the store may be created again, too.
    """
    store = "This store" if path is None else f"The store {path}"
    other_way = ", or create the store again from its source" if anew else ""
    return StoreCorruptError(f"{store} is damaged: {how}. Take an intact copy{other_way}.")
