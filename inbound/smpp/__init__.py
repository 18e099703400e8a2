"""SMPP 3.4 on asyncio: PDUs, alphabets, segmentation, and one session class for both roles.

Public modules: `esme` (the reconnecting client), `listener` (the server role), `session`, `pdu`,
`receipts`, `segmentation`, `user_data`, `alphabet`, `address`, `status`, `times`, `message_ids`,
`rate`, `errors`. Modules that begin with an underscore are parts of these.
"""
