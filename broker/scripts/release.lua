#!lua flags=allow-oom
-- Give reservations back to the front of their queue.
-- ARGV: queue, '1' if this counts as a failed delivery, then tags
local queue, released = ARGV[1], 0
for i = 3, #ARGV do
  local message = redis.call('HGET', 'reserved:' .. queue, ARGV[i])
  if message then
    redis.call('HDEL', 'reserved:' .. queue, ARGV[i])
    redis.call('HDEL', 'owners:' .. queue, ARGV[i])
    redis.call('RPUSH', queue, message)
    if ARGV[2] == '1' then
      redis.call('HINCRBY', 'deliveries:' .. queue, redis.sha1hex(message), 1)
    end
    released = released + 1
  end
end
return released
