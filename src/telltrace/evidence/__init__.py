"""What a file and a score are worth as evidence."""
