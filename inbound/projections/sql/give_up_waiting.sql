-- Whoever wants to read queues behind a lock that is waited for: so not for long. And this
-- commit does wait for the disk.
SELECT set_config('lock_timeout', %(timeout)s, true),
       set_config('synchronous_commit', 'on', true)
