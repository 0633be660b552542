"""Many small files as one, which reads like the folder that it was made of."""
