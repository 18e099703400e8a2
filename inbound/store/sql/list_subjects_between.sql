SELECT DISTINCT stream_id FROM events
WHERE position > %(after)s AND position <= %(upto)s ORDER BY stream_id
