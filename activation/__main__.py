"""`python -m activation`: campaigns."""

import sys

from activation.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
