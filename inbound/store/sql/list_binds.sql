SELECT account, bind, gateway, sends, state, extract(epoch FROM now() - seen_at)::float8 AS age_s
FROM bind_presence WHERE seen_at > now() - interval '1 hour' ORDER BY account, bind, gateway
