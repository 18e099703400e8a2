"""The stream `sms.receipts.v1`: submit results and delivery receipts become message outcomes.

A batch of records goes through `processor`. A submit result is decided by `inbound.handlers`: an
acknowledgement's outcome brings the fulfilment. `receipt_matcher` finds the parts that delivery
receipts are about. Events, replies and receipt states are written in one transaction.
"""
