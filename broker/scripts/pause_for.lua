#!lua flags=allow-oom
-- Pause a queue for a while because of an outage, unless it is paused already, by whomever.
-- ARGV: queue, reason, milliseconds
return redis.call('SET', 'pause:' .. ARGV[1], ARGV[2], 'NX', 'PX', ARGV[3])
