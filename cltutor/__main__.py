"""``python -m cltutor`` is the command ``cltutor``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
