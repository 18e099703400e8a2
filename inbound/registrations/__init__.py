"""Ends holds of registrations and undoes stops, as operators decide about many people."""
