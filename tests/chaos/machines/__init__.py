"""Three machines on one: a network namespace each, joined by a bridge, with faults in the network.

Root is needed, and `ip`, `tc`, `iptables`, `unshare` and `nsenter`. Everything is in a namespace of
the campaign's own, which ends with it: no rule, address or process reaches the machine itself.
"""
