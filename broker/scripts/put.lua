#!lua
-- Append a message to a queue, count its events, wake one idle worker.
-- ARGV: queue, message, events, milliseconds until an unused queue expires (0 = never)
local queue = ARGV[1]
redis.call('LPUSH', queue, ARGV[2])
if tonumber(ARGV[3]) > 0 then
  redis.call('INCRBY', 'events:' .. queue, ARGV[3])
  local flow = 'flow:' .. math.floor(redis.call('TIME')[1] / 15)
  if redis.call('HINCRBY', flow, 'in|' .. queue, ARGV[3]) == tonumber(ARGV[3]) then
    redis.call('EXPIRE', flow, 1800)
    redis.call('SADD', 'queues', queue)
  end
end
if tonumber(ARGV[4]) > 0 then
  redis.call('PEXPIRE', queue, ARGV[4])
end
local wake = 'wake:' .. queue
redis.call('LPUSH', wake, 1)
redis.call('LTRIM', wake, 0, 15)
redis.call('PEXPIRE', wake, 60000)
return 1
