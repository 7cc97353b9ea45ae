"""How much memory this machine has."""

import os


def installed() -> int:
    """Bytes of memory; 16 GB where the system does not tell."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 1 << 34
