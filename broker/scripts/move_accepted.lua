#!lua flags=allow-oom
-- Set old minutes' accepted counts aside, to be moved to PostgreSQL under one id. What is accepted
-- for such a minute later is counted under its plain key again.
-- ARGV: id of the move, then minutes
-- Returns how many minutes had counts
local move, moved = ARGV[1], {}
for i = 2, #ARGV do
  local key = 'accepted:' .. ARGV[i]
  if redis.call('EXISTS', key) == 1 then
    redis.call('RENAME', key, 'accepted-moving:' .. move .. ':' .. ARGV[i])
    moved[#moved + 1] = ARGV[i]
  end
end
if #moved > 0 then
  redis.call('HSET', 'accepted-moves', move, table.concat(moved, ','))
  redis.call('INCR', 'accepted-moved')
end
return #moved
