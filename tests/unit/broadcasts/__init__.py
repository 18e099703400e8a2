"""Audiences and contents of broadcasts."""
