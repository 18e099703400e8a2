"""`make chaos`: faults at random against the whole service, and then the books are balanced.

From a seed comes a schedule of faults (`plan`). While many people text (`people`), they
strike real processes, servers, links and the clock (`strikes`, `weather`). At the end what
the SMS centre saw is held against the event store (`balance`).
"""
