"""`python -m switchboard.corpus`."""

import sys

from switchboard.corpus.command import main

sys.exit(main(sys.argv[1:]))
