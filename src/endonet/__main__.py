"""``python -m endonet`` is the command ``endonet``."""

import sys

from endonet.cli import main

sys.exit(main())
