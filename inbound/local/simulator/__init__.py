"""The built-in SMS centre: the session class of inbound.smpp in the server role."""
