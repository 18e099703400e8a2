"""What reads topics: one package per stream, and the Faust app of the worker."""
