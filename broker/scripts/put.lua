#!lua
-- Append a message to a queue, count its events, wake one idle worker.
-- ARGV: queue, message, events, milliseconds until an unused queue expires (0 = never)
local queue = ARGV[1]
redis.call('LPUSH', queue, ARGV[2])
if tonumber(ARGV[3]) > 0 then
  redis.call('INCRBY', 'events:' .. queue, ARGV[3])
end
if tonumber(ARGV[4]) > 0 then
  redis.call('PEXPIRE', queue, ARGV[4])
end
local wake = 'wake:' .. queue
redis.call('LPUSH', wake, 1)
redis.call('LTRIM', wake, 0, 15)
redis.call('PEXPIRE', wake, 60000)
return 1
