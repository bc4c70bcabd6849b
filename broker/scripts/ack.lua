#!lua flags=allow-oom
-- Forget reservations whose work is done. A tag that is no longer reserved changes nothing.
-- ARGV: queue, then pairs: tag, events
local queue, done, events = ARGV[1], 0, 0
for i = 2, #ARGV, 2 do
  local message = redis.call('HGET', 'reserved:' .. queue, ARGV[i])
  if message then
    redis.call('HDEL', 'reserved:' .. queue, ARGV[i])
    redis.call('HDEL', 'owners:' .. queue, ARGV[i])
    if redis.call('EXISTS', 'deliveries:' .. queue) == 1 then
      redis.call('HDEL', 'deliveries:' .. queue, redis.sha1hex(message))
    end
    if tonumber(ARGV[i + 1]) > 0 then
      redis.call('DECRBY', 'events:' .. queue, ARGV[i + 1])
      events = events + ARGV[i + 1]
    end
    done = done + 1
  end
end
if events > 0 then
  local flow = 'flow:' .. math.floor(redis.call('TIME')[1] / 15)
  if redis.call('HINCRBY', flow, 'out|' .. queue, events) == events then
    redis.call('EXPIRE', flow, 1800)
  end
end
return done
