"""Stream processing: a package per stream, and the worker process that runs most of them.

`commands` reads sms.mo.v1 and `delivery` reads sms.receipts.v1, both in the worker (`worker`,
`app`). `outbox` reads sms.mt.* in the gateway process (`inbound.gateway`). The packages never
import each other.
"""
