"""The HTTP API: subjects, subscriptions, requests and timelines for support and services."""
