-- Keep the last refusals of a project, each kind once with how often it came.
-- Not while the broker is out of memory: they are for people who set an SDK up.
-- ARGV: key, most kinds kept, seconds they are kept, then for each: kind, its last time in
--       milliseconds, how often, what else is told
local key, most = ARGV[1], tonumber(ARGV[2])
for i = 4, #ARGV, 4 do
  local kind, at, count, told = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]
  local kept = redis.call('HGET', key, kind)
  if kept then
    local before, times = string.match(kept, '^(%d+)|(%d+)|')
    count = count + tonumber(times)
    if tonumber(before) > tonumber(at) then at = before end
  end
  redis.call('HSET', key, kind, at .. '|' .. count .. '|' .. told)
end
if redis.call('HLEN', key) > most then
  local all, kinds, times = redis.call('HGETALL', key), {}, {}
  for i = 1, #all, 2 do
    kinds[#kinds + 1] = all[i]
    times[all[i]] = tonumber(string.match(all[i + 1], '^(%d+)|'))
  end
  table.sort(kinds, function(a, b) return times[a] > times[b] end)
  for i = most + 1, #kinds do redis.call('HDEL', key, kinds[i]) end
end
redis.call('EXPIRE', key, tonumber(ARGV[3]))
return 1
