"""Entry points for programs that speak other services' dialects."""
