"""Development only: simulator, embedded servers, and the supervisor of `scserv up`."""
