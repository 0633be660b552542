"""Pictures of scores, faces and attention."""
