#!lua flags=allow-oom
-- Forget counts that were set aside: PostgreSQL has them.
-- ARGV: id of the move
local move = ARGV[1]
local minutes = redis.call('HGET', 'accepted-moves', move)
if not minutes then
  return 0
end
for minute in string.gmatch(minutes, '%d+') do
  redis.call('DEL', 'accepted-moving:' .. move .. ':' .. minute)
end
redis.call('HDEL', 'accepted-moves', move)
redis.call('INCR', 'accepted-moved')
return 1
