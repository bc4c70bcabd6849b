#!lua flags=no-writes
-- Every quota with what was used of it.
-- ARGV: keys of what was used in the day, in the month, in the minute
-- Returns for each: '<project>|<type>', its bounds, used in the day, in the month, in the minute
local found = {}
local all = redis.call('HGETALL', 'quotas')
for i = 1, #all, 2 do
  found[#found + 1] = all[i]
  found[#found + 1] = all[i + 1]
  for period = 1, 3 do
    found[#found + 1] = redis.call('HGET', ARGV[period], all[i]) or '0'
  end
end
return found
