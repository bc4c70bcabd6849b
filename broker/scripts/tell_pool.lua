#!lua flags=allow-oom
-- Keep what a pool tells of itself, also while the broker is out of memory.
-- ARGV: name, report, key of the day's starts, '1' if it was just started, seconds starts are kept
-- Returns how often a pool of the name was started on this day
redis.call('HSET', 'pools', ARGV[1], ARGV[2])
if ARGV[4] == '1' then
  redis.call('HINCRBY', ARGV[3], ARGV[1], 1)
  redis.call('EXPIRE', ARGV[3], ARGV[5])
end
return tonumber(redis.call('HGET', ARGV[3], ARGV[1]) or 0)
