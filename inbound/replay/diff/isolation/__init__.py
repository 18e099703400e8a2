"""Isolates the code of a candidate release from the host. Linux only.

A candidate sees an empty root folder with its own packages, the Python library, the installed
packages and shared libraries, all read-only. It has no network, no other process, no capability
and a limited address space.

These modules run in the candidate's process before its code is imported, so they import the
standard library and each other only.
"""
