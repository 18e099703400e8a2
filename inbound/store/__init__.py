"""PostgreSQL: the event store and everything kept beside it, a package or module per concern.

| concern | what is in it |
|---|---|
| `transactions` | the transaction of one batch: port, PostgreSQL and in-memory adapters |
| `log` | events, streams and states; COPY format; replay inputs |
| `outbox` | rows to publish, and the feeds and cursors of the relay |
| `claims` | claims of messages before they are sent: port and both adapters |
| `mo` | MOs: inbox, parts of long texts, texts that made no request |
| `receipts` | sent parts and their delivery receipts, overdue ones too |
| `registrations` | counts for the ceilings, held requests, and the switch |
| `people` | subjects and numbers, erasure |
| `access` | audit, API tokens, key checks |
| `dead_letters` | messages that can't be processed |
| `bind_reports` | the state of each bind, as its gateway reports it |
| `lookup` | what is known of one person: texts, requests, orders, messages |
| `retention_sweep` | deleting data past its retention time |
| `migrations` | numbered migrations and their runner |

`connections`, `connection_pool`, `errors`, `fetching`, `sealing` and `statements` serve all of
them. SQL is in `.sql` files beside the modules.
"""
