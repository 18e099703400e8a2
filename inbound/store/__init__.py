"""PostgreSQL: the event store and everything kept beside it, a package or module per concern.

| concern | what is in it |
|---|---|
| `transactions` | the transaction of one batch: port, PostgreSQL and in-memory adapters |
| `log` | events, streams and states; COPY format; replay inputs |
| `outbox` | rows to publish, and the feeds and cursors of the relay |
| `claims` | claims of messages before they are sent: port and both adapters |
| `mo` | MOs: inbox, parts of long texts, texts that made no request, texts for accounts |
| `receipts` | sent parts and their delivery receipts, overdue ones too |
| `registrations` | counts for the ceilings, held requests, and the switch |
| `people` | subjects and numbers, subscriptions, erasure |
| `orders` | accounts with their limits and usage, orders with their sealed texts, templates |
| `broadcasts` | broadcasts, their audiences and their progress |
| `callbacks` | the URLs of accounts, and the calls to them that wait |
| `smpp` | messages that programs submitted over SMPP, and deliveries to programs |
| `access` | audit, API tokens, users and sessions of the desk, key checks |
| `dead_letters` | messages that can't be processed |
| `lookup` | what is known of one person: texts, requests, orders, messages |
| `migrations` | numbered migrations and their runner |
| `quotas`, `usage` | limits for rows that strangers cause, and what is stored |
| `bind_reports` | the state of each bind, as its gateway reports it |
| `connected`, `running_roles` | which processes are connected, and which roles run |
| `database_answers` | whether the database answers each process |
| `database_watch` | clock, certificate, disk and keys, watched from each process |
| `retention_sweep` | deleting data past its retention time |

The other modules serve all of these: connections, errors, fetching, sealing, SQL statements. SQL is
in `.sql` files beside the modules.
"""
