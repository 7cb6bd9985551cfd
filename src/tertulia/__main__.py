"""`python -m tertulia`: the same as the command `tertulia`."""

import sys

from tertulia.cli import main

if __name__ == "__main__":
    sys.exit(main())
