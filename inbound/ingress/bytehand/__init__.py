"""The dialect of BYTEHAND over HTTP, in its versions 1 and 2."""
