#!lua flags=allow-oom
-- End a hold that is still one's own, and wake the queue's idle workers.
-- ARGV: queue, what the hold says
local queue = ARGV[1]
if redis.call('GET', 'pause:' .. queue) ~= ARGV[2] then
  return 0
end
redis.call('DEL', 'pause:' .. queue)
local wake = 'wake:' .. queue
for _ = 1, 16 do
  redis.call('LPUSH', wake, 1)
end
redis.call('LTRIM', wake, 0, 15)
redis.call('PEXPIRE', wake, 60000)
return 1
