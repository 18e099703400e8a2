"""Registrations: how many were sent, which are held, and the switch."""
