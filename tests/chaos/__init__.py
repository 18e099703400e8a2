"""`make chaos`: random faults against the whole service, then a balance.

A seed gives a schedule of faults (`schedule`). While clients text (`traffic`), the faults hit real
processes, servers, links and the clock (`fault_runner`, `smsc_faults`, `stepped_clock`) of a
`deployment`. At the end the messages that the SMS centre accepted are compared with the event
store (`balance`), and everything that was written is searched for personal data (`leaks`).
`inspection` shows what a kept folder has about one client.
"""
