"""The stream `sms.notify.v1`: records of other services become orders.

A batch of records is one batch of the intake. Kafka delivers records again after a crash; their
CloudEvents ids make them the same orders.
"""
