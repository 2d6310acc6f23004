"""`python -m gladsr`, the same as the command `gladsr`."""

import sys

from gladsr.cli import main

sys.exit(main())
