"""The dialect of SMSPAY over HTTP: one path, and a word as the answer."""
