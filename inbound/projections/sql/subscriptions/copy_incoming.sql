COPY incoming_subscriptions (subject_id, may_be_texted, since, request_id, version) FROM STDIN
