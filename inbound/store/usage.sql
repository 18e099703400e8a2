-- How much is stored of what strangers cause, and the order in which writers take turns.

-- name: lock_usage
-- First of all: whoever locks a row of a counted table before this one may deadlock.
SELECT rows, bytes FROM store_usage WHERE name = %(name)s FOR UPDATE

-- name: read_usage
SELECT rows, bytes FROM store_usage WHERE name = %(name)s
