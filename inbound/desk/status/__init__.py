"""The state of the service, dead letters and the daily report."""
