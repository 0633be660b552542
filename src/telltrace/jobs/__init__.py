"""Long work: shared by processes, with its progress shown."""
