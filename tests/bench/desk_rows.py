"""Rows beside the log that make the desk's pages heavy: years of audit, calls that failed, drafts.

Everything is made in the database, of random ids; nothing of it is read by the log's decisions.
"""

from typing import Final
from uuid import UUID

import psycopg

AUDIT: Final = 500_000
DEAD_CALLS: Final = 100_000
WAITING_CALLS: Final = 100_000
DEAD_LETTERS: Final = 10_000
BROADCASTS: Final = 2_000
EXCLUSIONS: Final = 100_000
TEMPLATES: Final = 200
ACCOUNTS: Final = 200

_STATEMENTS: Final[tuple[bytes, ...]] = (
    b"""
    INSERT INTO audit (at, actor, action, subject_id, reason)
    SELECT now() - n * interval '1 minute', 'user person-' || mod(n, 60),
           (ARRAY['resolve', 'desk.sign_in', 'clients.change', 'order.send'])[1 + mod(n, 4)],
           CASE WHEN mod(n, 4) = 0 THEN gen_random_uuid() END, 'bench'
    FROM generate_series(1, %(audit)s) AS n
    """,
    b"""
    INSERT INTO accounts (account)
    SELECT 'account-' || n FROM generate_series(1, %(accounts)s) AS n
    """,
    b"""
    INSERT INTO account_usage (account, period, used)
    SELECT account, to_char(now() - n * interval '1 day', '"d"YYYY-MM-DD'), 100
    FROM accounts CROSS JOIN generate_series(0, 60) AS n
    """,
    b"""
    INSERT INTO callback_urls (account, url, secret)
    SELECT account, 'https://example.org/sms', 'sealed' FROM accounts LIMIT 20
    """,
    b"""
    INSERT INTO callbacks (account, topic_id, type, body, created_at, due_at, attempts, error,
                           dead_at)
    SELECT account, gen_random_uuid(), 'message.delivered',
           '{"timestamp": "2024-05-31T00:00:00Z"}', now(), now(), 9, 'status 500',
           CASE WHEN n <= %(dead_calls)s THEN now() END
    FROM generate_series(1, %(dead_calls)s + %(waiting_calls)s) AS n
    JOIN (SELECT account, row_number() OVER (ORDER BY account) AS no FROM callback_urls) AS urls
      ON no = 1 + mod(n, 20)
    """,
    b"""
    INSERT INTO dead_letters (topic, partition, kafka_offset, reason, sealed)
    SELECT 'sms.mo.v1', mod(n, 12), n, 'not JSON', 'sealed'
    FROM generate_series(1, %(dead_letters)s) AS n
    """,
    b"""
    INSERT INTO order_templates (name) SELECT 'template-' || n
    FROM generate_series(1, %(templates)s) AS n
    """,
    b"""
    INSERT INTO order_template_versions (name, version, definition, created_by)
    SELECT 'template-' || n, version, '{"texts": {"en": "Text"}}', 'bench'
    FROM generate_series(1, %(templates)s) AS n, generate_series(1, 5) AS version
    """,
    b"""
    INSERT INTO broadcasts (broadcast_id, state, created_at, name, account, recipients,
                            excluded, created_by, cursor_no, ended_at, began_at)
    SELECT gen_random_uuid(), 'done', now() - n * interval '1 hour', 'Past ' || n, 'default',
           100000, '{}', 'bench', 100000, now() - n * interval '1 hour',
           now() - n * interval '1 hour'
    FROM generate_series(1, %(broadcasts)s) AS n
    """,
    b"""
    INSERT INTO broadcast_progress (broadcast_id, state, recipients)
    SELECT broadcast_id, 'delivered', 100000 FROM broadcasts WHERE created_by = 'bench'
    """,
    b"""
    INSERT INTO broadcast_exclusions (broadcast_id, row_no, reason, detail)
    SELECT %(broadcast)s, 1000000 + n, 'number', 'the number is too short'
    FROM generate_series(1, %(exclusions)s) AS n
    """,
)


def fill_desk(conn: psycopg.Connection, broadcast: UUID) -> None:
    """Write the rows, unless they are there. Blocks for a minute."""
    [(is_there,)] = conn.execute("SELECT EXISTS (SELECT FROM accounts WHERE account = 'account-1')")
    if is_there:
        return
    values = {
        "audit": AUDIT,
        "accounts": ACCOUNTS,
        "dead_calls": DEAD_CALLS,
        "waiting_calls": WAITING_CALLS,
        "dead_letters": DEAD_LETTERS,
        "templates": TEMPLATES,
        "broadcasts": BROADCASTS,
        "exclusions": EXCLUSIONS,
        "broadcast": broadcast,
    }
    with conn.transaction():
        for statement in _STATEMENTS:
            conn.execute(statement, values if b"%(" in statement else None)
    conn.execute("VACUUM ANALYZE")
