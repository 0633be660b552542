"""`python -m telltrace` is `telltrace`."""

from telltrace.cli import main

raise SystemExit(main())
