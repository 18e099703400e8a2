"""The contracts with other services: every published type and topic, checked against releases.

Pure, except that files in `schemas/released` are read and written.
"""
