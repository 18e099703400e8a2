INSERT INTO subscriptions AS stored (subject_id, may_be_texted, since, request_id, version)
SELECT subject_id, may_be_texted, since, request_id, version FROM incoming_subscriptions
ON CONFLICT (subject_id) DO UPDATE
SET may_be_texted = excluded.may_be_texted, since = excluded.since,
    request_id = excluded.request_id, version = excluded.version
