"""MOs on their way to a request: inbox, parts of long texts, texts that made no request."""
