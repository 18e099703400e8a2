SELECT subject_id, may_be_texted, since, request_id, version
FROM projections.subscriptions WHERE subject_id = %(subject_id)s
