"""The SMPP server: other organisations' programs bind to it as to an SMS centre.

Built on the server role of `inbound.smpp`. It translates submit_sm and data_sm into orders, and
what becomes of the orders into delivery receipts; it decides nothing itself.
"""
