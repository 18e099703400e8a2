"""What others may rely on: every type and topic as published, compared with what was released.

Pure, like all of `schemas`, but for the reading and writing of files in `released`.
"""
