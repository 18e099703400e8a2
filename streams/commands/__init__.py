"""The stream `sms.mo.v1`: MOs become accepted requests.

A batch of records goes through `processor`: `texts` decodes each MO, `assembler` joins the parts
of long texts, `inbound.parsers` finds the command, `inbound.handlers` decides it. Events, replies
(outbox), inbox rows and secrets are written in one transaction; `rejected` counts the rest.
"""
