"""`python -m telltrace` is `telltrace`."""

import sys

from telltrace.cli import main

sys.exit(main())
