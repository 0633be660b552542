"""`python -m telltrace.cli` is `telltrace`."""

import sys

from telltrace.cli import main

sys.exit(main())
