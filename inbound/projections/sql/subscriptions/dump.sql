COPY (
    SELECT subject_id, may_be_texted, since, request_id, version
    FROM subscriptions ORDER BY subject_id
) TO STDOUT
