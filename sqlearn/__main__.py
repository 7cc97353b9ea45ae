"""``python -m sqlearn`` is the command ``sqlearn``."""

import sys

from sqlearn.cli import main

if __name__ == "__main__":
    sys.exit(main())
