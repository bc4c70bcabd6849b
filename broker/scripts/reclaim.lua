#!lua flags=allow-oom
-- Take back what dead owners held. An owner without a lease is suspected first and taken for dead
-- only when a later call, at least ARGV[1] milliseconds on, finds it still absent: after a restart
-- of the broker every lease has lapsed though its owner lives.
-- ARGV: milliseconds of suspicion, then queues
-- Returns how many messages were taken back
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local verdict, reclaimed = {}, 0
local function is_dead(owner)
  if verdict[owner] == nil then
    verdict[owner] = false
    local absent = 'absent:' .. owner
    if redis.call('EXISTS', 'lease:' .. owner) == 1 then
      redis.call('DEL', absent)
    elseif not redis.call('SET', absent, ms, 'NX', 'PX', 60000) then
      verdict[owner] = ms - tonumber(redis.call('GET', absent)) >= tonumber(ARGV[1])
    end
  end
  return verdict[owner]
end
for i = 2, #ARGV do
  local queue = ARGV[i]
  local owners = redis.call('HGETALL', 'owners:' .. queue)
  for j = 1, #owners, 2 do
    if is_dead(owners[j + 1]) then
      local message = redis.call('HGET', 'reserved:' .. queue, owners[j])
      redis.call('HDEL', 'reserved:' .. queue, owners[j])
      redis.call('HDEL', 'owners:' .. queue, owners[j])
      if message then
        redis.call('RPUSH', queue, message)
        redis.call('HINCRBY', 'deliveries:' .. queue, redis.sha1hex(message), 1)
        reclaimed = reclaimed + 1
      end
    end
  end
  if reclaimed > 0 then
    redis.call('LPUSH', 'wake:' .. queue, 1)
    redis.call('LTRIM', 'wake:' .. queue, 0, 15)
    redis.call('PEXPIRE', 'wake:' .. queue, 60000)
  end
end
return reclaimed
