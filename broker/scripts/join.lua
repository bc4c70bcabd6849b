#!lua flags=allow-oom
-- Reserve more messages of one queue for a worker that already holds one of it.
-- Messages that came back before are left for a run of their own.
-- ARGV: queue, owner, fresh tag suffix, most messages, most events, most raw bytes
-- Returns a flat list: tag, message, ...
local queue, out, events, bytes = ARGV[1], {}, 0, 0
if redis.call('EXISTS', 'pause:' .. queue) == 1 then
  return out
end
local suspects = redis.call('EXISTS', 'deliveries:' .. queue) == 1
for i = 1, tonumber(ARGV[4]) do
  local message = redis.call('RPOP', queue)
  if not message then
    break
  end
  -- Our own messages carry their size in the headers, which stand first; others count as one.
  local head = string.sub(message, 1, 1024)
  events = events + tonumber(string.match(head, '"sluice%-events": ?(%d+)') or 1)
  bytes = bytes + tonumber(string.match(head, '"sluice%-bytes": ?(%d+)') or #message)
  local returned = suspects
    and redis.call('HEXISTS', 'deliveries:' .. queue, redis.sha1hex(message)) == 1
  if returned or events > tonumber(ARGV[5]) or bytes > tonumber(ARGV[6]) then
    redis.call('RPUSH', queue, message)
    break
  end
  local tag = queue .. '/' .. ARGV[3] .. '.' .. i
  redis.call('HSET', 'reserved:' .. queue, tag, message)
  redis.call('HSET', 'owners:' .. queue, tag, ARGV[2])
  out[#out + 1] = tag
  out[#out + 1] = message
end
return out
