"""The tables of the papers, run again: what was published beside what comes out here."""
